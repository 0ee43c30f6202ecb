"""How long a pipeline that begins in the middle of a stream needs until it reads like one that has
seen the stream from its start."""

import math
from typing import Final

from emotion_core.config import PipelineSettings
from emotion_core.pipeline.identities import LOOKS_TO_DECIDE
from emotion_core.pipeline.smoothing import time_constant_s
from emotion_core.pipeline.tracklets import LOOK_EVERY_S
from emotion_core.vision.mouth_motion import (
    LONGEST_STEP_S,
    SETTLED_CROPS,
    SHORTEST_STEP_S,
    WINDOW_S,
)
from emotion_core.vision.scan_schedule import Crowd

# Share of the first smoothed value that may be left.
RESIDUE: Final = 1e-3
# Every part of the picture is searched so often before all faces count as found: one scan misses
# one face in five.
SCANS: Final = 2
# However slow the frames are, so many are read before the first one that counts.
LEAST_FRAMES: Final = 10


def settling_s(settings: PipelineSettings, step_s: float) -> float:
    """Seconds of a stream after which nothing depends on where the reading began, as far as that
    is known beforehand; the phase of the detector's searches remains.

    First all faces have to be found. From then on a face may be held over a gap, the smoothed
    probabilities lose their first value, a mouth's movement is judged against the mean of the face,
    and a person is recognised, all at the same time.

    Args:
        settings: of the pipeline.
        step_s: seconds between two analysed frames.
    """
    found_s = SCANS * max(max(crowd.value) for crowd in Crowd)
    strength = max(settings.smoothing_strength, settings.speaking_smoothing or 0.0)
    smoothed_s = -math.log(RESIDUE) * time_constant_s(strength)
    recognised_s = LOOKS_TO_DECIDE * LOOK_EVERY_S
    then_s = max(settings.tracking.max_gap_s, smoothed_s, recognised_s, _speech_s(step_s))
    return max(found_s + then_s, LEAST_FRAMES * step_s)


def _speech_s(step_s: float) -> float:
    """Until speech is told as after a long time; 0 for streams too slow to tell it."""
    if step_s > LONGEST_STEP_S:
        return 0.0
    looked_s = step_s * math.ceil(SHORTEST_STEP_S / step_s)
    return WINDOW_S + SETTLED_CROPS * looked_s
