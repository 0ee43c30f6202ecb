"""BORIS's aggregated events and projects, written (Friard & Gamba 2016).

The paper: doi 10.1111/2041-210X.12584. Columns and keys are those of BORIS 8 and 9, whose projects
have the format 7.0.
"""

import csv
import io
import json
import math
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any, Final

from emotion_core.interchange.document import Document, Span, Tier, Written, beyond_end, lanes

COLUMNS: Final = (
    "Observation id",
    "Observation date",
    "Description",
    "Observation type",
    "Source",
    "Time offset (s)",
    "Coding duration",
    "Media duration (s)",
    "FPS (frame/s)",
    "Subject",
    "Observation duration by subject by observation",
    "Behavior",
    "Behavioral category",
    "Modifier #1",
    "Behavior type",
    "Start (s)",
    "Stop (s)",
    "Duration (s)",
    "Media file name",
    "Image index start",
    "Image index stop",
    "Image file path start",
    "Image file path stop",
    "Comment start",
    "Comment stop",
)
# A modifier that keeps two states apart which BORIS would take for one: it pairs the first start
# with the first stop of one behavior, subject and set of modifiers.
OVERLAP: Final = re.compile(r"overlap \d+")
_NO_SUBJECT: Final = "No focal subject"
_NA: Final = "NA"
_PLAYERS: Final = tuple(str(number) for number in range(1, 9))
# What BORIS computes with where a file does not say; times never depend on it.
_USUAL_FPS: Final = 25.0
_KEYS: Final = "abcdefghijklmnopqrstuvwxyz0123456789"


@dataclass(frozen=True, slots=True)
class _Observation:
    """What BORIS calls so: the annotations of one recording by one coder, or by the program."""

    name: str
    document: Document
    tiers: tuple[Tier, ...]

    @property
    def date(self) -> str:
        started = self.document.started or datetime.now()
        return started.replace(tzinfo=None).isoformat(timespec="seconds")

    @property
    def end_s(self) -> float:
        ends = [span.end_s for tier in self.tiers for span in tier.spans]
        return max([*ends, self.document.duration_s or 0.0])

    def spans(self) -> Iterator[tuple[Tier, Span]]:
        yield from replace(self.document, tiers=self.tiers).rows()


def _observations(documents: Sequence[Document]) -> list[_Observation]:
    made = []
    # A recording may be called as another one with a coder: no observation replaces another.
    taken = {document.name for document in documents}
    for document in documents:
        for coder in dict.fromkeys(tier.coder for tier in document.tiers) or {"": None}:
            base = name = f"{document.name} ({coder})" if coder else document.name
            number = 1
            while coder and name in taken:
                number += 1
                name = f"{base} #{number}"
            taken.add(name)
            tiers = tuple(tier for tier in document.tiers if tier.coder == coder)
            made.append(_Observation(name, document, tiers))
    return made


def write_boris(documents: Sequence[Document], name: str) -> Written:
    """Aggregated events, one row each, as BORIS exports them: tab-separated values.

    Args:
        documents: each becomes an observation, and each human coder one of their own.
        name: of the file, without a suffix.
    """
    text = io.StringIO()
    writer = csv.writer(text, delimiter="\t", lineterminator="\n")
    writer.writerow(COLUMNS)
    for observation in _observations(documents):
        writer.writerows(_rows(observation))
    problems = [problem for document in documents for problem in beyond_end(document)]
    return Written({f"{name}.tsv": text.getvalue().encode()}, tuple(problems))


def _rows(observation: _Observation) -> Iterator[list[str]]:
    document = observation.document
    media = document.media[0] if document.media else _NA
    durations: dict[str, float] = {}
    for tier, span in observation.spans():
        seconds = span.end_s - span.start_s
        durations[tier.person] = durations.get(tier.person, 0.0) + seconds
    head = [
        observation.name,
        observation.date.replace("T", " "),
        "",
        "Media file" if document.media else "Live observation",
        f"player #1:{media}" if document.media else _NA,
        "0.0",
        f"{observation.end_s:.3f}",
        _NA if document.duration_s is None else f"{document.duration_s:.3f}",
        _NA if document.fps is None else f"{document.fps:.3f}",
    ]
    for tier, span in observation.spans():
        start, end = (f"{ms / 1000:.3f}" for ms in span.ms)
        yield [
            *head,
            tier.person or _NO_SUBJECT,
            f"{durations[tier.person]:.3f}",
            span.label,
            tier.kind or "Not defined",
            _intensity(span),
            "POINT" if span.is_point else "STATE",
            start,
            end,
            _NA if span.is_point else f"{(span.ms[1] - span.ms[0]) / 1000:.3f}",
            media,
            *[_NA] * 4,
            span.note,
            "",
        ]


def _intensity(span: Span) -> str:
    return "" if math.isnan(span.intensity) else f"{span.intensity:g}"


