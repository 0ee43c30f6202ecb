"""A report of one video that can be printed: an HTML file that needs nothing else."""

import base64
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any, Final

import numpy as np
from markupsafe import Markup

from emotion_core.charts.ribbon import ribbon, run_rows
from emotion_core.charts.shares import share_chart
from emotion_core.charts.timeline import timeline
from emotion_core.labels import EXPRESSIONS
from emotion_core.reports.templating import inline_chart, render
from emotion_core.results.annotations import Edits
from emotion_core.results.face_table import (
    DRAWN_STRETCHES,
    FaceTable,
    key_moments,
    legible_run_s,
    row_seconds,
    shares,
    valid_share,
)
from emotion_core.results.paths import MOMENTS, read_summary
from emotion_core.results.summary import marker_statistics, network_words
from emotion_core.results.thumbnails import moment_picture, picture_bytes
from emotion_core.results.time_ticks import time_words

_MOST_PEOPLE: Final = 20
_EVERY: Final = {1: "every frame", 2: "every second frame", 3: "every third frame"}


@dataclass(frozen=True, slots=True)
class _Moment:
    """A key moment; `picture` is a JPEG in base 64, "" where none was kept."""

    expression: str
    probability: float
    time: str
    picture: str


@dataclass(frozen=True, slots=True)
class _Person:
    """One person's section; `notes` continues the caption of the timeline."""

    name: str
    seconds: float
    unsure: float
    shares: str
    timeline: Markup
    notes: str
    moments: list[_Moment]


def report_html(folder: Path, table: FaceTable, edits: Edits, name: str) -> str:
    """The report of one video.

    Args:
        folder: the results folder, for pictures and summary.
        table: the faces, without edits.
        edits: names, merges, exclusions and markers.
        name: the video's name as its owner knows it.

    Returns:
        A whole HTML document; it holds no script and loads nothing.

    Raises:
        MissingDependencyError: vl-convert, which draws the charts, is not installed.
    """
    edited, summary = edits.apply(table), read_summary(folder)
    people = sorted(edited.people, key=lambda i: -int((edited.track_id == i).sum()))
    shown = people[:_MOST_PEOPLE]
    return render(
        "video.html",
        title=f"Facial expressions in {name}",
        made=datetime.now().astimezone().strftime("%d %B %Y, %H:%M"),
        facts=list(_facts(edited, edits, summary)),
        **(_overview(edited, edits, shown) if shown else {}),
        more=len(people) - len(shown),
        people=[_person(folder / MOMENTS, table, edited.person(i), edits) for i in shown],
        markers=_markers(edited, edits),
        methods=_methods(summary),
    )


def _overview(table: FaceTable, edits: Edits, people: list[int]) -> dict[str, Any]:
    """The charts that hold every person who is shown."""
    seen = table.rows(np.isin(table.track_id, people))
    least_s = legible_run_s(table.frame_times, len(people))
    names = [edits.name_of(i) for i in people]
    parts = {edits.name_of(i): shares(table.person(i)) for i in people}
    runs = run_rows(seen, edits, least_s)
    return {
        "shares": inline_chart(share_chart(parts)),
        "ribbon": inline_chart(ribbon(runs, names, _span(table))),
        "least_s": least_s,
    }


def _span(table: FaceTable) -> tuple[float, float]:
    """First and last second of a video, 0 and 0.04 for one without frames."""
    times = table.frame_times
    return (float(times[0]), float(times[-1]) + 0.04) if len(times) else (0.0, 0.04)


def _facts(table: FaceTable, edits: Edits, summary: dict[str, Any]) -> Iterator[tuple[str, str]]:
    source, model = summary.get("source") or {}, summary.get("model") or {}
    out = len(edits.excluded)
    yield "Length", f"{source.get('duration_s') or 0:.1f} s"
    yield "Analysed", _settings_words(summary.get("settings"))
    yield "Frames analysed", f"{len(table.frame_times):,}"
    yield "With a face", f"{valid_share(table):.0%} of them"
    yield "People", str(len(table.people)) + (f", and {out} left out" if out else "")
    yield "Network", network_words(model)
    if source.get("sha256"):
        yield "File (SHA-256)", f"{str(source['sha256'])[:16]} …"


