"""What is written: a video's results, a live recording, a study, and human codes."""

import json
import math
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import av
import numpy as np
import pandas as pd
import pytest
from made_documents import events_of, saved
from made_studies import faces_csv, made_study, probs_of, write_table
from study_folders import recording

from emotion_core.cli import main
from emotion_core.errors import InputError
from emotion_core.interchange.document import Document, Span, Tier, beyond_end
from emotion_core.interchange.formats import FORMATS, write
from emotion_core.interchange.from_codes import tiers_of_codes
from emotion_core.interchange.from_results import document_of
from emotion_core.media.probe import probe
from emotion_core.results.annotations import Edits, Marker
from emotion_core.results.edits_file import save_edits
from emotion_core.study.additions import add_events
from emotion_core.study.coding.plans import Plan, Window
from emotion_core.study.coding.records import Unit
from emotion_core.study.coding.replay import Action, Key
from emotion_core.study.coding.store import CodingStore
from emotion_core.study.definitions import Event, EventKind, Recording
from emotion_core.study.event_files import import_events
from emotion_core.study.folder import Study
from emotion_core.study.interchange import documents_of


def results(folder: Path, source: dict[str, Any] | None = None, **summary: Any) -> Path:
    """Two seconds of happy, then two of sad, at ten frames a second; speaking from 1 to 2 s."""
    probs = np.concatenate([probs_of("happy", [0.8] * 20), probs_of("sad", [0.9] * 20)])
    at = np.arange(40)
    speaking = ((at >= 10) & (at < 20)).astype(int)
    unsure = (at >= 35).astype(int)
    write_table(folder, faces_csv(probs, speaking=speaking, unsure=unsure))
    about = {"name": "talk.mp4", "fps": 10.0, "duration_s": 4.0} | (source or {})
    (folder / "summary.json").write_text(json.dumps({"source": about, **summary}))
    return folder


def tiers(document: Document) -> dict[str, list[tuple[str, float, float]]]:
    return {
        tier.name: [(s.label, round(s.start_s, 6), round(s.end_s, 6)) for s in tier.spans]
        for tier in document.tiers
    }


def test_a_video_has_episodes_speaking_unsure_stretches_and_markers(tmp_path: Path) -> None:
    folder = results(tmp_path / "talk")
    save_edits(folder, Edits().rename(1, "Anna").add_marker(Marker(0.5, 1.25, "film")))
    document = document_of(folder)
    assert tiers(document) == {
        "Anna: expression": [("happy", 0.0, 2.0), ("sad", 2.0, 4.0)],
        "Anna: speaking": [("speaking", 1.0, 2.0)],
        "Anna: unsure": [("unsure", 3.5, 4.0)],
        "Markers": [("film", 0.5, 1.25)],
    }
    assert (document.name, document.media) == ("talk", ("talk.mp4",))
    assert (document.fps, document.duration_s, document.started) == (10.0, 4.0, None)
    assert document_of(folder, "My talk.mov").media == ("My talk.mov",)
    results(folder, {"duration_s": 3.95})
    shorter = tiers(document_of(folder))
    assert shorter["Anna: expression"][1] == ("sad", 2.0, 3.95), (
        "the last frame ends with the video"
    )
    save_edits(folder, Edits().exclude(1))
    assert document_of(folder).tiers == ()


def test_a_clock_that_begins_late_cuts_nothing_off(tmp_path: Path) -> None:
    """As of a film that was cut without being encoded anew."""
    times = [f"{5 + i / 10:.6f}" for i in range(40)]
    lines = faces_csv(probs_of("happy", [0.8] * 40), time_s=times)
    folder = write_table(tmp_path / "late", lines)
    about = {"name": "talk.mp4", "fps": 10.0, "duration_s": 4.0}
    (folder / "summary.json").write_text(json.dumps({"source": about}))
    document = document_of(folder)
    ((_, start_s, end_s),) = tiers(document)["Person 1: expression"]
    assert (start_s, end_s) == pytest.approx((5.0, 9.0))
    assert document.duration_s == pytest.approx(9.0)
    assert beyond_end(document) == []


def test_the_camera_says_when_a_video_began(tmp_path: Path) -> None:
    made = {"created_utc": "2026-05-01T08:00:00.000+00:00"}
    document = document_of(results(tmp_path / "talk", made))
    assert document.clock_of(1.5) == "2026-05-01T08:00:01.500+00:00"
    for wrong in ("", "yesterday", 7, None):
        assert document_of(results(tmp_path / "x", {"created_utc": wrong})).started is None


