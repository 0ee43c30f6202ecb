import math
from fractions import Fraction
from pathlib import Path

import av
import numpy as np
import pytest
from made_classifiers import Happy

from emotion_core.datatypes import Frame
from emotion_core.media.write import write_frames
from emotion_core.results.paths import CLIP
from emotion_core.video.analyze import Source, analyse_video
from emotion_core.video.clip import LARGEST_CLIP_BYTES, clip_bit_rate
from emotion_core.video.options import VideoOptions


@pytest.mark.parametrize("hours", [0.5, 1, 2, 3])
@pytest.mark.parametrize("sound", [False, True])
def test_hours_stay_playable(hours: float, sound: bool) -> None:
    rate = clip_bit_rate(hours * 3600, sound)
    assert rate is not None
    with_sound = rate + (200e3 if sound else 0)
    assert 0.9 * LARGEST_CLIP_BYTES < with_sound * hours * 3600 / 8 < LARGEST_CLIP_BYTES


@pytest.mark.parametrize("length_s", [-1.0, 0.0, 8.0, 120.0, math.inf])
def test_short_clips_and_unknown_lengths_are_not_bound(length_s: float) -> None:
    assert clip_bit_rate(length_s, True) is None


def test_days_keep_a_picture() -> None:
    assert clip_bit_rate(1e6, True) == 50e3


def test_a_long_clip_is_smaller_in_size_and_bits(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    random = np.random.default_rng(0)
    images = [random.integers(0, 255, (240, 1344, 3), np.uint8) for _ in range(4)]
    frames = (Frame(images[i % 4], i, float(i)) for i in range(40))
    source = write_frames(tmp_path / "long.mp4", frames, 1.0)

    def clip(name: str) -> tuple[int, int]:
        folder = tmp_path / name
        summary = analyse_video(Source(source, "0"), folder, Happy(), VideoOptions(every=20))
        with av.open(str(folder / CLIP)) as container:
            width = container.streams.video[0].codec_context.width
        assert summary["clip"]["frames"] == 40
        return width, (folder / CLIP).stat().st_size

    width, size = clip("free")
    assert width == 1344
    limit = size // 4
    monkeypatch.setattr("emotion_core.video.clip.LARGEST_CLIP_BYTES", limit)
    width, size = clip("bound")
    assert width == 1280
    # A clip of forty seconds may take what it was allowed to save up.
    assert size < 1.25 * limit


def test_a_clip_of_a_camera_that_counts_from_yesterday_begins_with_its_pictures(
    tmp_path: Path,
) -> None:
    source = tmp_path / "late.mkv"
    with av.open(str(source), "w") as container:
        stream = container.add_stream("libx264", rate=25)
        stream.width, stream.height, stream.pix_fmt = 96, 64, "yuv420p"
        for i in range(10):
            frame = av.VideoFrame.from_ndarray(np.full((64, 96, 3), 60, np.uint8), format="bgr24")
            frame.pts, frame.time_base = 108_000_000 + 40 * i, Fraction(1, 1000)
            container.mux(stream.encode(frame))
        container.mux(stream.encode())
    summary = analyse_video(Source(source, "0"), tmp_path / "late", Happy(), VideoOptions())
    assert summary["clip"]["frames"] == 10
    assert summary["clip"]["origin_s"] == pytest.approx(108_000, abs=0.1)
    with av.open(str(tmp_path / "late" / CLIP)) as container:
        assert container.duration is not None
        assert float(container.duration / av.time_base) < 1
