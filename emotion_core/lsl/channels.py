"""What an outlet sends of a frame: one person's reading as a row of numbers."""

from typing import Final, NamedTuple

import numpy as np

from emotion_core.datatypes import FloatArray, FrameResult
from emotion_core.labels import EXPRESSIONS
from emotion_core.results.valence_arousal import valence_arousal

# A main person who is not seen for longer than this gives way to the largest face in view.
AWAY_S: Final = 1.0


class Channel(NamedTuple):
    """One channel of the outlet; the names are those of the XDF meta-data specification."""

    label: str
    type: str
    unit: str


CHANNELS: Final[tuple[Channel, ...]] = (
    *(Channel(name, "Expression", "probability") for name in EXPRESSIONS),
    Channel("valence", "Affect", "-1 to 1"),
    Channel("arousal", "Affect", "-1 to 1"),
    Channel("face_found", "Quality", "0 or 1"),
    Channel("unsure", "Quality", "0 or 1"),
    Channel("person", "Identity", "number"),
)
_FACE_FOUND: Final = [channel.label for channel in CHANNELS].index("face_found")


class MainPerson:
    """Chooses whose reading is sent: one person, for as long as that person stays in view.

    Not safe across threads: one thread brings all results of a stream.
    """

    def __init__(self) -> None:
        self._person: int | None = None
        self._seen_s = 0.0

    def row(self, result: FrameResult) -> int | None:
        """The row of the main person in a result; None where that face is not seen in the frame."""
        seen = np.flatnonzero(~result.predicted)
        mine = [int(row) for row in seen if int(result.track_ids[row]) == self._person]
        if not mine and len(seen) and self._gives_way(result.time_s):
            left, top, right, bottom = result.boxes[seen].T
            mine = [int(seen[np.argmax((right - left) * (bottom - top))])]
        if not mine:
            return None
        self._person, self._seen_s = int(result.track_ids[mine[0]]), result.time_s
        return mine[0]

    def _gives_way(self, time_s: float) -> bool:
        return self._person is None or not 0 <= time_s - self._seen_s <= AWAY_S


def sample(result: FrameResult, row: int | None) -> FloatArray:
    """The values of `CHANNELS`, in this order.

    Args:
        result: of one frame.
        row: of the person to send; None: the face is not seen.

    Returns:
        (12,) float32; without a face `face_found` is 0 and all else NaN.
    """
    values = np.full(len(CHANNELS), np.nan, np.float32)
    values[_FACE_FOUND] = 0
    if row is None:
        return values
    count = len(EXPRESSIONS)
    values[:count] = result.probs[row]
    values[count : count + 2] = valence_arousal(result.probs[row])[0]
    values[_FACE_FOUND:] = (1, result.unsure[row], result.track_ids[row])
    return values
