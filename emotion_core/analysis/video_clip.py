"""The pictures that an analysis shows: the annotated clip, and the newest frame while it runs."""

import contextlib
from collections.abc import Iterator
from pathlib import Path
from typing import Final

import cv2
import numpy as np

from emotion_core.analysis.folders import PREVIEW
from emotion_core.config import OverlaySettings
from emotion_core.datatypes import Frame, FrameResult, ImageArray
from emotion_core.media.handover import WriteBehind
from emotion_core.media.write import VideoWriter
from emotion_core.vision.overlay import draw_overlay

# The clip is for watching: larger pictures cost encoding time and play badly.
_CLIP_SIDE: Final = 1920
_PREVIEW_SIDE: Final = 640
_OVERLAY: Final = OverlaySettings()
Shown = tuple[Frame, FrameResult]


def drawn(frame: Frame, result: FrameResult) -> ImageArray:
    """(H, W, 3) uint8 BGR of its own with the boxes; the longer side has at most 1,920 pixels."""
    return _shrunk(draw_overlay(frame.image, result, _OVERLAY), _CLIP_SIDE)


@contextlib.contextmanager
def annotating(writer: VideoWriter) -> Iterator[WriteBehind[Shown]]:
    """While open, what is put in is drawn and encoded by a thread beside the analysis.

    The file is finished at the end of the block, and removed where the block is left by an error.

    Raises:
        OutputError: the file cannot be written; by the `put` after it happened, or at the end.
    """

    def write(shown: Shown) -> None:
        writer.write(drawn(*shown), shown[0].time_s)

    with writer, WriteBehind(write) as behind:
        yield behind


def write_preview(folder: Path, frame: Frame, result: FrameResult) -> None:
    """Keep a small picture; one that cannot be written must not stop an analysis."""
    small = _shrunk(drawn(frame, result), _PREVIEW_SIDE)
    jpeg = cv2.imencode(".jpg", small, [cv2.IMWRITE_JPEG_QUALITY, 80])[1]
    part = folder / f".{PREVIEW}.part"
    with contextlib.suppress(OSError):
        part.write_bytes(jpeg.tobytes())
        part.replace(folder / PREVIEW)


def _shrunk(image_bgr: ImageArray, longest: int) -> ImageArray:
    height, width = image_bgr.shape[:2]
    factor = longest / max(height, width)
    if factor >= 1:
        return image_bgr
    size = (max(2, round(width * factor)), max(2, round(height * factor)))
    return np.asarray(cv2.resize(image_bgr, size, interpolation=cv2.INTER_AREA), np.uint8)
