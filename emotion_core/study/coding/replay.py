"""From the keys that a coder pressed in one clip to codes; every key can be undone.

The keys are the record: codes are computed from them each time, so that a key is one row of a table
and nothing is ever changed in place.
"""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from enum import StrEnum
from typing import Final

from emotion_core.study.coding.scheme import CANNOT_TELL, CodeKind

MOST_INTENSE: Final = 5
# Shorter than a frame of any camera: a stretch that was begun and ended at one time.
_SHORTEST_S: Final = 1e-3
# A player stops up to a frame after the end of the clip: nothing to report.
_TOLERANCE_S: Final = 0.1


class Action(StrEnum):
    """What a key does."""

    CODE = "code"  # a moment, or the start of a stretch, or the end of the one that runs
    CANNOT_TELL = "cannot_tell"  # as a stretch
    END = "end"  # of everything that runs
    INTENSITY = "intensity"  # of what runs, else of the newest code
    NOTE = "note"  # on the code `target`, or on the clip
    DELETE = "delete"  # the code `target`
    UNDO = "undo"  # the last key that changed anything


@dataclass(frozen=True, slots=True)
class Key:
    """A key that was pressed.

    Attributes:
        id: unique; a key that arrives twice counts once.
        action: what it does.
        time_s: where the player was, seconds on the clock of the video.
        code, kind, exclusive: of the category, as the scheme was at that moment.
        value: an intensity, 1 to 5; 0 takes it away.
        target: id of a code.
        text: of a note.
    """

    id: str
    action: Action
    time_s: float = 0.0
    code: str = ""
    kind: CodeKind = CodeKind.STRETCH
    exclusive: bool = True
    value: int = 0
    target: str = ""
    text: str = ""


@dataclass(frozen=True, slots=True)
class Code:
    """One code of one coder.

    Attributes:
        id: that of the key which began it.
        code: "" where the coder cannot tell.
        start_s, end_s: seconds on the clock of the video; equal for a moment.
        cannot_tell: the coder cannot tell.
        intensity: 1 to 5; 0: none given.
        note: of the coder.
        running: it has not been ended yet; `end_s` is not known.
    """

    id: str
    code: str
    start_s: float
    end_s: float
    kind: CodeKind = CodeKind.STRETCH
    cannot_tell: bool = False
    intensity: int = 0
    note: str = ""
    running: bool = False
    exclusive: bool = True


@dataclass(frozen=True, slots=True)
class ClipCodes:
    """What a coder has coded in a clip.

    Attributes:
        codes: in the order in which they were made.
        note: on the clip.
        problems: sentences for the coder.
        can_undo: a key has changed something that can be taken back, even if no code is left.
    """

    codes: tuple[Code, ...] = ()
    note: str = ""
    problems: tuple[str, ...] = ()
    can_undo: bool = False

    @property
    def running(self) -> tuple[Code, ...]:
        """The stretches that have not been ended."""
        return tuple(c for c in self.codes if c.running)

    @property
    def newest(self) -> Code | None:
        """What an intensity or a note belongs to: the newest that runs, else the newest."""
        return next(reversed(self.running or self.codes), None)


def replay(keys: Iterable[Key], start_s: float, end_s: float) -> ClipCodes:
    """Codes of a clip from all keys that were pressed in it.

    Args:
        keys: in the order in which they were pressed.
        start_s, end_s: of the clip; times outside of it are moved to its nearest end.
    """
    history = [ClipCodes()]
    for key in keys:
        if key.action is Action.UNDO:
            history = history[:-1] or history
            continue
        after = _applied(history[-1], key, start_s, end_s)
        if after != history[-1]:
            history.append(after)
    return replace(history[-1], can_undo=len(history) > 1)


def finished(clip: ClipCodes, end_s: float) -> ClipCodes:
    """The codes with those that still run ended: where the next stretch begins, else at the end."""
    for code in clip.running:
        starts = [c.start_s for c in clip.codes if not c.running and c.kind is CodeKind.STRETCH]
        later = [s for s in starts if s > code.start_s] if code.exclusive else []
        clip = _ended(clip, code, min(later, default=end_s))
    return replace(clip, codes=tuple(sorted(clip.codes, key=lambda c: (c.start_s, c.end_s))))


