"""Which video is next, and in which folder: the same folders as if they were read in order.

Where names collide, the first gets the plain folder and the others one with a hash. A video whose
name an earlier one shares therefore waits until that one's folder is known, and a second copy of
the same video until the first is done. Starts no process and reads no video.
"""

from collections import Counter, deque
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from emotion_core.batch.folders import FolderOf
from emotion_core.batch.outcomes import failure
from emotion_core.progress import Event
from emotion_core.results.paths import safe_name
from emotion_core.video.analyze import Source

TRIES: Final = 2


@dataclass(frozen=True, slots=True)
class Examine:
    """Open a video and hash its bytes."""

    number: int
    path: Path


@dataclass(frozen=True, slots=True)
class Analyse:
    """Analyse an examined video into its folder."""

    number: int
    source: Source
    folder: Path

    @property
    def path(self) -> Path:
        """The video."""
        return self.source.path


@dataclass(frozen=True, slots=True)
class Refuse:
    """No folder can be given to this video."""

    number: int
    outcome: Event


Step = Examine | Analyse


class Schedule:
    """The videos of one run that are not finished.

    Args:
        videos: number → path, numbers ascending.
        folder_of: where the results of each go.
    """

    def __init__(self, videos: Mapping[int, Path], folder_of: FolderOf) -> None:
        self._videos, self._folder_of = dict(videos), folder_of
        self._waiting = deque(videos)
        self._examined: dict[int, Source] = {}
        self._again: list[Analyse] = []
        # Safe name → the videos of that name without a folder, in order; only the first of them
        # can be given one.
        self._unnamed: dict[str, deque[int]] = {}
        for number, path in videos.items():
            self._unnamed.setdefault(safe_name(path.stem), deque()).append(number)
        self._first_and_examined: set[int] = set()
        self._taken: set[Path] = set()
        self._busy: dict[int, str] = {}
        self._begun: Counter[int] = Counter()

    def next(self) -> Step | Refuse | None:
        """What can be begun now; None where nothing can, or nothing is left to begin."""
        for number in sorted(self._first_and_examined):
            step = self._named(number)
            if step is not None:
                return step
        if self._waiting:
            number = self._waiting.popleft()
            self._begun[number] += 1
            return Examine(number, self._videos[number])
        for step in self._again:
            if _plain(step.folder) not in self._busy.values():
                self._again.remove(step)
                self._begun[step.number] += 1
                self._busy[step.number] = _plain(step.folder)
                return step
        return None

    def examined(self, number: int, source: Source) -> None:
        """A video can be read; `next` gives it a folder."""
        self._examined[number] = source
        self._look_at(safe_name(self._videos[number].stem))

    def ended(self, number: int) -> None:
        """A video has its outcome."""
        self._busy.pop(number, None)
        self._name_is_settled(number)

    def died(self, step: Step) -> bool:
        """The process that worked on a step died; returns whether it will be tried once more.

        It is tried when all others have been begun: the memory may have been too small for several.
        """
        self._busy.pop(step.number, None)
        if self._begun[step.number] >= TRIES:
            return False
        if isinstance(step, Examine):
            self._waiting.append(step.number)
        else:
            self._again.append(step)
        return True

    def _named(self, number: int) -> Analyse | Refuse | None:
        source, path = self._examined[number], self._videos[number]
        try:
            folder = self._folder_of(source, self._taken)
        except Exception as error:
            self.ended(number)
            return Refuse(number, failure(path, error))
        if _plain(folder) in self._busy.values():
            return None
        self._taken.add(folder)
        self._busy[number] = _plain(folder)
        self._name_is_settled(number)
        return Analyse(number, source, folder)

    def _name_is_settled(self, number: int) -> None:
        self._first_and_examined.discard(number)
        self._examined.pop(number, None)
        name = safe_name(self._videos[number].stem)
        if number in (unnamed := self._unnamed[name]):
            unnamed.remove(number)
        self._look_at(name)

    def _look_at(self, name: str) -> None:
        unnamed = self._unnamed[name]
        if unnamed and unnamed[0] in self._examined:
            self._first_and_examined.add(unnamed[0])


def _plain(folder: Path) -> str:
    """For comparison: some file systems do not distinguish capitals."""
    return str(folder).casefold()