def video(path: Path, **tags: str) -> Path:
    with av.open(str(path), "w") as container:
        container.metadata.update(tags)
        stream = container.add_stream("mpeg4", rate=10)
        stream.width, stream.height, stream.pix_fmt = 64, 48, "yuv420p"
        frame = av.VideoFrame.from_ndarray(np.zeros((48, 64, 3), np.uint8), format="rgb24")
        container.mux([*stream.encode(frame), *stream.encode(None)])
    return path


@pytest.mark.parametrize(
    ("tag", "read"),
    [
        ("2026-05-01T10:00:00.500000Z", "2026-05-01T10:00:00.000+00:00"),
        ("1904-01-01T00:00:00Z", ""),
        (None, ""),
    ],
)
def test_the_time_in_a_file_of_a_camera_is_read(tmp_path: Path, tag: str | None, read: str) -> None:
    path = video(tmp_path / "x.mp4", **({"creation_time": tag} if tag else {}))
    assert probe(path).created_utc.replace(".500", ".000") == read


def test_a_live_recording_counts_from_its_clip(tmp_path: Path) -> None:
    live = {"name": "live recording", "kind": "live"}
    started = {"started_utc": "2026-05-01T08:00:00.000+00:00", "clip": {"origin_s": 0.25}}
    folder = results(tmp_path / "session", live, **started)
    without = document_of(folder, "live recording")
    assert (without.media, without.notes) == ((), ())
    assert tiers(without)["Person 1: expression"][0] == ("happy", 0.0, 2.0)
    (folder / "annotated.mp4").write_bytes(b"clip")
    document = document_of(folder, "live recording")
    assert document.media == ("annotated.mp4",)
    assert tiers(document)["Person 1: expression"] == [("happy", -0.25, 1.75), ("sad", 1.75, 3.75)]
    assert document.started == datetime(2026, 5, 1, 8, 0, 0, 250_000, UTC)
    assert "0.250 s into the recording" in document.notes[0]
    written = write([document], "elan", "x")
    assert [p.partition(":")[0] for p in written.problems[1:]] == ["Person 1"]
    assert "cut at 0 s" in written.problems[1]


CODES = pd.DataFrame(
    [
        ("Ben: B", "P01", 1.0, 2.0, "happy", 4.0, False, ""),
        ("Ann", "P01", 1.0, 3.0, "happy", math.nan, False, "a\nnote"),
        ("Ann", "P01", 2.0, 2.5, "sad", 1.0, False, ""),
        ("Ann", "P01", 4.0, 4.0, "", math.nan, True, ""),
        ("Ann", "P02", 1.0, 2.0, "fear", math.nan, False, ""),
    ],
    columns=["coder", "recording", "start_s", "end_s", "code", "intensity", "cannot_tell", "note"],
)


def test_human_codes_have_a_tier_for_each_coder(tmp_path: Path) -> None:
    made = tiers_of_codes(CODES, "P01", "Anna")
    assert [(t.name, t.person, t.coder) for t in made] == [
        ("Anna: codes of Ann", "Anna", "Ann"),
        ("Anna: codes of Ben B", "Anna", "Ben: B"),
    ]
    assert [s.text for s in made[0].spans] == ["happy", "sad (1)", "cannot tell"]
    assert made[0].spans[0].note == "a note"
    found = import_events(saved(write([Document("P01", tuple(made))], "webvtt", ""), tmp_path)[0])
    assert ("happy (4)", 1000, 2000) in events_of(found)
    assert tiers_of_codes(CODES, "P03") == []
    with pytest.raises(InputError, match="no column code"):
        tiers_of_codes(CODES.drop(columns="code"), "P01")


@pytest.fixture
def study(tmp_path: Path) -> Study:
    folder = tmp_path / "study"
    results(folder / "recordings" / "P01_a")
    rows = (
        recording("P01_a", file="videos\\P01_a.mp4", clock_offset_s=10.0),
        recording("P02_b", file="P02_b.mp4"),
        Recording("P03_c", "P03_c.mp4", "P03", include=False),
    )
    events = (
        Event("*", EventKind.STIMULUS, "film, one", 10.5, 12.0),
        Event("P01_a", EventKind.EVENT, "film click", 11.0, 11.0),
        Event("P02_b", EventKind.BASELINE, "quiet", 0.0, 5.0),
    )
    return made_study(folder, rows, events)


