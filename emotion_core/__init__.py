"""An open, honest, real-time facial-expression lab.

The names in `__all__` are the public Python API. Every other module is internal and may change
between versions.
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from emotion_core.config import (
        DetectionSettings,
        OverlaySettings,
        PipelineSettings,
        TrackingSettings,
    )
    from emotion_core.datatypes import Frame, FrameResult, QualityHint
    from emotion_core.errors import (
        DatasetError,
        EmotionCoreError,
        FrameError,
        InputError,
        MediaError,
        MissingDependencyError,
        ModelError,
        OutputError,
        PhotoError,
        SettingsError,
        VideoError,
    )
    from emotion_core.labels import EXPRESSIONS
    from emotion_core.media.photo import read_photo
    from emotion_core.media.read import read_frames
    from emotion_core.media.synthetic import sample_frames, sample_photo
    from emotion_core.media.write import sample_video
    from emotion_core.model.adaptation import Adaptation
    from emotion_core.model.adaptation_file import load_adaptation, save_adaptation
    from emotion_core.model.classify import Classifier, load_classifier
    from emotion_core.pipeline.classification import ExpressionClassifier
    from emotion_core.pipeline.pipeline import Pipeline
    from emotion_core.video.api import VideoResult, analyze_video, load_results
    from emotion_core.video.options import VideoKeywords
    from emotion_core.vision.detection import Detections, FaceDetector, KnownFaces
    from emotion_core.vision.overlay import draw_overlay

# Imported when first asked for: `python -m emotion_core --help` must not wait for OpenCV.
_HOMES = {
    "EXPRESSIONS": "labels",
    "Adaptation": "model.adaptation",
    "Classifier": "model.classify",
    "DatasetError": "errors",
    "DetectionSettings": "config",
    "Detections": "vision.detection",
    "EmotionCoreError": "errors",
    "ExpressionClassifier": "pipeline.classification",
    "FaceDetector": "vision.detection",
    "Frame": "datatypes",
    "FrameError": "errors",
    "FrameResult": "datatypes",
    "InputError": "errors",
    "KnownFaces": "vision.detection",
    "MediaError": "errors",
    "MissingDependencyError": "errors",
    "ModelError": "errors",
    "OutputError": "errors",
    "OverlaySettings": "config",
    "PhotoError": "errors",
    "Pipeline": "pipeline.pipeline",
    "PipelineSettings": "config",
    "QualityHint": "datatypes",
    "SettingsError": "errors",
    "TrackingSettings": "config",
    "VideoError": "errors",
    "VideoKeywords": "video.options",
    "VideoResult": "video.api",
    "analyze_video": "video.api",
    "draw_overlay": "vision.overlay",
    "load_adaptation": "model.adaptation_file",
    "load_classifier": "model.classify",
    "load_results": "video.api",
    "read_frames": "media.read",
    "read_photo": "media.photo",
    "sample_frames": "media.synthetic",
    "sample_photo": "media.synthetic",
    "sample_video": "media.write",
    "save_adaptation": "model.adaptation_file",
}
__all__ = [
    "EXPRESSIONS",
    "Adaptation",
    "Classifier",
    "DatasetError",
    "DetectionSettings",
    "Detections",
    "EmotionCoreError",
    "ExpressionClassifier",
    "FaceDetector",
    "Frame",
    "FrameError",
    "FrameResult",
    "InputError",
    "KnownFaces",
    "MediaError",
    "MissingDependencyError",
    "ModelError",
    "OutputError",
    "OverlaySettings",
    "PhotoError",
    "Pipeline",
    "PipelineSettings",
    "QualityHint",
    "SettingsError",
    "TrackingSettings",
    "VideoError",
    "VideoKeywords",
    "VideoResult",
    "analyze_video",
    "draw_overlay",
    "load_adaptation",
    "load_classifier",
    "load_results",
    "read_frames",
    "read_photo",
    "sample_frames",
    "sample_photo",
    "sample_video",
    "save_adaptation",
]


def __getattr__(name: str) -> Any:
    if name not in _HOMES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(f"{__name__}.{_HOMES[name]}"), name)


def __dir__() -> list[str]:
    return sorted([*globals(), *__all__])
