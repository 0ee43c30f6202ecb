"""Moments at which a face has a label that people gave it."""

from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True, slots=True)
class FaceMoment:
    """A face of an analysed frame, and what people saw in it.

    Attributes:
        video: the file that was analysed.
        recording: its name in the study.
        participant: who is seen.
        expression: one of the seven.
        frame: index of the frame in the video.
        time_s: of this frame.
        box_xywh: pixels of the upright picture.
        angle: degrees counter-clockwise by which the head leans.
    """

    video: Path
    recording: str
    participant: str
    expression: str
    frame: int
    time_s: float
    box_xywh: tuple[float, float, float, float]
    angle: float = 0.0
