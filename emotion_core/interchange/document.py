"""The neutral type of all formats: tiers of labelled stretches and points, in seconds."""

import math
import unicodedata
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Final

from emotion_core.errors import InputError

EXPRESSION: Final = "expression"
SPEAKING: Final = "speaking"
UNSURE: Final = "unsure"
MARKER: Final = "marker"
CODE: Final = "code"
# Kinds of tiers that are ordinary events where they are read into a study.
OWN_KINDS: Final = frozenset({EXPRESSION, SPEAKING, UNSURE, MARKER, CODE})
# How the name of a coder's tier begins, after the person whom it is about.
CODES_OF: Final = "codes of "
# As long as the labels that a study reads from event files.
_LONGEST_LABEL: Final = 200
_NOT_TEXT: Final = frozenset({"Cc", "Cs", "Cn", "Zl", "Zp"})
_MS: Final = 1000
# Milliseconds of this are exact.
_FARTHEST_S: Final = 1e12
# 46 days: ELAN counts milliseconds with 32 bits.
_LATEST_S: Final = 4e6


def one_line(text: str) -> str:
    """A text that every format can hold: one line of at most 200 characters, letters composed.

    Control characters, lone surrogates and unassigned code points become spaces; joiners within
    emoji stay.
    """
    safe = "".join(" " if unicodedata.category(c) in _NOT_TEXT else c for c in text)
    return " ".join(unicodedata.normalize("NFC", safe).split())[:_LONGEST_LABEL].strip()


@dataclass(frozen=True, slots=True)
class Span:
    """A labelled stretch of time, or a point (`end_s` equals `start_s`).

    Attributes:
        start_s, end_s: seconds on the clock of the media.
        label: what happened, one line; an empty one becomes "event".
        intensity: as a human coder gave it, such as 1 to 5; NaN: none.
        note: of a human coder, one line.

    Raises:
        InputError: a time is not a number, or the end is before the start.
    """

    start_s: float
    end_s: float
    label: str
    intensity: float = math.nan
    note: str = ""

    def __post_init__(self) -> None:
        if not (abs(self.start_s) < _FARTHEST_S and abs(self.end_s) < _FARTHEST_S):
            raise InputError(f'"{self.label}": its times must be numbers of seconds.')
        if self.end_s < self.start_s:
            raise InputError(f'"{self.label}" must not end before it starts.')
        object.__setattr__(self, "label", one_line(self.label) or "event")
        object.__setattr__(self, "note", one_line(self.note))

    @property
    def text(self) -> str:
        """The label, with the intensity in parentheses where there is one: "happy (4)"."""
        return self.label if math.isnan(self.intensity) else f"{self.label} ({self.intensity:g})"

    @property
    def ms(self) -> tuple[int, int]:
        """Start and end in whole milliseconds."""
        return round(self.start_s * _MS), round(self.end_s * _MS)

    @property
    def is_point(self) -> bool:
        """Whether it begins and ends in the same millisecond."""
        start, end = self.ms
        return start == end


@dataclass(frozen=True, slots=True)
class Tier:
    """A row of annotations.

    Attributes:
        name: unique within a document, one line.
        kind: EXPRESSION, SPEAKING, UNSURE, MARKER or CODE, or a kind of event of a study.
        spans: sorted by time; they may overlap.
        person: who is seen; "" where it is about the recording.
        coder: who annotated; "" for what was not coded by a person.
    """

    name: str
    kind: str
    spans: tuple[Span, ...] = ()
    person: str = ""
    coder: str = ""

    def __post_init__(self) -> None:
        for name in ("name", "person", "coder"):
            object.__setattr__(self, name, one_line(getattr(self, name)))
        spans = sorted(self.spans, key=lambda s: (s.start_s, s.end_s, s.label))
        object.__setattr__(self, "spans", tuple(spans))