def test_a_study_is_read_again_event_by_event_with_its_kinds(study: Study, tmp_path: Path) -> None:
    store = CodingStore(study.folder)
    for coder in ("Ann", "Ben: B"):
        store.add_coder(coder)
    windows = [Window("P01_a", start, start + 1.0) for start in (0.0, 1.0)]
    store.add_plan("all", Plan(), windows)
    for coder in ("Ann", "Ben: B"):
        unit = next(u.id for u in store.units_of(coder) if u.start_s == 0.0)
        store.press(coder, unit, [Key(coder, Action.CODE, 0.25, "happy")])
    first, second = documents_of(study)
    assert list(tiers(first)) == [
        "stimulus",
        "event",
        "P01: codes of Ann",
        "P01: codes of Ben B",
        "P01: expression",
        "P01: speaking",
        "P01: unsure",
    ]
    assert tiers(first)["P01: codes of Ann"] == [("happy", 0.25, 1.0)]
    assert tiers(first)["stimulus"] == [("film, one", 0.5, 2.0)]
    assert second.notes == ("It has not been analysed: only its events are written.",)
    for to in ("boris", "boris-project", "bids", "elan"):
        written = write(documents_of(study), to, "study")
        assert written.problems[0].startswith("P02_b: It has not been analysed")
        events = [
            event
            for path in saved(written, tmp_path)
            if path.suffix != ".json"
            for event in import_events(path, recordings=study.recordings).events
        ]
        found = [(e.recording, e.kind, e.label, e.start_s, e.end_s) for e in events]
        # On the events' clock, 10 s ahead of that of the first video.
        assert ("P01_a", EventKind.STIMULUS, "film, one", 10.5, 12.0) in found
        assert ("P01_a", EventKind.EVENT, "film click", 11.0, 11.0) in found
        assert ("P02_b", EventKind.BASELINE, "quiet", 0.0, 5.0) in found
        assert ("P02_b", EventKind.STIMULUS, "film, one", 10.5, 12.0) in found
        assert ("P01_a", EventKind.EVENT, "happy", 10.0, 12.0) in found
        add_events(study, events)
        own = [
            e for e in study.reopened().events if e.label in {"film, one", "film click", "quiet"}
        ]
        assert own == list(study.events), "what comes back is there already"


def test_events_of_two_recordings_of_a_video_stay_theirs(tmp_path: Path) -> None:
    rows = [
        Recording("pair-left", "pair.mp4", "A", person="1"),
        Recording("pair-right", "pair.mp4", "B", person="2", clock_offset_s=2.0),
    ]
    events = [
        Event("pair-left", EventKind.EXCLUDE, "hand over face", 5.0, 9.0),
        Event("pair-right", EventKind.EXCLUDE, "looks away", 50.0, 58.0),
    ]
    documents = documents_of(made_study(tmp_path / "study", rows, events))
    for to in FORMATS:
        read = [
            event
            for path in saved(write(documents, to, "study"), tmp_path)
            if path.suffix != ".json"
            for event in import_events(path, recordings=rows).events
        ]
        assert sorted(read, key=lambda e: e.start_s) == events, to


def test_events_of_no_known_recording_keep_their_clock_and_that_is_told(tmp_path: Path) -> None:
    tier = Tier("stimulus", "stimulus", (Span(1.0, 2.0, "film"),))
    (path,) = saved(write([Document("unknown", (tier,))], "elan", ""), tmp_path)
    rows = [recording("P01", clock_offset_s=5.0), recording("P02")]
    read = import_events(path, recordings=rows)
    assert [(e.recording, e.start_s) for e in read.events] == [("*", 1.0)]
    assert "not known which recording" in read.problems[0].message
    read = import_events(path, recordings=rows, recording="P01", offset_s=0.5)
    assert [(e.recording, e.start_s) for e in read.events] == [("P01", 6.5)]
    assert read.problems == ()


def test_codes_of_training_clips_are_left_out(study: Study) -> None:
    store = CodingStore(study.folder)
    store.add_coder("Ann")
    store.add_plan("all", Plan(), [Window("P01_a", 0.0, 1.0)])
    store.add_training("known", 1, [Unit("", 0, "P01_a", 2.0, 3.0, training=True)])
    for unit in store.units_of("Ann"):
        store.press("Ann", unit.id, [Key(unit.id, Action.CODE, unit.start_s + 0.5, "happy")])
    assert tiers(documents_of(study)[0])["P01: codes of Ann"] == [("happy", 0.5, 1.0)]


