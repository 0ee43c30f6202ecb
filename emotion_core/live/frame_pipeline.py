"""What a live stream needs of a pipeline, and the listener that receives its results."""

from collections.abc import Callable
from typing import Protocol

from emotion_core.config import PipelineSettings
from emotion_core.datatypes import Frame, FrameResult, ImageArray
from emotion_core.model.adaptation import Adaptation
from emotion_core.pipeline.identity_resolution import Resolution

Listener = Callable[[FrameResult, float, Callable[[], ImageArray], tuple[int, int]], None]
"""Called on the worker thread with each new result, the steady time its frame arrived, what makes
the picture with the overlay (faces hidden where the visitor hides them), and its width and height.
"""


class FramePipeline(Protocol):
    """What the processor needs of `emotion_core.pipeline.pipeline.Pipeline`."""

    def process(self, frame: Frame) -> FrameResult:
        """Read one frame."""

    def update_settings(self, settings: PipelineSettings) -> None:
        """Take new settings from the next frame on."""

    def update_adaptation(self, adaptation: Adaptation | None) -> None:
        """Correct the network's answers with another adaptation from the next frame on."""

    def start_calibration(self, track_id: int | None = None, seconds: float = 3.0) -> None:
        """Take the expression of the coming seconds as a person's rest; None: of everybody."""

    def resolve_identities(self) -> Resolution:
        """Compare everybody once more, with all that was seen."""
        ...

    def clear_calibration(self, track_id: int | None = None) -> None:
        """Forget what was measured at rest."""

    @property
    def calibration_progress(self) -> dict[int, float]:
        """Identity → 0 to 1 while rest is being measured."""
        ...