@dataclass(frozen=True, slots=True)
class Document:
    """Everything that is known of one recording.

    Attributes:
        name: of the recording.
        tiers: with unique names.
        media: names of the media files that the times refer to.
        duration_s: length of the media in seconds; None: not known.
        fps: frames a second of the media; None: not known.
        started: wall-clock time, with an offset from UTC, of second 0; None: not known.
        recording: name of the recording in a study; "": it is not part of a study.
        notes: what the user should know about the content, in sentences.
    """

    name: str
    tiers: tuple[Tier, ...] = ()
    media: tuple[str, ...] = ()
    duration_s: float | None = None
    fps: float | None = None
    started: datetime | None = None
    recording: str = ""
    notes: tuple[str, ...] = ()

    def clock_of(self, time_s: float) -> str:
        """Wall-clock time of a second, ISO 8601 with milliseconds and offset; "": not known."""
        if self.started is None:
            return ""
        try:
            return (self.started + timedelta(seconds=time_s)).isoformat(timespec="milliseconds")
        except OverflowError:
            return ""

    def rows(self) -> Iterator[tuple[Tier, Span]]:
        """Every span with its tier, sorted by start, end and tier."""
        pairs = [(tier, span) for tier in self.tiers for span in tier.spans]
        yield from sorted(pairs, key=lambda p: (p[1].start_s, p[1].end_s, p[0].name, p[1].label))


@dataclass(frozen=True, slots=True)
class Written:
    """What a writer made.

    Attributes:
        files: name → content.
        problems: what the format could not hold as it is, in sentences.
    """

    files: Mapping[str, bytes]
    problems: tuple[str, ...] = ()


def lanes(spans: Iterable[Span], point_ms: int = 0) -> list[list[Span]]:
    """Split spans, sorted by time, into as few rows as possible without overlaps in any.

    Args:
        spans: of one tier.
        point_ms: how long a point is in the format.
    """
    rows: list[list[Span]] = []
    ends: list[int] = []
    for span in spans:
        start, end = span.ms
        row = next((i for i, last in enumerate(ends) if last <= start), len(rows))
        if row == len(rows):
            rows.append([])
            ends.append(end)
        rows[row].append(span)
        ends[row] = max(end, start + point_ms)
    return rows


def lane_names(document: Document, rows: Sequence[tuple[Tier, int]]) -> list[str]:
    """Unique names of rows: that of the tier, with a number from the second row on.

    Args:
        document: for the names of all tiers.
        rows: tier and number of the row within it, from 0.
    """
    taken = {tier.name for tier in document.tiers}
    names = []
    for tier, lane in rows:
        name, number = tier.name, lane + 1
        while lane and name in taken:
            name, number = f"{tier.name} ({number})", number + 1
        taken.add(name)
        names.append(name)
    return names


def unique_tiers(tiers: Iterable[Tier]) -> tuple[Tier, ...]:
    """The tiers with names of their own; a repeated name gets a number, an empty one its kind."""
    taken: set[str] = set()
    named = []
    for tier in tiers:
        base = name = tier.name or tier.kind
        number = 1
        while name in taken:
            number += 1
            name = f"{base} #{number}"
        taken.add(name)
        named.append(replace(tier, name=name))
    return tuple(named)


def after_start(document: Document) -> tuple[Document, list[str]]:
    """A document for formats whose clock begins at 0, and what that cost.

    What is entirely before the start is left out, and what reaches over it is cut there. Times of
    more than 46 days are left out, too: they are those of another clock.
    """
    problems, tiers = [], []
    for tier in document.tiers:
        kept = []
        for span in tier.spans:
            start, end = span.ms
            if span.end_s > _LATEST_S:
                problems.append(f"{_told(tier, span)} is on another clock: left out.")
            elif start >= 0:
                kept.append(span)
            elif end > 0:
                kept.append(replace(span, start_s=0.0))
                problems.append(f"{_told(tier, span)} starts before the recording: cut at 0 s.")
            else:
                problems.append(f"{_told(tier, span)} is before the recording: left out.")
        tiers.append(replace(tier, spans=tuple(kept)))
    return replace(document, tiers=tuple(tiers)), problems


def beyond_end(document: Document) -> list[str]:
    """Sentences about what ends after the media; it is written as it is."""
    if document.duration_s is None:
        return []
    # The last frame lasts a little longer than the length that a container gives.
    limit_s = document.duration_s + 1 / (document.fps or 1.0)
    return [
        f"{_told(tier, span)} ends after the recording ({document.duration_s:.3f} s)."
        for tier, span in document.rows()
        if span.end_s > limit_s
    ]


def _told(tier: Tier, span: Span) -> str:
    return f'{tier.name}: "{span.label}" ({span.start_s:.3f}–{span.end_s:.3f} s)'
