"""Analyses that are cancelled, that fail, and that meet one another."""

import errno
import json
import threading
from pathlib import Path
from typing import Never

import pytest
from analysis_driver import analyse
from made_classifiers import Happy

from emotion_core.datatypes import FloatArray, ImageArray
from emotion_core.errors import OutputError, VideoError
from emotion_core.media.read import read_frames
from emotion_core.media.write import VideoWriter
from emotion_core.results.export import output_error, read_faces
from emotion_core.results.paths import folder_for
from emotion_core.results.summary import write_summary
from emotion_core.results.thumbnails import MomentKeeper
from emotion_core.video.analyze import Source, analyse_video, is_finished
from emotion_core.video.progress import Hooks


def test_cancel_keeps_what_is_done(clip: Path, tmp_path: Path) -> None:
    asked = iter([False] * 9 + [True] * 100)
    summary = analyse(clip, tmp_path / "r", Hooks(stop=lambda: next(asked)))
    assert summary["status"] == "cancelled"
    assert summary["frames_analysed"] == 10
    assert len(list(read_frames(tmp_path / "r" / "annotated.mp4"))) == 10
    assert len(read_faces(tmp_path / "r" / "faces.csv").frame_times) == 10
    assert not is_finished(tmp_path / "r", summary["key"])


def test_a_run_that_reads_nothing_leaves_finished_results(clip: Path, tmp_path: Path) -> None:
    folder = tmp_path / "r"
    key = analyse(clip, folder)["key"]
    with pytest.raises(VideoError, match="no frame"):
        analyse(clip, folder, start_s=0.96, end_s=0.97)
    assert is_finished(folder, key)


def test_an_error_half_way_keeps_rows_and_no_temporary_file(clip: Path, tmp_path: Path) -> None:
    class Breaks(Happy):
        calls = 0

        def logits(self, crops: FloatArray) -> FloatArray:
            Breaks.calls += 1
            if Breaks.calls > 5:
                raise OutputError("The disk is full: pretended.")
            return super().logits(crops)

    with pytest.raises(OutputError):
        analyse_video(Source(clip, "0" * 64), tmp_path / "r", Breaks())
    assert {p.name for p in (tmp_path / "r").iterdir()} == {"faces.csv", "summary.json"}
    assert len(read_faces(tmp_path / "r" / "faces.csv")) >= 4
    summary = json.loads((tmp_path / "r" / "summary.json").read_text())
    assert (summary["status"], summary["message"]) == ("failed", "The disk is full: pretended.")


@pytest.mark.parametrize("at", [3, 39])
def test_a_disk_that_fills_up_while_the_clip_is_written(
    clip: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, at: int
) -> None:
    write = VideoWriter.write

    def full(self: VideoWriter, image: ImageArray, time_s: float) -> None:
        if self.frames == at:
            raise OutputError("The disk is full: annotated.mp4 could not be finished.")
        write(self, image, time_s)

    monkeypatch.setattr(VideoWriter, "write", full)
    with pytest.raises(OutputError, match="disk is full"):
        analyse(clip, tmp_path / "r")
    assert {p.name for p in (tmp_path / "r").iterdir()} == {"faces.csv", "summary.json"}
    assert len(read_faces(tmp_path / "r" / "faces.csv").frame_times) >= at
    assert json.loads((tmp_path / "r" / "summary.json").read_text())["status"] == "failed"
    names = {thread.name for thread in threading.enumerate()}
    assert not names & {"read-ahead", "write-behind"}


def test_leftovers_of_a_killed_run_are_removed(clip: Path, tmp_path: Path) -> None:
    folder = tmp_path / "r"
    folder.mkdir()
    for name in (".annotated.part.mp4", ".summary.json.part", "preview.jpg"):
        (folder / name).write_bytes(b"x")
    analyse(clip, folder, annotate=False)
    assert {p.name for p in folder.iterdir()} == {"faces.csv", "summary.json", "moments"}


