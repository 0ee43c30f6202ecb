"""One face of a finished analysis, read from the video again."""

from pathlib import Path
from typing import Final

import numpy as np

from emotion_core.datatypes import FloatArray
from emotion_core.errors import InputError
from emotion_core.media.read import read_frames
from emotion_core.vision.crop import crop_faces

# A table's times are rounded to a millisecond.
_ROUNDED_S: Final = 0.002


def face_again(
    video: Path, frame: int, time_s: float, box_xywh: FloatArray, angle: float = 0.0
) -> FloatArray:
    """The face as the network saw it.

    Args:
        video: the one that was analysed.
        frame: index of the frame in it.
        time_s: of this frame.
        box_xywh: (4,) pixels of the upright picture.
        angle: degrees counter-clockwise by which the head leans.

    Returns:
        (48, 48, 1) float32 grey, 0-255.

    Raises:
        InputError: the video has no such frame, or is smaller than the box.
        VideoError: it cannot be read.
    """
    frames = read_frames(video, start_s=max(0.0, time_s - _ROUNDED_S))
    try:
        found = next((f for f in frames if f.index >= frame), None)
    finally:
        frames.close()
    x, y, width, height = (float(v) for v in box_xywh)
    if (
        found is None
        or found.index != frame
        or abs(found.time_s - time_s) > _ROUNDED_S
        or x >= found.image.shape[1]
        or y >= found.image.shape[0]
    ):
        raise InputError(f"The video is not the one that was analysed: frame {frame} differs.")
    box_xyxy = np.array([[x, y, x + width, y + height]], np.float32)
    return crop_faces(found.image, box_xyxy, np.array([angle], np.float32))[0]
