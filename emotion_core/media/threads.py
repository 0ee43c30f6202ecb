"""How many threads OpenCV and FFmpeg's decoders may use in this process."""

from typing import Any

import cv2

# 0 leaves it to FFmpeg: one for each core.
_decoder_threads = 0


def limit_threads(count: int) -> None:
    """Let the libraries use so many threads each; for videos that are opened from now on.

    Pictures and readings do not depend on it. Encoders keep their own number, because the bytes of
    a clip do.
    """
    global _decoder_threads
    cv2.setNumThreads(count)
    _decoder_threads = count


def apply_limit(stream: Any) -> None:
    """Set the number of threads of a PyAV video stream, before its first packet."""
    if _decoder_threads:
        stream.codec_context.thread_count = _decoder_threads