def _applied(clip: ClipCodes, key: Key, start_s: float, end_s: float) -> ClipCodes:
    match key.action:
        case Action.CODE | Action.CANNOT_TELL | Action.END:
            time_s = min(max(key.time_s, start_s), end_s)
            after = _coded(clip, key, time_s)
            return _told(after, key, abs(key.time_s - time_s)) if after != clip else clip
        case Action.INTENSITY if clip.newest and 0 <= key.value <= MOST_INTENSE:
            return _changed(clip, clip.newest.id, intensity=key.value)
        case Action.NOTE if key.target:
            return _changed(clip, key.target, note=key.text)
        case Action.NOTE:
            return replace(clip, note=key.text)
        case Action.DELETE:
            return replace(clip, codes=tuple(c for c in clip.codes if c.id != key.target))
    return clip


def _told(clip: ClipCodes, key: Key, outside_s: float) -> ClipCodes:
    if outside_s <= _TOLERANCE_S:
        return clip
    name = key.code or (CANNOT_TELL if key.action is Action.CANNOT_TELL else "an end")
    words = f"“{name}” was coded {outside_s:.1f} s outside of the clip: it was moved to its edge."
    return replace(clip, problems=(*clip.problems, words))


def _changed(clip: ClipCodes, code_id: str, **values: object) -> ClipCodes:
    codes = tuple(replace(c, **values) if c.id == code_id else c for c in clip.codes)  # type: ignore[arg-type]
    return replace(clip, codes=codes)


def _coded(clip: ClipCodes, key: Key, time_s: float) -> ClipCodes:
    if key.action is Action.CODE and key.kind is CodeKind.MOMENT:
        code = Code(key.id, key.code, time_s, time_s, CodeKind.MOMENT, exclusive=key.exclusive)
        return replace(clip, codes=(*clip.codes, code))
    cannot = key.action is Action.CANNOT_TELL
    new = Code(
        key.id, "" if cannot else key.code, time_s, time_s,
        cannot_tell=cannot, running=True, exclusive=key.exclusive or cannot,
    )  # fmt: skip
    same = [c for c in clip.running if (c.code, c.cannot_tell) == (new.code, new.cannot_tell)]
    if key.action is Action.END:
        ending = list(clip.running)
    else:
        ending = same or [c for c in clip.running if _replaces(new, c)]
    for code in ending:
        clip = _ended(clip, code, time_s)
    begins = not same and key.action is not Action.END
    return replace(clip, codes=(*clip.codes, new)) if begins else clip


def _replaces(new: Code, old: Code) -> bool:
    """Whether two stretches cannot be at one time."""
    return new.exclusive or old.cannot_tell or new.code == old.code


def _ended(clip: ClipCodes, running: Code, time_s: float) -> ClipCodes:
    """A running stretch ended, and what it covers taken from the others: the later one counts."""
    first, last = sorted((running.start_s, time_s))
    whole = replace(running, start_s=first, end_s=last, running=False)
    # Ended where it began, it covers nothing.
    ended = [whole] if last - first >= _SHORTEST_S else []
    at = next(i for i in reversed(range(len(clip.codes))) if clip.codes[i].id == running.id)
    # Every key is replayed with each press: a long clip has thousands of codes elsewhere.
    if not ended or not any(c.end_s > first and c.start_s < last for c in clip.codes):
        return replace(clip, codes=(*clip.codes[:at], *ended, *clip.codes[at + 1 :]))
    codes: list[Code] = []
    for code in clip.codes:
        if code.id == running.id:
            codes += ended
        elif (
            code.end_s <= first
            or code.start_s >= last
            or code.running
            or code.kind is CodeKind.MOMENT
            or not _replaces(whole, code)
        ):
            codes.append(code)
        else:
            codes += _outside(code, first, last)
    return replace(clip, codes=tuple(codes))


def _outside(code: Code, first: float, last: float) -> Iterator[Code]:
    """The parts of a stretch that another one, which overlaps it, does not cover."""
    if first - code.start_s >= _SHORTEST_S:
        yield replace(code, end_s=first)
    if code.end_s - last >= _SHORTEST_S:
        rest_id = f"{code.id}~{last:.3f}" if code.start_s < first else code.id
        yield replace(code, id=rest_id, start_s=last)
