"""Curves around events: one for each participant, with missing values where nothing is valid."""

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from made_studies import faces_csv, made_study, probs_of, write_table
from study_folders import recording

from emotion_core.errors import InputError
from emotion_core.study.definitions import (
    Baseline,
    Event,
    EventKind,
    Recording,
    StudySettings,
)
from emotion_core.study.event_curves import (
    Choice,
    curves_table,
    event_locked,
    event_locked_all,
    expressing,
    share_expressing,
)
from emotion_core.study.folder import Study
from emotion_core.study.readings import build_all
from emotion_core.study.tables import long_table

NAN = np.nan
SETTINGS = StudySettings(before_s=0.2, after_s=0.3)
BEEP = Event("*", EventKind.EVENT, "beep", 0.3, 0.3)


def analysed(folder: Path, name: str, happy: Sequence[float], **fields: Any) -> Recording:
    write_table(folder / "recordings" / name, faces_csv(probs_of("happy", happy)))
    return recording(name, **fields)


def ready(
    folder: Path,
    recordings: Sequence[Recording],
    events: Sequence[Event] = (BEEP,),
    settings: StudySettings = SETTINGS,
) -> Study:
    study = made_study(folder, recordings, events, settings)
    build_all(study)
    return study


def test_nothing_to_show(tmp_path: Path) -> None:
    curve = event_locked(ready(tmp_path, []), "beep", "happy")
    assert curve.values.shape == (0, 5)
    assert curve.participants == ()
    assert len(curve.variables) == 0
    shares = share_expressing(ready(tmp_path / "other", []), "happy", "beep")
    assert shares["share"].isna().all()
    assert shares["participants"].tolist() == [0] * 5


def test_a_participant_is_the_mean_over_occurrences_and_recordings(tmp_path: Path) -> None:
    one = analysed(tmp_path, "P1_a", [0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8], group="x", trial="1")
    two = analysed(tmp_path, "P1_b", [0.9] * 5, group="x", trial="2")
    other = analysed(tmp_path, "P2_a", [0.5, 0.5, NAN, 0.5, 0.5, 0.5], group="y", trial="1")
    again = Event("P1_a", EventKind.EVENT, "beep", 0.5, 0.5)
    study = ready(tmp_path, [one, two, other], [BEEP, again])
    curve = event_locked(study, "beep", "happy")
    assert curve.participants == ("P1", "P2")
    np.testing.assert_allclose(curve.times_s, [-0.2, -0.1, 0, 0.1, 0.2])
    # 0.2 … 0.6 and 0.4 … 0.8 of the first recording, 0.9 of the second, which ends after 0.5 s.
    first = [1.5 / 3, 1.7 / 3, 1.9 / 3, 2.1 / 3, 1.4 / 2]
    np.testing.assert_allclose(curve.values, [first, [0.5, NAN, 0.5, 0.5, 0.5]], atol=1e-6)
    assert curve.variables["group"].tolist() == ["x", "y"]
    assert curve.variables["trial"].isna().tolist() == [True, False]
    assert not curve.corrected
    only = event_locked(study, "beep", "happy", choice=Choice(where={"trial": "2"}))
    np.testing.assert_allclose(only.values, [[0.9, 0.9, 0.9, 0.9, NAN]], atol=1e-6)


def test_the_baseline_is_subtracted_where_there_is_one(tmp_path: Path) -> None:
    settings = replace(SETTINGS, baseline=Baseline.START, baseline_s=0.2)
    study = ready(tmp_path, [analysed(tmp_path, "P1_a", [0.2] * 3 + [0.7] * 3)], settings=settings)
    corrected = event_locked(study, "beep", "happy")
    assert corrected.corrected
    np.testing.assert_allclose(corrected.values, [[0, 0, 0.5, 0.5, 0.5]], atol=1e-6)
    raw = event_locked(study, "beep", "happy", corrected=False)
    np.testing.assert_allclose(raw.values, [[0.2, 0.2, 0.7, 0.7, 0.7]], atol=1e-6)


