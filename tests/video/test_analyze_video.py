"""What an analysis writes, which frames it takes, and how it tells its progress."""

import json
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest
from analysis_driver import analyse

from emotion_core.errors import SettingsError
from emotion_core.labels import colour_bgr
from emotion_core.media.probe import probe
from emotion_core.media.read import read_frames
from emotion_core.media.synthetic import sample_frames
from emotion_core.media.write import repeat_video, sample_video, write_frames
from emotion_core.pipeline.pipeline import Pipeline
from emotion_core.pipeline.profiling import resident_mb
from emotion_core.results.annotations import Edits, Marker
from emotion_core.results.edits_file import load_edits, save_edits
from emotion_core.results.export import read_faces
from emotion_core.results.paths import file_hash, folder_for, safe_name
from emotion_core.video import analyze as video_module
from emotion_core.video.analyze import is_finished, result_key
from emotion_core.video.options import VideoOptions
from emotion_core.video.progress import Hooks, VideoProgress


def test_files_of_the_contract(clip: Path, tmp_path: Path) -> None:
    summary = analyse(clip, tmp_path / "clip")
    names = {p.name for p in (tmp_path / "clip").iterdir()}
    assert names == {"faces.csv", "summary.json", "annotated.mp4", "moments"}
    assert json.loads((tmp_path / "clip" / "summary.json").read_text()) == summary
    assert summary["status"] == "done"
    assert summary["source"]["sha256"] == file_hash(clip)
    assert summary["frames_analysed"] == 40
    (person,) = summary["people"]
    assert person["dominant"] == "happy"
    assert person["share"]["happy"] > 0.99
    assert summary["valid_share"] > 0.8
    assert {p.name for p in (tmp_path / "clip" / "moments").iterdir()} == {"1.jpg", "1_happy.jpg"}


def test_annotated_clip_has_every_frame_and_the_box(clip: Path, tmp_path: Path) -> None:
    analyse(clip, tmp_path / "r", every=3)
    frames = list(read_frames(tmp_path / "r" / "annotated.mp4"))
    np.testing.assert_allclose(
        [f.time_s for f in frames], [f.time_s for f in read_frames(clip)], atol=1e-3
    )
    table = read_faces(tmp_path / "r" / "faces.csv")
    row = len(table) // 2
    left, top, _, height = table.boxes_xywh[row]
    edge = frames[table.frame[row]].image[int(top + height * 0.5), int(left) - 1 : int(left) + 2]
    colour = np.array(colour_bgr("happy"), float)
    assert np.abs(edge.astype(float) - colour).mean(axis=1).min() < 60


def test_every_and_range(clip: Path, tmp_path: Path) -> None:
    summary = analyse(clip, tmp_path / "r", every=4, start_s=0.5, end_s=1.5, annotate=False)
    assert summary["frames_analysed"] == summary["frames_read"] == 5
    assert summary["frames_decoded"] >= 20
    table = read_faces(tmp_path / "r" / "faces.csv")
    np.testing.assert_allclose(table.frame_times, np.arange(0.5, 1.5, 0.2), atol=1e-3)
    assert table.frame.min() >= 10
    assert not (tmp_path / "r" / "annotated.mp4").exists()


def test_range_of_the_clip_starts_at_zero(clip: Path, tmp_path: Path) -> None:
    summary = analyse(clip, tmp_path / "r", start_s=0.5, end_s=1.5)
    assert summary["clip"]["origin_s"] == 0.5
    times = [f.time_s for f in read_frames(tmp_path / "r" / "annotated.mp4")]
    assert times[0] == pytest.approx(0, abs=0.01)
    assert len(times) == 20


def test_a_low_rate_still_knows_people(tmp_path: Path) -> None:
    path = sample_video(tmp_path / "still.mp4", 2.0, 20.0, "still")
    summary = analyse(path, tmp_path / "r", rate=1.5, annotate=False)
    assert summary["frames_analysed"] == 3
    assert [p["frames"] for p in summary["people"]] == [3]


def test_one_frame_only(tmp_path: Path) -> None:
    path = sample_video(tmp_path / "one.mp4", 0.01, 25, "still")
    summary = analyse(path, tmp_path / "r")
    assert summary["frames_analysed"] == 1
    assert len(summary["people"]) == 1


