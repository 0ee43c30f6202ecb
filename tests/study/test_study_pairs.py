"""Two recordings on one clock, and pairs that a column names."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from emotion_core.errors import InputError
from emotion_core.study.folder import Study
from emotion_core.study.pairs import pair_signals, pairs_of
from emotion_core.study.readings import build_all
from emotion_core.study.sample import make_sample_study


@pytest.fixture(scope="module")
def study(tmp_path_factory: pytest.TempPathFactory) -> Study:
    made = make_sample_study(tmp_path_factory.mktemp("pairs") / "study")
    build_all(made)
    return made


def test_offsets_move_the_second_recording(study: Study) -> None:
    rows = {r.recording: r for r in study.recordings}
    a, b = rows["P01_funny_film"], rows["P02_funny_film"]
    plain = pair_signals(study, a, b, "happy")
    assert len(plain.times_s) == 200
    late = pair_signals(study, a, replace(b, clock_offset_s=4.0), "happy")
    assert len(late.times_s) == 160
    assert late.times_s[0] == pytest.approx(4.0)
    assert np.array_equal(late.first, plain.first[40:], equal_nan=True)
    assert np.array_equal(late.second, plain.second[:160], equal_nan=True)
    with pytest.raises(InputError, match="do not overlap"):
        pair_signals(study, a, replace(b, clock_offset_s=60.0), "happy")


def test_absences_are_missing(study: Study) -> None:
    rows = {r.recording: r for r in study.recordings}
    found = pair_signals(study, rows["P07_sad_film"], rows["P01_sad_film"], "sad")
    assert np.isnan(found.first).mean() > 0.8
    assert not np.isnan(found.second).any()


def test_a_recording_without_readings_is_named(tmp_path: Path, study: Study) -> None:
    a = study.recordings[0]
    with pytest.raises(InputError, match="has no readings"):
        pair_signals(study, a, replace(a, recording="none"), "sad")


def test_pairs_are_two_recordings_with_one_value(study: Study) -> None:
    dyads = ["d1", "d2", "d1", "d2", "d3", ""]
    rows = [
        replace(r, variables={"dyad": d}) for r, d in zip(study.recordings[:6], dyads, strict=True)
    ]
    pairs, others = pairs_of(replace(study, recordings=tuple(rows)), "dyad")
    assert {k: [r.recording for r in v] for k, v in pairs.items()} == {
        "d1": [rows[0].recording, rows[2].recording],
        "d2": [rows[1].recording, rows[3].recording],
    }
    assert others == ["d3"]
