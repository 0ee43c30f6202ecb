"""A stream's own clock, which never runs backward and never stops for long."""

import math
from typing import Final

# A step back in time of more than this means that the source was wound back.
REWOUND_S: Final = 1.0
# A clock that does not advance for so many frames is ignored; each then takes this long.
MOST_STILL: Final = 5
USUAL_STEP_S: Final = 1 / 30


class StreamClock:
    """Turns the times that frames carry into times that can be measured with."""

    def __init__(self) -> None:
        self._time_s = -math.inf
        self._ahead_s, self._stood_still = 0.0, 0

    def reset(self) -> None:
        """Begin another stream."""
        self._time_s = -math.inf
        self._ahead_s, self._stood_still = 0.0, 0

    def wind_back(self, time_s: float) -> bool:
        """Whether a frame's time says that the source was wound back; the clock follows it then."""
        if time_s + self._ahead_s >= self._time_s - REWOUND_S:
            return False
        self._time_s = time_s + self._ahead_s
        return True

    def advance(self, time_s: float) -> float:
        """The time of the next frame in seconds, never smaller than before."""
        time_s += self._ahead_s
        self._stood_still = self._stood_still + 1 if time_s <= self._time_s else 0
        if self._stood_still > MOST_STILL:
            # Frames without times, or a broken clock: nothing would ever be looked for again.
            self._ahead_s += USUAL_STEP_S
            time_s += USUAL_STEP_S
        self._time_s = max(self._time_s, time_s)
        return self._time_s
