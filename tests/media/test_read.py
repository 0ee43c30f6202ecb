"""Reading videos: which frames, at what times, of which containers."""

import struct
from fractions import Fraction
from pathlib import Path
from typing import Any

import av
import numpy as np
import pytest
from made_clips import write_clip

from emotion_core.datatypes import Frame
from emotion_core.errors import SettingsError
from emotion_core.media.probe import probe
from emotion_core.media.read import FrameSelector, ReadReport, read_frames
from emotion_core.media.write import VideoWriter, sample_video, write_frames


def test_times_and_indices_of_an_even_clip(clip: Path) -> None:
    frames = list(read_frames(clip))
    assert [f.index for f in frames] == list(range(60))
    np.testing.assert_allclose([f.time_s for f in frames], np.arange(60) / 20, atol=1e-4)
    assert frames[0].image.shape == (480, 640, 3)


def test_variable_frame_rate_keeps_true_times(tmp_path: Path) -> None:
    times = [0, 0.04, 0.5, 0.51, 1.7, 1.74, 3.0]
    path = write_clip(tmp_path / "vfr.mkv", times)
    np.testing.assert_allclose([f.time_s for f in read_frames(path)], times, atol=1e-3)


@pytest.mark.parametrize(
    ("degrees", "shape", "corner"),
    [(0, (48, 64), (2, 2)), (90, (64, 48), (-3, 2)), (180, (48, 64), (-3, -3))],
)
def test_rotation_is_obeyed(
    tmp_path: Path, degrees: int, shape: tuple[int, int], corner: tuple[int, int]
) -> None:
    path = write_clip(tmp_path / "turned.mp4", [0, 0.1, 0.2], rotation=degrees)
    (frame, *_) = read_frames(path)
    assert frame.image.shape[:2] == shape
    assert frame.image[corner].min() > 200
    info = probe(path)
    assert (info.height, info.width) == shape


@pytest.mark.parametrize(
    ("matrix", "shape", "corner"),
    [
        ((-1, 0, 0, 1), (48, 64), (2, -3)),  # mirrored, as by a camera that faces its user
        ((1, 0, 0, -1), (48, 64), (-3, 2)),
        ((0, 1, 1, 0), (64, 48), (2, 2)),
        ((0, -1, -1, 0), (64, 48), (-3, -3)),
    ],
)
def test_a_file_that_mirrors_is_shown_mirrored(
    tmp_path: Path, matrix: tuple[int, ...], shape: tuple[int, int], corner: tuple[int, int]
) -> None:
    """The white corner is at the top left of the stored picture."""
    path = write_clip(tmp_path / "mirrored.mp4", [0, 0.1, 0.2])
    data = bytearray(path.read_bytes())
    a, b, c, d = (value << 16 for value in matrix)
    at = data.index(b"tkhd") + 4 + 40
    data[at : at + 36] = struct.pack(">9i", a, b, 0, c, d, 0, 0, 0, 1 << 30)
    path.write_bytes(data)
    (frame, *_) = read_frames(path)
    assert frame.image.shape[:2] == shape
    assert frame.image[corner].min() > 200
    assert sum(frame.image[y, x].min() > 200 for y in (2, -3) for x in (2, -3)) == 1
    info = probe(path)
    assert (info.height, info.width) == shape


@pytest.mark.parametrize("start_s", [0.0, 0.07, 1.0, 2.9])
def test_a_range_is_the_same_frames_as_in_the_whole(clip: Path, start_s: float) -> None:
    whole = [f for f in read_frames(clip) if start_s <= f.time_s < 2.95]
    part = list(read_frames(clip, start_s=start_s, end_s=2.95))
    assert [(f.index, f.time_s) for f in part] == [(f.index, f.time_s) for f in whole]
    assert all(np.array_equal(a.image, b.image) for a, b in zip(part, whole, strict=True))


def test_range_in_a_file_without_time_stamps(tmp_path: Path) -> None:
    path = write_clip(tmp_path / "old.avi", np.arange(30) / 30, codec="mpeg4")
    whole = [f.index for f in read_frames(path) if f.time_s >= 0.5]
    assert [f.index for f in read_frames(path, start_s=0.5)] == whole
    assert whole


def test_every_and_rate(clip: Path) -> None:
    every = read_frames(clip, selector=FrameSelector(every=7))
    assert [f.index for f in every] == list(range(0, 60, 7))
    rate = [f.time_s for f in read_frames(clip, selector=FrameSelector(rate=5))]
    np.testing.assert_allclose(rate, np.arange(15) / 5, atol=1e-3)


@pytest.mark.parametrize(
    ("rate", "times", "taken"),
    [
        (10.0, [0, 0.05, 0.1, 0.15, 0.2], [0, 2, 4]),
        (100.0, [0, 0.05, 0.1], [0, 1, 2]),
        (2.0, [0, 3, 3.1, 3.6], [0, 1, 3]),
        (1.0, [], []),
    ],
)
def test_rate_follows_the_frames_times(rate: float, times: list[float], taken: list[int]) -> None:
    selector = FrameSelector(rate=rate)
    assert [i for i, t in enumerate(times) if selector.takes(i, t)] == taken


