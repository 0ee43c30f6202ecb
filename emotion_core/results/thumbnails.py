"""Small pictures kept while a video is read: each face, and the strongest of each expression."""

from collections.abc import Mapping
from pathlib import Path
from typing import Final

import cv2
import numpy as np

from emotion_core.datatypes import FloatArray, FrameResult, ImageArray
from emotion_core.labels import EXPRESSIONS
from emotion_core.media.photo import read_photo
from emotion_core.results.annotations import Edits
from emotion_core.results.export import output_error
from emotion_core.results.face_table import MIN_MOMENT, FaceTable, Moment

_SIDE_PX: Final = 128
# Half a face more on each side: a face without its surroundings is hard to recognise.
_MARGIN: Final = 0.35
_COVER_GREY: Final = 128


def thumbnail(image_bgr: ImageArray, box_xyxy: FloatArray, side_px: int = _SIDE_PX) -> ImageArray:
    """A square picture of a face with some surroundings.

    Args:
        image_bgr: (H, W, 3) uint8.
        box_xyxy: (4,) pixels.
        side_px: of the result.

    Returns:
        (side_px, side_px, 3) uint8; black where the square leaves the frame.
    """
    left, top, right, bottom = (float(v) for v in box_xyxy)
    half = max(right - left, bottom - top, 2.0) * (0.5 + _MARGIN)
    scale = side_px / (2 * half)
    x, y = (left + right) / 2, (top + bottom) / 2
    # Cut before scaling: warping a whole 4K frame for a stamp would cost milliseconds.
    x0, y0 = max(0, int(x - half)), max(0, int(y - half))
    cut = image_bgr[y0 : int(y + half) + 2, x0 : int(x + half) + 2]
    matrix = np.array(
        [[scale, 0, (x0 - x + half) * scale], [0, scale, (y0 - y + half) * scale]], np.float32
    )
    stamp = cv2.warpAffine(cut, matrix, (side_px, side_px), flags=cv2.INTER_LINEAR)
    return np.asarray(stamp, np.uint8)


def face_in_thumbnail(side_px: int = _SIDE_PX) -> FloatArray:
    """Position of the face in a picture of `thumbnail`: (1, 4) float32 xyxy, pixels."""
    half = side_px / (2 * (1 + 2 * _MARGIN))
    low, high = side_px / 2 - half, side_px / 2 + half
    return np.array([[low, low, high, high]], np.float32)


class MomentKeeper:
    """Remembers, as JPEG bytes, the best picture of each tracklet and of each expression."""

    def __init__(self) -> None:
        self._best: dict[tuple[int, str], tuple[float, bytes]] = {}

    def update(self, image_bgr: ImageArray, result: FrameResult) -> None:
        """Look at one analysed frame; boxes held over a gap do not count."""
        for row in np.flatnonzero(~result.predicted):
            tracklet = int(result.tracklets[row])
            wins = [(tracklet, "", float(result.detection_scores[row]))]
            wins += [
                (tracklet, name, float(p))
                for name, p in zip(EXPRESSIONS, result.probs[row], strict=True)
                if p >= MIN_MOMENT
            ]
            better = [(t, n, v) for t, n, v in wins if v > self._value(t, n)]
            if better:
                stamp = thumbnail(image_bgr, result.boxes[row])
                jpeg = _jpeg(stamp)
                self._best.update({(t, n): (v, jpeg) for t, n, v in better})

    def _value(self, tracklet: int, name: str) -> float:
        return self._best.get((tracklet, name), (-1e9, b""))[0]

    @property
    def best(self) -> Mapping[tuple[int, str], tuple[float, bytes]]:
        """Tracklet and expression ("" for the face as such) → how good the picture is, and the
        picture as JPEG."""
        return self._best

    def add(self, tracklet: int, expression: str, value: float, jpeg: bytes) -> None:
        """Keep a picture that was made elsewhere, unless there is a better one."""
        if value > self._value(tracklet, expression):
            self._best[tracklet, expression] = (value, jpeg)

    def save(self, folder: Path) -> None:
        """Write `<tracklet>.jpg` and `<tracklet>_<expression>.jpg` for each moment.

        Raises:
            OutputError: the folder cannot be written.
        """
        try:
            folder.mkdir(exist_ok=True)
            for old in folder.glob("*.jpg"):
                old.unlink()
            for (tracklet, name), (_, jpeg) in self._best.items():
                (folder / moment_name(tracklet, name)).write_bytes(jpeg)
        except OSError as error:
            raise output_error(folder, error) from error


def person_picture(folder: Path, whole: FaceTable, edits: Edits, track_id: int) -> Path | None:
    """The picture kept of a person; None where there is none, or where the face is hidden.

    Args:
        folder: of the pictures.
        whole: all rows, before the edits.
        edits: whose faces are hidden, and which tracklets were taken apart.
        track_id: of the person.
    """
    rows = np.flatnonzero((edits.parted(whole).track_id == track_id) & ~whole.predicted)
    if edits.hides_face_of(track_id) or not len(rows):
        return None
    best = rows[whole.detection_score[rows].argmax()]
    file = folder / moment_name(int(whole.tracklet[best]))
    return file if file.is_file() else None


def moment_picture(folder: Path, whole: FaceTable, edits: Edits, moment: Moment) -> Path | None:
    """The picture kept of a moment; None where there is none, or where the face is hidden.

    Args:
        folder: of the pictures.
        whole: all rows, before the edits.
        edits: who was merged, taken apart and hidden.
        moment: of the table with the edits applied.
    """
    if edits.hides_face_of(moment.track_id):
        return None
    same = [k for k, v in edits.merged.items() if v == moment.track_id]
    people = edits.parted(whole).track_id
    there = np.flatnonzero(
        (whole.frame == moment.frame) & np.isin(people, [moment.track_id, *same])
    )
    if not len(there):
        return None
    # Of several in one frame, the edits keep the row seen with the most certainty.
    row = max(there, key=lambda i: (not whole.predicted[i], whole.detection_score[i]))
    file = folder / moment_name(int(whole.tracklet[row]), moment.expression)
    return file if file.is_file() else None


def picture_bytes(file: Path, edits: Edits) -> bytes:
    """A kept picture as JPEG; while faces are hidden, the surroundings of its face are covered.

    Who is hidden may be next to somebody who is not.
    """
    data = file.read_bytes()
    if not edits.hides:
        return data
    stamp = read_photo(data)
    hidden = np.full_like(stamp, _COVER_GREY)
    ((x0, y0, x1, y1),) = face_in_thumbnail(stamp.shape[0]).round().astype(int).tolist()
    hidden[y0:y1, x0:x1] = stamp[y0:y1, x0:x1]
    return _jpeg(hidden)


def _jpeg(stamp: ImageArray) -> bytes:
    return cv2.imencode(".jpg", stamp, [cv2.IMWRITE_JPEG_QUALITY, 85])[1].tobytes()


def moment_name(tracklet: int, expression: str = "") -> str:
    """File name of the picture of a tracklet, or of its strongest moment of an expression."""
    return f"{tracklet}_{expression}.jpg" if expression else f"{tracklet}.jpg"
