"""The sample study: quick, repeatable, told to be synthetic, and with the effect that it plants."""

import time
from pathlib import Path

import numpy as np
import pytest

from emotion_core.errors import InputError
from emotion_core.results.export import COLUMNS, read_faces
from emotion_core.study.folder import Study
from emotion_core.study.outcome import answer, event_curves, question_of
from emotion_core.study.sample import AWAY, FILMS, SPEAKING, is_synthetic, make_sample_study
from emotion_core.study.tables import Tables, write_tables


@pytest.fixture(scope="module")
def sample(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("sample") / "study"
    make_sample_study(folder)
    return folder


@pytest.fixture(scope="module")
def tables(sample: Path) -> Tables:
    return write_tables(Study.open(sample))


def test_it_is_quick_and_says_what_it_is(tmp_path: Path) -> None:
    begun = time.monotonic()
    study = make_sample_study(tmp_path / "study")
    assert time.monotonic() - begun < 3
    assert (len(study.recordings), len(study.events), study.problems) == (72, 4, ())
    assert "synthetic" in study.name
    assert is_synthetic(study)
    with pytest.raises(InputError, match="holds a study already"):
        make_sample_study(tmp_path / "study")


def test_the_same_seed_gives_the_same_readings(sample: Path, tmp_path: Path) -> None:
    again, other = tmp_path / "again", tmp_path / "other"
    make_sample_study(again)
    make_sample_study(other, seed=1)
    names = sorted(p.relative_to(sample) for p in sample.glob("recordings/*/*"))
    assert len(names) == 144
    assert all((sample / n).read_bytes() == (again / n).read_bytes() for n in names)
    assert any((sample / n).read_bytes() != (other / n).read_bytes() for n in names)


def test_tables_of_faces_are_those_of_an_analysis(sample: Path) -> None:
    path = sample / "recordings" / "P05_neutral_film" / "faces.csv"
    head, *rows = path.read_text().splitlines()
    assert tuple(head.split(",")) == COLUMNS
    assert len(rows) == 200
    table = read_faces(path)
    assert np.allclose(table.probs.sum(axis=1), 1, atol=1e-4)
    start, end = SPEAKING["P05", "neutral film"][0]
    talks = table.time_s[table.speaking == 1]
    assert (talks.min(), talks.max()) == pytest.approx((start, end - 0.1))
    assert 0 < table.unsure.mean() < 0.5


def test_somebody_is_away_for_a_moment_and_one_recording_is_left_out(
    sample: Path, tables: Tables
) -> None:
    start, end = AWAY["P03", "funny film"][0]
    table = read_faces(sample / "recordings" / "P03_funny_film" / "faces.csv")
    assert not ((table.time_s >= start) & (table.time_s < end)).any()
    left_out = tables.exclusions
    assert set(left_out["recording"]) == {"P07_sad_film"}
    assert left_out["reason"].str.contains("valid, less than 50%").all()


def test_the_planted_effect_is_found_where_it_was_planted(sample: Path, tables: Tables) -> None:
    study = Study.open(sample)
    analysis = answer(question_of(study.design), study, tables.long)
    assert analysis.design.kind == "mixed_model"
    found = {
        (e.signal, e.contrast): e for e in analysis.effects if e.contrast.startswith("group: A − B")
    }
    planted = found["happy", "group: A − B at stimulus = funny film"]
    assert planted.p_holm < 0.01
    assert planted.estimate < 0, "group B smiles more"
    for film in FILMS[1:]:
        assert found["happy", f"group: A − B at stimulus = {film}"].p > 0.3
    # Where happy rises the others give way: neutral, which is the largest.
    clear = {e.signal for e in found.values() if e.p_holm < 0.05}
    assert clear <= {"happy", "neutral"}


def test_the_groups_curves_differ_during_the_funny_film_only(sample: Path, tables: Tables) -> None:
    study = Study.open(sample)
    funny = event_curves(study, tables.long, "funny film", "happy", "group")
    assert funny.significant()
    assert all(start > 0 for start, _ in funny.significant())
    sad = event_curves(study, tables.long, "sad film", "happy", "group")
    assert not sad.significant()
    assert set(funny.rows["group"]) == {"A", "B"}
    # The recording that was left out is not in the curve.
    assert sad.rows.groupby("group")["participants"].max().to_dict() == {"A": 11, "B": 12}
