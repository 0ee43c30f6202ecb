"""The report of a study to print: design, tests, curves, methods and limits in one HTML file."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final

import pandas as pd
from markupsafe import Markup

from emotion_core.charts.groups import group_keys
from emotion_core.charts.legend import legend_html
from emotion_core.charts.study_curves import curve_chart
from emotion_core.charts.study_effects import forest_chart, means_chart
from emotion_core.labels import EXPRESSIONS
from emotion_core.reports.study_agreement import agreement_section
from emotion_core.reports.study_methods import methods_of
from emotion_core.reports.templating import inline_chart, render
from emotion_core.study.agreement.report import Agreement
from emotion_core.study.folder import Study
from emotion_core.study.outcome import (
    ALPHA,
    GroupCurves,
    Question,
    axis_factors,
    axis_title,
    counted_cells,
    curve_unit,
    ordered_contrasts,
    p_words,
    strongest_signal,
)
from emotion_core.study.sample import is_synthetic
from emotion_core.study.statistics.comparisons import Analysis
from emotion_core.study.statistics.sentences import sentence, with_interval
from emotion_core.study.tables import Tables

# More contrasts, or cells, than this are in the tables next to the report.
_MOST_CONTRASTS: Final = 6
_MOST_CELLS: Final = 40
_MOST_LEFT_OUT: Final = 60
_NOTHING: Final = "–"


@dataclass(frozen=True, slots=True, eq=False)
class StudyFindings:
    """What a report shows.

    Attributes:
        study: the study.
        question: what is asked.
        tables: its tables.
        analysis: the tests; None where nothing could be compared.
        curves: means around events, and shares of participants, for each event in turn.
        problems: sentences about what could not be computed.
        networks: what is known of each network that read the faces; see `study_methods`.
        agreement: of coders with each other and the machine; None where nothing is coded.
    """

    study: Study
    question: Question
    tables: Tables
    analysis: Analysis | None
    curves: Sequence[tuple[GroupCurves, GroupCurves | None]] = ()
    problems: Sequence[str] = ()
    networks: Sequence[Mapping[str, Any]] = field(default_factory=list)
    agreement: Agreement | None = None


def study_report_html(found: StudyFindings) -> str:
    """The whole document; the same findings give the same text. It loads nothing."""
    study = found.study
    return render(
        "study.html",
        title=study.name,
        synthetic=is_synthetic(study),
        facts=_facts(found),
        problems=list(found.problems),
        analysis=_analysis(found),
        curves=[_curves(found, *pair) for pair in found.curves],
        cells=_table(_cells(found), _MOST_CELLS),
        left_out=_table(_left_out(found.tables.exclusions), _MOST_LEFT_OUT),
        agreement=None if found.agreement is None else agreement_section(found.agreement),
        methods=methods_of(study, found.tables, found.analysis, found.networks),
    )


def _facts(found: StudyFindings) -> list[tuple[str, str]]:
    recordings, used = found.study.recordings, found.study.included
    kept = found.tables.long.loc[found.tables.long["included"].astype(bool), "recording"].nunique()
    people = len({r.participant for r in used if r.participant})
    variables = list(dict.fromkeys(v for r in used for v in r.variables))
    facts = [("Participants", f"{people:,}"), ("Recordings", f"{len(recordings):,}")]
    facts += [("With results", f"{kept:,}")] if kept != len(recordings) else []
    for name in variables:
        levels = sorted({r.variables.get(name, "") for r in used} - {""})
        words = ", ".join(levels) if len(levels) <= 8 else f"{len(levels)} values"
        facts.append((name, words or "–"))
    return facts


def _analysis(found: StudyFindings) -> dict[str, Any] | None:
    analysis = found.analysis
    if analysis is None:
        return None
    table = analysis.table()
    contrasts = ordered_contrasts(analysis)
    signal = found.curves[0][0].signal if found.curves else strongest_signal(table)
    return {
        "explanation": analysis.design.explanation,
        "warnings": list(dict.fromkeys((*analysis.design.warnings, *analysis.warnings))),
        "sentences": _sentences(analysis),
        "tests": len(table),
        "contrasts": [_contrast(table, name) for name in contrasts[:_MOST_CONTRASTS]],
        "more": max(0, len(contrasts) - _MOST_CONTRASTS),
        "means": _means(analysis, signal),
        "signal": signal,
    }


def _sentences(analysis: Analysis) -> list[str]:
    """Those about differences that are left after the correction; the tables have all tests."""
    measure, due = analysis.design.measure, set(analysis.sentences())
    clear = (
        sentence(effect, measure, analysis.log_odds)
        for contrast in ordered_contrasts(analysis)
        for effect in analysis.effects
        if effect.contrast == contrast and effect.p_holm < ALPHA
    )
    return [words for words in clear if words in due]


def _contrast(table: pd.DataFrame, name: str) -> dict[str, Any]:
    rows = table[table["contrast"] == name]
    size = f"{rows['effect_name'].iloc[0]} [95% CI]"
    cells = pd.DataFrame([_effect_cells(row, size) for row in rows.to_dict("records")])
    # A test of several levels has no single difference.
    empty = [column for column in cells if (cells[column] == _NOTHING).all()]
    return {
        "name": name,
        "chart": inline_chart(forest_chart(rows, name)),
        "table": _table(cells.drop(columns=empty), len(cells)),
    }


def _effect_cells(row: Mapping[Any, Any], size: str) -> dict[str, str]:
    """Signal, difference, effect size, p, corrected p; an interval after each value."""
    return {
        "Signal": str(row["signal"]),
        "Difference [95% CI]": with_interval(row["estimate"], row["ci_low"], row["ci_high"], 3),
        size: with_interval(row["effect_size"], row["effect_low"], row["effect_high"], 2),
        "p": p_words(row["p"]),
        "p (Holm)": p_words(row["p_holm"]),
    }


def _means(analysis: Analysis, signal: str) -> dict[str, Any] | None:
    rows = analysis.means[analysis.means["signal"] == signal]
    if rows.empty:
        return None
    factors = axis_factors(analysis)
    groups = list(dict.fromkeys(rows[factors[1]].astype(str))) if len(factors) > 1 else []
    keys = group_keys(groups, lines=False)
    unit = axis_title(analysis, signal)
    return {
        "legend": Markup(legend_html(keys)) if keys else "",
        "chart": inline_chart(means_chart(rows, factors, signal, unit)),
    }


def _curves(found: StudyFindings, means: GroupCurves, shares: GroupCurves | None) -> dict[str, Any]:
    groups = list(dict.fromkeys(means.rows["group"]))
    title = f"{means.signal} around {means.event}"
    unit = curve_unit(found.study, means.signal)
    drawn = curve_chart(means.rows, title=title, unit=unit, clusters=means.significant())
    result: dict[str, Any] = {
        "event": means.event,
        "signal": means.signal,
        "legend": Markup(legend_html(group_keys(groups))) if len(groups) > 1 else "",
        "chart": inline_chart(drawn),
        "words": means.words(),
        "share": None,
    }
    if shares is not None and means.signal in EXPRESSIONS:
        rows = shares.rows.drop(columns=["low", "high"])
        chart = curve_chart(rows, title=title, unit="share of participants", share=True)
        result["share"] = inline_chart(chart)
    return result


def _cells(found: StudyFindings) -> pd.DataFrame:
    cells = counted_cells(found.study, found.question, found.tables.long)
    share = "mean_valid_share"
    if share not in cells:
        return cells
    return cells.assign(**{share: cells[share].map("{:.1%}".format, na_action="ignore")})


def _left_out(exclusions: pd.DataFrame) -> pd.DataFrame:
    names = [c for c in ("recording", "event", "reason") if c in exclusions]
    return exclusions[names]


def _table(frame: pd.DataFrame, most: int) -> dict[str, Any]:
    """A table as rows of words, cut where it is long."""
    rows = frame.head(most).to_dict("split")["data"]
    return {
        "columns": [str(name).replace("_", " ") for name in frame.columns],
        "rows": [[_words(value) for value in row] for row in rows],
        "more": max(0, len(frame) - most),
    }


def _words(value: object) -> str:
    if value is None or (isinstance(value, float) and pd.isna(value)) or value is pd.NA:
        return _NOTHING
    return f"{value:.3g}" if isinstance(value, float) else str(value)
