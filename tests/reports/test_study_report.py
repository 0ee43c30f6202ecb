"""The report of a study: whole, honest about what was read, and without anything from elsewhere."""

import re
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from coded_studies import add_codes, analysed_study

from emotion_core.commands.study_run import compute
from emotion_core.progress import ignore_progress
from emotion_core.reports import study_methods
from emotion_core.reports.study_methods import methods_of
from emotion_core.reports.study_report import StudyFindings, _facts, study_report_html
from emotion_core.study.definitions import Baseline, Smoothing, Space, StudySettings
from emotion_core.study.outcome import answer, event_curves, question_of, share_curves
from emotion_core.study.sample import make_sample_study
from emotion_core.study.tables import write_tables

NETWORK: dict[str, Any] = {
    "name": "ferplus",
    "sha256": "0123456789abcdef0123",
    "score": "FER+ 7-class",
    "images": 3122,
    "accuracy": {"value": 0.884, "low": 0.872, "high": 0.894},
    "macro_f1": {"value": 0.793, "low": 0.761, "high": 0.82},
    "ece": {"value": 0.013, "low": 0.006, "high": 0.022},
    "other_faces": {"value": 0.825, "low": 0.798, "high": 0.852},
}


@pytest.fixture(scope="module")
def found(tmp_path_factory: pytest.TempPathFactory) -> StudyFindings:
    study = make_sample_study(tmp_path_factory.mktemp("report") / "study")
    tables, question = write_tables(study), question_of(study.design)
    analysis = answer(question, study, tables.long)
    curves = [
        (
            event_curves(study, tables.long, "funny film", "happy", "group"),
            share_curves(study, tables.long, "funny film", "happy", "group"),
        )
    ]
    return StudyFindings(study, question, tables, analysis, curves)


def test_the_report_is_whole_and_loads_nothing(found: StudyFindings) -> None:
    html = study_report_html(found)
    assert html == study_report_html(found)
    for part in ("Results", "Effect sizes", "Curves", "What counted", "Methods", "Limits"):
        assert f"<h2>{part}</h2>" in html
    assert html.count("<svg") == 9
    assert "<script" not in html
    assert not re.search(r"(src|href)=[\"']?https?:", html)
    assert not re.search(r"20\d\d-\d\d-\d\d|Report made on", html), "no date: the bytes stay"
    assert "Synthetic data" in html
    assert "say nothing about people" in html
    assert "linear mixed model" in html
    assert "A − B at stimulus = funny film" in html
    assert "emotion-lab study run" in html
    assert "P07_sad_film" in html
    # No minus before a zero, no column of dashes for tests of several levels, shares in percent.
    assert not re.search(r"−0\.0+(?!\d)", html)
    assert html.count(">Difference [95% CI]</th>") == 4
    assert "<td>–</td>" not in html
    assert "<td>99.2%</td>" in html


def test_names_are_text(found: StudyFindings) -> None:
    study = replace(found.study, name="<b>Käse</b> & 'x'")
    html = study_report_html(replace(found, study=study))
    assert "<b>Käse" not in html
    assert "&lt;b&gt;Käse&lt;/b&gt; &amp; &#39;x&#39;" in html


def test_people_and_groups_that_are_left_out_are_not_counted(found: StudyFindings) -> None:
    first = found.study.recordings[0]
    recordings = [
        replace(row, include=row.participant != first.participant, variables={"group": "A"})
        for row in found.study.recordings
    ]
    left_out = replace(first, include=False, variables={"group": "pilot"})
    study = replace(found.study, recordings=(left_out, *recordings[1:]))
    facts = dict(_facts(replace(found, study=study)))
    people = {row.participant for row in recordings}
    assert facts["Participants"] == str(len(people) - 1)
    assert facts["group"] == "A"


def test_without_a_test_the_rest_is_there(found: StudyFindings) -> None:
    html = study_report_html(
        replace(found, analysis=None, curves=(), problems=["Nothing was tested. So it is."])
    )
    assert "Nothing was tested. So it is." in html
    assert "Effect sizes" not in html
    assert "<h2>Methods</h2>" in html


