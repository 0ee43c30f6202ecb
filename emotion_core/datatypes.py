"""What flows through the pipeline: a frame in, a row-aligned result out."""

import math
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any

import numpy as np
from numpy.typing import NDArray

from emotion_core.errors import FrameError
from emotion_core.labels import EXPRESSIONS, NUM_EXPRESSIONS

ImageArray = NDArray[np.uint8]
FloatArray = NDArray[np.float32]
IntArray = NDArray[np.int64]
BoolArray = NDArray[np.bool_]
SignArray = NDArray[np.int8]


class QualityHint(StrEnum):
    """Why a reading may be poor. The value is written to faces.csv and JSON."""

    SMALL = "small"
    DARK = "dark"
    BLURRED = "blurred"
    CUT = "cut"
    TURNED = "turned"
    UNUSUAL = "unusual"


@dataclass(frozen=True, slots=True, eq=False)
class Frame:
    """One picture of a stream.

    Attributes:
        image: (H, W, 3) uint8, BGR. Never written to by this package.
        index: position in the source, 0 for the first frame.
        time_s: presentation time in seconds on the source's own clock; finite, not negative. A
            stream whose frames all carry the same time is read as if it had 30 a second.

    Raises:
        FrameError: the array has another shape or type, or the time is not finite.

    Examples:
        >>> import numpy as np
        >>> from emotion_core import Frame
        >>> frame = Frame(np.zeros((480, 640, 3), np.uint8), index=3, time_s=0.1)
        >>> frame.width, frame.height
        (640, 480)
    """

    image: ImageArray
    index: int = 0
    time_s: float = 0.0

    def __post_init__(self) -> None:
        image = self.image
        if not isinstance(image, np.ndarray) or image.dtype != np.uint8:
            got = image.dtype if isinstance(image, np.ndarray) else type(image).__name__
            raise FrameError(f"A frame's image must be a numpy array of uint8, got {got}.")
        if image.ndim != 3 or image.shape[2] != 3 or image.size == 0:
            raise FrameError(
                "A frame's image must have the shape (height, width, 3) in BGR order with at least "
                f"one pixel, got {image.shape}. Convert grey or RGBA pictures with "
                "emotion_core.media.to_bgr first."
            )
        number = isinstance(self.time_s, (int, float, np.integer, np.floating))
        if not (number and math.isfinite(self.time_s) and self.time_s >= 0):
            raise FrameError(
                f"A frame's time must be a finite number of seconds, got {self.time_s}."
            )

    @property
    def height(self) -> int:
        """Pixels from top to bottom."""
        return int(self.image.shape[0])

    @property
    def width(self) -> int:
        """Pixels from left to right."""
        return int(self.image.shape[1])


def _owned(array: NDArray[Any], dtype: type, shape: tuple[int, ...]) -> NDArray[Any]:
    """A read-only array of the given type and shape; a mismatch is a programming error."""
    owned: NDArray[Any] = np.array(array, dtype=dtype).reshape(shape)
    owned.setflags(write=False)
    return owned