@pytest.mark.parametrize("values", [{"every": 0}, {"rate": 0}, {"every": 2, "rate": 5}])
def test_selector_refuses(values: dict[str, Any]) -> None:
    with pytest.raises(SettingsError):
        FrameSelector(**values)


@pytest.mark.parametrize(("start", "end"), [(2, 1), (-1, None), (float("nan"), None), (1, 1)])
def test_empty_range_is_refused(clip: Path, start: float, end: float | None) -> None:
    with pytest.raises(SettingsError):
        next(read_frames(clip, start_s=start, end_s=end))


def test_range_behind_the_end_yields_nothing(clip: Path) -> None:
    assert list(read_frames(clip, start_s=100)) == []


def test_one_frame_is_a_video(tmp_path: Path) -> None:
    path = write_clip(tmp_path / "one.mp4", [0])
    assert [f.index for f in read_frames(path)] == [0]


def test_negative_times_are_moved_to_zero(tmp_path: Path) -> None:
    path = write_clip(tmp_path / "early.mkv", [-0.2, -0.1, 0, 0.1])
    times = [f.time_s for f in read_frames(path)]
    assert len(times) == 4
    assert times[0] >= 0
    np.testing.assert_allclose(np.diff(times), 0.1, atol=2e-3)


def test_transport_stream_starts_at_zero(tmp_path: Path) -> None:
    path = write_clip(tmp_path / "tv.ts", np.arange(10) / 10, format="mpegts")
    times = [f.time_s for f in read_frames(path)]
    assert times[0] < 0.2
    np.testing.assert_allclose(np.diff(times), 0.1, atol=2e-3)


@pytest.mark.parametrize("rate", [Fraction(1, 1000), 10_000])
def test_absurd_frame_rates_do_not_reach_the_times(tmp_path: Path, rate: Fraction | int) -> None:
    path = tmp_path / "absurd.mkv"
    with av.open(str(path), "w") as container:
        stream = container.add_stream("libx264", rate=rate)
        stream.width, stream.height, stream.pix_fmt = 64, 48, "yuv420p"
        for _ in range(3):
            pixels = np.zeros((48, 64, 3), np.uint8)
            container.mux(stream.encode(av.VideoFrame.from_ndarray(pixels, format="bgr24")))
        container.mux(stream.encode())
    assert probe(path).fps == 25.0
    assert len(list(read_frames(path))) == 3


@pytest.mark.parametrize(
    ("name", "codec"),
    [("a.webm", "libvpx"), ("a.avi", "mpeg4"), ("a.mov", "libx265"), ("a.mkv", "mjpeg")],
)
def test_codecs(tmp_path: Path, name: str, codec: str) -> None:
    path = write_clip(tmp_path / name, np.arange(6) / 30, codec=codec)
    assert len(list(read_frames(path))) == 6


def test_real_clips(shared_media: Path) -> None:
    expected = {
        "one_face_talking.mp4": (115, (336, 596, 3)),
        "one_face_signing.mkv": (77, (480, 640, 3)),
        "face_appears_hevc.mov": (169, (540, 960, 3)),
        "no_face.mp4": (95, (540, 960, 3)),
    }
    for name, (count, shape) in expected.items():
        frames = list(read_frames(shared_media / name))
        assert (len(frames), frames[0].image.shape) == (count, shape)
        assert all(np.diff([f.time_s for f in frames]) > 0)


def test_writer_round_trip_of_size(tmp_path: Path) -> None:
    with VideoWriter(tmp_path / "odd.mp4") as writer:
        writer.write(np.full((31, 33, 3), 90, np.uint8), 0.0)
    (frame,) = read_frames(tmp_path / "odd.mp4")
    assert frame.image.shape == (32, 34, 3)


def test_range_of_a_raw_stream_that_cannot_be_rewound(tmp_path: Path) -> None:
    path = write_clip(tmp_path / "raw.mp4", np.arange(40) / 25, format="h264")
    everything = list(read_frames(path))
    part = list(read_frames(path, start_s=everything[30].time_s))
    assert [f.index for f in part] == [f.index for f in everything[30:]]
    assert [f.time_s for f in part] == [f.time_s for f in everything[30:]]


@pytest.mark.parametrize(("start_s", "handed_out"), [(0.0, [0]), (2.9, [])])
def test_reading_can_be_stopped_between_two_chosen_frames(
    tmp_path: Path, start_s: float, handed_out: list[int]
) -> None:
    # One key frame: the way to a late start leads over all frames before it.
    path = sample_video(tmp_path / "clip.mp4", 3.0, 20.0)
    asked, report = iter([False] * 7 + [True] * 100), ReadReport()
    frames = read_frames(
        path,
        start_s=start_s,
        selector=FrameSelector(every=100_000),
        report=report,
        stop=lambda: next(asked),
    )
    assert [f.index for f in frames] == handed_out
    assert report.stopped
    assert report.frames_seen == 8 + len(handed_out)
    assert not report.cut_short