def test_largest_face_only(tmp_path: Path) -> None:
    path = sample_video(tmp_path / "two.mp4", 1.0, 10, "cross")
    everybody = analyse(path, tmp_path / "a", annotate=False, end_s=0.6)
    largest = analyse(path, tmp_path / "b", annotate=False, end_s=0.6, largest_face=True)
    assert len(everybody["people"]) == 2
    assert len(largest["people"]) == 1


def test_no_face_at_all(tmp_path: Path) -> None:
    path = sample_video(tmp_path / "empty.mp4", 0.5, 10, "empty")
    summary = analyse(path, tmp_path / "r")
    assert (summary["people"], summary["valid_share"]) == ([], 0.0)
    assert (tmp_path / "r" / "annotated.mp4").exists()


def test_progress_grows_to_one(clip: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(video_module, "_PROGRESS_EVERY_S", 0.0)
    monkeypatch.setattr(video_module, "_PREVIEW_EVERY_S", 0.0)
    told, previews = [], []

    def progress(p: VideoProgress) -> None:
        told.append(p)
        previews.append((tmp_path / "r" / "preview.jpg").exists())

    analyse(clip, tmp_path / "r", Hooks(progress, preview=True))
    fractions = [p.fraction for p in told]
    assert fractions == sorted(fractions)
    assert fractions[-1] > 0.95
    assert told[-1].frames_analysed == 40
    assert any(previews)
    assert not (tmp_path / "r" / "preview.jpg").exists()


def test_memory_does_not_grow_with_the_length(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(video_module, "_PROGRESS_EVERY_S", 0.0)
    piece = write_frames(tmp_path / "a.mp4", sample_frames(4, 25, size=(160, 120)), 25)
    path = repeat_video(piece, tmp_path / "long.mp4", 15)
    weights = {}

    def weigh(progress: VideoProgress) -> None:
        weights[progress.frames_read] = resident_mb()

    summary = analyse(path, tmp_path / "r", Hooks(weigh))
    assert summary["frames_analysed"] == 1500
    assert len(summary["people"]) == 1
    # A picture kept from each frame would weigh 69 MB by then.
    assert weights[1490] - weights[400] < 15


def test_finished_only_with_the_same_bytes_settings_and_model(clip: Path, tmp_path: Path) -> None:
    key = analyse(clip, tmp_path / "r", annotate=False)["key"]
    digest = file_hash(clip)
    assert key == result_key(digest, VideoOptions(annotate=False), {"name": "h"})
    assert is_finished(tmp_path / "r", key)
    for other in (
        result_key("0" * 64, VideoOptions(annotate=False), {}),
        result_key(digest, VideoOptions(annotate=False, every=2), {}),
        result_key(digest, VideoOptions(annotate=False, speaking_smoothing=0.9), {"name": "h"}),
        result_key(digest, VideoOptions(annotate=False), {"sha256": "other"}),
    ):
        assert not is_finished(tmp_path / "r", other)
    (tmp_path / "r" / "faces.csv").unlink()
    assert not is_finished(tmp_path / "r", key)


def test_names_do_not_go_to_somebody_else_where_a_video_is_read_otherwise(
    clip: Path, tmp_path: Path
) -> None:
    folder = tmp_path / "r"
    analyse(clip, folder, annotate=False)
    edits = Edits().rename(1, "Ada").exclude(1).add_marker(Marker(1, 2, "x"))
    save_edits(folder, edits)
    analyse(clip, folder, annotate=False)
    assert load_edits(folder) == edits
    analyse(clip, folder, annotate=False, every=2)
    assert load_edits(folder) == Edits(markers=edits.markers)


@pytest.mark.parametrize(
    "values",
    [
        {"every": 0},
        {"rate": -1},
        {"every": 2, "rate": 2},
        {"start_s": -1},
        {"end_s": 0},
        {"end_s": float("inf")},
    ],
)
def test_options_are_checked(values: dict[str, Any]) -> None:
    with pytest.raises(SettingsError):
        VideoOptions(**values)


@pytest.mark.parametrize(
    ("stem", "name"),
    [
        ("clip", "clip"),
        ("", "video"),
        ("..", "video"),
        ("../../etc/passwd", "_.._etc_passwd"),
        ('it\'s "q" | <x>', "it_s _q_ _ _x_"),
        ("line\nbreak\x1b", "line_break_"),
        ("😀 Zoë 猫", "😀 Zoë 猫"),
        (".hidden", "hidden"),
        ("end. ", "end"),
        ("CON", "_CON"),
        ("x" * 300, "x" * 60),
    ],
)
def test_safe_names(stem: str, name: str) -> None:
    assert safe_name(stem) == name


def test_long_names_of_wide_letters_fit_a_file_system() -> None:
    assert len(safe_name("😀" * 300).encode()) <= 240


def test_folders_of_equal_stems_differ(tmp_path: Path) -> None:
    first = folder_for(tmp_path / "a.mp4", "1" * 64, tmp_path, set())
    second = folder_for(tmp_path / "a.mov", "2" * 64, tmp_path, {first})
    assert (first.name, second.name) == ("a", "a-22222222")


def test_real_clips(shared_media: Path, tmp_path: Path) -> None:
    for name in ("one_face_talking.mp4", "face_appears_hevc.mov", "no_face.mp4"):
        info = probe(shared_media / name)
        summary = analyse(shared_media / name, tmp_path / name)
        assert summary["status"] == "done"
        assert summary["frames_failed"] == 0
        assert (len(summary["people"]) == 0) == (name == "no_face.mp4")
        clip = probe(tmp_path / name / "annotated.mp4")
        assert (clip.codec, clip.has_audio) == ("h264", info.has_audio)


def test_progress_goes_on_between_two_frames_that_are_far_apart(
    clip: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(video_module, "_PROGRESS_EVERY_S", 0.0)
    told: list[VideoProgress] = []
    analyse(clip, tmp_path / "r", Hooks(told.append), every=100_000, annotate=False)
    shares = [p.fraction for p in told]
    assert shares == sorted(shares)
    assert sum(0.1 < share < 0.9 for share in shares) >= 10
    assert max(p.frames_analysed for p in told) == 1


def test_pictures_that_change_their_size_half_way(tmp_path: Path) -> None:
    path = tmp_path / "grows.mp4"
    sizes = [(320, 240)] * 3 + [(640, 480)] * 3
    pictures = [next(iter(sample_frames(1, 1, size, "still"))).image for size in sizes]
    path.write_bytes(b"".join(cv2.imencode(".jpg", p)[1].tobytes() for p in pictures))
    summary = analyse(path, tmp_path / "r")
    assert (summary["status"], summary["frames_analysed"], summary["frames_failed"]) == (
        "done",
        6,
        0,
    )
    assert summary["valid_share"] == 1.0
    shown = list(read_frames(tmp_path / "r" / "annotated.mp4"))
    assert [(f.width, f.height) for f in shown] == [(320, 240)] * 6


@pytest.mark.parametrize(
    ("time_s", "end_s", "fraction", "left_s"),
    [(3.0, 5.0, 0.5, 8.0), (9.0, 5.0, 1.0, 0.0), (0.0, 5.0, 0.0, None), (3.0, np.inf, 0.0, None)],
)
def test_progress_is_a_share_also_where_the_file_lasts_longer_than_it_says(
    time_s: float, end_s: float, fraction: float, left_s: float | None
) -> None:
    progress = VideoProgress.at((40, 20), time_s, (1.0, end_s), 8.0)
    assert (progress.fraction, progress.left_s) == (fraction, left_s)
    assert (progress.frames_read, progress.frames_analysed, progress.fps) == (40, 20, 2.5)


def test_the_smoothing_while_speaking_reaches_the_readings(
    clip: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    given: list[float | None] = []

    class Listening(Pipeline):
        def __init__(self, *parts: Any) -> None:
            super().__init__(*parts)
            given.append(self.settings.speaking_smoothing)

    monkeypatch.setattr(video_module, "Pipeline", Listening)
    analyse(clip, tmp_path / "a", annotate=False, end_s=0.3)
    summary = analyse(clip, tmp_path / "b", annotate=False, end_s=0.3, speaking_smoothing=0.9)
    assert given == [None, 0.9]
    assert summary["settings"]["speaking_smoothing"] == 0.9
    with pytest.raises(SettingsError, match="speaking_smoothing"):
        VideoOptions(speaking_smoothing=1.5)
