"""When every frame of a video is shown, read from its packets without decoding them."""

import math
from dataclasses import dataclass
from pathlib import Path

import av
import numpy as np
from numpy.typing import NDArray

from emotion_core.datatypes import IntArray
from emotion_core.media.probe import clock_offset_s, open_video, video_stream
from emotion_core.media.read import stamps_until


@dataclass(frozen=True, slots=True, eq=False)
class FrameTimes:
    """The frames of a video, in the order in which they are shown.

    Attributes:
        times_s: (N,) float64 seconds on the video's own clock, increasing, as `read_frames` gives
            them.
        keys: (K,) int64, which of them are key frames: the places where decoding can begin.
        ticks: (N,) int64, the same times in the file's own ticks.
    """

    times_s: NDArray[np.float64]
    keys: IntArray
    ticks: IntArray


def frame_times(path: Path) -> FrameTimes | None:
    """The times of all frames; about a second for an hour of video.

    Returns:
        None where the packets do not say it: time stamps are missing or repeated, the clock starts
        again in the middle, or the file is damaged.

    Raises:
        VideoError: the file cannot be opened as a video.
    """
    with open_video(path) as container:
        stream = video_stream(path, container)
        base, offset_s = stream.time_base, clock_offset_s(container)
        try:
            stamps, keys = stamps_until(container, stream, math.inf)
        except (av.error.FFmpegError, OSError):
            return None
    ticks = np.array(stamps, np.int64)
    if not len(ticks) or (np.diff(ticks) <= 0).any():
        return None
    times_s = ticks.astype(np.float64) * base.numerator / base.denominator + offset_s
    if times_s[0] < 0:
        return None
    return FrameTimes(times_s, np.searchsorted(ticks, np.array(sorted(keys), np.int64)), ticks)
