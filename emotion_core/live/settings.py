"""What a visitor can change while the stream runs, as one frozen value."""

from dataclasses import dataclass, field

from emotion_core.config import OverlaySettings, PipelineSettings
from emotion_core.model.adaptation import Adaptation


@dataclass(frozen=True, slots=True)
class LiveSettings:
    """Everything a live session can be told without restarting its stream."""

    pipeline: PipelineSettings = field(default_factory=PipelineSettings)
    overlay: OverlaySettings = field(default_factory=OverlaySettings)
    # People expect a mirror; analysis always sees the picture as the camera took it.
    mirror: bool = True
    # Pixelate faces in the returned picture.
    hide_faces: bool = False
    # Corrects the network's answers.
    adaptation: Adaptation | None = None
