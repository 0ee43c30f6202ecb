"""Praat's TextGrid files (Boersma & Weenink), written in the long text format, read in any."""

import math
import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

from emotion_core.errors import InputError
from emotion_core.interchange.document import (
    Document,
    Span,
    Tier,
    Written,
    beyond_end,
    lane_names,
    lanes,
    unique_tiers,
)

# In both text formats only quoted texts, flags and numbers between blanks count.
_TOKEN: Final = re.compile(
    r'"((?:[^"]|"")*)"|<(exists|absent)>|(?<!\S)(-?\d+(?:\.\d*)?(?:[eE][-+]?\d{1,3})?)(?!\S)|!.*'
)
_MOST_TIERS: Final = 10_000
# An empty grid must have a length.
_SHORTEST_S: Final = 1.0


@dataclass(frozen=True, slots=True)
class _Row:
    name: str
    points: bool
    spans: list[Span]


def write_textgrid(document: Document) -> Written:
    """Intervals as interval tiers, points as point tiers; overlaps continue on further tiers."""
    rows = _rows(document)
    times = [t for _, span in document.rows() for t in (span.start_s, span.end_s)]
    first = min(0.0, *times) if times else 0.0
    last = max([*times, document.duration_s or 0.0])
    last = last if last > first else first + _SHORTEST_S
    low, high = _seconds(first), _seconds(last)
    lines = ['File type = "ooTextFile"', 'Object class = "TextGrid"', "", f"xmin = {low} "]
    lines += [f"xmax = {high} ", "tiers? <exists> ", f"size = {len(rows)} ", "item []: "]
    for number, row in enumerate(rows, 1):
        kind, words = ("TextTier", "points") if row.points else ("IntervalTier", "intervals")
        entries = list(_points(row.spans) if row.points else _intervals(row.spans, low, high))
        lines += [f"    item [{number}]:", f'        class = "{kind}" ']
        lines += [f"        name = {_quoted(row.name)} ", f"        xmin = {low} "]
        lines += [f"        xmax = {high} ", f"        {words}: size = {len(entries)} "]
        for i, entry in enumerate(entries, 1):
            lines += [f"        {words} [{i}]:", *(f"            {line} " for line in entry)]
    data = ("\n".join(lines) + "\n").encode()
    return Written({f"{document.name}.TextGrid": data}, tuple(beyond_end(document)))


def _rows(document: Document) -> list[_Row]:
    made = []
    for tier in document.tiers:
        stretches = lanes(span for span in tier.spans if not span.is_point)
        points = [span for span in tier.spans if span.is_point]
        made += [(tier, False, spans) for spans in stretches]
        # A tier without content is kept as an empty one.
        made += [(tier, bool(points), points)] if points or not stretches else []
    counts: dict[str, int] = {}
    numbered = []
    for tier, _, _ in made:
        numbered.append((tier, counts.get(tier.name, 0)))
        counts[tier.name] = counts.get(tier.name, 0) + 1
    names = lane_names(document, numbered)
    return [_Row(name, points, spans) for name, (_, points, spans) in zip(names, made, strict=True)]


def _points(spans: list[Span]) -> Iterator[tuple[str, ...]]:
    for span in spans:
        yield f"number = {_seconds(span.start_s)}", f"mark = {_quoted(span.text)}"


def _intervals(spans: list[Span], low: str, high: str) -> Iterator[tuple[str, ...]]:
    """The intervals of a tier, gapless as Praat wants them: what is between has no text."""
    at = low
    for span in spans:
        start, end = _seconds(span.start_s), _seconds(span.end_s)
        if float(start) > float(at):
            yield f"xmin = {at}", f"xmax = {start}", 'text = ""'
        yield f"xmin = {start}", f"xmax = {end}", f"text = {_quoted(span.text)}"
        at = end
    if float(high) > float(at):
        yield f"xmin = {at}", f"xmax = {high}", 'text = ""'


def _quoted(text: str) -> str:
    return '"' + text.replace('"', '""') + '"'


def _seconds(seconds: float) -> str:
    """To the millisecond, rounded as `Span.ms` is: what touches has the same text for Praat."""
    text = f"{round(seconds * 1000) / 1000:.3f}".rstrip("0").rstrip(".")
    return "0" if text == "-0" else text


def is_textgrid(text: str) -> bool:
    """Whether a text is one of Praat's files of a TextGrid."""
    head = text[:300]
    return "ooTextFile" in head and '"TextGrid"' in head


def read_textgrid(text: str, name: str = "") -> Document:
    """The tiers of a TextGrid, long or short format; empty intervals are left out.

    Args:
        text: of the file.
        name: of the file without its suffix.

    Raises:
        InputError: it ends too early, or is not a TextGrid.
    """
    tokens = _Tokens(text)
    if (tokens.text(), tokens.text()) != ("ooTextFile", "TextGrid"):
        raise InputError("It is not a TextGrid of Praat.")
    tokens.number()
    end_s = tokens.number()
    count = int(tokens.number()) if tokens.flag() else 0
    if not 0 <= count <= _MOST_TIERS:
        raise InputError(f"It has {count} tiers.")
    tiers = [_read_tier(tokens) for _ in range(count)]
    return Document(name, unique_tiers(tiers), duration_s=end_s)


def _read_tier(tokens: "_Tokens") -> Tier:
    kind, name = tokens.text(), tokens.text()
    tokens.number(), tokens.number()
    count = int(tokens.number())
    spans = []
    for _ in range(count):
        start_s = tokens.number()
        end_s = start_s if kind == "TextTier" else tokens.number()
        label = tokens.text()
        if kind == "TextTier" or label.strip():
            spans.append(Span(start_s, end_s, label or name))
    return Tier(name, "", tuple(spans), name.rpartition(": ")[0])


class _Tokens:
    """The texts, flags and numbers of a file, one after the other."""

    def __init__(self, text: str) -> None:
        self._found = (m for m in _TOKEN.finditer(text) if not m[0].startswith("!"))

    def _next(self) -> re.Match[str]:
        match = next(self._found, None)
        if match is None:
            raise InputError("It ends before all of its tiers are complete.")
        return match

    def text(self) -> str:
        value = self._next()[1]
        if value is None:
            raise InputError("It is damaged: a text is missing.")
        return value.replace('""', '"')

    def flag(self) -> bool:
        return self._next()[2] == "exists"

    def number(self) -> float:
        value = self._next()[3]
        if value is None:
            raise InputError("It is damaged: a number is missing.")
        if not math.isfinite(number := float(value)):
            raise InputError(f"It is damaged: {value} is not a time.")
        return number
