"""Every format holds the same events, to the millisecond, for its own readers and for a study."""

import csv
import io
import json
import re
from collections import defaultdict
from datetime import datetime
from itertools import pairwise
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

import pytest
from hypothesis import HealthCheck, given, settings
from made_documents import (
    DOCUMENTS,
    HARD,
    MARKS,
    ODD,
    STARTED,
    Row,
    document,
    events_of,
    read_again,
    rows_of,
    saved,
    spans,
)
from pympi.Elan import Eaf

from emotion_core.errors import InputError
from emotion_core.interchange.boris import COLUMNS
from emotion_core.interchange.document import Document, Span, Tier
from emotion_core.interchange.formats import FORMATS, write
from emotion_core.study.definitions import EventKind
from emotion_core.study.event_files import import_events

ALL = sorted(FORMATS)


@pytest.mark.parametrize("to", ALL)
def test_a_study_reads_the_same_events_again(to: str, tmp_path: Path) -> None:
    made = document(HARD, MARKS)
    found = read_again(made, to, tmp_path)
    assert (events_of(found), found.problems) == (rows_of(made), ())
    assert {event.kind for event in found.events} <= {EventKind.EVENT, EventKind.STIMULUS}


@pytest.mark.parametrize("to", ALL)
@settings(
    max_examples=20, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(made=DOCUMENTS)
def test_any_label_and_any_overlap_is_read_again(to: str, tmp_path: Path, made: Document) -> None:
    if not rows_of(made) and to in {"boris", "bids"}:
        return
    assert events_of(read_again(made, to, tmp_path)) == rows_of(made)


@pytest.mark.parametrize("to", ALL)
def test_a_document_without_events_is_a_file_without_events(to: str, tmp_path: Path) -> None:
    assert read_again(Document("silent"), to, tmp_path).events == ()


# ELAN


def _elan(made: Document, folder: Path) -> tuple[Eaf, ElementTree.Element]:
    (path,) = saved(write([made], "elan", ""), folder)
    return Eaf(str(path)), ElementTree.parse(path).getroot()


def test_elan_is_read_by_pympi(tmp_path: Path) -> None:
    made = document(HARD, MARKS)
    eaf, _ = _elan(made, tmp_path)
    found: list[Row] = []
    for tier in eaf.get_tier_names():
        rows = sorted(eaf.get_annotation_data_for_tier(tier))
        assert all(a[1] <= b[0] for a, b in pairwise(rows)), "ELAN has overlaps"
        found += [(row[2], row[0], row[0] if row[1] - row[0] == 1 else row[1]) for row in rows]
    assert sorted(found) == rows_of(made)
    assert eaf.get_parameters_for_tier("Anna: expression")["PARTICIPANT"] == "Anna"
    assert [m["MEDIA_URL"] for m in eaf.media_descriptors] == ["talk.mp4"]
    assert dict(eaf.properties)["recordingStarted"] == "2026-05-01T09:30:00.250+02:00"


# Of EAFv3.0.xsd: element → the attributes that it requires, and the elements in their order.
REQUIRED = {
    "ANNOTATION_DOCUMENT": {"AUTHOR", "DATE", "VERSION"},
    "MEDIA_DESCRIPTOR": {"MEDIA_URL", "MIME_TYPE"},
    "PROPERTY": {"NAME"},
    "TIME_SLOT": {"TIME_SLOT_ID", "TIME_VALUE"},
    "TIER": {"TIER_ID", "LINGUISTIC_TYPE_REF"},
    "ALIGNABLE_ANNOTATION": {"ANNOTATION_ID", "TIME_SLOT_REF1", "TIME_SLOT_REF2"},
    "LINGUISTIC_TYPE": {"LINGUISTIC_TYPE_ID"},
}
ORDER = ["HEADER", "TIME_ORDER", "TIER", "LINGUISTIC_TYPE"]


def test_elan_has_what_its_schema_requires(tmp_path: Path) -> None:
    _, root = _elan(document(HARD, MARKS), tmp_path)
    for element in root.iter():
        assert REQUIRED.get(element.tag, set()) <= set(element.keys()), element.tag
    order = [ORDER.index(child.tag) for child in root]
    assert order == sorted(order)
    assert set(order) == {0, 1, 2, 3}
    datetime.fromisoformat(root.attrib["DATE"])
    ids = [e.attrib[key] for e in root.iter() for key in e.attrib if key.endswith("_ID")]
    assert len(ids) == len(set(ids))
    slots = {e.attrib["TIME_SLOT_ID"] for e in root.iter("TIME_SLOT")}
    used = {
        e.attrib[f"TIME_SLOT_REF{i}"] for e in root.iter("ALIGNABLE_ANNOTATION") for i in (1, 2)
    }
    assert used == slots
    assert all(int(e.attrib["TIME_VALUE"]) >= 0 for e in root.iter("TIME_SLOT"))
    assert {t.attrib["LINGUISTIC_TYPE_REF"] for t in root.iter("TIER")} == {
        t.attrib["LINGUISTIC_TYPE_ID"] for t in root.iter("LINGUISTIC_TYPE")
    }


# BORIS


def test_boris_events_have_the_columns_that_boris_writes(tmp_path: Path) -> None:
    (path,) = saved(write([document(HARD, MARKS)], "boris", "all"), tmp_path)
    rows = list(csv.DictReader(io.StringIO(path.read_text("utf-8")), delimiter="\t"))
    assert path.name == "all.tsv"
    assert tuple(rows[0]) == COLUMNS
    (film,) = (row for row in rows if row["Behavior"] == "film")
    assert film["Observation id"] == "talk"
    assert film["Observation date"] == "2026-05-01 09:30:00"
    assert film["Subject"] == "No focal subject"
    assert film["Behavioral category"] == "marker"
    assert (film["Start (s)"], film["Stop (s)"], film["Duration (s)"]) == (
        "4.000",
        "30.001",
        "26.001",
    )
    assert (film["Behavior type"], film["FPS (frame/s)"]) == ("STATE", "25.000")
    points = [row for row in rows if row["Behavior type"] == "POINT"]
    assert {row["Duration (s)"] for row in points} == {"NA"}
    assert len(points) == 4


def boris_pairs(project: dict[str, Any], observation: str) -> list[Row]:
    """The events as BORIS pairs them: of a behavior, subject and modifiers, every second ends."""
    states = {b["code"] for b in project["behaviors_conf"].values() if b["type"] == "State event"}
    running: dict[tuple[str, ...], int] = {}
    found: list[Row] = []
    for time, subject, code, modifiers, *_ in project["observations"][observation]["events"]:
        key, ms = (subject, code, modifiers), round(time * 1000)
        if code not in states:
            found.append((code, ms, ms))
        elif key in running:
            found.append((code, running.pop(key), ms))
        else:
            running[key] = ms
    assert not running, "unpaired"
    return sorted(found)


def test_a_boris_project_is_consistent(tmp_path: Path) -> None:
    made = document(HARD, MARKS)
    written = write([made], "boris-project", "all")
    project = json.loads(written.files["all.boris"])
    assert boris_pairs(project, "talk") == rows_of(made)
    assert written.problems == (
        '"happy" overlaps itself. BORIS cannot hold that: the modifier "overlap" tells the two '
        "apart.",
    )
    # What BORIS checks when it opens a project.
    observation = project["observations"]["talk"]
    behaviors = {b["code"]: b for b in project["behaviors_conf"].values()}
    assert len(behaviors) == len(project["behaviors_conf"])
    assert project["project_format_version"] == "7.0"
    for _, subject, code, modifiers, *_ in observation["events"]:
        assert subject in {"", *(s["name"] for s in project["subjects_conf"].values())}
        sets = behaviors[code]["modifiers"]
        chosen = modifiers.split("|") if modifiers else []
        assert len(chosen) == len(sets)
        for one, of in zip(chosen, sets.values(), strict=True):
            assert one in {"None", *of["values"]}
    assert {b["category"] for b in behaviors.values()} <= set(project["behavioral_categories"])
    assert observation["file"]["1"] == ["talk.mp4"]
    assert observation["media_info"]["length"] == {"talk.mp4": 60.0}
    times = [event[0] for event in observation["events"]]
    assert times == sorted(times)


def test_each_coder_is_an_observation_of_their_own(tmp_path: Path) -> None:
    coded = Span(1.0, 2.0, "happy", intensity=4, note="clear")
    codes = [Tier(f"codes of {c}", "code", (coded,), "P01", c) for c in ("Ann", "Ben")]
    made = document(HARD, *codes)
    project = json.loads(write([made], "boris-project", "x").files["x.boris"])
    assert list(project["observations"]) == ["talk", "talk (Ann)", "talk (Ben)"]
    event = project["observations"]["talk (Ann)"]["events"][0]
    assert event == [1.0, "P01", "happy", "4|None", "clear", 25]
    found = import_events(saved(write([made], "boris", "x"), tmp_path)[0])
    assert sum(e.label == "happy (4)" for e in found.events) == 2


# BIDS


def test_a_recording_called_as_another_with_its_coder_replaces_no_observation() -> None:
    coded = Document("talk", (Tier("codes", "code", (Span(0, 1, "smile"),), coder="Anna"),))
    other = Document("talk (Anna)", (Tier("Events", "event", (Span(2, 3, "bell"),)),))
    (data,) = write([coded, other], "boris-project", "lab").files.values()
    observations = json.loads(data)["observations"].values()
    found = sorted(event[2] for one in observations for event in one["events"][:1])
    assert found == ["bell", "smile"]


def test_bids_files_have_valid_names_columns_and_a_sidecar(tmp_path: Path) -> None:
    made = document(HARD, MARKS, name="P01 talk, Ä")
    table, sidecar = saved(write([made], "bids", ""), tmp_path)
    assert re.fullmatch(r"sub-[A-Za-z0-9]+_task-[A-Za-z0-9]+_events\.tsv", table.name)
    assert sidecar.name == table.with_suffix(".json").name
    rows = list(csv.DictReader(io.StringIO(table.read_text("utf-8")), delimiter="\t"))
    about = json.loads(sidecar.read_text("utf-8"))
    assert list(rows[0])[:3] == ["onset", "duration", "trial_type"]
    assert list(about) == list(rows[0])
    assert all("Description" in entry for entry in about.values())
    assert set(about["kind"]["Levels"]) == {row["kind"] for row in rows}
    onsets = [float(row["onset"]) for row in rows]
    assert onsets == sorted(onsets)
    assert not any(cell == "" for row in rows for cell in row.values()), "n/a is missing"
    (film,) = (row for row in rows if row["trial_type"] == "film")
    assert film["clock"] == "2026-05-01T09:30:04.250+02:00"
    assert (datetime.fromisoformat(film["clock"]) - STARTED).total_seconds() == 4.0
    assert film["person"] == "n/a"
    assert film["duration"] == "26.001"


def test_without_a_known_start_there_is_no_clock() -> None:
    (table, _) = write([Document("x", (MARKS,))], "bids", "").files.values()
    assert "clock" not in table.decode().split("\n")[0]


# All of them


def test_recordings_of_one_name_have_files_of_their_own(tmp_path: Path) -> None:
    several = [document(MARKS, name=name) for name in ("P-1", "p1", "P 1", "../x")]
    for to in ALL:
        written = write(several, to, "../all")
        names = [name.casefold() for name in written.files]
        assert len(set(names)) == len(names)
        assert not any(set(name) & set('/\\:*?"<>|') for name in names)
        together = FORMATS[to].together is not None
        assert len(names) == (1 if together else 8 if to == "bids" else 4)
    found = read_again(several, "boris-project", tmp_path)
    assert len(found.events) == 4 * len(MARKS.spans)


def test_what_is_outside_of_the_recording_is_told(tmp_path: Path) -> None:
    outside = Tier(
        "events",
        "event",
        spans(("before", -3, -1), ("over", -1, 2), ("after", 59, 61), ("tail", 59, 60.01)),
    )
    made = document(outside)
    kept = {to: events_of(read_again(made, to, tmp_path)) for to in ALL}
    cut = [("after", 59000, 61000), ("over", 0, 2000), ("tail", 59000, 60010)]
    assert kept["elan"] == kept["webvtt"] == cut
    assert all(kept[to] == rows_of(made) for to in ("boris", "boris-project", "bids", "textgrid"))
    told = defaultdict(list)
    for to in ALL:
        for problem in write([made], to, "x").problems:
            told[to].append(problem)
    assert [p.partition(")")[2] for p in told["elan"]] == [
        " is before the recording: left out.",
        " starts before the recording: cut at 0 s.",
        " ends after the recording (60.000 s).",
    ]
    assert [len(told[to]) for to in ("webvtt", "boris", "bids", "textgrid")] == [3, 1, 1, 1]


def test_impossible_times_are_refused() -> None:
    for start_s, end_s in ((2.0, 1.0), (float("nan"), 1.0), (0.0, float("inf"))):
        with pytest.raises(InputError, match="must"):
            Span(start_s, end_s, "x")
    with pytest.raises(InputError, match='no format "word"'):
        write([], "word", "")


def test_labels_become_one_line_and_emoji_stay_whole() -> None:
    labels = [span.label for span in spans(*((label, 0, 1) for label in ODD))]
    assert labels[1:5] == ["tab here", "two lines", "Über-Größe ñ", "smile 😀 👩‍👩‍👧"]
    assert Span(0, 1, "a\x00b\ud800\ufffe").label == "a b"
    assert Span(0, 1, " \n").label == "event"
    assert len(Span(0, 1, "x" * 999).label) == 200


# The documentation


def test_the_columns_of_written_tables_are_documented() -> None:
    text = (Path(__file__).parents[2] / "docs" / "data.md").read_text("utf-8")
    bids = text.partition("### BIDS events")[2].partition("###")[0]
    coded = Tier("codes", "code", spans(("x", 0, 1)))
    made = Document("x", (coded,), started=STARTED, recording="x")
    about = json.loads(list(write([made], "bids", "").files.values())[1])
    rows = re.findall(r"^\| `(\w+)` \| (.+) \|$", bids, re.MULTILINE)
    assert rows == [(name, entry["Description"]) for name, entry in about.items()]
    section = text.partition("### BORIS events")[2].partition("\n## ")[0]
    named = re.findall(r"`([A-Z][^`]+)`", " ".join(section.split()))
    assert [name for name in named if name in COLUMNS] == list(COLUMNS)