def test_codes_that_cannot_be_read_are_told(study: Study) -> None:
    (study.folder / "coding").mkdir()
    (study.folder / "coding" / "codes.sqlite").write_bytes(b"no database" * 100)
    first, _ = documents_of(study)
    assert tiers(first)["stimulus"]
    assert first.notes[-1].startswith("What people coded is left out: codes.sqlite")


def test_events_of_another_clock_are_told(study: Study) -> None:
    far = [Event("P01_a", EventKind.EVENT, "epoch", 1.7e9, 1.7e9 + 5)]
    (first, _) = documents_of(study.with_events([*study.events, *far]))
    problems = write([first], "elan", "x").problems
    assert any('"epoch"' in p and "is on another clock: left out." in p for p in problems)
    further = [Event("P01_a", EventKind.EVENT, "never", 1e300, 1e301)]
    (first, _) = documents_of(study.with_events(further))
    assert first.notes == ('"never": its times must be numbers of seconds. The event is left out.',)
    assert "never" not in {label for found in tiers(first).values() for label, *_ in found}


def test_a_recording_that_cannot_be_read_keeps_its_events(study: Study) -> None:
    (study.folder / "recordings" / "P01_a" / "faces.csv").write_text("no table")
    first, _ = documents_of(study)
    assert list(tiers(first)) == ["stimulus", "event"]
    assert first.notes[0].startswith("Only its events are written: ")


# The commands


def run(*words: object) -> int:
    return main([*map(str, words)])


def test_the_export_command_writes_next_to_the_results(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    folder = results(tmp_path / "out" / "talk")
    assert run("export", folder, "--to", "elan", "--json", tmp_path / "done.json") == 0
    assert (folder / "talk.eaf").is_file()
    assert json.loads((tmp_path / "done.json").read_text()) == {
        "files": [str(folder / "talk.eaf")],
        "failed": {},
    }
    assert run("export", folder, "--to", "bids", "--output", tmp_path / "x_events.tsv") == 0
    assert {p.name for p in tmp_path.glob("x_*")} == {"x_events.tsv", "x_events.json"}
    save_edits(folder, Edits().add_marker(Marker(9.0, 9.5, "late")))
    assert run("export", folder, "--to", "textgrid") == 0
    assert 'Markers: "late" (9.000–9.500 s) ends after the recording' in capsys.readouterr().err


def test_several_results_go_to_a_folder_and_a_bad_one_costs_itself(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    for name in ("a", "b"):
        results(tmp_path / "out" / name, {"name": f"{name}.mp4"})
    (tmp_path / "empty").mkdir()
    both = ("export", tmp_path / "out", tmp_path / "empty", "--to")
    assert run(*both, "webvtt") == 2
    assert "--output" in capsys.readouterr().err
    (tmp_path / "to").mkdir()
    assert run(*both, "webvtt", "--output", tmp_path / "to") == 1
    assert {p.name for p in (tmp_path / "to").iterdir()} == {"a.vtt", "b.vtt"}
    assert "empty" in capsys.readouterr().err
    assert run(*both, "boris-project", "--output", tmp_path / "all.boris") == 1
    assert len(json.loads((tmp_path / "all.boris").read_text())["observations"]) == 2
    assert run(*both, "webvtt", "--output", tmp_path / "one.vtt") == 2
    assert run(*both, "webvtt", "--output", tmp_path / "no" / "one.vtt") == 2


def test_study_export_writes_every_recording(
    study: Study, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run("study", "export", study.folder, "--to", "elan") == 0
    files = {p.name for p in (study.folder / "results").iterdir()}
    assert files == {"P01_a.eaf", "P02_b.eaf"}
    assert "P02_b: It has not been analysed" in capsys.readouterr().err
    assert run("study", "export", study.folder) == 2
    assert run("study", "export", study.folder, tmp_path / "x.zip", "--to", "elan") == 2
    empty = Study.create(tmp_path / "nothing", "nothing")
    assert run("study", "export", empty.folder, "--to", "elan") == 1
    assert "no recordings" in capsys.readouterr().err
