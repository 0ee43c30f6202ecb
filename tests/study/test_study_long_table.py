"""The tables of a study: rows, gate, cells, exclusions, and the files that other programs read."""

import csv
import json
import re
from collections.abc import Sequence
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from made_studies import faces_csv, made_study, probs_of, write_table
from study_folders import recording

from emotion_core.labels import EXPRESSIONS
from emotion_core.progress import Progress
from emotion_core.study import tables as tables_module
from emotion_core.study.data_dictionary import column_entry, settings_hash
from emotion_core.study.definitions import (
    SIGNALS,
    Baseline,
    Event,
    EventKind,
    Recording,
    StudySettings,
)
from emotion_core.study.folder import Study
from emotion_core.study.measures import MEASURES
from emotion_core.study.readings import build_all, build_readings
from emotion_core.study.readings_file import column_meanings
from emotion_core.study.tables import (
    cell_columns,
    cells,
    long_table,
    wide_table,
    write_tables,
)

DOCS = Path(__file__).parents[2] / "docs" / "data.md"
FILM = Event("*", EventKind.STIMULUS, "film", 2.0, 4.0)
REST = Event("*", EventKind.BASELINE, "rest", 0.0, 1.0)


def analysed(folder: Path, name: str, happy: Sequence[float], **fields: Any) -> Recording:
    """A recording at 10 frames a second, and its results folder; NaN: no face."""
    write_table(folder / "recordings" / name, faces_csv(probs_of("happy", happy)))
    return recording(name, **fields)


@pytest.fixture
def study(tmp_path: Path) -> Study:
    """Two groups; 0.1 at rest, then 0.5 and 0.9 in the film; one was not analysed, one left out."""
    quiet = [0.1] * 10
    recordings = [
        analysed(tmp_path, "Müller, Jörg_a", [*quiet, *quiet, *[0.5] * 20], group="ctrl"),
        analysed(tmp_path, "P2_a", [*quiet, *quiet, *[0.9] * 20], group="test"),
        recording("P3_a", group="test"),
        analysed(tmp_path, "P4_a", quiet, group="", include=False, reason="Slept; snored"),
        analysed(tmp_path, "P5_a", [*quiet, *[np.nan] * 30], group="ctrl"),
    ]
    settings = StudySettings(baseline=Baseline.EVENT)
    return made_study(tmp_path, recordings, [FILM, REST], settings)


def row(table: pd.DataFrame, **where: Any) -> dict[str, Any]:
    """The one row with these values."""
    for name, value in where.items():
        table = table[table[name] == value]
    assert len(table) == 1
    return {str(name): value for name, value in table.iloc[0].items()}


def test_a_study_without_recordings_has_empty_tables(tmp_path: Path) -> None:
    study = Study.create(tmp_path, "Empty")
    tables = write_tables(study)
    assert len(tables.long) == len(tables.wide) == len(tables.cells) == len(tables.exclusions) == 0
    header = (tmp_path / "results" / "long.csv").read_text("utf-8")
    assert header.count("\n") == 1
    assert header.startswith("participant,recording,event,event_kind,occurrence,start_s,end_s,")


def test_the_long_table(study: Study) -> None:
    long = long_table(study)
    assert list(long) == [
        *("participant", "recording", "group", "event", "event_kind", "occurrence"),
        *("start_s", "end_s", "signal"),
        *(m.name for m in MEASURES),
        *("included", "reason"),
    ]
    assert len(long) == 5 * 3 * 9
    assert long["event"].iloc[:27].tolist() == [
        name for name in ("whole recording", "rest", "film") for _ in SIGNALS
    ]
    one = row(long, recording="P2_a", event="film", signal="happy")
    expected = {"participant": "P2", "group": "test", "event_kind": "stimulus", "occurrence": 1}
    expected |= {"included": True, "reason": "", "start_s": 2.0, "end_s": 4.0, "episodes": 1}
    assert {name: one[name] for name in expected} == expected
    assert one["mean"] == pytest.approx(0.9, abs=1e-6)
    assert one["mean_corrected"] == pytest.approx(0.8, abs=1e-6)
    assert one["area"] == pytest.approx(1.6, abs=1e-6)
    whole = row(long, recording="P2_a", event="whole recording", signal="happy")
    assert whole["mean"] == pytest.approx(0.5, abs=1e-6)
    assert (whole["start_s"], whole["end_s"], whole["event_kind"]) == (0, 4, "recording")


def test_missing_stays_missing(study: Study) -> None:
    long = long_table(study)
    for name in ("P3_a", "P4_a"):
        values = long.loc[long["recording"] == name, [m.name for m in MEASURES]]
        assert values.isna().all(axis=None)
    without_group = long.loc[long["recording"] == "P4_a", "group"]
    assert without_group.isna().all()
    unseen = row(long, recording="P5_a", event="film", signal="happy")
    assert np.isnan(unseen["episodes"])
    assert (unseen["valid_share"], unseen["valid_s"]) == (0, 0)


