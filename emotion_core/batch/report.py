"""Tells how a run goes, and keeps the outcome of each video."""

from collections.abc import Sequence

from emotion_core.batch.locations import Location
from emotion_core.batch.outcomes import CANCELLED, DONE, FAILED, SKIPPED, short
from emotion_core.progress import Event, Tell
from emotion_core.video.progress import VideoProgress


class Report:
    """The events of one run; numbers are those of the inputs, from 0.

    Args:
        inputs: videos, and the outcomes of paths that lead to none.
        tell: receives the events of `--progress json`.
    """

    def __init__(self, inputs: Sequence[Location | Event], tell: Tell) -> None:
        self.inputs = inputs
        self._tell = tell
        self._outcomes: dict[int, Event] = {}

    def begin(self) -> None:
        """Tell how many inputs there are."""
        self._tell({"event": "start", "files": len(self.inputs)})

    def file_start(self, number: int) -> None:
        """A video's turn has come."""
        self._tell({"event": "file_start", **self._place(number), "file": self._file(number)})

    def progress(self, number: int, folder: Location, progress: VideoProgress) -> None:
        """How far a video is."""
        event = {"event": "progress", **self._place(number), "file": self._file(number)}
        counts = {name: getattr(progress, name) for name in progress.__slots__}
        derived = {"step": progress.step, "fraction": progress.fraction}
        self._tell(event | {"folder": str(folder)} | counts | derived)

    def again(self, number: int, message: str) -> None:
        """A video begins from its start, in another process."""
        event = {"event": "file_again", **self._place(number), "file": self._file(number)}
        self._tell(event | {"message": message})

    def note(self, message: str) -> None:
        """Something that the user should know now; concerns no single video."""
        self._tell({"event": "note", "message": message})

    def file_end(self, number: int, outcome: Event) -> None:
        """Keep and tell what became of an input."""
        self._outcomes[number] = outcome
        self._tell({"event": "file_end", **self._place(number), **short(outcome)})

    def end(self) -> list[Event]:
        """Tell the sums; returns the outcomes in the order of the inputs."""
        outcomes = [self._outcomes[number] for number in range(len(self.inputs))]
        kinds = (DONE, SKIPPED, FAILED, CANCELLED)
        self._tell({"event": "end"} | {k: sum(o["status"] == k for o in outcomes) for k in kinds})
        return outcomes

    def _file(self, number: int) -> str:
        given = self.inputs[number]
        return str(given["file"] if isinstance(given, dict) else given)

    def _place(self, number: int) -> Event:
        return {"number": number, "files": len(self.inputs)}
