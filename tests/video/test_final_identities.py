"""A video in which somebody is recognised only at its end: the table and the clip agree."""

from pathlib import Path
from typing import Never

import pytest
from made_classifiers import FakeClassifier

from benchmarks.identity_clips import made_clip, returning
from emotion_core.errors import OutputError
from emotion_core.media import write_frames
from emotion_core.pipeline import identities
from emotion_core.results.export import read_faces
from emotion_core.results.paths import CLIP, FACES
from emotion_core.video import drawing
from emotion_core.video.analyze import Source, analyse_video
from emotion_core.video.drawing import Drawing
from emotion_core.video.options import VideoOptions
from emotion_core.video.progress import DRAWING, Hooks, VideoProgress


@pytest.fixture(scope="module")
def video(tmp_path_factory: pytest.TempPathFactory) -> Source:
    clip = made_clip("returns", 7, 10, returning(1.5))
    path = tmp_path_factory.mktemp("clips") / "returns.mp4"
    return Source(write_frames(path, clip.frames(), clip.fps), "0" * 64)


@pytest.fixture
def late(monkeypatch: pytest.MonkeyPatch) -> None:
    """Nobody is recognised while the video is read; everybody is at its end."""
    monkeypatch.setattr(identities, "LOOKS_TO_DECIDE", 0)


def drawn_people(monkeypatch: pytest.MonkeyPatch) -> list[set[int]]:
    """The identities in each frame of a clip that is drawn again."""
    found: list[set[int]] = []
    draw = drawing._held

    def held(*args: object) -> object:
        for frame, result in draw(*args):  # type: ignore[arg-type]
            found.append(set(result.track_ids.tolist()))
            yield frame, result

    monkeypatch.setattr(drawing, "_held", held)
    return found


@pytest.mark.usefixtures("late")
def test_table_clip_and_summary_have_the_identities_of_the_end(
    video: Source,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    told: list[VideoProgress] = []
    # A short clip is drawn before it would be told.
    monkeypatch.setattr(drawing, "_PROGRESS_EVERY_S", 0.0)
    people = drawn_people(monkeypatch)
    summary = analyse_video(
        video, tmp_path, FakeClassifier(), VideoOptions(), hooks=Hooks(told.append)
    )
    table = read_faces(tmp_path / FACES)
    assert sorted(table.people) == [1, 2]
    assert len(set(table.tracklet.tolist())) == 4
    assert {entry["track_id"] for entry in summary["identities"]["joined"]} == {1, 2}
    assert set().union(*people) == {1, 2}
    assert (tmp_path / CLIP).stat().st_size > 10_000
    assert summary["status"] == "done"
    assert DRAWING in {progress.step for progress in told}
    assert len(list((tmp_path / "moments").glob("?.jpg"))) == 4, "one for each tracklet"


@pytest.mark.usefixtures("late")
def test_a_clip_that_cannot_be_drawn_again_costs_nothing_else(
    video: Source,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def full(*_: object) -> Never:
        raise OutputError("The disk is full.")

    monkeypatch.setattr(Drawing, "draw", full)
    summary = analyse_video(video, tmp_path, FakeClassifier(), VideoOptions())
    assert summary["status"] == "done"
    assert summary["clip"]["identities_problem"] == "The disk is full."
    assert sorted(read_faces(tmp_path / FACES).people) == [1, 2]
    assert (tmp_path / CLIP).is_file()


@pytest.mark.usefixtures("late")
def test_a_clip_that_was_not_drawn_again_says_so(
    video: Source, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(Drawing, "draw", lambda *_: False)
    summary = analyse_video(video, tmp_path, FakeClassifier(), VideoOptions())
    assert summary["status"] == "cancelled"
    assert "stopped" in summary["clip"]["identities_problem"]


@pytest.mark.parametrize("options", [{"reidentify": False}, {"one_person": True}])
def test_nothing_is_resolved_where_that_is_not_wanted(
    video: Source, tmp_path: Path, options: dict[str, bool]
) -> None:
    wanted = VideoOptions(annotate=False, end_s=5.5, **options)
    summary = analyse_video(video, tmp_path, FakeClassifier(), wanted)
    people = read_faces(tmp_path / FACES).people
    assert people == ([1] if "one_person" in options else [1, 2, 3])
    assert summary["identities"]["suggestions"] == []
