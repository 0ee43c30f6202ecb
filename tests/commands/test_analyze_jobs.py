import json
import os
import shutil
import signal
import sys
from pathlib import Path
from types import ModuleType
from typing import Any

import psutil
import pytest

from benchmarks.command_process import CommandProcess
from emotion_core.batch.folders import folders_in
from emotion_core.batch.one_video import BatchOptions
from emotion_core.batch.pool import Pool
from emotion_core.batch.report import Report
from emotion_core.batch.run import jobs_for
from emotion_core.batch.workers import ProcessCrew
from emotion_core.cli import main
from emotion_core.media.write import repeat_video, sample_video
from emotion_core.progress import Event
from emotion_core.results.annotations import Edits
from emotion_core.results.edits_file import save_edits

posix_only = pytest.mark.skipif(os.name == "nt", reason="signals of POSIX")


@pytest.fixture(scope="module")
def clips(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """short.mp4, 0.6 s; long.mp4, 60 s."""
    folder = tmp_path_factory.mktemp("clips")
    sample_video(folder / "short.mp4", 0.6, 10.0)
    repeat_video(sample_video(folder / "part.mp4", 2.0, 25.0), folder / "long.mp4", 30)
    return folder


def contents(folder: Path) -> dict[str, Any]:
    """Every file; summaries without the times that the work took."""
    found: dict[str, Any] = {}
    for path in (p for p in folder.rglob("*") if p.is_file()):
        content: Any = path.read_bytes()
        if path.name == "summary.json":
            content = json.loads(content)
            del content["spent_s"], content["times_real_time"]
        found[path.relative_to(folder).as_posix()] = content
    return found


def without_times(outcomes: list[Event], out: Path) -> list[Event]:
    text = json.dumps(outcomes).replace(str(out), "OUT")
    told: list[Event] = json.loads(text)
    for summary in (o["summary"] for o in told if "summary" in o):
        del summary["spent_s"], summary["times_real_time"]
    return told


def test_several_at_once_leave_the_same_files_as_one_after_the_other(
    clips: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    source = tmp_path / "in"
    for name in "abc":
        (source / name).mkdir(parents=True)
    shutil.copy(clips / "short.mp4", source / "a" / "clip.mp4")
    sample_video(source / "b" / "clip.mp4", 1.0, 12.0, "expressions")
    # The same bytes as b: it would be written into the same folder.
    shutil.copy(source / "b" / "clip.mp4", source / "c" / "clip.mp4")
    (source / "b" / "broken.mp4").write_text("dear reader")
    told, files = [], []
    for jobs in ("1", "2"):
        out = tmp_path / f"out{jobs}"
        options = ["--out", str(out), "--jobs", jobs, "--json", str(tmp_path / "told.json")]
        assert main(["analyze", str(source), str(tmp_path / "gone.mp4"), *options]) == 1
        told.append(without_times(json.loads((tmp_path / "told.json").read_text()), out))
        files.append(contents(out))
    assert told[0] == told[1]
    assert files[0] == files[1]
    assert [o["status"] for o in told[1]] == ["done", "failed", "done", "skipped", "failed"]
    assert any(name.startswith("clip-") for name in files[1])
    printed = capsys.readouterr()
    assert printed.out.count("clip.mp4: done") == 4
    assert printed.err.count("broken.mp4: failed") == 2


def test_clips_are_drawn_again_in_workers_too(
    clips: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    videos = [str(shutil.copy(clips / "short.mp4", tmp_path / name)) for name in ("a.mp4", "b.mp4")]
    options = ["--out", str(tmp_path / "out"), "--jobs", "2"]
    main(["analyze", *videos, *options])
    for name in ("a", "b"):
        save_edits(tmp_path / "out" / name, Edits().rename(1, "Ada"))
    capsys.readouterr()
    assert main(["analyze", *videos, *options, "--redraw"]) == 0
    assert capsys.readouterr().out.count("done") == 2
    for name in ("a", "b"):
        assert len(list((tmp_path / "out" / name).glob("edited_*.mp4"))) == 1


class Command(CommandProcess):
    """`analyze --progress json`, and the processes that it starts."""

    def __init__(self, *arguments: object) -> None:
        super().__init__("analyze", *arguments)

    def wait_for(self, kind: str, name: str) -> Event:
        for event in self.events():
            if event["event"] == kind and Path(event["file"]).name == name:
                return event
        pytest.fail(f"no {kind} of {name}: {self.errors}")

    def reader_of(self, name: str) -> psutil.Process:
        """The worker that has a video open."""
        for worker in self.workers():
            if any(Path(file.path).name == name for file in worker.open_files()):
                return worker
        pytest.fail(f"no worker reads {name}")

    def workers(self) -> list[psutil.Process]:
        return psutil.Process(self.process.pid).children(recursive=True)

    def end(self) -> tuple[int, dict[str, Event], str]:
        """Exit status, the last event of each video, and what was written on standard error."""
        last = {Path(e["file"]).name: e for e in self.events() if e["event"] == "file_end"}
        return self.wait(), last, self.errors


def leftovers(folder: Path) -> list[str]:
    return [p.name for p in folder.rglob(".*") if p.is_file()]


@posix_only
@pytest.mark.parametrize("deaths", [1, 2])
def test_a_worker_that_is_killed_costs_its_own_video_only(
    clips: Path, tmp_path: Path, deaths: int
) -> None:
    shutil.copy(clips / "part.mp4", tmp_path / "victim.mp4")
    out = tmp_path / "out"
    command = Command(tmp_path / "victim.mp4", clips / "short.mp4", "--out", out, "--jobs", 9)
    for _ in range(deaths):
        command.wait_for("progress", "victim.mp4")
        command.reader_of("victim.mp4").kill()
    again = command.wait_for("file_again", "victim.mp4") if deaths == 1 else None
    status, ended, errors = command.end()
    assert "Traceback" not in errors
    summary = json.loads((out / "victim" / "summary.json").read_text())
    victim = ended["victim.mp4"]
    if again:
        assert again["message"].startswith("victim.mp4")
        assert "SIGKILL" in again["message"]
        assert (status, victim["status"], summary["status"]) == (0, "done", "done")
    else:
        assert (status, victim["status"], summary["status"]) == (1, "failed", "failed")
        assert "twice" in victim["message"]
        assert "SIGKILL" in summary["message"]
    assert json.loads((out / "short" / "summary.json").read_text())["status"] == "done"
    assert not leftovers(out)


@posix_only
@pytest.mark.parametrize("whole_group", [True, False])
def test_ctrl_c_keeps_what_is_finished_and_leaves_nothing_half(
    clips: Path, tmp_path: Path, whole_group: bool
) -> None:
    for name in ("other.mp4", "third.mp4"):
        shutil.copy(clips / "long.mp4", tmp_path / name)
    files = [
        clips / "short.mp4",
        clips / "long.mp4",
        tmp_path / "other.mp4",
        tmp_path / "third.mp4",
    ]
    out = tmp_path / "out"
    command = Command(*files, "--out", out, "--jobs", 2, "--no-annotate")
    command.wait_for("file_end", "short.mp4")
    command.wait_for("progress", "other.mp4")
    workers = command.workers()
    if whole_group:
        os.killpg(command.process.pid, signal.SIGINT)
    else:
        command.process.send_signal(signal.SIGINT)
    status, ended, errors = command.end()
    assert status == 1
    assert errors.count("Traceback") == 0
    assert {name: event["status"] for name, event in ended.items()} == {
        "long.mp4": "cancelled",
        "other.mp4": "cancelled",
        "third.mp4": "cancelled",
    }
    kept = {p.name: json.loads((p / "summary.json").read_text()) for p in out.iterdir()}
    assert {name: summary["status"] for name, summary in kept.items()} == {
        "short": "done",
        "long": "cancelled",
        "other": "cancelled",
    }
    assert 0 < kept["other"]["frames_read"] < 1500
    assert not leftovers(out)
    assert psutil.wait_procs(workers, timeout=5)[1] == []


@posix_only
def test_workers_keep_what_is_done_and_leave_when_their_parent_is_killed(
    clips: Path, tmp_path: Path
) -> None:
    shutil.copy(clips / "long.mp4", tmp_path / "other.mp4")
    files = [clips / "long.mp4", tmp_path / "other.mp4"]
    command = Command(*files, "--out", tmp_path / "out", "--jobs", 2, "--no-annotate")
    command.wait_for("progress", "other.mp4")
    workers = command.workers()
    command.process.kill()
    assert psutil.wait_procs(workers, timeout=20)[1] == []
    command.end()
    summary = json.loads((tmp_path / "out" / "other" / "summary.json").read_text())
    assert summary["status"] == "cancelled"
    assert not leftovers(tmp_path / "out")


def test_workers_do_not_run_the_main_script_again(
    clips: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It may be a page of Streamlit's, or a script of a user that is not guarded."""
    script = ModuleType("__main__")
    script.__file__ = str(tmp_path / "script.py")
    Path(script.__file__).write_text("raise SystemExit(3)")
    monkeypatch.setitem(sys.modules, "__main__", script)
    report = Report([clips / "short.mp4", clips / "part.mp4"], lambda _: None)
    Pool(ProcessCrew(BatchOptions(), 2), folders_in(tmp_path / "out"), report).run(lambda: False)
    assert [outcome["status"] for outcome in report.end()] == ["done", "done"]


def test_workers_that_cannot_start_fail_every_video_with_the_reason(
    clips: Path, tmp_path: Path
) -> None:
    events: list[Event] = []
    report = Report([clips / "short.mp4", clips / "part.mp4"], events.append)
    options = BatchOptions(models_dir=tmp_path / "nowhere")
    Pool(ProcessCrew(options, 2), folders_in(tmp_path / "out"), report).run(lambda: False)
    for outcome in report.end():
        assert outcome["status"] == "failed"
        assert "no process could be started" in outcome["message"]
        assert "nowhere" in outcome["message"]
    assert not (tmp_path / "out").exists()


def test_never_more_jobs_than_videos(clips: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("emotion_core.batch.run.default_jobs", lambda: 3)
    video = clips / "short.mp4"
    assert jobs_for([video] * 5, None) == 3
    assert jobs_for([video, {"status": "failed"}, video], None) == 2
    assert jobs_for([video] * 5, 4) == 4
    assert jobs_for([], 4) == 1


def test_fewer_than_one_job_is_wrong_usage(
    clips: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["analyze", str(clips), "--out", str(tmp_path / "o"), "--jobs", "0"]) == 2
    assert "--jobs must be 1 or more" in capsys.readouterr().err
