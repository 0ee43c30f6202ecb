"""Faces made unrecognisable in a picture that is shown or written, checked by a search for more."""

from typing import Final

import cv2
import numpy as np

from emotion_core.datatypes import FloatArray, ImageArray
from emotion_core.vision import boxes as bx
from emotion_core.vision.cascade import detect, load_cascade, prepare
from emotion_core.vision.detector import SCAN_PX_THOROUGH, STEP_FINE, smallest_face_px
from emotion_core.vision.leaning import ANGLES, QUARTERS, leaning_scan
from emotion_core.vision.scan_schedule import pieces

# Blocks across a face: enough to see that one is there, too few to know whose.
_BLOCKS: Final = 8
# Hair and chin tell much, and a box between two detections is not exact.
_MARGIN: Final = 0.35
# What remains of the differences between the blocks, so that no detector takes a mosaic for a face:
# the cascades pass over windows with little contrast.
_CONTRAST: Final = 0.3
# A photo's detection needs three overlapping windows and a certainty of 1. To be hidden, one window
# is enough: compression of the picture must not turn what was nearly a face into one.
_NEIGHBOURS: Final = 1
# So many frames a find stays hidden, whether or not it is found again.
_HELD_FRAMES: Final = 3
# A find that shares this much of the smaller box with a visible face belongs to it.
_SAME_FACE: Final = 0.5
# A find with sides this many times longer than those of the visible face is another one before it.
_SAME_SIDE: Final = 1.8
# Searches of one picture, each after hiding what the one before found; then all of it is hidden.
_MOST_SEARCHES: Final = 4


def pixelate_faces(image_bgr: ImageArray, boxes_xyxy: FloatArray) -> ImageArray:
    """A copy of the picture with a faint mosaic over each face and its surroundings.

    Args:
        image_bgr: (H, W, 3) uint8.
        boxes_xyxy: (N, 4) float32 pixels; N may be 0, boxes may extend beyond the picture.
    """
    hidden = image_bgr.copy()
    for x0, y0, x1, y1 in _areas(boxes_xyxy, image_bgr.shape):
        hidden[y0:y1, x0:x1] = _mosaic(hidden[y0:y1, x0:x1])
    return hidden


def pixelate_all(image_bgr: ImageArray) -> ImageArray:
    """The whole picture as a faint mosaic, for when it is unknown where the faces are."""
    return _mosaic(image_bgr)


class FaceHider:
    """Hides every face of a picture: those that are known, and all that a search finds.

    The search covers at least what the detector finds at its settings for photos
    (`PipelineSettings.for_photo`): the same scans, upright and leaning, with lower thresholds. The
    picture that is returned has itself been searched without result, or is a mosaic as a whole. A
    search of 640×480 pixels takes 250 to 700 ms. Not thread-safe: one instance a stream.
    """

    def __init__(self) -> None:
        self._cascade = load_cascade()

    def hide(
        self, image_bgr: ImageArray, known_xyxy: FloatArray, open_xyxy: FloatArray | None = None
    ) -> ImageArray:
        """A copy of the picture without a recognisable face, but for those that may be seen.

        Args:
            image_bgr: (H, W, 3) uint8.
            known_xyxy: (N, 4) float32 pixels, faces that are known; N may be 0.
            open_xyxy: (K, 4) float32 pixels, faces that stay visible unless a hidden one covers
                them; None: there are none.
        """
        opened = bx.as_boxes(() if open_xyxy is None else open_xyxy)
        boxes = bx.as_boxes(known_xyxy)
        hidden = pixelate_faces(image_bgr, boxes)
        for _ in range(_MOST_SEARCHES):
            found = _others(self.search(hidden), opened)
            if not len(found):
                return hidden
            boxes = np.concatenate([boxes, found])
            # From the original: a mosaic of a mosaic would let a second box show its edges.
            hidden = pixelate_faces(image_bgr, boxes)
        return pixelate_all(image_bgr)

    def search(self, image_bgr: ImageArray) -> FloatArray:
        """(N, 4) float32 xyxy: everything in (H, W, 3) uint8 BGR that may be a face, upright,
        leaning or lying."""
        height, width = image_bgr.shape[:2]
        found = [leaning_scan(self._cascade, image_bgr, angle) for angle in (*ANGLES, *QUARTERS)]
        for piece in pieces(width, height, smallest_face_px(image_bgr.shape, thorough=True)):
            x0, y0, x1, y1 = piece.box
            prepared = prepare(
                image_bgr[y0:y1, x0:x1], face_px=piece.face_px, work_px=SCAN_PX_THOROUGH
            )
            boxes, _ = detect(self._cascade, prepared, step=STEP_FINE, neighbours=_NEIGHBOURS)
            found.append(boxes + np.array([x0, y0, x0, y0], np.float32))
        return np.concatenate(found)


class StreamFaceHider:
    """Hides every face of the frames of a stream, with one search a frame.

    What a search finds stays hidden for the next frames too. Searching every other size in turn
    would take half of the time, but showed a newcomer in one frame of a hundred. Not thread-safe:
    one instance a stream.
    """

    def __init__(self) -> None:
        self._hider = FaceHider()
        self._held: list[FloatArray] = []

    def hide(self, image_bgr: ImageArray, known_xyxy: FloatArray) -> ImageArray:
        """A copy of the next frame without a recognisable face.

        Args:
            image_bgr: (H, W, 3) uint8.
            known_xyxy: (N, 4) float32 pixels, faces that are known; N may be 0.
        """
        hidden = pixelate_faces(image_bgr, np.concatenate([bx.as_boxes(known_xyxy), *self._held]))
        found = self._hider.search(hidden)
        self._held = [*self._held, found][-_HELD_FRAMES:]
        return pixelate_faces(hidden, found) if len(found) else hidden


def _others(found: FloatArray, opened: FloatArray) -> FloatArray:
    """The found faces that are none of those that stay visible."""
    if not len(found) or not len(opened):
        return found
    # A part of a visible face, such as a mouth, can look like a face too.
    shared = bx.covered_matrix(found, opened) >= _SAME_FACE
    larger = bx.area(found)[:, None] > _SAME_SIDE**2 * bx.area(opened)[None, :]
    return found[~(shared & ~larger).any(axis=1)]


def _areas(boxes_xyxy: FloatArray, shape: tuple[int, ...]) -> list[tuple[int, int, int, int]]:
    """The part of a picture of shape (H, W, 3) to hide for each box; none outside the picture."""
    height, width = shape[:2]
    around = bx.clip_boxes(bx.expand(boxes_xyxy, 1 + 2 * _MARGIN), width, height)
    corners = np.concatenate([np.floor(around[:, :2]), np.ceil(around[:, 2:])], axis=1)
    return [
        (x0, y0, x1, y1) for x0, y0, x1, y1 in corners.astype(int).tolist() if x1 > x0 and y1 > y0
    ]


def _mosaic(part: ImageArray) -> ImageArray:
    height, width = part.shape[:2]
    small = cv2.resize(part, (_BLOCKS, _BLOCKS), interpolation=cv2.INTER_AREA).astype(np.float32)
    mean = small.mean(axis=(0, 1))
    faint = np.rint(mean + _CONTRAST * (small - mean)).astype(np.uint8)
    return np.asarray(cv2.resize(faint, (width, height), interpolation=cv2.INTER_NEAREST), np.uint8)
