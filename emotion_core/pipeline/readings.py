"""What was last read of each face, smoothed over time; shown again while the face is held."""

from collections.abc import Collection
from dataclasses import dataclass

from emotion_core.config import PipelineSettings
from emotion_core.datatypes import FloatArray, IntArray, QualityHint
from emotion_core.pipeline.smoothing import Smoother
from emotion_core.vision.mouth_motion import SpeechDetector


@dataclass(slots=True, eq=False)
class Reading:
    """One face's newest reading.

    Attributes:
        raw, probs: (7,) float32, before and after smoothing.
        hints: why it may be poor.
        speaking: 1, 0, or -1 where that is not known.
    """

    raw: FloatArray
    probs: FloatArray
    hints: tuple[QualityHint, ...]
    speaking: int


class Readings:
    """The newest reading of every face that is followed, by the number of its track.

    Not thread-safe; the pipeline that owns it serves one stream.
    """

    def __init__(self, settings: PipelineSettings) -> None:
        self._smoother, self._speech = Smoother(), SpeechDetector()
        self._newest: dict[int, Reading] = {}
        self.configure(settings)

    def configure(self, settings: PipelineSettings) -> None:
        """Take over new settings; what was read stays."""
        self._smoother.strength = settings.smoothing_strength
        self._smoother.speaking_strength = settings.speaking_smoothing

    def update(
        self,
        numbers: IntArray,
        raw: FloatArray,
        hints: tuple[tuple[QualityHint, ...], ...],
        crops: FloatArray,
        time_s: float,
    ) -> None:
        """Take in the faces seen in a frame.

        Args:
            numbers: (N,) of their tracks.
            raw: (N, 7) probabilities; each row sums to 1.
            hints: N, why a reading may be poor.
            crops: (N, 48, 48, 1) float32 grey, 0 to 255.
            time_s: seconds, not decreasing.
        """
        speaking = self._speech.update(numbers, crops, time_s)
        smoothed = self._smoother.update(numbers, raw, time_s, speaking)
        for row, number in enumerate(numbers.tolist()):
            self._newest[number] = Reading(raw[row], smoothed[row], hints[row], speaking[row])

    def __contains__(self, number: int) -> bool:
        return number in self._newest

    def __getitem__(self, number: int) -> Reading:
        return self._newest[number]

    def keep(self, numbers: Collection[int]) -> None:
        """Forget all other faces: memory stays flat on long videos."""
        self._smoother.keep(numbers)
        self._speech.keep(numbers)
        for number in self._newest.keys() - set(numbers):
            del self._newest[number]

    def reset(self) -> None:
        """Forget all faces."""
        self._smoother.reset()
        self._speech.reset()
        self._newest.clear()