def _settings_words(settings: dict[str, Any] | None) -> str:
    """Which frames and faces were analysed."""
    if settings is None:
        return "a live stream, as fast as the computer could"
    every, rate = settings.get("every") or 1, settings.get("rate")
    start, end = settings.get("start_s") or 0.0, settings.get("end_s")
    words = [f"{rate:g} frames a second" if rate else _EVERY.get(every, f"every {every}th frame")]
    if start or end is not None:
        words.append(f"from {start:g} s to " + ("the end" if end is None else f"{end:g} s"))
    if settings.get("largest_face"):
        words.append("the largest face of each frame only")
    if settings.get("one_person"):
        words.append("every face taken for the one participant’s")
    return ", ".join(words)


def _methods(summary: Mapping[str, Any]) -> dict[str, Any]:
    """What the template needs to tell what was done to the video, as a paper would."""
    model, versions = summary.get("model") or {}, summary.get("versions") or {}
    settings, identities = summary.get("settings") or {}, summary.get("identities") or {}
    digest = str(model.get("sha256") or "")[:16]
    times = len(identities.get("joined") or [])
    returns = f"{times} time{'' if times == 1 else 's'}" if times else "never"
    return {
        # A detector from outside has a name; without one it was the cascade.
        "detector": str(model.get("detector") or "OpenCV’s frontal Haar cascade"),
        "one_person": bool(settings.get("one_person")),
        # Results of earlier versions do not say whether people were recognised.
        "returns": returns if settings.get("reidentify") else None,
        # Results that were read in one go do not say so.
        "pieces": (summary.get("pieces") or {}).get("count"),
        "network": network_words(model) + (f" (SHA-256 {digest} …)" if digest else ""),
        "video": summary.get("settings") is not None,
        "versions": ", ".join(f"{k} {v}" for k, v in versions.items() if v != "not installed"),
    }


def _person(pictures: Path, whole: FaceTable, person: FaceTable, edits: Edits) -> _Person:
    name = edits.name_of(int(person.track_id[0]))
    notes = ""
    if len(person) > 2 * DRAWN_STRETCHES:
        stretch_s = float(person.time_s[-1] - person.time_s[0]) / DRAWN_STRETCHES
        notes += f"; each point is the mean of {stretch_s:.1f} s"
    if (person.speaking == 1).any():
        notes += "; the dark band at the bottom shows speaking"
    if len(person.cuts):
        notes += "; dashed lines are cuts of the camera"
    chart = timeline(person, name, edits.markers, _span(person), pointer=False)
    return _Person(
        name,
        float(row_seconds(person.time_s, person.frame_times).sum()),
        float(person.unsure.mean()),
        _share_words(shares(person)),
        inline_chart(chart),
        notes,
        list(_moments(pictures, whole, edits, person)),
    )


def _share_words(share: Mapping[str, float]) -> str:
    """As "happy 50% · sad 50%", without what rounds to nothing."""
    return " · ".join(f"{e} {share[e]:.0%}" for e in EXPRESSIONS if share[e] >= 0.005)


def _moments(
    pictures: Path, whole: FaceTable, edits: Edits, person: FaceTable
) -> Iterator[_Moment]:
    span = _span(person)
    for moment in key_moments(person):
        file = moment_picture(pictures, whole, edits, moment)
        picture = base64.b64encode(picture_bytes(file, edits)).decode() if file else ""
        time = time_words(moment.time_s, span)
        yield _Moment(moment.expression, moment.probability, time, picture)


def _markers(table: FaceTable, edits: Edits) -> list[dict[str, Any]]:
    """Every marker, with what each person showed in its interval."""
    span = _span(table)
    return [
        {
            "start": time_words(marker.start_s, span, 2),
            "end": time_words(marker.end_s, span, 2),
            "label": marker.label,
            "people": [
                (edits.name_of(figures["track_id"]), _share_words(figures["share"]))
                for figures in marker_statistics(table, marker.start_s, marker.end_s, edits)
            ],
        }
        for marker in edits.markers
    ]