def stream_file(
    path: Path, codec: str = "libx264", frames: int = 75, fps: int = 25, **options: str
) -> Path:
    """A clip whose frames differ, with a key frame in every twelve."""
    with av.open(str(path), "w", options=options) as container:
        stream = container.add_stream(codec, rate=fps)
        assert isinstance(stream, av.VideoStream)
        stream.width, stream.height, stream.pix_fmt = 96, 64, "yuv420p"
        stream.codec_context.gop_size = 12
        for i in range(frames):
            image = np.full((64, 96, 3), 60, np.uint8)
            image[:, : 1 + i] = 200
            container.mux(stream.encode(av.VideoFrame.from_ndarray(image, format="bgr24")))
        container.mux(stream.encode())
    return path


@pytest.mark.parametrize(
    ("name", "codec", "options"),
    [
        ("a.ts", "libx264", {}),
        ("a.mpg", "mpeg2video", {}),
        ("a.flv", "libx264", {}),
        ("a.mp4", "libx264", {"movflags": "frag_keyframe+empty_moov"}),
        ("a.mkv", "libx264", {}),
        ("a.avi", "mpeg4", {}),
    ],
)
@pytest.mark.parametrize("start_s", [0.3, 0.97, 1.5, 2.2])
def test_a_range_is_a_part_of_the_whole_in_every_container(
    tmp_path: Path, name: str, codec: str, options: dict[str, Any], start_s: float
) -> None:
    path = stream_file(tmp_path / name, codec, **options)
    whole = [(f.index, f.time_s, f.image.sum()) for f in read_frames(path)]
    end_s = start_s + 0.5
    part = [
        (f.index, f.time_s, f.image.sum()) for f in read_frames(path, start_s=start_s, end_s=end_s)
    ]
    assert part == [frame for frame in whole if start_s <= frame[1] < end_s]


def test_joined_broadcasts_follow_one_another(tmp_path: Path) -> None:
    one = stream_file(tmp_path / "one.ts").read_bytes()
    (tmp_path / "two.ts").write_bytes(one + one)
    times = [f.time_s for f in read_frames(tmp_path / "two.ts")]
    assert len(times) == 150
    assert np.diff(times) == pytest.approx(np.full(149, 0.04), abs=0.01)
    later = [f.index for f in read_frames(tmp_path / "two.ts", start_s=4.0)]
    assert later == list(range(later[0], 150))
    assert later[0] in (100, 101)


def test_sound_that_lasts_longer_is_no_damage(tmp_path: Path) -> None:
    path = tmp_path / "long.mkv"
    with av.open(str(path), "w") as container:
        video = container.add_stream("libx264", rate=25)
        video.width, video.height, video.pix_fmt = 96, 64, "yuv420p"
        sound = container.add_stream("pcm_s16le", rate=8000, layout="mono")
        for _ in range(50):
            image = np.full((64, 96, 3), 60, np.uint8)
            container.mux(video.encode(av.VideoFrame.from_ndarray(image, format="bgr24")))
        frame = av.AudioFrame.from_ndarray(np.zeros((1, 64_000), np.int16), "s16", "mono")
        frame.sample_rate, frame.pts = 8000, 0
        container.mux(sound.encode(frame))
        for stream in (video, sound):
            container.mux(stream.encode())
    report = ReadReport()
    assert len(list(read_frames(path, report=report))) == 50
    assert not report.cut_short


@pytest.mark.parametrize("suffix", ["mp4", "mov", "mkv"])
def test_a_clock_that_starts_late_has_an_end_beyond_its_length(tmp_path: Path, suffix: str) -> None:
    """As of a camera that counts from when it was switched on."""
    late = write_clip(tmp_path / f"late.{suffix}", [100 + i / 25 for i in range(100)], (320, 240))
    info = probe(late)
    assert info.start_s == pytest.approx(100, abs=0.1)
    assert info.duration_s == pytest.approx(4, abs=0.15)
    assert info.end_s == pytest.approx(104, abs=0.15)
    report = ReadReport()
    times = [f.time_s for f in read_frames(late, report=report)]
    assert (times[0], times[-1]) == pytest.approx((100, 103.96), abs=0.01)
    assert not report.cut_short


def test_a_file_that_starts_late_and_is_cut_short_is_told(tmp_path: Path) -> None:
    late = tmp_path / "late.mp4"
    write_clip(
        late, [100 + i / 25 for i in range(300)], (320, 240), options={"movflags": "faststart"}
    )
    late.write_bytes(late.read_bytes()[: int(0.6 * late.stat().st_size)])
    report = ReadReport()
    read = [f.time_s for f in read_frames(late, report=report)]
    assert 100 <= read[-1] < 111
    assert report.cut_short


def test_a_slow_time_lapse_is_whole(tmp_path: Path) -> None:
    path = tmp_path / "slow.mp4"
    frames = (Frame(np.full((64, 96, 3), 9 * i, np.uint8), i, 30.0 * i) for i in range(6))
    write_frames(path, frames, 1.0)
    report = ReadReport()
    assert [f.time_s for f in read_frames(path, report=report)] == [0, 30, 60, 90, 120, 150]
    assert not report.cut_short
