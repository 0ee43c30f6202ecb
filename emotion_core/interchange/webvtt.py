"""WebVTT with one cue for each annotation, written and read."""

import html
import re
from dataclasses import replace
from typing import Final

from emotion_core.errors import InputError
from emotion_core.interchange.document import (
    Document,
    Span,
    Tier,
    Written,
    after_start,
    beyond_end,
    unique_tiers,
)
from emotion_core.results.webvtt import Cue, webvtt_file

# A cue must have a length: a point is shown for this long, and its name says that it is one.
_POINT_SHOWN_S: Final = 1.0
_NAME: Final = re.compile(r"\d+ (.+?)( \(point\))?")
_STAMP: Final = r"(?:(\d{2,6}):)?(\d{2}):(\d{2})[.,](\d{3})"
_TIMES: Final = re.compile(rf"\s*{_STAMP}\s+-->\s+{_STAMP}(?:\s.*)?")
_TAG: Final = re.compile(r"<(/?)(v?)[^>]*?(?:\s([^>]*))?>")
_COMMENT: Final = re.compile(r"(NOTE|STYLE|REGION)\b")
_FIRST_LINE: Final = re.compile(r"WEBVTT(?:[ \t].*)?")


def write_webvtt(document: Document) -> Written:
    """A cue for each span: the person, if any, and the label; the cue's name has the tier."""
    shown, problems = after_start(document)
    cues = []
    for number, (tier, span) in enumerate(shown.rows(), 1):
        text = f"{tier.person}: {span.text}" if tier.person else span.text
        start, end = (ms / 1000 for ms in span.ms)
        point = " (point)" if span.is_point else ""
        end = start + _POINT_SHOWN_S if point else end
        cues.append(Cue(start, end, text, f"{number} {tier.name}{point}"))
    clock = document.clock_of(0.0)
    notes = [f"The recording started at {clock}."] if clock else []
    data = webvtt_file(cues, notes).encode()
    return Written({f"{document.name}.vtt": data}, (*problems, *beyond_end(document)))


def is_webvtt(text: str) -> bool:
    """Whether a text is a WebVTT file."""
    return bool(_FIRST_LINE.fullmatch(text.partition("\n")[0]))


def read_webvtt(text: str, name: str = "") -> tuple[Document, list[str]]:
    """The cues of a WebVTT file as spans, and what is wrong with single cues, in sentences.

    The tier is that of this program's own files, else the speaker of a cue (`<v Anna>`), else none.

    Args:
        text: of the file, with "\\n" as line ends.
        name: of the file without its suffix.

    Raises:
        InputError: it is not a WebVTT file.
    """
    if not is_webvtt(text):
        raise InputError("It does not begin with WEBVTT.")
    found: dict[str, Tier] = {}
    problems = []
    for block in re.split(r"\n{2,}", text)[1:]:
        lines = block.strip("\n").split("\n")
        at = next((i for i, line in enumerate(lines[:2]) if "-->" in line), None)
        if at is None or _COMMENT.match(lines[0]):
            continue
        times = _TIMES.fullmatch(lines[at])
        try:
            if times is None:
                raise InputError(f'"{lines[at].strip()[:60]}" is not the time of a cue')
            tier, span = _cue(lines[0] if at else "", times, " ".join(lines[at + 1 :]))
        except InputError as error:
            problems.append(f"{str(error).rstrip('.')}. The cue is left out.")
            continue
        known = found.setdefault(tier.name, tier)
        found[tier.name] = replace(known, spans=(*known.spans, span))
    return Document(name, unique_tiers(found.values())), problems


def _cue(name: str, times: re.Match[str], text: str) -> tuple[Tier, Span]:
    parts = times.groups()
    start_s, end_s = _seconds(parts[:4]), _seconds(parts[4:])
    speaker = next((m[3] or "" for m in _TAG.finditer(text) if m[2] and not m[1]), "")
    label = html.unescape(_TAG.sub("", text)).strip()
    own = _NAME.fullmatch(name.strip())
    tier = own[1] if own else ""
    if own and own[2]:
        end_s = start_s
    person = tier.rpartition(": ")[0] or html.unescape(speaker)
    label = label.removeprefix(f"{person}: ") if person else label
    return Tier(tier or person, "", (), person), Span(start_s, end_s, label)


def _seconds(parts: tuple[str | None, ...]) -> float:
    hours, minutes, seconds, ms = (int(part or 0) for part in parts)
    return (3_600_000 * hours + 60_000 * minutes + 1000 * seconds + ms) / 1000
