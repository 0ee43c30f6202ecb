"""Videos on a cluster of small machines, some of which are lost."""

import json
import shutil
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

pytest.importorskip("ray", reason="ray is not installed: pip install 'emotion-lab[cluster]'")
pytest.importorskip("s3fs", reason="s3fs is not installed: pip install 'emotion-lab[cluster]'")
pytest.importorskip("moto.server", reason="moto is not installed: requirements-services.txt")

import boto3
from jobs_driver import MODEL, ended, folder_of, upload, wait
from made_bucket import made_bucket

from benchmarks.ray_machines import Analysis, Machines, analyse, ray_cluster, tiny_clips
from emotion_core.batch.cluster_bridge import _why_not
from emotion_core.cli import main
from emotion_core.config import MODELS_DIR
from emotion_core.jobs.dispatcher import keep_starting
from emotion_core.jobs.process import analyze_on
from emotion_core.jobs.store import JobStore
from emotion_core.media.write import repeat_video, sample_video
from emotion_core.results.annotations import Edits
from emotion_core.results.edits_file import save_edits
from emotion_core.results.paths import read_summary
from emotion_core.study.folder import Study
from emotion_core.video.analyze import is_finished

CLIPS = 20


@pytest.fixture(scope="module")
def clips(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tiny_clips(tmp_path_factory.mktemp("ray") / "in", CLIPS)


@pytest.fixture(scope="module")
def machines(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Machines]:
    with made_bucket(), ray_cluster(tmp_path_factory.mktemp("site"), nodes=2) as made:
        yield made


def files_of(folder: Path) -> dict[str, bytes]:
    files = (p for p in folder.rglob("*") if p.is_file() and p.name != "summary.json")
    return {p.relative_to(folder).as_posix(): p.read_bytes() for p in files}


def test_a_lost_machine_costs_nothing_but_time(
    machines: Machines, clips: Path, tmp_path: Path
) -> None:
    out = tmp_path / "out"
    run = Analysis(machines, "analyze", clips, "--out", out, "--no-annotate")
    run.wait_for("file_end", 3)
    machines.lose_node()
    run.wait_for("file_end", 8)
    machines.add_node()
    status, ended, errors = run.end()
    assert status == 0, errors
    assert {end["status"] for end in ended.values()} == {"done"}
    assert len(run.of_kind("file_end")) == len(ended) == CLIPS
    lost = run.of_kind("file_again")
    assert len(lost) <= 1, "a machine of one core reads one video at a time"
    assert all("left the cluster" in event["message"] for event in lost)
    assert (
        main(["analyze", str(clips / "clip07.mp4"), "--out", str(tmp_path), "--no-annotate"]) == 0
    )
    assert files_of(out / "clip07") == files_of(tmp_path / "clip07")
    for folder in out.iterdir():
        assert is_finished(folder, read_summary(folder)["key"])
    assert len(list(out.iterdir())) == CLIPS, "and nothing else"


def test_bad_videos_and_a_full_disk_fail_by_themselves(
    machines: Machines, clips: Path, tmp_path: Path
) -> None:
    source, out = tmp_path / "in", tmp_path / "out"
    source.mkdir()
    for name in ("a", "poison", "full"):
        shutil.copy(clips / "clip01.mp4", source / f"{name}.mp4")
    # Different bytes: otherwise they are one and the same result.
    shutil.copy(clips / "clip02.mp4", source / "b.mp4")
    (source / "broken.mp4").write_text("dear reader")
    gone = tmp_path / "gone.mp4"
    status, ended, _ = analyse(machines, source, gone, "--out", out, "--no-annotate")
    told = {stem: (end["status"], end["message"]) for stem, end in ended.items()}
    assert status == 1
    assert told["a"] == told["b"] == ("done", "")
    for stem, reason in (("poison", "died on"), ("full", "no room"), ("broken", "as a video")):
        assert told[stem][0] == "failed"
        assert reason in told[stem][1], told[stem]
    assert told["poison"][1].endswith("twice.")
    assert "The disk is full" in told["full"][1]
    assert "folder that all machines of the cluster share" in told["gone"][1]
    assert sorted(p.name for p in out.iterdir()) == ["a", "b"]


def test_ctrl_c_keeps_what_is_finished(machines: Machines, clips: Path, tmp_path: Path) -> None:
    part = sample_video(tmp_path / "part.mp4", 2.0, 25.0)
    long = repeat_video(part, tmp_path / "long.mp4", 60)
    again = repeat_video(part, tmp_path / "again.mp4", 61)
    out = tmp_path / "out"
    words = [clips / "clip00.mp4", long, again, clips / "clip01.mp4", "--out", out]
    run = Analysis(machines, "analyze", *words, "--no-annotate")
    run.wait_for("file_end")
    run.wait_for("progress")
    began = time.monotonic()
    run.interrupt()
    status, ended, errors = run.end()
    assert time.monotonic() - began < 20
    assert status == 1
    assert "Traceback" not in errors
    assert ended["clip00"]["status"] == "done"
    assert ended["long"]["status"] == ended["again"]["status"] == "cancelled"
    finished = {stem for stem, end in ended.items() if end["status"] == "done"}
    assert {p.name for p in out.iterdir()} == finished, "no half result, and no token"


def test_a_study_is_read_on_the_cluster(machines: Machines, clips: Path, tmp_path: Path) -> None:
    study = tmp_path / "study"
    main(["study", "new", str(study)])
    main(["study", "add", str(study), str(clips / "clip03.mp4"), str(clips / "clip04.mp4")])
    status, ended, errors = Analysis(machines, "study", "analyze", study).end()
    assert status == 0, errors
    assert [end["status"] for end in ended.values()] == ["done", "done"]
    opened = Study.open(study)
    assert all(opened.results_folder(recording) for recording in opened.recordings)


def test_after_the_head_is_lost_the_same_command_goes_on(
    machines: Machines, clips: Path, tmp_path: Path
) -> None:
    out = tmp_path / "out"
    few = sorted(clips.iterdir())[:10]
    words = [*few, "--out", out, "--no-annotate", "--json", tmp_path / "told.json"]
    (tmp_path / "site").mkdir()
    with ray_cluster(tmp_path / "site", nodes=0, head_cores=1) as others:
        run = Analysis(others, "analyze", *words)
        run.wait_for("file_end", 4)
        others.lose_head()
        status, ended, errors = run.end()
    assert status == 1
    assert "Traceback" not in errors
    failed = [end["message"] for end in ended.values() if end["status"] == "failed"]
    assert failed
    assert all("run the same command again" in message for message in failed)
    told = json.loads((tmp_path / "told.json").read_text())
    assert len(told) == len(few)
    done = {p.name for p in out.iterdir() if read_summary(p).get("status") == "done"}
    assert len(done) >= 4
    status, ended, _ = analyse(machines, *words)
    assert status == 0
    assert {stem for stem, end in ended.items() if end["status"] == "skipped"} == done


def test_videos_and_results_in_an_object_store(machines: Machines, clips: Path) -> None:
    bucket = boto3.client("s3")
    for number in range(4):
        bucket.upload_file(str(clips / f"clip{number:02d}.mp4"), "lab", f"in/clip{number:02d}.mp4")
    bucket.put_object(Bucket="lab", Key="in/notes.txt", Body=b"no video")
    words = ["s3://lab/in", "s3://lab/missing.mp4", "--out", "s3://lab/out"]
    status, ended, errors = analyse(machines, *words)
    assert status == 1
    assert "there is no such file" in ended["missing"]["message"]
    assert [ended[f"clip0{n}"]["status"] for n in range(4)] == ["done"] * 4, errors
    assert ended["clip00"]["folder"] == "s3://lab/out/clip00"
    kept = [o["Key"] for o in bucket.list_objects_v2(Bucket="lab", Prefix="out/")["Contents"]]
    for number in range(4):
        folder = f"out/clip{number:02d}/"
        assert {folder + name for name in ("faces.csv", "annotated.mp4", "summary.json")} < set(
            kept
        )
    assert all(key.startswith("out/clip") for key in kept), "no token, nothing unfinished"
    summary = json.loads(
        bucket.get_object(Bucket="lab", Key="out/clip01/summary.json")["Body"].read()
    )
    assert summary["status"] == "done"
    assert summary["source"]["name"] == "clip01.mp4"
    # A store that forgets: what is missing is read again, and nothing else.
    bucket.delete_object(Bucket="lab", Key="out/clip02/faces.csv")
    bucket.delete_object(Bucket="lab", Key="out/clip03/summary.json")
    _, ended, _ = analyse(machines, "s3://lab/in", "--out", "s3://lab/out")
    again = {stem for stem, end in ended.items() if end["status"] == "done"}
    assert again == {"clip02", "clip03"}


def test_jobs_of_the_video_page_are_read_on_the_cluster(
    machines: Machines, clips: Path, tmp_path: Path
) -> None:
    command = analyze_on(machines.address)
    assert "--engine" in command.line({"inputs": [], "arguments": []}, tmp_path, MODELS_DIR)
    store = JobStore(tmp_path / "work", 24.0, MODELS_DIR, command)
    video = upload(store, clips / "clip01.mp4")
    job = wait(store, store.start([video], [], MODEL), ended)
    (file,) = job.files
    assert (job.status, file.status) == ("done", "done"), file.message
    folder = folder_of(file)
    assert is_finished(folder, read_summary(folder)["key"])
    # What follows is done here: the clip is drawn again with a name.
    save_edits(folder, Edits().rename(1, "Ada"))
    after = store.start_after(job.job_id, folder, ["--redraw"], "redraw")
    assert after is not None
    assert wait(store, after.job_id, ended).status == "done"


def test_a_replica_has_its_jobs_read_on_the_cluster_and_shares_the_results(
    machines: Machines, clips: Path, tmp_path: Path
) -> None:
    pytest.importorskip("sqlalchemy", reason="needs the extra `replicas`: sqlalchemy")
    from replica_driver import replica

    urls = f"sqlite:///{tmp_path}/lab.db", f"file://{tmp_path}/files"
    command = analyze_on(machines.address)
    here, there = (replica(tmp_path / name, *urls, command, 30.0) for name in ("here", "there"))
    there.start_waiting = lambda: False  # type: ignore[method-assign]
    job_id = there.start([upload(there, clips / "clip02.mp4")], ["--no-annotate"], MODEL)
    keep_starting(here)
    (file,) = wait(there, job_id, ended).files
    assert file.status == "done", file.message
    assert there.fetch(job_id) == []
    folder = folder_of(file)
    assert folder.is_relative_to(tmp_path / "there")
    assert is_finished(folder, read_summary(folder)["key"])
    assert files_of(folder) == files_of(here.results_of(job_id) / folder.name)


def test_an_address_that_does_not_answer_is_said_before_any_work(
    clips: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    words = ["analyze", str(clips), "--out", str(tmp_path / "out"), "--engine", "ray"]
    assert main([*words, "--address", "127.0.0.1:9"]) == 1
    assert "No Ray cluster answers at 127.0.0.1:9" in capsys.readouterr().err


def test_other_versions_are_named() -> None:
    from ray._private.utils import check_version_info

    with pytest.raises(RuntimeError) as found:
        check_version_info({"ray_version": "2.1.0", "python_version": "3.9.1"}, "node 10.0.0.1")
    text = _why_not("10.0.0.1:6379", found.value)
    assert "Ray 2.1.0 with Python 3.9.1" in text
    assert "install the same" in text