def methods(found: StudyFindings, **settings: Any) -> dict[str, Any]:
    """As for a study that is not the sample."""
    study = replace(found.study, design={}, settings=StudySettings(**settings))
    return methods_of(study, found.tables, found.analysis, [NETWORK])


def test_methods_name_the_network_with_its_measured_accuracy(found: StudyFindings) -> None:
    told = methods(found)
    text = " ".join(told["paragraphs"])
    assert "its accuracy was 0.884 (95% CI [0.872, 0.894])" in text
    assert "calibration error 0.013" in text
    assert "0123456789abcdef" in text
    assert "participant was the unit of analysis" in text
    assert "Of 72 stimuli and events, 1 did not count" in text
    assert "was subtracted" not in text
    limits = " ".join(told["limits"])
    assert "An expression is not an emotion" in limits
    assert "0.825" in limits
    assert any("Barrett" in reference for reference in told["references"])


@pytest.mark.parametrize(
    ("settings", "words"),
    [
        ({"baseline": Baseline.START, "baseline_s": 4.0}, "first 4 s of the recording"),
        ({"baseline": Baseline.EVENT, "space": Space.LOGIT}, "in log-odds"),
        ({"smoothing": Smoothing.LOESS}, "local quadratic regression over 1 s"),
        ({"smoothing": Smoothing.EXPONENTIAL}, "smoothed exponentially"),
        ({"leave_out_speaking": True}, "those during speech"),
        ({"max_unsure_share": 0.3}, "at most 30% were unsure"),
    ],
)
def test_methods_follow_the_settings(
    settings: dict[str, Any], words: str, found: StudyFindings
) -> None:
    told = methods(found, **settings)
    assert words in " ".join(told["paragraphs"])
    olderbak = any("Olderbak" in reference for reference in told["references"])
    assert olderbak == (settings.get("smoothing") is Smoothing.LOESS)


def test_methods_say_which_videos_were_read_in_pieces(
    found: StudyFindings, monkeypatch: pytest.MonkeyPatch
) -> None:
    summaries = [{"settings": {"every": 1}, "pieces": {"count": 3}}, {"settings": {"every": 1}}]
    monkeypatch.setattr(study_methods, "_summaries", lambda _: summaries)
    text = " ".join(methods(found)["paragraphs"])
    assert "Every frame of each video was analysed. 1 of 2 videos were read in overlapping" in text
    monkeypatch.setattr(study_methods, "_summaries", lambda _: summaries[1:])
    assert "pieces" not in " ".join(methods(found)["paragraphs"])


def test_an_unknown_network_is_said_to_be_unknown(found: StudyFindings, tmp_path: Path) -> None:
    study = replace(found.study, design={})
    adapted = {"name": "mine", "adaptation": "with the adaptation lab, strength 1, fingerprint 5a"}
    told = methods_of(study, found.tables, None, [adapted])
    text = " ".join(told["paragraphs"])
    assert "its accuracy is not known here" in text
    assert "corrected with the adaptation lab, strength 1, fingerprint 5a" in text


def test_agreement_of_coders_is_a_section_where_people_have_coded(tmp_path: Path) -> None:
    study = analysed_study(tmp_path / "study", {f"P{i}": ["happy", "sad"] for i in range(6)})
    compute(study, None, ignore_progress)
    report = study.folder / "results" / "report.html"
    assert "Agreement with people" not in report.read_text("utf-8")
    add_codes(study, 2.0, {"Anna": {f"P{i}": [(0, "happy"), (1.2, "sad")] for i in range(6)}})
    compute(study, None, ignore_progress)
    text = report.read_text("utf-8")
    assert "Agreement with people" in text
    assert "coder Anna and the machine agreed on the code 90% of the time" in text
    assert "Cohen, J. (1960)" in text
    assert (study.folder / "results" / "agreement.csv").is_file()
    first = report.read_bytes()
    compute(study, None, ignore_progress)
    assert report.read_bytes() == first
