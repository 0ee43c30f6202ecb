"""Files that are damaged, no videos, or have odd names."""

import os
import shutil
from pathlib import Path

import av
import cv2
import numpy as np
import pytest
from made_clips import write_clip

from emotion_core.errors import VideoError
from emotion_core.media import read as read_module
from emotion_core.media.probe import probe
from emotion_core.media.read import ReadReport, read_frames


def test_truncated_file_gives_what_decodes(clip: Path, tmp_path: Path) -> None:
    path = tmp_path / "cut.mp4"
    path.write_bytes(clip.read_bytes()[: clip.stat().st_size // 2])
    report = ReadReport()
    frames = list(read_frames(path, report=report))
    assert 5 < len(frames) < 60
    assert report.cut_short or report.failed
    assert report.first_problem


def test_damaged_middle_is_counted_and_skipped(clip: Path, tmp_path: Path) -> None:
    data = bytearray(clip.read_bytes())
    middle = int(len(data) * 0.6)
    data[middle : middle + 4000] = b"\xff" * 4000
    path = tmp_path / "damaged.mp4"
    path.write_bytes(data)
    report = ReadReport()
    frames = list(read_frames(path, report=report))
    assert report.failed > 0
    assert 10 < len(frames) < 60
    assert frames[-1].time_s == pytest.approx(59 / 20, abs=0.5)


def sound_only(path: Path) -> None:
    with av.open(str(path), "w") as container:
        stream = container.add_stream("aac", rate=44_100, layout="mono")
        frame = av.AudioFrame.from_ndarray(np.zeros((1, 1024), np.float32), "fltp", "mono")
        frame.sample_rate = 44_100
        container.mux(stream.encode(frame))
        container.mux(stream.encode())


def without_size(path: Path) -> None:
    """Raw pictures whose size stands in the file's head alone, as 0×0."""
    raw = path.with_suffix(".avi")
    with av.open(str(raw), "w") as container:
        stream = container.add_stream("rawvideo", rate=25)
        stream.width, stream.height, stream.pix_fmt = 64, 48, "yuv420p"
        frame = av.VideoFrame.from_ndarray(np.zeros((72, 64), np.uint8), format="yuv420p")
        container.mux(stream.encode(frame))
    data = bytearray(raw.read_bytes())
    size = data.index(b"strf") + 12
    data[size : size + 8] = bytes(8)
    path.write_bytes(data)


def make_bad(kind: str, path: Path, clip: Path) -> None:
    if kind == "empty":
        path.write_bytes(b"")
    elif kind == "text":
        path.write_text("this is a letter, not a film\n" * 50)
    elif kind == "headless":
        path.write_bytes(clip.read_bytes()[-2000:])
    elif kind == "sound":
        sound_only(path)
    elif kind == "0x0":
        without_size(path)
    elif kind == "8K":
        write_clip(path, [0], size=(7680, 4320))


@pytest.mark.parametrize(
    ("kind", "words"),
    [
        ("empty", "0 bytes"),
        ("text", "cannot be opened"),
        ("headless", "damaged"),
        ("sound", "only sound"),
        ("0x0", "0×0 pixels"),
        ("8K", "7680×4320"),
        ("missing", "no such file"),
    ],
)
def test_bad_files_are_named(kind: str, words: str, clip: Path, tmp_path: Path) -> None:
    path = tmp_path / "holiday.mp4"
    make_bad(kind, path, clip)
    for use in (probe, lambda p: next(read_frames(p))):
        with pytest.raises(VideoError, match=words) as caught:
            use(path)
        assert "holiday.mp4" in str(caught.value)


@pytest.mark.parametrize(
    "words",
    [
        "ffconcat version 1.0\nfile secret.mp4\n",
        "#EXTM3U\n#EXT-X-VERSION:3\n#EXT-X-TARGETDURATION:1\n#EXTINF:1.0,\nsecret.mp4\n#EXT-X-ENDLIST\n",
    ],
)
def test_a_playlist_opens_no_other_file(words: str, clip: Path, tmp_path: Path) -> None:
    shutil.copy(clip, tmp_path / "secret.mp4")
    for name in ("list.mp4", "list.m3u8"):
        (tmp_path / name).write_text(words)
        with pytest.raises(VideoError, match="cannot be opened"):
            probe(tmp_path / name)


@pytest.mark.parametrize("name", ['it\'s "q".mp4', "😀 ÄÖ.mp4", "line\nbreak.mp4", "%d:x.mp4"])
def test_odd_names(clip: Path, tmp_path: Path, name: str) -> None:
    path = tmp_path / name
    shutil.copy(clip, path)
    assert probe(path).width == 640


def test_the_file_is_closed_when_reading_stops_early(clip: Path, tmp_path: Path) -> None:
    frames = read_frames(clip)
    next(frames)
    frames.close()
    assert list(frames) == []


@pytest.mark.skipif(os.name == "nt", reason="no name on Windows holds a colon")
def test_a_relative_name_with_a_colon_is_no_protocol(
    clip: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    shutil.copy(clip, "12:30.mp4")
    assert probe("12:30.mp4").frames == 60
    assert len(list(read_frames("12:30.mp4"))) == 60


def test_a_frame_that_grows_out_of_bounds_is_skipped(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    pictures = [np.zeros((48, 64, 3), np.uint8)] * 3 + [np.zeros((480, 640, 3), np.uint8)] * 2
    path = tmp_path / "grows.mp4"
    path.write_bytes(b"".join(cv2.imencode(".jpg", p)[1].tobytes() for p in pictures))
    assert [f.width for f in read_frames(path)] == [64, 64, 64, 640, 640]
    monkeypatch.setattr(read_module, "MAX_PIXELS", 100_000)
    report = ReadReport()
    assert [f.width for f in read_frames(path, report=report)] == [64, 64, 64]
    assert (report.failed, report.first_problem) == (2, "a frame of 640×480 pixels")
