"""What is asked of a study: read from study.toml, and answered or refused in a sentence."""

from dataclasses import replace
from pathlib import Path
from typing import Any

import pandas as pd
import pytest

from emotion_core.errors import InputError, SettingsError
from emotion_core.study.definitions import Baseline, StudySettings
from emotion_core.study.folder import Study
from emotion_core.study.outcome import (
    Question,
    answer,
    axis_factors,
    between_variables,
    counted_cells,
    curve_events,
    curve_unit,
    event_curves,
    events_of,
    measure_of,
    ordered_contrasts,
    p_words,
    paired_curves,
    question_of,
    share_curves,
    strongest_signal,
)
from emotion_core.study.sample import make_sample_study
from emotion_core.study.tables import write_tables


@pytest.fixture(scope="module")
def sample(tmp_path_factory: pytest.TempPathFactory) -> tuple[Study, pd.DataFrame]:
    study = make_sample_study(tmp_path_factory.mktemp("sample") / "study")
    return study, write_tables(study).long


@pytest.mark.parametrize(
    "question",
    [
        Question(),
        Question(("film",), "max", ("group",), "sad", True),
        Question(factors=()),
    ],
)
def test_a_question_is_kept_as_it_was_asked(question: Question) -> None:
    assert question_of(question.to_design()) == question


@pytest.mark.parametrize(
    ("design", "word"),
    [
        ({"measure": "joy"}, "measure"),
        ({"signal": "joy"}, "signal"),
        ({"events": "film"}, "events"),
        ({"factors": [1]}, "factors"),
    ],
)
def test_what_cannot_be_asked_is_named(design: dict[str, Any], word: str) -> None:
    with pytest.raises(SettingsError, match=word):
        question_of(design)


def test_defaults_follow_the_study(sample: tuple[Study, pd.DataFrame]) -> None:
    study, long = sample
    assert measure_of(Question(), study) == "mean_corrected"
    plain = replace(study, settings=StudySettings())
    assert measure_of(Question(), plain) == "mean"
    assert sorted(events_of(Question(), long)) == ["funny film", "neutral film", "sad film"]
    assert events_of(Question(("sad film", "gone")), long) == ["sad film"]
    assert events_of(Question(), long[long["event_kind"] == "recording"]) == ["whole recording"]
    assert between_variables(study) == ["group"]
    assert curve_events(study) == ["funny film", "sad film", "neutral film"]
    assert curve_unit(study, "happy") == "happy above baseline"
    assert curve_unit(plain, "happy") == "happy"


def test_one_film_makes_two_groups_and_the_event_is_no_second_factor(
    sample: tuple[Study, pd.DataFrame],
) -> None:
    study, long = sample
    two = answer(Question(("funny film",), factors=("group",)), study, long)
    assert two.design.kind == "two_groups"
    assert axis_factors(two) == ["group"]
    all_films = answer(Question(factors=("group", "stimulus")), study, long)
    assert not [w for w in all_films.design.warnings if "event" in w]
    assert axis_factors(all_films) == ["stimulus", "group"]
    assert ordered_contrasts(all_films)[0] == "group: A − B at stimulus = funny film"
    assert strongest_signal(all_films.table()) == "happy"
    assert strongest_signal(all_films.table().iloc[:0]) == "happy"
    cells = counted_cells(study, Question(factors=("group", "stimulus")), long)
    assert cells["participants"].tolist() == [12, 12, 11, 12, 12, 12]


def test_valence_and_arousal_are_a_family_of_their_own(sample: tuple[Study, pd.DataFrame]) -> None:
    study, long = sample
    found = answer(Question(("funny film",), dimensions=True), study, long)
    assert {e.signal for e in found.effects} == {"valence", "arousal"}
    with pytest.raises(InputError, match="have no episodes"):
        answer(Question(measure="episodes", dimensions=True), study, long)


def test_what_cannot_be_answered_is_told(sample: tuple[Study, pd.DataFrame]) -> None:
    study, long = sample
    with pytest.raises(InputError, match="No event is left"):
        answer(Question(), study, long.assign(included=False))
    plain = replace(study, settings=replace(study.settings, baseline=Baseline.NONE))
    with pytest.raises(InputError, match="needs a baseline"):
        answer(Question(measure="area"), plain, long)
    with pytest.raises(InputError, match="missing in every event"):
        answer(Question(), study, long.assign(mean_corrected=float("nan")))


def test_curves_of_everybody_and_of_nobody(sample: tuple[Study, pd.DataFrame]) -> None:
    study, long = sample
    one = event_curves(study, long, "sad film", "sad")
    assert set(one.rows["group"]) == {"all participants"}
    assert (one.clusters, one.note) == ((), "")
    assert "all participants: 23" in one.words()
    shares = share_curves(study, long, "sad film", "sad", "group")
    assert shares.rows["mean"].between(0, 1).all()
    with pytest.raises(InputError, match="No participant was seen"):
        event_curves(study, long, "no such event", "sad")


def test_two_events_are_compared_within_participants(sample: tuple[Study, pd.DataFrame]) -> None:
    study, long = sample
    found = paired_curves(study, long, "funny film", "sad film", "happy")
    assert set(found.rows["group"]) == {"funny film", "sad film"}
    # One recording was left out: 23 have both.
    assert found.rows["participants"].max() == 23
    ((start_s, end_s),) = found.significant()
    assert start_s < 3
    assert end_s > 14
    none = paired_curves(study, long, "neutral film", "sad film", "surprise")
    assert none.significant() == []
    with pytest.raises(InputError, match="Fewer than two"):
        paired_curves(study, long, "funny film", "gone", "happy")


def test_a_group_of_one_is_drawn_and_not_compared(tmp_path: Path) -> None:
    study = make_sample_study(tmp_path / "study")
    rows = [r for r in study.recordings if r.participant == "P01" or r.variables["group"] == "B"]
    study = study.with_recordings(rows)
    long = write_tables(study).long
    curves = event_curves(study, long, "funny film", "happy", "group")
    assert curves.clusters == ()
    assert "cannot be compared" in curves.words()


@pytest.mark.parametrize(
    ("p", "words"),
    [(float("nan"), "–"), (0.0004, "< .001"), (0.0312, ".031"), (1.0, "1.000")],
)
def test_p_values_in_words(p: float, words: str) -> None:
    assert p_words(p) == words
