"""An open, honest, real-time facial-expression lab: `Frame` in, `FrameResult` out of `Pipeline`."""

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from emotion_core.datatypes import Frame, FrameResult
    from emotion_core.pipeline.pipeline import Pipeline

__all__ = ["Frame", "FrameResult", "Pipeline"]

# Imported when first asked for: `python -m emotion_core --help` must not wait for OpenCV.
_HOMES = {
    "Frame": "emotion_core.datatypes",
    "FrameResult": "emotion_core.datatypes",
    "Pipeline": "emotion_core.pipeline.pipeline",
}


def __getattr__(name: str) -> Any:
    if name not in _HOMES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(_HOMES[name]), name)


def __dir__() -> list[str]:
    return sorted([*globals(), *__all__])
