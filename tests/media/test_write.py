import os
from collections.abc import Iterator
from fractions import Fraction
from pathlib import Path
from typing import Never

import av
import numpy as np
import pytest

from emotion_core.datatypes import Frame
from emotion_core.errors import OutputError, VideoError
from emotion_core.media.read import ReadReport, read_frames
from emotion_core.media.synthetic import sample_frames
from emotion_core.media.write import VideoWriter, repeat_video, sample_video, write_frames


def tone(path: Path, codec: str, seconds: float = 2.0, rate: int = 44_100) -> Path:
    """A grey clip with a tone of `codec`."""
    with av.open(str(path), "w") as container:
        video = container.add_stream("libx264", rate=10)
        video.width, video.height, video.pix_fmt = 64, 48, "yuv420p"
        sound = container.add_stream(codec, rate=rate, layout="stereo")
        assert isinstance(sound, av.AudioStream)
        for _ in range(int(seconds * 10)):
            pixels = np.full((48, 64, 3), 99, np.uint8)
            container.mux(video.encode(av.VideoFrame.from_ndarray(pixels, format="bgr24")))
        kind = sound.codec_context.format.name
        wave = (0.3 * np.sin(np.arange(int(seconds * rate)) * 0.06)).astype(np.float32)
        for start in range(0, len(wave) - 1023, 1024):
            block = np.stack([wave[start : start + 1024]] * 2)
            if kind == "s16":
                block = (block * 32767).astype(np.int16).T.reshape(1, -1)
            frame = av.AudioFrame.from_ndarray(np.ascontiguousarray(block), kind, "stereo")
            frame.sample_rate, frame.pts = rate, start
            frame.time_base = Fraction(1, rate)
            container.mux(sound.encode(frame))
        for stream in (video, sound):
            container.mux(stream.encode())
    return path


def streams(path: Path) -> dict[str, tuple[str, float]]:
    with av.open(str(path)) as container:
        found: dict[str, tuple[str, float]] = {}
        for stream in container.streams:
            assert stream.duration is not None
            assert stream.time_base is not None
            seconds = float(stream.duration * stream.time_base)
            found[stream.type] = (stream.codec_context.name, seconds)
        return found


def box_order(path: Path) -> list[str]:
    """Names of the top-level MP4 boxes."""
    data, place, names = path.read_bytes(), 0, []
    while place < len(data):
        names.append(data[place + 4 : place + 8].decode())
        place += int.from_bytes(data[place : place + 4], "big")
    return names


def test_h264_yuv420p_faststart(tmp_path: Path) -> None:
    path = sample_video(tmp_path / "a.mp4", 0.5, 20)
    with av.open(str(path)) as container:
        context = container.streams.video[0].codec_context
        assert (context.name, context.pix_fmt) == ("h264", "yuv420p")
    order = box_order(path)
    assert order.index("moov") < order.index("mdat")


def grain(seconds: float, fps: int = 10) -> Iterator[Frame]:
    """Frames of which nothing can be saved."""
    random = np.random.default_rng(0)
    for index in range(round(seconds * fps)):
        image = random.integers(0, 255, (96, 128, 3), np.uint8)
        yield Frame(image, index, index / fps)


def test_no_more_bits_than_allowed(tmp_path: Path) -> None:
    for name, rate in (("free.mp4", None), ("bound.mp4", 200e3)):
        with VideoWriter(tmp_path / name, fps=10, bit_rate=rate) as writer:
            for frame in grain(40):
                writer.write(frame.image, frame.time_s)
    assert (tmp_path / "free.mp4").stat().st_size * 8 > 2 * 200e3 * 50
    # The first ten seconds may be saved up for.
    assert (tmp_path / "bound.mp4").stat().st_size * 8 < 200e3 * 52
    with av.open(str(tmp_path / "bound.mp4")) as container:
        assert sum(1 for _ in container.decode(video=0)) == 400


def test_times_are_kept_also_uneven_ones(tmp_path: Path) -> None:
    times = [0.0, 0.033, 0.5, 0.501, 2.0]
    with VideoWriter(tmp_path / "vfr.mp4") as writer:
        for frame, time_s in zip(sample_frames(1, 5), times, strict=True):
            writer.write(frame.image, time_s)
    read = [f.time_s for f in read_frames(tmp_path / "vfr.mp4")]
    np.testing.assert_allclose(read, times, atol=1e-4)


@pytest.mark.parametrize(
    ("suffix", "codec", "expected"), [("mp4", "aac", "aac"), ("mkv", "pcm_s16le", "aac")]
)
@pytest.mark.parametrize(("origin", "end", "length"), [(0.0, None, 2.0), (0.5, 1.5, 1.0)])
def test_sound_follows_the_range(
    tmp_path: Path,
    suffix: str,
    codec: str,
    expected: str,
    origin: float,
    end: float | None,
    length: float,
) -> None:
    source = tone(tmp_path / f"tone.{suffix}", codec)
    with VideoWriter(
        tmp_path / "o.mp4", fps=10, sound_from=source, origin_s=origin, end_s=end
    ) as writer:
        for frame in read_frames(source, start_s=origin, end_s=end):
            writer.write(frame.image, frame.time_s)
    found = streams(tmp_path / "o.mp4")
    assert writer.sound_problem == ""
    assert found["audio"][0] == expected
    assert found["audio"][1] == pytest.approx(length, abs=0.15)
    assert found["video"][1] == pytest.approx(length, abs=0.15)


