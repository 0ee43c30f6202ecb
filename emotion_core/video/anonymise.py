"""Faces hidden in the frames of an analysed video, as a person decided about them."""

from typing import Final

import numpy as np

from emotion_core.datatypes import FloatArray, Frame, ImageArray
from emotion_core.results.annotations import Edits, Hide
from emotion_core.results.face_table import FaceTable
from emotion_core.vision.boxes import as_boxes, expand, from_xywh
from emotion_core.vision.face_hiding import FaceHider

# Somebody is hidden for so long before they were first found, after they were last found, and
# through a gap in between: a face that turns away is lost before it is out of sight.
_AROUND_S: Final = 0.5
_LONGEST_GAP_S: Final = 2.0
# Between two readings a face may move: the box is made larger by this factor.
_BETWEEN: Final = 1.3
# Somebody may be seen only where they were found, and between two finds no further apart than this:
# another face may take the place of one that has left.
_LONGEST_OPEN_GAP_S: Final = 0.5
# The table rounds times to milliseconds.
_SAME_TIME_S: Final = 2e-3


class Anonymiser:
    """Hides the faces that `Edits.hide` names, and every face that cannot be told to be another.

    A frame is searched for faces as `FaceHider` does; one that is found where no visible person
    was read is hidden too. Not thread-safe.

    Args:
        table: all faces of the video, before the edits.
        edits: whose faces are hidden.
    """

    def __init__(self, table: FaceTable, edits: Edits) -> None:
        self._hider = FaceHider()
        table = edits.parted(table)
        hidden = {i: edits.hides_face_of(i) for i in table.people}
        self._hidden = [_Trajectory(table.person(i)) for i in table.people if hidden[i]]
        # A box held over a gap does not tell whose face is there.
        seen = table.rows(~table.predicted)
        everybody = edits.hide is Hide.EVERYBODY
        self._open = [
            _Trajectory(seen.person(i)) for i in seen.people if not (hidden[i] or everybody)
        ]

    def __call__(self, frame: Frame) -> ImageArray:
        """(H, W, 3) uint8 BGR: a copy of the frame's image."""
        hidden = [box for path in self._hidden for box in path.around(frame.time_s)]
        visible = [box for path in self._open for box in path.found_at(frame.time_s)]
        return self._hider.hide(frame.image, as_boxes(hidden), as_boxes(visible))


class _Trajectory:
    """Where one identity was over time."""

    def __init__(self, person: FaceTable) -> None:
        self._times, self._boxes = person.time_s, from_xywh(person.boxes_xywh)

    def around(self, time_s: float) -> list[FloatArray]:
        """The boxes (4,) of the person at a time: the last one, the next one, and in between."""
        after, before_s, after_s = self._neighbours(time_s)
        near = []
        if time_s - before_s <= _AROUND_S:
            near.append(self._boxes[after - 1])
        if after_s - time_s <= _AROUND_S:
            near.append(self._boxes[after])
        if before_s < time_s and after_s - before_s <= _LONGEST_GAP_S:
            near.append(expand(self._between(after, time_s)[None], _BETWEEN)[0])
        return near

    def found_at(self, time_s: float) -> list[FloatArray]:
        """The box (4,) of the person at a time, if they were found then, or shortly before and
        after."""
        after, before_s, after_s = self._neighbours(time_s)
        if time_s - before_s <= _SAME_TIME_S:
            return [self._boxes[after - 1]]
        if after_s - time_s <= _SAME_TIME_S:
            return [self._boxes[after]]
        return [self._between(after, time_s)] if after_s - before_s <= _LONGEST_OPEN_GAP_S else []

    def _neighbours(self, time_s: float) -> tuple[int, float, float]:
        """The row after a time, and the times of the rows before and after; infinite without."""
        after = int(np.searchsorted(self._times, time_s, side="right"))
        before_s = float(self._times[after - 1]) if after else -np.inf
        after_s = float(self._times[after]) if after < len(self._times) else np.inf
        return after, before_s, after_s

    def _between(self, after: int, time_s: float) -> FloatArray:
        before_s, after_s = self._times[after - 1], self._times[after]
        share = np.float32((time_s - before_s) / (after_s - before_s))
        between = (1 - share) * self._boxes[after - 1] + share * self._boxes[after]
        return np.asarray(between, np.float32)