def write_boris_project(documents: Sequence[Document], name: str) -> Written:
    """A project with an ethogram, subjects, and an observation for each document and coder.

    Args:
        documents: with one media file each, or none.
        name: of the file, without a suffix, and of the project.
    """
    observations = _observations(documents)
    behaviors = _Behaviors(observations)
    people = dict.fromkeys(t.person for o in observations for t in o.tiers if t.person)
    project = {
        "time_format": "s",
        "project_date": max((o.date for o in observations), default=""),
        "project_name": name,
        "project_description": "",
        "project_format_version": "7.0",
        "subjects_conf": {
            str(i): {"key": "", "name": person, "description": ""}
            for i, person in enumerate(people)
        },
        "behaviors_conf": behaviors.ethogram(),
        "behavioral_categories": list(behaviors.categories),
        "independent_variables": {},
        "coding_map": {},
        "behaviors_coding_map": [],
        "converters": {},
        "observations": {o.name: _observation(o, behaviors) for o in observations},
    }
    problems = [problem for document in documents for problem in beyond_end(document)]
    data = json.dumps(project, indent=1, ensure_ascii=False) + "\n"
    return Written({f"{name}.boris": data.encode()}, (*problems, *behaviors.problems))


class _Behaviors:
    """The ethogram that a few observations need.

    A label with at least one stretch is a state; its points are then states without a duration.
    """

    def __init__(self, observations: Sequence[_Observation]) -> None:
        self.categories: dict[str, None] = {}
        self.problems: list[str] = []
        self._states: set[str] = set()
        self._category: dict[str, str] = {}
        self._values: dict[str, tuple[dict[str, None], dict[str, None]]] = {}
        for observation in observations:
            for tier, span in observation.spans():
                self.categories.setdefault(tier.kind)
                self._category.setdefault(span.label, tier.kind)
                if not span.is_point:
                    self._states.add(span.label)
            for _, span, lane in lanes_of(observation.tiers):
                self._add_modifiers(span, lane)

    def _add_modifiers(self, span: Span, lane: int) -> None:
        intensities, overlaps = self._values.setdefault(span.label, ({}, {}))
        if text := _intensity(span):
            intensities.setdefault(text)
        if lane and span.label in self._states:
            if not overlaps:
                self.problems.append(
                    f'"{span.label}" overlaps itself. BORIS cannot hold that: the modifier '
                    f'"overlap" tells the two apart.'
                )
            overlaps.setdefault(f"overlap {lane + 1}")

    def is_state(self, label: str) -> bool:
        return label in self._states

    def modifiers(self, span: Span, lane: int) -> str:
        """The modifiers of an event, one for each set of its behavior."""
        intensities, overlaps = self._values[span.label]
        said = [_intensity(span) or "None"] if intensities else []
        said += [f"overlap {lane + 1}" if lane else "None"] if overlaps else []
        return "|".join(said)

    def ethogram(self) -> dict[str, Any]:
        return {
            str(i): {
                "type": "State event" if self.is_state(label) else "Point event",
                "key": _KEYS[i % len(_KEYS)],
                "code": label,
                "description": "",
                "color": "",
                "category": self._category[label],
                "modifiers": self._sets(label),
                "excluded": "",
                "coding map": "",
            }
            for i, label in enumerate(self._category)
        }

    def _sets(self, label: str) -> dict[str, Any]:
        sets = zip(("intensity", "overlap"), self._values[label], strict=True)
        named = [(name, list(values)) for name, values in sets if values]
        return {
            str(i): {"name": name, "description": "", "type": 0, "values": values}
            for i, (name, values) in enumerate(named)
        }


def lanes_of(tiers: Sequence[Tier]) -> Iterator[tuple[Tier, Span, int]]:
    """Every span with the number of the row that it needs among those of its label and person."""
    groups: dict[tuple[str, str], list[tuple[Tier, Span]]] = {}
    for tier in tiers:
        for span in tier.spans:
            groups.setdefault((tier.person, span.label), []).append((tier, span))
    for pairs in groups.values():
        owner = {id(span): tier for tier, span in pairs}
        spans = sorted((span for _, span in pairs), key=lambda s: (s.start_s, s.end_s))
        for number, row in enumerate(lanes(spans)):
            yield from ((owner[id(span)], span, number) for span in row)


def _observation(observation: _Observation, behaviors: _Behaviors) -> dict[str, Any]:
    document = observation.document
    media = document.media[0] if document.media else ""
    fps = document.fps or _USUAL_FPS
    files = {player: [] for player in _PLAYERS} | {"1": [media]} if media else []
    info: dict[str, Any] = {"offset": {"1": 0.0} if media else {}}
    if media:
        info |= {"length": {media: round(observation.end_s, 3)}, "fps": {media: fps}}
        info |= {"hasVideo": {media: True}, "hasAudio": {media: False}}
    return {
        "file": files,
        "type": "MEDIA" if media else "LIVE",
        "date": observation.date,
        "description": "",
        "time offset": 0.0,
        "events": list(_events(observation, behaviors, fps if media else None)),
        "observation time interval": [0, 0],
        "independent_variables": {},
        "visualize_spectrogram": False,
        "visualize_waveform": False,
        "close_behaviors_between_videos": False,
        "scan_sampling_time": 0,
        "media_info": info,
    }


def _events(
    observation: _Observation, behaviors: _Behaviors, fps: float | None
) -> Iterator[list[Any]]:
    """Starts and stops by time: time, subject, code, modifiers, comment, and frame of a media."""
    lines: list[list[Any]] = []
    for tier, span, lane in lanes_of(observation.tiers):
        modifiers = behaviors.modifiers(span, lane)
        times = span.ms if behaviors.is_state(span.label) else span.ms[:1]
        for ms, note in zip(times, (span.note, ""), strict=False):
            frame = [] if fps is None else [round(ms / 1000 * fps)]
            lines.append([ms / 1000, tier.person, span.label, modifiers, note, *frame])
    # Stable: of one behavior, the stop at a time remains before the next start.
    yield from sorted(lines, key=lambda line: line[0])
