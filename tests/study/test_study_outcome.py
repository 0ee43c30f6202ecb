"""What is asked of a study: read from study.toml, and answered or refused in a sentence."""

from dataclasses import replace
from pathlib import Path
from typing import Any

import pandas as pd
import pytest

from emotion_core.errors import InputError, SettingsError
from emotion_core.study.definitions import Baseline, EventKind, Space, StudySettings
from emotion_core.study.folder import Study
from emotion_core.study.outcome import (
    Question,
    answer,
    axis_factors,
    axis_title,
    between_variables,
    compared_rows,
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
    wrong = replace(study.recordings[0], recording="wrong", variables={"group": "?"}, include=False)
    with_wrong = replace(study, recordings=(*study.recordings, wrong))
    assert between_variables(with_wrong) == ["group"], "what is left out does not count"
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
    assert "14.9 s (p < .001)" in found.words()
    none = paired_curves(study, long, "neutral film", "sad film", "surprise")
    assert none.significant() == []
    with pytest.raises(InputError, match="Fewer than two"):
        paired_curves(study, long, "funny film", "gone", "happy")


def test_a_stimulus_called_as_the_baseline_is_keeps_its_own_figures(
    sample: tuple[Study, pd.DataFrame], tmp_path: Path
) -> None:
    study, long = sample
    films = {"funny film": "film", "neutral film": "film"}
    kept = [
        replace(e, label="film") if e.label in films or e.kind is EventKind.BASELINE else e
        for e in study.events
    ]
    other = make_sample_study(tmp_path / "study").with_events(kept)
    renamed = write_tables(other).long
    assert {"baseline", "stimulus"} <= set(renamed.loc[renamed["event"] == "film", "event_kind"])
    assert events_of(Question(), renamed) == ["film", "sad film"]
    for question in (Question(), Question(events=("film",))):
        assert set(compared_rows(question, renamed)["event_kind"]) == {"stimulus"}
    expected = long[long["event"].isin(films) & (long["signal"] == "happy") & long["included"]]
    people = expected.groupby("participant")["mean_corrected"].mean()
    curve = event_curves(other, renamed, "film", "happy").rows
    inside = curve[(curve["time_s"] >= 0) & (curve["time_s"] < 15)]
    assert inside["mean"].mean() == pytest.approx(people.mean(), abs=0.02)


def test_log_odds_are_named_where_they_are_compared(
    sample: tuple[Study, pd.DataFrame], tmp_path: Path
) -> None:
    study, long = sample
    assert axis_title(answer(Question(), study, long), "happy") == "happy above baseline"
    logit = replace(study, settings=replace(study.settings, space=Space.LOGIT))
    found = answer(Question(), logit, long)
    assert axis_title(found, "happy") == "happy above baseline (log-odds)"
    assert axis_title(found, "valence") == "valence above baseline"
    assert all("logit of the probability of" in words for words in found.sentences())
    plain = answer(Question(measure="mean"), logit, long)
    assert axis_title(plain, "happy") == "Mean of happy"
    assert all("logit" not in words for words in plain.sentences())


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
