"""The annotations of a results folder: what the program read, and what people marked on it."""

import math
from collections.abc import Iterator, Mapping
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Final

from emotion_core.interchange.document import (
    EXPRESSION,
    MARKER,
    SPEAKING,
    UNSURE,
    Document,
    Span,
    Tier,
    unique_tiers,
)
from emotion_core.results.annotations import Edits
from emotion_core.results.edits_file import load_edits
from emotion_core.results.export import read_faces
from emotion_core.results.face_table import FaceTable, dominant_runs, usual_step_s
from emotion_core.results.paths import CLIP, FACES, read_summary
from emotion_core.results.speaking import flagged_stretches, speaking_stretches
from emotion_core.results.summary import is_live, origin_of, source_of

# What the program read itself.
_OWN: Final = (EXPRESSION, SPEAKING, UNSURE)


def document_of(folder: Path, video: str = "") -> Document:
    """The dominant expressions, speaking and unsure stretches of each person, and the markers.

    Names, merges and exclusions of the page are applied. Times are those of the video; where a live
    recording kept its video, they count from the beginning of that video.

    Args:
        folder: with faces.csv.
        video: name of the video file as its owner knows it; "": as the summary has it. A live
            recording is called after its folder.

    Raises:
        InputError: the folder holds no readable table of faces.
    """
    table, edits = read_faces(folder / FACES), load_edits(folder)
    shown = edits.apply(table)
    tiers = [tier for person in shown.people for tier in tiers_of_person(shown, edits, person)]
    marks = tuple(Span(m.start_s, m.end_s, m.label) for m in edits.markers)
    tiers += [Tier("Markers", MARKER, marks)] if marks else []
    summary = read_summary(folder)
    live = is_live(summary)
    file = video or ("" if live else str(source_of(summary).get("name", "")))
    name = Path(file).stem if file else folder.resolve().name
    document = on_media(Document(name, unique_tiers(tiers)), folder, table)
    # The file on disk may be called otherwise; a live recording has its own clip, or none.
    return replace(document, media=(video,)) if video and not live else document


def tiers_of_person(table: FaceTable, edits: Edits, person: int, name: str = "") -> Iterator[Tier]:
    """The tiers of one person; those without content are left out, but for the expressions.

    Args:
        table: with the edits applied.
        edits: for the name.
        person: an identity of the table.
        name: instead of that name.
    """
    rows, name = table.person(person), name or edits.name_of(person)
    runs = [Span(run.start_s, run.end_s, run.expression) for run in dominant_runs(rows)]
    yield Tier(f"{name}: {EXPRESSION}", EXPRESSION, tuple(runs), name)
    for kind, stretches in (
        (SPEAKING, speaking_stretches(rows)),
        (UNSURE, flagged_stretches(rows, rows.unsure)),
    ):
        spans = tuple(Span(start_s, end_s, kind) for start_s, end_s in stretches)
        if spans:
            yield Tier(f"{name}: {kind}", kind, spans, name)


def on_media(document: Document, folder: Path, table: FaceTable) -> Document:
    """The document with the media file of a results folder, its length, rate, clock and start.

    Args:
        document: with the times of faces.csv.
        folder: the results.
        table: its whole table.
    """
    summary = read_summary(folder)
    started = started_of(summary)
    if not is_live(summary):
        source = source_of(summary)
        fps, end_s = _number(source.get("fps")), _end_of(table, _number(source.get("duration_s")))
        media = (str(source["name"]),) if source.get("name") else document.media
        tiers = tuple(_within(tier, end_s) for tier in document.tiers)
        return replace(
            document, tiers=tiers, media=media, duration_s=end_s, fps=fps, started=started
        )
    end_s = float(table.frame_times[-1]) if len(table.frame_times) else None
    if not (folder / CLIP).is_file():
        return replace(document, media=(), duration_s=end_s, started=started)
    moved = _moved(replace(document, duration_s=end_s, started=started), origin_of(summary))
    return replace(moved, media=(CLIP,))


def _end_of(table: FaceTable, duration_s: float | None) -> float | None:
    """Where a video ends on its clock. A clock that begins after 0 s does so later than its length
    tells, and the frames tell when."""
    times = table.frame_times
    if duration_s is None or not len(times) or times[-1] < duration_s:
        return duration_s
    return float(times[-1]) + usual_step_s(times)


def _within(tier: Tier, video_end_s: float | None) -> Tier:
    """The program's own stretches end with the video: how long its last frame lasts is a guess."""
    if video_end_s is None or tier.kind not in _OWN:
        return tier
    spans = (replace(s, end_s=max(s.start_s, min(s.end_s, video_end_s))) for s in tier.spans)
    return replace(tier, spans=tuple(spans))


def _moved(document: Document, origin_s: float) -> Document:
    """The document on a clock that begins at `origin_s`."""
    if not origin_s:
        return document
    tiers = tuple(
        replace(
            tier,
            spans=tuple(
                replace(s, start_s=s.start_s - origin_s, end_s=s.end_s - origin_s)
                for s in tier.spans
            ),
        )
        for tier in document.tiers
    )
    started = document.started
    if started is not None:
        started = datetime.fromtimestamp(started.timestamp() + origin_s, started.tzinfo)
    duration_s = None if document.duration_s is None else document.duration_s - origin_s
    note = f"Times count from the beginning of {CLIP}, {origin_s:.3f} s into the recording."
    return replace(
        document, tiers=tiers, started=started, duration_s=duration_s, notes=(*document.notes, note)
    )


def started_of(summary: Mapping[str, Any]) -> datetime | None:
    """Wall-clock time of second 0: of a live recording, or as a camera wrote it into its file."""
    text = summary.get("started_utc") or source_of(summary).get("created_utc")
    try:
        found = datetime.fromisoformat(str(text))
    except ValueError:
        return None
    return found if found.tzinfo is not None else found.replace(tzinfo=UTC)


def _number(value: object) -> float | None:
    good = isinstance(value, int | float) and math.isfinite(value) and value > 0
    return float(value) if good else None  # type: ignore[arg-type]
