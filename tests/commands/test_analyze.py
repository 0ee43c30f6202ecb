import json
import os
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from emotion_core.batch import one_video
from emotion_core.cli import main
from emotion_core.media import encoder
from emotion_core.media.write import repeat_video, sample_video
from emotion_core.results import paths
from emotion_core.results.annotations import Edits
from emotion_core.results.edits_file import load_edits, save_edits
from emotion_core.vision.detector import HaarDetector

ROOT = Path(__file__).resolve().parents[2]


@pytest.fixture(scope="module")
def clip(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return sample_video(tmp_path_factory.mktemp("clips") / "clip.mp4", 1.0, 10.0)


def analyze(*arguments: object) -> int:
    return main(["analyze", "--jobs", "1", *map(str, arguments)])


def files_below(folder: Path) -> list[str]:
    return sorted(str(p.relative_to(folder)) for p in folder.rglob("*") if p.is_file())


def test_a_file_gives_a_folder_named_after_it(
    clip: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert analyze(clip, "--out", tmp_path / "o") == 0
    assert {"clip/faces.csv", "clip/summary.json", "clip/annotated.mp4"} <= set(
        files_below(tmp_path / "o")
    )
    assert "clip.mp4: done" in capsys.readouterr().out


def test_without_an_encoder_tables_are_written_and_the_reason_is_said_once(
    clip: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    out = tmp_path / "o"
    another = sample_video(tmp_path / "another.mp4", 0.5, 10.0)
    monkeypatch.setattr(encoder, "_is_there", lambda name: False)
    assert analyze(clip, another, "--out", out) == 0
    said = capsys.readouterr()
    assert said.err.count("pip install") == 1
    assert "Traceback" not in said.err
    assert (out / "clip" / "faces.csv").is_file()
    assert not (out / "clip" / "annotated.mp4").exists()
    summary = json.loads((out / "clip" / "summary.json").read_text())
    assert (summary["status"], summary["clip"]) == ("done", None)
    assert analyze(clip, "--out", out) == 0
    assert "skipped" in capsys.readouterr().out
    monkeypatch.undo()
    assert analyze(clip, "--out", out) == 0
    assert "done" in capsys.readouterr().out, "with an encoder the clip is made up for"
    assert (out / "clip" / "annotated.mp4").is_file()


def test_finished_videos_are_skipped_unless_forced(
    clip: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    out = tmp_path / "o"
    analyze(clip, "--out", out, "--no-annotate")
    made = (out / "clip" / "faces.csv").stat().st_mtime_ns
    assert analyze(clip, "--out", out, "--no-annotate") == 0
    assert "skipped" in capsys.readouterr().out
    assert (out / "clip" / "faces.csv").stat().st_mtime_ns == made
    assert analyze(clip, "--out", out, "--no-annotate", "--force") == 0
    assert (out / "clip" / "faces.csv").stat().st_mtime_ns > made


def test_a_clip_is_drawn_again_with_the_edits(
    clip: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    out, folder = tmp_path / "o", tmp_path / "o" / "clip"
    analyze(clip, "--out", out)
    assert analyze(clip, "--out", out, "--redraw") == 0
    assert "skipped" in capsys.readouterr().out, "nothing was decided"
    save_edits(folder, Edits().rename(1, "Ada"))
    made = (folder / "faces.csv").stat().st_mtime_ns
    assert analyze(clip, "--out", out, "--redraw") == 0
    assert "clip.mp4: done" in capsys.readouterr().out
    assert len(list(folder.glob("edited_*.mp4"))) == 1
    assert (folder / "faces.csv").stat().st_mtime_ns == made
    analyze(clip, "--out", out, "--redraw")
    assert "--force draws it again" in capsys.readouterr().out
    (drawn,) = folder.glob("edited_*.mp4")
    drawn.write_bytes(b"damaged")
    assert analyze(clip, "--out", out, "--redraw", "--force", "--models-dir", tmp_path / "no") == 0
    assert drawn.stat().st_size > 1000, "and no network is needed"
    analyze(clip, "--out", out, "--force")
    assert not list(folder.glob("edited_*.mp4")), "people may have other numbers now"


def test_faces_are_hidden_in_a_clip_that_is_drawn_again(
    clip: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert analyze(clip, "--out", tmp_path, "--hide", "everybody") == 2
    assert "--hide goes with --redraw" in capsys.readouterr().err
    # Few frames: every one is searched in full.
    analyze(clip, "--out", tmp_path, "--end", 0.4)
    assert analyze(clip, "--out", tmp_path, "--redraw", "--hide", "everybody") == 0
    folder = tmp_path / "clip"
    assert "clip.mp4: done" in capsys.readouterr().out
    assert load_edits(folder).hide == "everybody"
    assert len(list(folder.glob("edited_*.mp4"))) == 1


@pytest.mark.parametrize("before", [[], ["--no-annotate"]])
def test_nothing_is_drawn_again_that_was_not_made(
    clip: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str], before: list[str]
) -> None:
    if before:
        analyze(clip, "--out", tmp_path, *before)
    assert analyze(clip, "--out", tmp_path, "--redraw", *before) == 1
    assert "is not drawn again" in capsys.readouterr().err


def test_other_settings_are_not_skipped(
    clip: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    analyze(clip, "--out", tmp_path, "--no-annotate")
    analyze(clip, "--out", tmp_path, "--no-annotate", "--every", 5)
    assert "skipped" not in capsys.readouterr().out
    summary = json.loads((tmp_path / "clip" / "summary.json").read_text())
    assert summary["frames_analysed"] == 2


def test_a_half_done_folder_is_done_again(clip: Path, tmp_path: Path) -> None:
    analyze(clip, "--out", tmp_path, "--no-annotate")
    file = tmp_path / "clip" / "summary.json"
    file.write_text(json.dumps(json.loads(file.read_text()) | {"status": "running"}))
    assert analyze(clip, "--out", tmp_path, "--no-annotate") == 0
    assert json.loads(file.read_text())["status"] == "done"


def test_folders_failures_and_odd_names(
    clip: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    source = tmp_path / "in"
    (source / "deep").mkdir(parents=True)
    # The byte 0xff is no UTF-8.
    odd = ('it\'s "q" 😀.mp4', "line\nbreak.mp4", "..mp4", "no\udcfftext.mp4")
    for name in (*odd, "deep/clip.mp4", "clip.mov"):
        shutil.copy(clip, source / name)
    (source / "loop.mp4").symlink_to("loop.mp4")
    # Other bytes with the same stem, so that two names collide.
    sample_video(source / "clip.mp4", 0.4, 10)
    (source / "letter.mp4").write_text("dear reader")
    (source / "nothing.mp4").touch()
    (source / "notes.txt").write_text("no video")
    longer = sample_video(tmp_path / "longer.mp4", 4.0, 20).read_bytes()
    (source / "cut.mp4").write_bytes(longer[: len(longer) // 2])
    out = tmp_path / "results" / "o"
    status = analyze(
        source,
        source / "..mp4",
        source / "loop.mp4",
        tmp_path / "gone.mp4",
        tmp_path / ("long" * 80),
        "--out",
        out,
        "--no-annotate",
        "--json",
        tmp_path / "j.json",
    )
    assert status == 1
    told = json.loads((tmp_path / "j.json").read_text())
    outcomes = {Path(o["file"]).name: o for o in told}
    assert {n for n, o in outcomes.items() if o["status"] == "failed"} == {
        "letter.mp4",
        "nothing.mp4",
        "gone.mp4",
        "loop.mp4",
        "long" * 80,
    }
    for name, outcome in outcomes.items():
        if outcome["status"] == "failed":
            assert name in outcome["message"]
    assert "s it announces" in outcomes["cut.mp4"]["message"]
    assert "notes.txt" not in outcomes
    folders = sorted(p.name for p in out.iterdir())
    assert len(folders) == len({o["folder"] for o in told if o["folder"]})
    assert sum(name.startswith("clip") for name in folders) == 3
    assert files_below(tmp_path / "results") == sorted(f"o/{name}" for name in files_below(out)), (
        "nothing lies outside the output folder"
    )
    printed = capsys.readouterr()
    assert "letter.mp4" in printed.err
    assert "line�break.mp4" in printed.out


def test_an_empty_folder_is_a_failure_that_says_so(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "in").mkdir()
    assert analyze(tmp_path / "in", "--out", tmp_path / "o") == 1
    assert "holds no video" in capsys.readouterr().err


def test_results_inside_the_input_folder_are_not_read_again(clip: Path, tmp_path: Path) -> None:
    shutil.copy(clip, tmp_path / "a.mp4")
    for _ in range(2):
        assert analyze(tmp_path, "--out", tmp_path / "out") == 0
    assert [p.name for p in (tmp_path / "out").iterdir()] == ["a"]


def test_results_may_lie_beside_the_videos(clip: Path, tmp_path: Path) -> None:
    shutil.copy(clip, tmp_path / "a.mp4")
    for _ in range(2):
        assert analyze(tmp_path, "--out", tmp_path) == 0
    assert sorted(p.name for p in tmp_path.iterdir()) == ["a", "a.mp4"]


@pytest.mark.parametrize(
    "wrong", ["--every 0", "--rate -2", "--start 3 --end 1", "--every 2 --rate 1"]
)
def test_wrong_usage_ends_with_two(
    clip: Path, tmp_path: Path, wrong: str, capsys: pytest.CaptureFixture[str]
) -> None:
    try:
        status: str | int | None = analyze(clip, "--out", tmp_path / "o", *wrong.split())
    except SystemExit as stop:
        status = stop.code
    assert status == 2
    assert not (tmp_path / "o").exists()


def test_a_missing_model_is_named(
    clip: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    status = analyze(clip, "--out", tmp_path, "--model", "nobody")
    assert status == 1
    assert "nobody" in capsys.readouterr().err


def test_a_detector_file_that_is_missing_ends_the_run_before_the_first_video(
    clip: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    status = analyze(clip, "--out", tmp_path / "o", "--detector-model", tmp_path / "none.onnx")
    assert status != 0
    assert "none.onnx' does not exist" in capsys.readouterr().err
    assert not (tmp_path / "o").exists()


def test_another_detector_makes_other_results(
    clip: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    file = tmp_path / "yunet.onnx"
    file.write_bytes(b"1")
    made: list[Path] = []

    def instead(path: Path) -> HaarDetector:
        made.append(path)
        return HaarDetector()

    monkeypatch.setattr(one_video, "YuNetDetector", instead)
    keys = []
    for options in ((), ("--detector-model", file)):
        analyze(clip, "--out", tmp_path, "--no-annotate", *options)
        summary = json.loads((tmp_path / "clip" / "summary.json").read_text())
        keys.append(summary["key"])
    assert made == [file, file]
    assert keys[0] != keys[1]
    assert summary["model"]["detector"] == "YuNetDetector"


def test_progress_lines_are_json(
    clip: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert analyze(clip, "--out", tmp_path / "o", "--progress", "json") == 0
    events = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    assert [e["event"] for e in events if e["event"] != "progress"] == [
        "start",
        "file_start",
        "file_end",
        "end",
    ]
    last = [e for e in events if e["event"] == "progress"][-1]
    assert last["frames_analysed"] == 10
    assert {"fraction", "fps", "left_s", "file", "folder", "number", "files"} <= set(last)
    assert events[-1] == {"event": "end", "done": 1, "skipped": 0, "failed": 0, "cancelled": 0}


def start(*arguments: object) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [sys.executable, "-m", "emotion_core", "analyze", *map(str, arguments)],
        cwd=ROOT,
        stdout=subprocess.PIPE,
        text=True,
    )


def wait_for_progress(process: subprocess.Popen[str]) -> None:
    assert process.stdout is not None
    for line in process.stdout:
        if json.loads(line)["event"] == "progress":
            return
    pytest.fail("the command ended before it made progress")


@pytest.mark.skipif(os.name == "nt", reason="signals of POSIX")
def test_a_polite_kill_keeps_what_is_done(tmp_path: Path) -> None:
    path = repeat_video(sample_video(tmp_path / "a.mp4", 2.0, 25.0), tmp_path / "long.mp4", 30)
    with start(path, "--out", tmp_path / "o", "--progress", "json") as process:
        wait_for_progress(process)
        process.send_signal(signal.SIGTERM)
        assert process.wait(60) == 1
    summary = json.loads((tmp_path / "o" / "long" / "summary.json").read_text())
    assert summary["status"] == "cancelled"
    assert 0 < summary["frames_read"] < 1500
    assert not [n for n in files_below(tmp_path / "o") if ".part" in n]


@pytest.mark.skipif(os.name == "nt", reason="signals of POSIX")
def test_a_hard_kill_is_cleaned_up_by_the_next_run(tmp_path: Path) -> None:
    path = repeat_video(sample_video(tmp_path / "a.mp4", 2.0, 25.0), tmp_path / "long.mp4", 30)
    with start(path, "--out", tmp_path / "o", "--progress", "json") as process:
        wait_for_progress(process)
        time.sleep(0.2)
        process.kill()
        process.wait(20)
    assert analyze(path, "--out", tmp_path / "o", "--every", 50, "--end", 2) == 0
    assert not [n for n in files_below(tmp_path / "o") if ".part" in n]


@pytest.mark.parametrize("wrong", ["--out a-file", "--out o --json nowhere/j.json"])
def test_a_place_that_cannot_hold_the_outcome_is_told_before_the_work(
    clip: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    wrong: str,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "a-file").touch()
    assert analyze(clip, *wrong.split()) == 2
    assert wrong.split()[-1] in capsys.readouterr().err
    assert [p.name for p in tmp_path.iterdir()] == ["a-file"]


def test_what_nobody_foresaw_ends_one_video_and_not_the_others(
    clip: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    shutil.copy(clip, tmp_path / "a.mp4")
    shutil.copy(clip, tmp_path / "b.mp4")
    hash_of = paths.file_hash

    def breaks(path: Path) -> str:
        if path.name == "a.mp4":
            raise IndexError("a stamp out of range")
        return hash_of(path)

    monkeypatch.setattr(one_video, "file_hash", breaks)
    out = tmp_path / "o"
    assert analyze(tmp_path / "a.mp4", tmp_path / "b.mp4", "--out", out, "--no-annotate") == 1
    printed = capsys.readouterr()
    assert "a.mp4: failed · a.mp4: it could not be read to its end" in printed.err
    assert "a stamp out of range" in printed.err
    assert "b.mp4: done" in printed.out
    assert [p.name for p in out.iterdir()] == ["b"]


def test_a_results_folder_that_cannot_be_made_costs_its_own_video_alone(
    clip: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    shutil.copy(clip, tmp_path / "a.mp4")
    shutil.copy(clip, tmp_path / "b.mp4")
    out = tmp_path / "o"
    out.mkdir()
    (out / "a").write_text("a file stands in the way")
    assert analyze(tmp_path / "a.mp4", tmp_path / "b.mp4", "--out", out, "--no-annotate") == 1
    printed = capsys.readouterr()
    assert "a.mp4: failed · a.mp4: a could not be written" in printed.err
    assert "b.mp4: done" in printed.out
    assert (out / "a").read_text() == "a file stands in the way"