def test_a_source_without_sound_is_no_problem(tmp_path: Path) -> None:
    source = sample_video(tmp_path / "a.mp4", 0.5, 10)
    with VideoWriter(tmp_path / "o.mp4", sound_from=source) as writer:
        writer.write(np.zeros((48, 64, 3), np.uint8), 0.0)
    assert set(streams(tmp_path / "o.mp4")) == {"video"}
    assert writer.sound_problem == ""


def stopped_half_way(path: Path) -> Never:
    with VideoWriter(path) as writer:
        writer.write(np.zeros((48, 64, 3), np.uint8), 0.0)
        raise RuntimeError("stop")


def test_nothing_is_left_after_an_error(tmp_path: Path) -> None:
    with pytest.raises(RuntimeError, match="stop"):
        stopped_half_way(tmp_path / "o.mp4")
    assert list(tmp_path.iterdir()) == []


def test_no_frame_no_file(tmp_path: Path) -> None:
    with VideoWriter(tmp_path / "o.mp4"):
        pass
    with pytest.raises(VideoError, match="no frame"):
        write_frames(tmp_path / "o.mp4", iter(()))
    assert list(tmp_path.iterdir()) == []


@pytest.mark.skipif(not os.path.exists("/dev/full"), reason="/dev/full is a Linux device")  # noqa: PTH110
def test_a_gap_that_no_mp4_can_hold_is_said(tmp_path: Path) -> None:
    path = tmp_path / "a.mp4"
    image = np.full((48, 64, 3), 99, np.uint8)
    with VideoWriter(path) as writer:
        writer.write(image, 0.0)
        writer.write(image, 6 * 3600.0)
    assert [frame.time_s for frame in read_frames(path)] == [0.0, 6 * 3600.0]
    gap = (Frame(image, i, time_s) for i, time_s in enumerate((0.0, 7 * 3600.0)))
    with pytest.raises(OutputError, match="six hours"):
        write_frames(tmp_path / "b.mp4", gap, 1.0)


def test_full_disk_says_so(tmp_path: Path) -> None:
    (tmp_path / ".o.part.mp4").symlink_to("/dev/full")
    noise = np.random.default_rng(0).integers(0, 255, (40, 480, 640, 3), np.uint8)
    frames = (Frame(image, i, i / 30) for i, image in enumerate(noise))
    with pytest.raises(OutputError, match="disk is full"):
        write_frames(tmp_path / "o.mp4", frames)
    assert list(tmp_path.iterdir()) == []


def test_folder_that_is_not_there(tmp_path: Path) -> None:
    with (
        pytest.raises(OutputError, match=r"o\.mp4"),
        VideoWriter(tmp_path / "no" / "o.mp4") as writer,
    ):
        writer.write(np.zeros((48, 64, 3), np.uint8), 0.0)


def test_a_clip_in_a_row_is_as_long_as_its_parts(tmp_path: Path) -> None:
    source = sample_video(tmp_path / "a.mp4", 1.0, 10)
    long = repeat_video(source, tmp_path / "long.mp4", 3)
    report = ReadReport()
    times = [frame.time_s for frame in read_frames(long, report=report)]
    assert times == pytest.approx(np.arange(30) / 10, abs=0.02)
    assert not report.failed


def test_sound_whose_stamps_stand_still_does_not_cost_the_clip(tmp_path: Path) -> None:
    source, odd = tone(tmp_path / "tone.mkv", "aac"), tmp_path / "odd.mkv"
    with av.open(str(source)) as given, av.open(str(odd), "w") as changed:
        track = given.streams.audio[0]
        target = changed.add_stream_from_template(track)
        for packet in given.demux(track):
            if packet.pts is not None:
                packet.pts = packet.dts = packet.pts // 200 * 200
                packet.stream = target
                changed.mux(packet)
    with VideoWriter(tmp_path / "o.mp4", fps=10, sound_from=odd) as writer:
        for frame in read_frames(source):
            writer.write(frame.image, frame.time_s)
    assert writer.frames == 20
    assert streams(tmp_path / "o.mp4")["audio"][1] == pytest.approx(2, abs=0.3)


@pytest.mark.parametrize("size", [(1, 1), (2, 2), (15, 40)])
def test_the_smallest_picture_is_padded_for_the_encoder(
    tmp_path: Path, size: tuple[int, int]
) -> None:
    with VideoWriter(tmp_path / "o.mp4") as writer:
        writer.write(np.zeros((*size, 3), np.uint8), 0.0)
    (frame,) = read_frames(tmp_path / "o.mp4")
    assert frame.image.shape[:2] == (16, max(16, size[1]))