def test_the_gate_and_its_log(study: Study) -> None:
    tables = write_tables(study)
    log = tables.exclusions
    assert list(log) == [
        *("recording", "participant", "event", "event_kind", "occurrence"),
        *("start_s", "end_s", "reason"),
    ]
    found = log[["recording", "event", "reason"]].astype(object).where(log.notna(), None)
    assert found.to_numpy().tolist() == [
        ["P3_a", None, "The video has not been analysed yet."],
        ["P4_a", None, "Left out: Slept; snored"],
        ["P5_a", "whole recording", "25% of it is valid, less than 50%"],
        ["P5_a", "film", "0% of it is valid, less than 50%; 0 s are valid, less than 1 s"],
    ]


def test_each_threshold(tmp_path: Path) -> None:
    probs = probs_of("happy", [0.5] * 10)
    lines = faces_csv(probs, unsure=[1, 1, 1] + [0] * 7)
    write_table(tmp_path / "recordings" / "P1_a", lines)
    events = [Event("*", EventKind.EVENT, "late", 99.0, 1e300)]
    settings = StudySettings(min_valid_share=0, min_valid_s=1.0, max_unsure_share=0.25)
    study = made_study(tmp_path, [recording("P1_a")], events, settings)

    def reasons(**changed: Any) -> list[str]:
        changed_study = study.reopened().with_settings(replace(settings, **changed))
        return long_table(changed_study)["reason"][::9].tolist()

    late = "Outside of the recording."
    assert reasons() == ["30% of its readings are unsure, more than 25%", late]
    assert reasons(max_unsure_share=0.3) == ["", late]
    assert reasons(max_unsure_share=1, min_valid_s=1.1) == ["1 s are valid, less than 1.1 s", late]
    assert reasons(max_unsure_share=1, leave_out_unsure=True, min_valid_s=0.7) == ["", late]
    assert reasons(max_unsure_share=1, min_valid_s=0, min_valid_share=1) == ["", late]


def test_points_repetitions_and_the_clock_of_the_events(tmp_path: Path) -> None:
    happy = [0.1] * 20 + [0.9] * 20
    one = analysed(tmp_path, "P1_a", happy, clock_offset_s=100.0, order="2", event="column")
    events = [
        Event("order=2", EventKind.EVENT, "beep", 103.0, 103.0),
        Event("order=2", EventKind.EVENT, "beep", 101.0, 101.0),
        Event("order=1", EventKind.EVENT, "other", 101.0, 101.0),
        Event("P1_a", EventKind.EXCLUDE, "door", 101.0, 101.2),
    ]
    study = made_study(tmp_path, [one], events, StudySettings(event_s=0.5))
    long = long_table(study)
    assert long["event_variable"].unique().tolist() == ["column"]
    happy_rows = long[long["signal"] == "happy"].set_index(["event", "occurrence"])
    assert happy_rows.index.tolist() == [("whole recording", 1), ("beep", 1), ("beep", 2)]
    found = happy_rows[["start_s", "end_s", "mean", "valid_share"]].round(5).to_numpy().tolist()
    assert found == [[0, 4, 0.52105, 0.95], [1, 1.5, 0.1, 0.6], [3, 3.5, 0.9, 1]]


def test_the_wide_table_has_the_same_values(study: Study) -> None:
    long = long_table(study)
    wide = wide_table(long)
    assert len(wide) == 15
    assert list(wide)[:9] == [
        *("participant", "recording", "group", "event", "event_kind", "occurrence"),
        *("start_s", "end_s", "angry_mean"),
    ]
    assert "valence_mean" in wide
    assert "valence_episodes" not in wide
    for _, line in long.iterrows():
        where = (wide["recording"] == line["recording"]) & (wide["event"] == line["event"])
        (place,) = np.flatnonzero(where)
        got = wide[f"{line['signal']}_mean"].iloc[place]
        np.testing.assert_equal(got, line["mean"])
        assert wide["included"].iloc[place] == line["included"]
    # Any order of the rows gives the same values.
    shuffled = wide_table(long.sample(frac=1, random_state=1))
    key = ["recording", "event"]
    pd.testing.assert_frame_equal(
        shuffled.sort_values(key, ignore_index=True), wide.sort_values(key, ignore_index=True)
    )


def test_what_is_left_in_each_cell(study: Study) -> None:
    long = long_table(study)
    assert cell_columns(study) == ["group", "event"]
    found = cells(long, ["group", "event"])
    assert list(found) == [
        *("group", "event", "participants", "recordings", "events"),
        *("mean_valid_share", "events_left_out"),
    ]
    assert len(found) == 9
    assert row(found, group="ctrl", event="film")["participants"] == 1
    assert row(found, group="ctrl", event="film")["events_left_out"] == 1
    assert row(found, group="ctrl", event="rest")["participants"] == 2
    empty = found[found["group"].isna()]
    assert empty["participants"].tolist() == [0, 0, 0]
    assert empty["mean_valid_share"].isna().all()


def test_a_column_that_names_everybody_does_not_make_cells(tmp_path: Path) -> None:
    rows = [recording(f"P{i}_a", group="ab"[i % 2], initials=f"X{i}") for i in range(4)]
    assert cell_columns(made_study(tmp_path, rows)) == ["group", "event"]