def test_what_is_not_valid_or_included_does_not_count(tmp_path: Path) -> None:
    recordings = [
        analysed(tmp_path, "P1_a", [0.5] * 8),
        analysed(tmp_path, "P2_a", [0.5] * 4 + [NAN] * 60),
        analysed(tmp_path, "P3_a", [0.5] * 8, include=False),
        analysed(tmp_path, "P4_a", [0.5] * 8, participant=""),
    ]
    door = Event("P1_a", EventKind.EXCLUDE, "door", 0.4, 0.5)
    settings = replace(SETTINGS, min_valid_s=0.2, event_s=0.5)
    study = ready(tmp_path, recordings, [BEEP, door], settings)
    curve = event_locked(study, "beep", "happy")
    assert curve.participants == ("P1", "P2")
    assert np.isnan(curve.values).tolist() == [
        [False, False, False, True, False],
        [False, False, False, True, True],
    ]
    gated = event_locked(study, "beep", "happy", choice=Choice(long=long_table(study)))
    assert gated.participants == ("P1",)


def test_the_share_of_those_who_express(tmp_path: Path) -> None:
    """At the beep one of two smiles; the third is away afterwards."""
    recordings = [
        analysed(tmp_path, "P1_a", [0.05] * 3 + [0.9] * 5),
        analysed(tmp_path, "P2_a", [0.05] * 8),
        analysed(tmp_path, "P3_a", [0.9] * 3 + [NAN] * 5),
    ]
    study = ready(tmp_path, recordings)
    shares = share_expressing(study, "happy", "beep")
    np.testing.assert_allclose(shares["share"], [1 / 3, 1 / 3, 1 / 2, 1 / 2, 1 / 2])
    assert shares["participants"].tolist() == [3, 3, 2, 2, 2]
    whole = share_expressing(study, "happy")
    assert whole["time_s"].tolist() == pytest.approx(np.arange(8) / 10)
    sad = expressing(study, "beep", "sad")
    assert set(sad.values[~np.isnan(sad.values)]) == {0}


def test_an_event_between_two_steps_takes_the_nearer_one(tmp_path: Path) -> None:
    happy = [0.1, 0.2, 0.3, 0.4, 0.5, 0.6]
    settings = replace(SETTINGS, before_s=0.0, after_s=0.1)
    for time_s, expected in ((0.26, 0.4), (0.34, 0.4), (0.36, 0.5)):
        folder = tmp_path / str(time_s)
        events = [replace(BEEP, start_s=time_s, end_s=time_s + 1)]
        study = ready(folder, [analysed(folder, "P1_a", happy)], events, settings)
        found = event_locked(study, "beep", "happy").values
        np.testing.assert_allclose(found, [[expected]], atol=1e-6)


def test_all_signals_at_once_agree_with_one_at_a_time(tmp_path: Path) -> None:
    study = ready(tmp_path, [analysed(tmp_path, "P1_a", [0.1, 0.5, 0.9] * 3)])
    for name, curve in event_locked_all(study, "beep").items():
        np.testing.assert_array_equal(curve.values, event_locked(study, "beep", name).values)


def test_curves_as_a_table(tmp_path: Path) -> None:
    assert len(curves_table([])) == 0
    recordings = [analysed(tmp_path, f"P{i}_a", [0.5] * 8, value="old", group="x") for i in (1, 2)]
    study = ready(tmp_path, recordings)
    table = curves_table([event_locked(study, "beep", name) for name in ("happy", "sad")])
    assert list(table) == [
        *("event", "signal", "corrected", "participant", "value_variable", "group"),
        *("time_s", "value"),
    ]
    assert len(table) == 2 * 2 * 5
    happy = table[table["signal"] == "happy"]
    assert happy["participant"].tolist() == ["P1"] * 5 + ["P2"] * 5
    np.testing.assert_allclose(happy["value"], 0.5, atol=1e-6)


@pytest.mark.parametrize(
    ("signal", "choice", "message"),
    [
        ("joy", Choice(), "There is no signal joy"),
        ("happy", Choice(after_s=0.0), "before an event must be 0 s or more"),
        ("happy", Choice(before_s=NAN), "before an event must be 0 s or more"),
        ("happy", Choice(after_s=1e9), "too long"),
    ],
)
def test_what_cannot_be_drawn(tmp_path: Path, signal: str, choice: Choice, message: str) -> None:
    study = ready(tmp_path, [analysed(tmp_path, "P1_a", [0.5] * 8)])
    with pytest.raises(InputError, match=message):
        event_locked(study, "beep", signal, choice=choice)
    with pytest.raises(InputError, match="There is no expression valence"):
        expressing(study, "beep", "valence")
