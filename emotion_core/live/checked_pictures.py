"""What may be shown of a stream while faces are hidden: pictures that were searched for faces."""

import logging
from collections.abc import Callable
from typing import Final

import numpy as np

from emotion_core.datatypes import FloatArray, FrameResult, ImageArray
from emotion_core.vision.face_hiding import StreamFaceHider

logger = logging.getLogger(__name__)

# A checked picture is shown again for so long; then a panel tells that no new one comes.
REPEAT_S: Final = 1.0

HideFaces = Callable[[ImageArray, FloatArray], ImageArray]
"""Returns a copy of a picture (H, W, 3) without recognisable faces; (N, 4) boxes are known."""


class CheckedPictures:
    """Hides the faces of analysed frames and keeps the newest picture that may be shown.

    `hide` runs on the worker thread of the stream; the other methods may be called from any thread.

    Args:
        hide: hides all faces of a frame; None: a `StreamFaceHider`, loaded when first needed.
    """

    def __init__(self, hide: HideFaces | None = None) -> None:
        self._hide = hide
        self._failed = False
        self._newest: tuple[ImageArray, float] | None = None

    def hide(self, image_bgr: ImageArray, result: FrameResult) -> tuple[ImageArray | None, str]:
        """The picture without recognisable faces and "", or None and why there is none."""
        try:
            self._hide = self._hide or StreamFaceHider().hide
            hidden = self._hide(image_bgr, np.concatenate([result.boxes, result.others]))
        except Exception as error:
            if not self._failed:
                logger.exception("Faces could not be hidden; no picture is shown")
            self._failed = True
            return None, f"The faces could not be hidden, so no picture is shown ({error})."
        self._failed = False
        return hidden, ""

    def keep(self, shown_bgr: ImageArray, now_s: float) -> None:
        """Show this picture from now on, until a newer one comes."""
        self._newest = shown_bgr, now_s

    def newest(self, now_s: float) -> ImageArray | None:
        """The picture to show; None where there is none or it is too old."""
        shown, made_s = self._newest or (None, 0.0)
        return shown if now_s - made_s < REPEAT_S else None
