"""The picture that goes back to the visitor: mirrored, hidden, drawn on; and its two formats."""

import functools
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from typing import Final

import av
import cv2
import numpy as np

from emotion_core.config import OverlaySettings
from emotion_core.datatypes import FrameResult, ImageArray
from emotion_core.live.settings import LiveSettings

DrawOverlay = Callable[
    [ImageArray, FrameResult, OverlaySettings, Mapping[int, str] | None], ImageArray
]

# Shown where no picture could be checked for faces. ASCII: OpenCV's own letters know no others.
_PANEL_WORDS: Final = ("Faces are hidden.", "No checked picture yet.")
_PANEL_GREY, _PANEL_INK = 48, 220


@dataclass(frozen=True, slots=True, eq=False)
class Look:
    """How a picture shall look, taken at one moment.

    Attributes:
        settings: what the visitor chose.
        result: newest result, in the camera's own coordinates; None before the first.
        names: identity → name.
        hidden: the camera's picture without recognisable faces, where the settings ask for it; None
            where there is no such picture.
    """

    settings: LiveSettings
    result: FrameResult | None
    names: Mapping[int, str]
    hidden: ImageArray | None = None


def shown_picture(image: ImageArray, look: Look, draw: DrawOverlay) -> ImageArray | None:
    """The picture to show, a new one, or None for the camera's own.

    While faces are hidden, the camera's own picture is never used: without a picture that was
    checked, a panel says so.

    Args:
        image: (H, W, 3) uint8 BGR.
        look: how it shall look.
        draw: puts a result on a copy of an image.
    """
    settings, result = look.settings, look.result
    drawn = result is not None and len(result) > 0 and settings.overlay.show
    if not (drawn or settings.mirror or settings.hide_faces):
        return None
    if settings.hide_faces:
        if look.hidden is None:
            return panel(image.shape[1], image.shape[0])
        image = look.hidden
    if settings.mirror:
        # Flipped before drawing, so that words stay readable.
        image = np.asarray(cv2.flip(image, 1), np.uint8)
    if not drawn or result is None:
        return image
    if settings.mirror:
        result = mirrored(result, image.shape[1])
    return draw(image, result, settings.overlay, look.names)


@functools.lru_cache(maxsize=8)
def panel(width: int, height: int) -> ImageArray:
    """(H, W, 3) uint8 BGR, read-only: says that no picture can be shown while faces are hidden."""
    image = np.full((height, width, 3), _PANEL_GREY, np.uint8)
    scale = min(width / 320, height / 120) / 2
    for row, words in enumerate(_PANEL_WORDS):
        (wide, high), _ = cv2.getTextSize(words, cv2.FONT_HERSHEY_SIMPLEX, scale, 1)
        place = ((width - wide) // 2, height // 2 + round((2 * row - 0.2) * high))
        ink = (_PANEL_INK,) * 3
        cv2.putText(image, words, place, cv2.FONT_HERSHEY_SIMPLEX, scale, ink, 1, cv2.LINE_AA)
    image.flags.writeable = False
    return image


def to_bgr(frame: av.VideoFrame) -> ImageArray:
    """(H, W, 3) uint8 BGR of a decoded frame.

    Every decoder of WebRTC gives YUV 4:2:0 of even size, which OpenCV converts in a third of the
    time; this runs on the event loop that serves all visitors.
    """
    if frame.format.name == "yuv420p" and not (frame.width % 2 or frame.height % 2):
        return np.asarray(cv2.cvtColor(frame.to_ndarray(), cv2.COLOR_YUV2BGR_I420), np.uint8)
    return np.asarray(frame.to_ndarray(format="bgr24"), np.uint8)


def to_frame(image_bgr: ImageArray) -> av.VideoFrame:
    """The opposite of `to_bgr`, in the format that the encoder wants."""
    height, width = image_bgr.shape[:2]
    if width % 2 or height % 2:
        return av.VideoFrame.from_ndarray(image_bgr, format="bgr24")
    planes = np.asarray(cv2.cvtColor(image_bgr, cv2.COLOR_BGR2YUV_I420), np.uint8)
    return av.VideoFrame.from_ndarray(planes, format="yuv420p")


def mirrored(result: FrameResult, width: int) -> FrameResult:
    """The same result in a picture of `width` pixels whose left and right have changed places."""
    boxes = result.boxes.copy()
    boxes[:, [0, 2]] = width - result.boxes[:, [2, 0]]
    return replace(result, boxes=boxes)


def with_expressions_of(result: FrameResult, shown: FrameResult) -> FrameResult:
    """The same faces with the expressions that another result has for the same identities."""
    rows = {int(track_id): row for row, track_id in enumerate(shown.track_ids)}
    pairs = [(i, rows[int(t)]) for i, t in enumerate(result.track_ids) if int(t) in rows]
    if not pairs:
        return result
    probs, unsure = result.probs.copy(), result.unsure.copy()
    for i, row in pairs:
        probs[i], unsure[i] = shown.probs[row], shown.unsure[row]
    return replace(result, probs=probs, unsure=unsure)