@dataclass(frozen=True, slots=True, eq=False)
class FrameResult:
    """What was read from one frame; row i of every field is the same face.

    Attributes:
        index, time_s: as in the frame.
        boxes: (N, 4) float32, xyxy in pixels of the frame: left, top, right, bottom.
        track_ids: (N,) int64, an identity that stays with a person within one pipeline.
        raw_probs: (N, 7) float32, calibrated, not smoothed; each row sums to 1.
        probs: (N, 7) float32, calibrated and smoothed over time; each row sums to 1.
        detection_scores: (N,) float32, the detector's own certainty of the newest detection.
        predicted: (N,) bool, the box is held over a gap: the face was not seen in this frame, and
            its probabilities are those last seen.
        unsure: (N,) bool, the largest probability is below the model's calibrated threshold, or
            the face is turned away or unlike those that the network knows.
        quality: N tuples of hints that explain a poor reading; empty when there is none.
        others: (M, 4) float32 xyxy, where else a face is or may be: people left out because only
            the largest face is read, and candidates that are not announced yet. Code that hides
            faces must hide these too.
        tracklets: (N,) int64, numbers of the uninterrupted tracks that the identities are made of;
            like `track_ids` where they are not given.
        shot: number of the shot that the frame is in, counted from 1.
        speaking: (N,) int8, 1: the mouth moves as in speech, 0: it does not, -1: not known, because
            the face was seen too shortly or less than eight times a second. All -1 where it is not
            given. It is told from the last 1.2 s, without the sound, and lags by some 0.6
            seconds.
        angles: (N,) float32, degrees counter-clockwise by which each head leans, as far as known;
            the network was shown the face turned upright (`crop_faces` with these angles).

    N = 0 is a valid result. All arrays are read-only.

    Examples:
        >>> from emotion_core import Frame, Pipeline, PipelineSettings, sample_photo
        >>> pipeline = Pipeline.load(settings=PipelineSettings.for_photo())
        >>> result = pipeline.process(Frame(sample_photo()))
        >>> len(result), result.probs.shape, result.unsure
        (1, (1, 7), array([False]))
        >>> result.to_dict()["faces"][0]["emotion"]
        'happy'
    """

    index: int
    time_s: float
    boxes: FloatArray
    track_ids: IntArray
    raw_probs: FloatArray
    probs: FloatArray
    detection_scores: FloatArray
    predicted: BoolArray
    unsure: BoolArray
    quality: tuple[tuple[QualityHint, ...], ...] = field(default=())
    others: FloatArray = field(default_factory=lambda: np.empty((0, 4), np.float32))
    tracklets: IntArray = field(default_factory=lambda: np.empty(0, np.int64))
    shot: int = 1
    speaking: SignArray = field(default_factory=lambda: np.empty(0, np.int8))
    angles: FloatArray = field(default_factory=lambda: np.empty(0, np.float32))

    def __post_init__(self) -> None:
        n = len(self.track_ids)
        if not len(self.speaking):
            object.__setattr__(self, "speaking", np.full(n, -1))
        if not len(self.angles):
            object.__setattr__(self, "angles", np.zeros(n, np.float32))
        if not len(self.tracklets):
            object.__setattr__(self, "tracklets", self.track_ids)
        shapes: dict[str, tuple[type, tuple[int, ...]]] = {
            "boxes": (np.float32, (n, 4)),
            "track_ids": (np.int64, (n,)),
            "raw_probs": (np.float32, (n, NUM_EXPRESSIONS)),
            "probs": (np.float32, (n, NUM_EXPRESSIONS)),
            "detection_scores": (np.float32, (n,)),
            "predicted": (np.bool_, (n,)),
            "unsure": (np.bool_, (n,)),
            "tracklets": (np.int64, (n,)),
            "speaking": (np.int8, (n,)),
            "angles": (np.float32, (n,)),
        }
        for name, (dtype, shape) in shapes.items():
            object.__setattr__(self, name, _owned(getattr(self, name), dtype, shape))
        object.__setattr__(self, "others", _owned(self.others, np.float32, (-1, 4)))
        if len(self.quality) != n:
            raise ValueError(f"quality must have one entry for each of {n} faces.")

    def __len__(self) -> int:
        return len(self.track_ids)

    @property
    def labels(self) -> tuple[str, ...]:
        """The most probable expression of each face, also where `unsure`."""
        return tuple(EXPRESSIONS[i] for i in self.probs.argmax(axis=1)) if len(self) else ()

    @property
    def confidences(self) -> FloatArray:
        """(N,) float32, the largest smoothed probability of each face."""
        return self.probs.max(axis=1) if len(self) else np.empty(0, np.float32)

    @classmethod
    def empty(
        cls, index: int, time_s: float, others: FloatArray | None = None, shot: int = 1
    ) -> "FrameResult":
        """The result of a frame without a face, but for those in `others`."""
        none: Any = np.empty(0)
        elsewhere = none if others is None else others
        return cls(
            index, time_s, none, none, none, none, none, none, none, (), elsewhere, shot=shot
        )

    def to_dict(self) -> dict[str, Any]:
        """Plain Python values, ready for JSON: one entry a face under `faces`."""
        faces = [
            {
                "track_id": int(self.track_ids[i]),
                "box_xyxy": [round(float(v), 2) for v in self.boxes[i]],
                "emotion": self.labels[i],
                "confidence": float(self.probs[i].max()),
                "probs": dict(zip(EXPRESSIONS, map(float, self.probs[i]), strict=True)),
                "raw_probs": dict(zip(EXPRESSIONS, map(float, self.raw_probs[i]), strict=True)),
                "detection_score": float(self.detection_scores[i]),
                "predicted": bool(self.predicted[i]),
                "unsure": bool(self.unsure[i]),
                "quality": [hint.value for hint in self.quality[i]],
                "speaking": None if self.speaking[i] < 0 else bool(self.speaking[i]),
            }
            for i in range(len(self))
        ]
        return {"index": self.index, "time_s": self.time_s, "shot": self.shot, "faces": faces}
