"""The film of a recording: the analysed frames as H.264, each at the time it arrived."""

from pathlib import Path

import cv2
import numpy as np

from emotion_core.datatypes import ImageArray
from emotion_core.media.write import VideoWriter


class Film:
    """One film of one size, whatever size the browser sends: it changes it as the network allows.

    Frames are encoded on the thread that adds them; on a busy computer fewer frames are analysed,
    none waits in a queue.

    Args:
        path: the .mp4 file; it has this name once `close` was called.
        begins_s: time of the first frame.
    """

    def __init__(self, path: Path, begins_s: float) -> None:
        self._writer = VideoWriter(path, origin_s=begins_s)
        self._size: tuple[int, int] | None = None

    def add(self, image_bgr: ImageArray, time_s: float) -> None:
        """Append a frame, scaled to the first one's size.

        Args:
            image_bgr: (H, W, 3) uint8 BGR.
            time_s: increasing seconds on the clock of `begins_s`.

        Raises:
            OutputError: the disk is full.
        """
        height, width = image_bgr.shape[:2]
        self._size = self._size or (width, height)
        if (width, height) != self._size:
            scaled = cv2.resize(image_bgr, self._size, interpolation=cv2.INTER_AREA)
            image_bgr = np.asarray(scaled, np.uint8)
        self._writer.write(image_bgr, time_s)

    def close(self) -> None:
        """Finish the file.

        Raises:
            OutputError: the disk is full.
        """
        self._writer.close()
