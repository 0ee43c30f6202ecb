"""The interface of face detectors: what they are given, what they return, and the protocol."""

from dataclasses import dataclass, field
from typing import Protocol

import numpy as np
from numpy.typing import ArrayLike

from emotion_core.config import DetectionSettings
from emotion_core.datatypes import BoolArray, FloatArray, ImageArray, IntArray
from emotion_core.vision.boxes import as_boxes
from emotion_core.vision.template_tracking import Appearance


@dataclass(frozen=True, slots=True, eq=False)
class KnownFaces:
    """Where the tracker expects the faces it knows, confirmed or not, in the next frame.

    Attributes:
        boxes: (K, 4) float32 xyxy in pixels of the frame.
        ids: (K,) int64 identities; 0 for a candidate that is not confirmed yet.
        unlooked_s: (K,) float32 seconds since the detector last searched around each face.
        unseen_s: (K,) float32 seconds since each face was last found.
        appearances: one entry a face: what it looked like when the detector last found it. None for
            candidates, and where the detector does not describe faces.
    """

    boxes: FloatArray
    ids: IntArray
    unlooked_s: FloatArray
    unseen_s: FloatArray
    appearances: tuple[Appearance | None, ...]

    @classmethod
    def at(
        cls,
        boxes_xyxy: ArrayLike = (),
        *,
        ids: ArrayLike | None = None,
        unlooked_s: ArrayLike = np.inf,
        unseen_s: ArrayLike = 0.0,
        appearances: tuple[Appearance | None, ...] = (),
    ) -> "KnownFaces":
        """Faces at these boxes; by default confirmed, just seen, and due for a search."""
        boxes = as_boxes(boxes_xyxy)
        count = len(boxes)
        return cls(
            boxes,
            np.arange(1, count + 1) if ids is None else np.asarray(ids, np.int64),
            np.broadcast_to(np.asarray(unlooked_s, np.float32), count),
            np.broadcast_to(np.asarray(unseen_s, np.float32), count),
            appearances or (None,) * count,
        )


@dataclass(frozen=True, slots=True, eq=False)
class Detections:
    """The faces found in one frame.

    Attributes:
        boxes: (N, 4) float32 xyxy in pixels of the frame.
        scores: (N,) float32 certainty on the detector's own scale; NaN where a known face was
            followed by template matching and not detected again.
        agreement: (N,) float32 in [0, 1]: how strongly independent detectors confirm each face. A
            new face is announced only once its agreement suffices; 1 for known faces.
        looked_at: (K,) bool: whether this frame was searched around each known face. A known face
            that was searched for and not found was not visible.
        appearances: one entry a face, for `KnownFaces.appearances` of the frames to come; None
            where there is nothing to remember.
        angles: (N,) float32 degrees counter-clockwise by which each head leans; NaN where it was
            not measured (a face followed by template matching). By default 0.
        turned: (N,) bool: only the side of the face is seen. By default False.
    """

    boxes: FloatArray
    scores: FloatArray
    agreement: FloatArray
    looked_at: BoolArray
    appearances: tuple[Appearance | None, ...]
    angles: FloatArray = field(default_factory=lambda: np.empty(0, np.float32))
    turned: BoolArray = field(default_factory=lambda: np.empty(0, np.bool_))

    def __post_init__(self) -> None:
        if not len(self.angles):
            object.__setattr__(self, "angles", np.zeros(len(self.boxes), np.float32))
        if not len(self.turned):
            object.__setattr__(self, "turned", np.zeros(len(self.boxes), np.bool_))

    @classmethod
    def of(cls, boxes_xyxy: ArrayLike, scores: ArrayLike, known: KnownFaces) -> "Detections":
        """The answer of a detector that searches the whole of every frame.

        Args:
            boxes_xyxy: (N, 4) boxes in pixels of the frame; N may be 0.
            scores: (N,) certainty, larger is more certain.
            known: what the detector was told.
        """
        boxes = as_boxes(boxes_xyxy)
        count = len(boxes)
        return cls(
            boxes,
            np.asarray(scores, np.float32).reshape(count),
            np.ones(count, np.float32),
            np.ones(len(known.boxes), np.bool_),
            (None,) * count,
        )


class FaceDetector(Protocol):
    """Finds the faces of one stream. A pipeline calls one detector from one thread at a time.

    Examples:
        >>> from emotion_core import Detections, Frame, Pipeline, PipelineSettings, sample_photo
        >>> class FixedPlace:
        ...     def update(self, image_bgr, time_s, known):
        ...         return Detections.of([(110, 60, 210, 160)], [1.0], known)
        ...     def reset(self): ...
        ...     def configure(self, settings): ...
        >>> settings = PipelineSettings.for_photo()
        >>> pipeline = Pipeline.load(settings=settings, detector=FixedPlace())
        >>> pipeline.process(Frame(sample_photo())).boxes
        array([[110.,  60., 210., 160.]], dtype=float32)
    """

    def update(self, image_bgr: ImageArray, time_s: float, known: KnownFaces) -> Detections:
        """Find the faces in the next frame.

        Args:
            image_bgr: (H, W, 3) uint8.
            time_s: time of the frame in seconds, never smaller than in the call before.
            known: where known faces are expected. A detector may ignore it.
        """
        ...

    def reset(self) -> None:
        """Forget the stream: the next frame begins another one."""
        ...

    def configure(self, settings: DetectionSettings) -> None:
        """Use other settings from the next frame on."""
        ...
