"""The film of a recording: the analysed frames as H.264, each at the time it arrived."""

import contextlib
from pathlib import Path
from typing import Final

import av
import cv2
import numpy as np

from emotion_core.datatypes import ImageArray
from emotion_core.errors import OutputError
from emotion_core.media.write import VideoWriter, repeat_video, unfinished

# In pieces next to the clip until it is made whole: a server that dies loses a second at most.
_PIECES: Final = "film.mp4"


class Film:
    """One film of one size, whatever size the browser sends: it changes it as the network allows.

    Frames are encoded on the thread that adds them; on a busy computer fewer frames are analysed,
    none waits in a queue.

    Args:
        path: the .mp4 file; it has this name once `close` was called.
        begins_s: time of the first frame.
    """

    def __init__(self, path: Path, begins_s: float) -> None:
        self._path = path
        self._writer = VideoWriter(path.with_name(_PIECES), origin_s=begins_s, pieces=True)
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
        if not rescue_film(self._path):
            raise OutputError("The film could not be finished: is the disk full? Free some space.")


def rescue_film(path: Path) -> bool:
    """Join the pieces of a film next to `path`, also those of a server that died.

    Nothing is decoded: it takes a moment. What cannot be read (nothing but a beginning was written)
    is left in place.

    Returns:
        Whether there is a film at `path` now.
    """
    pieces = path.with_name(_PIECES)
    whole = unfinished(path)
    for found in (pieces, unfinished(pieces)):
        if found.is_file():
            with contextlib.suppress(av.error.FFmpegError, OSError, IndexError):
                repeat_video(found, whole, 1)
                whole.replace(path)
                found.unlink()
            whole.unlink(missing_ok=True)
    return path.is_file()
