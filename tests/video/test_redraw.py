import shutil
from dataclasses import replace
from pathlib import Path

import av
import cv2
import numpy as np
import pytest
from made_classifiers import Happy

from emotion_core.datatypes import FloatArray, Frame, ImageArray
from emotion_core.errors import InputError, VideoError
from emotion_core.labels import colour_bgr
from emotion_core.media.read import read_frames
from emotion_core.media.write import sample_video
from emotion_core.results.annotations import Edits, Hide, edited_clip, shown_clip
from emotion_core.results.edits_file import save_edits
from emotion_core.results.export import export_files, read_faces
from emotion_core.results.paths import CLIP, EDITED_CLIPS, is_result
from emotion_core.video.analyze import Source, analyse_video
from emotion_core.video.options import VideoOptions
from emotion_core.video.progress import Hooks, VideoProgress
from emotion_core.video.redraw import redraw_clip

START_S = 0.2
EDITS = Edits().rename(1, "Ada").exclude(2)


@pytest.fixture(scope="module")
def source(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return sample_video(tmp_path_factory.mktemp("clips") / "two.mp4", 4.0, 20.0, "cross")


@pytest.fixture(scope="module")
def read_once(source: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """What was read from the clip; only for `results`."""
    folder = tmp_path_factory.mktemp("read") / "two"
    analyse_video(Source(source, "0"), folder, Happy(), VideoOptions(every=3, start_s=START_S))
    return folder


@pytest.fixture
def results(read_once: Path, tmp_path: Path) -> Path:
    """A copy of it for one test to draw into or damage."""
    return Path(shutil.copytree(read_once, tmp_path / "two"))


def painted(picture: ImageArray, box_xywh: FloatArray) -> float:
    """Share of a box's outline that has the colour of happy."""
    x, y, w, h = (round(float(v)) for v in box_xywh)
    mask = np.zeros(picture.shape[:2], np.uint8)
    cv2.rectangle(mask, (x, y), (x + w, y + h), 255, 1)
    wanted = np.array(colour_bgr("happy"), np.int16)
    near = np.abs(picture.astype(np.int16) - wanted).max(axis=2) < 60
    return float(near[mask > 0].mean())


def pictures(path: Path) -> list[Frame]:
    return list(read_frames(path))


def test_names_are_drawn_and_whoever_is_left_out_is_not(source: Path, results: Path) -> None:
    first = (results / CLIP).read_bytes()
    assert redraw_clip(source, results, EDITS)
    clip = shown_clip(results, EDITS)
    assert clip.match(EDITED_CLIPS)
    assert is_result(clip)
    assert (results / CLIP).read_bytes() == first
    before, after = pictures(results / CLIP), pictures(clip)
    assert [f.time_s for f in after] == [f.time_s for f in before]
    table = read_faces(results / "faces.csv")
    frame = next(i for i in table.frame if {1, 2} <= set(table.track_id[table.frame == i]))
    place = frame - round(START_S * 20)
    for track_id, seen in ((1, True), (2, False)):
        (row,) = np.flatnonzero((table.frame == frame) & (table.track_id == track_id))
        assert painted(before[place].image, table.boxes_xywh[row]) > 0.5
        assert (painted(after[place].image, table.boxes_xywh[row]) > 0.5) == seen
    assert export_files(results, EDITS, START_S)[CLIP] == clip


def test_a_name_stands_in_place_of_the_number(source: Path, results: Path) -> None:
    assert redraw_clip(source, results, Edits().rename(1, "A long name"))
    (clip,) = results.glob(EDITED_CLIPS)
    before, after = (pictures(p)[20].image.astype(int) for p in (results / CLIP, clip))
    changed = np.abs(before - after).max(axis=2) > 60
    # Beside the old label stands more of the new one, and nothing else is new.
    assert 300 < changed.sum() < 0.1 * changed.size


def test_the_clip_of_other_edits_is_the_first_one_and_goes(source: Path, results: Path) -> None:
    assert redraw_clip(source, results, EDITS)
    other = EDITS.rename(2, "Bert")
    assert shown_clip(results, other) == results / CLIP
    assert shown_clip(results, Edits()) == results / CLIP
    assert redraw_clip(source, results, other)
    assert list(results.glob(EDITED_CLIPS)) == [edited_clip(results, other)]


def test_a_stop_changes_nothing(source: Path, results: Path) -> None:
    before = sorted(p.name for p in results.iterdir())
    told: list[VideoProgress] = []
    hooks = Hooks(told.append, stop=lambda: True, preview=True)
    assert not redraw_clip(source, results, EDITS, hooks)
    assert sorted(p.name for p in results.iterdir()) == before


def test_a_video_that_is_gone_and_a_damaged_table_are_named(
    source: Path, results: Path, tmp_path: Path
) -> None:
    with pytest.raises(VideoError, match=r"gone\.mp4"):
        redraw_clip(tmp_path / "gone.mp4", results, EDITS)
    table = (results / "faces.csv").read_text().splitlines()
    table[3] = table[3].replace(table[3].split(",")[3], "left")
    (results / "faces.csv").write_text("\n".join(table))
    with pytest.raises(InputError, match="is damaged"):
        redraw_clip(source, results, EDITS)
    assert not list(results.glob(EDITED_CLIPS))
    assert not list(results.glob(".*"))


def test_sound_comes_along(tmp_path: Path) -> None:
    path = tmp_path / "tone.mp4"
    with (
        av.open(str(sample_video(tmp_path / "still.mp4", 1.0, 10.0))) as made,
        av.open(str(path), "w") as out,
    ):
        video = out.add_stream_from_template(made.streams.video[0])
        sound = out.add_stream("aac", rate=48_000, layout="mono")
        for packet in made.demux(video=0):
            if packet.dts is not None:
                packet.stream = video
                out.mux(packet)
        for start in range(0, 47_000, 1024):
            wave = np.sin(np.arange(start, start + 1024) * 0.06).astype(np.float32)[None]
            frame = av.AudioFrame.from_ndarray(wave, "fltp", "mono")
            frame.sample_rate, frame.pts = 48_000, start
            out.mux(sound.encode(frame))
        out.mux(sound.encode(None))
    folder = tmp_path / "tone"
    analyse_video(Source(path, "0"), folder, Happy())
    edits = Edits().rename(1, "Ada")
    save_edits(folder, edits)
    assert redraw_clip(path, folder, edits)
    with av.open(str(shown_clip(folder, edits))) as clip:
        assert [s.type for s in clip.streams] == ["video", "audio"]


def sharpness(picture: ImageArray, box_xywh: FloatArray) -> float:
    x, y, w, h = (round(float(v)) for v in box_xywh)
    grey = cv2.cvtColor(picture[y + 4 : y + h - 4, x + 4 : x + w - 4], cv2.COLOR_BGR2GRAY)
    return float(cv2.Laplacian(grey, cv2.CV_64F).var())


@pytest.fixture(scope="module")
def short_clip(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Few frames are read: each in which somebody is hidden is searched with every detector."""
    return sample_video(tmp_path_factory.mktemp("clips") / "short.mp4", 1.0, 10.0, "cross")


@pytest.fixture(scope="module")
def short_read_once(short_clip: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Only for `short_results`."""
    folder = tmp_path_factory.mktemp("read") / "short"
    options = VideoOptions(every=3, start_s=START_S, end_s=0.55)
    analyse_video(Source(short_clip, "0"), folder, Happy(), options)
    return folder


@pytest.fixture
def short_results(short_read_once: Path, tmp_path: Path) -> Path:
    return Path(shutil.copytree(short_read_once, tmp_path / "short"))


@pytest.mark.parametrize(
    ("hide", "visible"),
    [
        (Hide.EVERYBODY, {1: False, 2: False}),
        (Hide.EXCLUDED, {1: True, 2: False}),
        (Hide.UNNAMED, {1: True, 2: False}),
        (Hide.NOBODY, {1: True, 2: True}),
    ],
)
def test_only_the_faces_of_those_who_are_hidden_are_a_mosaic(
    short_clip: Path, short_results: Path, hide: Hide, visible: dict[int, bool]
) -> None:
    results, edits = short_results, replace(EDITS, hide=hide)
    assert redraw_clip(short_clip, results, edits)
    table = read_faces(results / "faces.csv")
    frame = next(i for i in table.frame if {1, 2} <= set(table.track_id[table.frame == i]))
    place = frame - round(START_S * 10)
    before, after = (pictures(p)[place].image for p in (results / CLIP, shown_clip(results, edits)))
    for track_id, seen in visible.items():
        (row,) = np.flatnonzero((table.frame == frame) & (table.track_id == track_id))
        box = table.boxes_xywh[row]
        assert (sharpness(after, box) > 0.5 * sharpness(before, box)) == seen


def test_the_clip_of_before_is_not_handed_out_while_faces_are_hidden(
    short_clip: Path, short_results: Path
) -> None:
    results, edits = short_results, Edits(hide=Hide.EVERYBODY)
    assert not shown_clip(results, edits).exists()
    assert CLIP not in export_files(results, edits, START_S)
    assert redraw_clip(short_clip, results, edits, Hooks(preview=True))
    assert export_files(results, edits, START_S)[CLIP] == shown_clip(results, edits)
    assert not (results / "preview.jpg").exists()