def test_the_files(study: Study) -> None:
    write_tables(study)
    folder = study.folder / "results"
    before = {p.name: p.read_bytes() for p in folder.iterdir()}
    assert sorted(before) == ["cells.csv", "exclusions.csv", "long.csv", "long.json", "wide.csv"]
    with (folder / "long.csv").open(encoding="utf-8", newline="") as file:
        rows = list(csv.DictReader(file))
    assert len(rows) == 135
    film = next(r for r in rows if (r["event"], r["signal"]) == ("film", "happy"))
    assert film["participant"] == "Müller, Jörg"
    assert (film["mean"], film["included"], film["occurrence"]) == ("0.5", "1", "1")
    assert {r["included"] for r in rows} == {"0", "1"}
    missing = [r for r in rows if r["recording"] == "P3_a"]
    assert {r["mean"] for r in missing} == {""}
    assert b"\r" not in before["long.csv"]
    assert b"-0.0," not in before["long.csv"]
    # From the start again: the same bytes.
    for path in [*folder.iterdir(), *(study.folder / "readings").iterdir()]:
        path.unlink()
    write_tables(study.reopened())
    assert {p.name: p.read_bytes() for p in folder.iterdir()} == before


def test_the_sidecar_describes_every_column(study: Study) -> None:
    write_tables(study)
    folder = study.folder / "results"
    about = json.loads((folder / "long.json").read_text("utf-8"))
    assert about["settings"] == asdict(study.settings)
    assert about["settings_hash"] == settings_hash(study.settings)
    assert about["settings_hash"] != settings_hash(replace(study.settings, min_valid_s=2.0))
    for name, columns in about["tables"].items():
        header = (folder / name).read_text("utf-8").partition("\n")[0].split(",")
        assert [column["name"] for column in columns] == header
        assert all(column["label"] and column["meaning"] for column in columns)
    assert [signal["name"] for signal in about["signals"]] == list(SIGNALS)


@pytest.mark.parametrize(
    ("name", "label", "unit"),
    [
        ("area", "Area above baseline", "signal × s or log-odds × s"),
        ("happy_area", "Happy: area above baseline", "probability × s or log-odds × s"),
        ("valence_mean", "Valence: mean", "-1 to 1"),
        ("happy_hour", "happy_hour", ""),
    ],
)
def test_a_column_of_any_table(name: str, label: str, unit: str) -> None:
    entry = column_entry(name)
    assert (entry["label"], entry["unit"]) == (label, unit)


def documented(heading: str) -> list[list[str]]:
    section = DOCS.read_text("utf-8").partition(f"\n{heading}\n")[2].partition("\n#")[0]
    rows = [line.strip("|").split("|") for line in section.splitlines() if line.startswith("| `")]
    return [[re.sub(r"^`(.*)`$", r"\1", cell.strip(), count=1) for cell in row] for row in rows]


def test_the_documentation_has_the_measures_of_the_program() -> None:
    assert documented("### Measures") == [[m.name, m.unit, m.formula] for m in MEASURES]


def test_the_documentation_has_the_columns_of_readings() -> None:
    meanings = column_meanings()
    expected = {
        name: meaning
        for name, meaning in meanings.items()
        if name not in EXPRESSIONS and not name.endswith("_corrected")
    }
    expected["<expression>"] = meanings["happy"].replace("'happy'", "the expression")
    expected["<signal>_corrected"] = meanings["happy_corrected"].replace("happy", "<signal>")
    rows = documented("### Readings")
    assert {row[0]: row[1] for row in rows} == expected


def test_many_batches_and_a_damaged_file_of_readings(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The header of the file is whole, so that it looks up to date; its data are not."""
    recordings = [analysed(tmp_path, f"P{i}_a", [i / 10] * 10) for i in range(1, 7)]
    study = made_study(tmp_path, recordings)
    whole = long_table(study)
    monkeypatch.setattr(tables_module, "_BATCH_STEPS", 20)
    pd.testing.assert_frame_equal(long_table(study), whole)
    path = build_readings(study, recordings[2])
    data = bytearray(path.read_bytes())
    data[4:300] = b"\xff" * 296
    path.write_bytes(bytes(data))
    damaged = long_table(study)
    assert build_all(study) == []
    reasons = damaged.loc[damaged["recording"] == "P3_a", "reason"].unique().tolist()
    assert reasons == ["Its readings cannot be read: delete this file in the folder readings."]
    others = damaged["recording"] != "P3_a"
    pd.testing.assert_frame_equal(damaged[others], whole[others])


def test_progress_covers_both_steps(study: Study) -> None:
    reports: list[Progress] = []
    long_table(study, reports.append)
    assert [r.step for r in reports] == ["Prepare the readings"] * 4 + ["Compute the measures"]


def test_a_constant_expression_gives_plain_numbers(tmp_path: Path) -> None:
    study = made_study(tmp_path, [analysed(tmp_path, "P1_a", [1 / 7] * 20)])
    one = row(long_table(study), signal="happy", event="whole recording")
    assert one["sd"] == pytest.approx(0, abs=1e-7)
    assert one["max"] == one["median"]
