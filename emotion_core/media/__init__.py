"""Read and write videos, read photos, and make samples in code.

The names below are imported when first used: a photo needs no FFmpeg, a video no Pillow.
"""

from importlib import import_module
from typing import Any

_HOME = {
    "VideoInfo": "probe",
    "VIDEO_SUFFIXES": "probe",
    "read_frames": "read",
    "FrameSelector": "read",
    "ReadReport": "read",
    "VideoWriter": "write",
    "write_frames": "write",
    "repeat_video": "write",
    "sample_video": "write",
    "write_sample": "write",
    "read_photo": "photo",
    "to_bgr": "photo",
    "sample_photo": "synthetic",
    "sample_frames": "synthetic",
    "sample_boxes": "synthetic",
}
__all__ = list(_HOME)


def __getattr__(name: str) -> Any:
    if name not in _HOME:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(f"{__name__}.{_HOME[name]}"), name)
