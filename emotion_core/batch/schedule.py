"""Which video is next, and in which folder: the same folders as if they were read in order.

Where names collide, the first gets the plain folder and the others one with a hash. A video whose
name an earlier one shares therefore waits until that one's folder is known, and a second copy of
the same video until the first is done. Starts no process and reads no video.
"""

from collections import Counter, deque
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

from emotion_core.batch.examined import Examined
from emotion_core.batch.folders import FolderOf
from emotion_core.batch.locations import Location
from emotion_core.batch.outcomes import failure
from emotion_core.progress import Event
from emotion_core.results.paths import safe_name

TRIES: Final = 2
# A machine may leave while it reads a video, which is not the video's fault.
_MOST_BEGINNINGS: Final = 6


@dataclass(frozen=True, slots=True)
class Examine:
    """Open a video and hash its bytes."""

    number: int
    path: Location


@dataclass(frozen=True, slots=True)
class Analyse:
    """Analyse an examined video into its folder."""

    number: int
    source: Examined
    folder: Location

    @property
    def path(self) -> Location:
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

    def __init__(self, videos: Mapping[int, Location], folder_of: FolderOf) -> None:
        self._videos, self._folder_of = dict(videos), folder_of
        self._waiting = deque(videos)
        self._examined: dict[int, Examined] = {}
        self._again: list[Analyse] = []
        # Safe name → the videos of that name without a folder, in order; only the first of them
        # can be given one.
        self._unnamed: dict[str, deque[int]] = {}
        for number, path in videos.items():
            self._unnamed.setdefault(safe_name(path.stem), deque()).append(number)
        self._first_and_examined: set[int] = set()
        self._taken: set[Location] = set()
        self._busy: dict[int, str] = {}
        # Kept because asking again means to read from a disk or a store, several times a second.
        self._waits_for: dict[int, str] = {}
        self._begun: Counter[int] = Counter()
        self._innocent: Counter[int] = Counter()

    def next(self, held: int = -1) -> Step | Refuse | None:
        """What can be begun now; None where nothing can, or nothing is left to begin.

        Args:
            held: the number of the video that the asking worker has at hand; it comes first.
        """
        for number in sorted(self._first_and_examined, key=lambda n: (n != held, n)):
            if self._waits_for.get(number) in self._busy.values():
                continue
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

    def examined(self, number: int, source: Examined) -> None:
        """A video can be read; `next` gives it a folder."""
        self._examined[number] = source
        self._look_at(safe_name(self._videos[number].stem))

    def ended(self, number: int) -> None:
        """A video has its outcome."""
        self._busy.pop(number, None)
        self._name_is_settled(number)

    def died(self, step: Step, innocent: bool = False) -> bool:
        """The process that worked on a step died; returns whether it will be tried once more.

        It is tried when all others have been begun: the memory may have been too small for several.

        Args:
            step: the work that was lost.
            innocent: the whole machine left; does not count as a try of the video.
        """
        self._busy.pop(step.number, None)
        self._innocent[step.number] += innocent
        begun = self._begun[step.number]
        if begun - self._innocent[step.number] >= TRIES or begun >= _MOST_BEGINNINGS:
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
            self._waits_for[number] = _plain(folder)
            return None
        self._taken.add(folder)
        self._busy[number] = _plain(folder)
        self._name_is_settled(number)
        return Analyse(number, source, folder)

    def _name_is_settled(self, number: int) -> None:
        self._first_and_examined.discard(number)
        self._examined.pop(number, None)
        self._waits_for.pop(number, None)
        name = safe_name(self._videos[number].stem)
        if number in (unnamed := self._unnamed[name]):
            unnamed.remove(number)
        self._look_at(name)

    def _look_at(self, name: str) -> None:
        unnamed = self._unnamed[name]
        if unnamed and unnamed[0] in self._examined:
            self._first_and_examined.add(unnamed[0])


def _plain(folder: Location) -> str:
    """For comparison: some file systems do not distinguish capitals."""
    return str(folder).casefold()
