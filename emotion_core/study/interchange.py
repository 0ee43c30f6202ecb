"""A study's recordings as documents for other programs: what happened, what was read and coded."""

from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from emotion_core.errors import EmotionCoreError, InputError
from emotion_core.interchange.document import Document, Span, Tier, unique_tiers
from emotion_core.interchange.from_codes import tiers_of_codes
from emotion_core.interchange.from_results import on_media, tiers_of_person
from emotion_core.results.edits_file import load_edits
from emotion_core.results.export import read_faces
from emotion_core.results.paths import FACES
from emotion_core.study.coding.store import CodingStore
from emotion_core.study.definitions import EventKind, Recording
from emotion_core.study.events import on_clock_of
from emotion_core.study.folder import Study
from emotion_core.study.person import participant_rows

if TYPE_CHECKING:
    import pandas as pd


def documents_of(study: Study) -> list[Document]:
    """A document for each included recording, with what people coded; see `document_of`.

    Codes of training clips are left out. Where no code can be read, `notes` say why.
    """
    codes: pd.DataFrame | None = None
    notes: tuple[str, ...] = ()
    try:
        codes = _codes_of(study)
    except EmotionCoreError as error:
        notes = (f"What people coded is left out: {error}",)
    made = [document_of(study, r, codes) for r in study.included]
    return [replace(document, notes=(*document.notes, *notes)) for document in made]


def _codes_of(study: Study) -> "pd.DataFrame":
    codes, units = CodingStore(study.folder).tables()
    return codes[~codes["unit"].isin(units.loc[units["training"], "unit"])]


def document_of(
    study: Study, recording: Recording, codes: "pd.DataFrame | None" = None
) -> Document:
    """The events of a recording, its participant's expressions, and human codes.

    Args:
        study: the study.
        recording: one of its recordings.
        codes: of the whole study, as `interchange.from_codes.tiers_of_codes` takes them.

    Returns:
        Times are those of the video (`clock_offset_s` is subtracted). A recording that cannot be
        read has its events only; `notes` say why.
    """
    person = recording.participant or recording.recording
    tiers, notes = _event_tiers(study, recording)
    if codes is not None:
        tiers += tiers_of_codes(codes, recording.recording, person)
    name, media = recording.recording, Path(recording.file.replace("\\", "/")).name
    document = Document(name, media=(media,) if media else (), recording=name)
    folder = study.results_folder(recording)
    if folder is None:
        note = "It has not been analysed: only its events are written."
        return replace(document, tiers=unique_tiers(tiers), notes=(*notes, note))
    try:
        faces, edits = read_faces(folder / FACES), load_edits(folder)
        rows = participant_rows(faces, edits, recording.person, recording.start_s, recording.end_s)
    except InputError as error:
        note = f"Only its events are written: {error}"
        return replace(document, tiers=unique_tiers(tiers), notes=(*notes, note))
    for found in rows.people:
        tiers += tiers_of_person(rows, edits, found, person)
    whole = replace(document, tiers=unique_tiers(tiers), notes=tuple(notes))
    return on_media(whole, folder, faces)


def _event_tiers(study: Study, recording: Recording) -> tuple[list[Tier], list[str]]:
    """A tier for each kind of event, whose name is read again as this kind; and what is wrong."""
    spans: dict[EventKind, list[Span]] = {}
    notes = []
    for event in study.events_of(recording):
        try:
            span = Span(*on_clock_of(recording, event), event.label)
        except InputError as error:
            notes.append(f"{error} The event is left out.")
            continue
        spans.setdefault(event.kind, []).append(span)
    tiers = [Tier(str(kind), str(kind), tuple(spans[kind])) for kind in EventKind if kind in spans]
    return tiers, notes