def test_unreadable_files_leave_no_folder(tmp_path: Path) -> None:
    path = tmp_path / "letter.mp4"
    path.write_text("dear reader")
    with pytest.raises(VideoError, match=r"letter\.mp4"):
        analyse_video(Source(path, "0" * 64), tmp_path / "r", Happy())
    assert not (tmp_path / "r").exists()


def test_a_range_behind_the_end_is_explained(clip: Path, tmp_path: Path) -> None:
    with pytest.raises(VideoError, match=r"clip\.mp4 ends at 2\.0 s"):
        analyse(clip, tmp_path / "r", start_s=9.0)


def test_a_planted_link_is_not_followed(tmp_path: Path) -> None:
    (tmp_path / "out").mkdir()
    (tmp_path / "out" / "a").symlink_to(tmp_path)
    with pytest.raises(OutputError, match="link"):
        folder_for(tmp_path / "a.mp4", "1" * 64, tmp_path / "out", set())


def test_a_cancel_is_heard_between_two_frames_that_are_far_apart(
    clip: Path, tmp_path: Path
) -> None:
    asked = iter([False] * 5 + [True] * 100)
    hooks = Hooks(stop=lambda: next(asked))
    summary = analyse(clip, tmp_path / "r", hooks, every=100_000, annotate=False)
    assert (summary["status"], summary["frames_analysed"]) == ("cancelled", 1)
    assert summary["frames_decoded"] < 15
    assert not is_finished(tmp_path / "r", summary["key"])


@pytest.mark.parametrize("annotate", [True, False])
def test_a_cancel_before_the_first_frame_of_the_range_is_no_failure(
    clip: Path, tmp_path: Path, annotate: bool
) -> None:
    hooks = Hooks(stop=lambda: True)
    summary = analyse(clip, tmp_path / "r", hooks, start_s=1.9, annotate=annotate)
    assert (summary["status"], summary["frames_analysed"]) == ("cancelled", 0)
    assert summary["clip"] is None
    assert len(read_faces(tmp_path / "r" / "faces.csv")) == 0


def test_a_summary_that_cannot_be_written_leaves_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(self: Path, data: object) -> Never:
        self.touch()
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(Path, "write_bytes", full)
    with pytest.raises(OutputError, match="disk is full"):
        write_summary(tmp_path, {"status": "running"})
    assert list(tmp_path.iterdir()) == []


def test_a_disk_that_fills_up_at_the_last_step_is_noted_beside_the_rows(
    clip: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(self: MomentKeeper, folder: Path) -> Never:
        raise output_error(folder, OSError(errno.ENOSPC, "No space left on device"))

    monkeypatch.setattr(MomentKeeper, "save", full)
    with pytest.raises(OutputError, match="disk is full: moments"):
        analyse(clip, tmp_path / "r", annotate=False)
    summary = json.loads((tmp_path / "r" / "summary.json").read_text())
    assert summary["status"] == "failed"
    assert "disk is full" in summary["message"]
    assert len(read_faces(tmp_path / "r" / "faces.csv").frame_times) == 40


def test_two_analyses_never_write_into_one_folder(clip: Path, tmp_path: Path) -> None:
    folder = tmp_path / "clip"
    seen: list[str] = []

    def second(_: object) -> None:
        if not seen:
            seen.append("begun")
            before = {p.name for p in folder.iterdir()}
            with pytest.raises(OutputError, match="Another analysis is writing"):
                analyse(clip, folder)
            assert {p.name for p in folder.iterdir()} == before
            seen.append("refused")

    summary = analyse(clip, folder, Hooks(progress=second))
    assert seen == ["begun", "refused"]
    assert summary["status"] == "done"
    assert {p.name for p in folder.iterdir()} == {
        "faces.csv",
        "summary.json",
        "annotated.mp4",
        "moments",
    }
    assert analyse(clip, folder)["status"] == "done", "free again"
