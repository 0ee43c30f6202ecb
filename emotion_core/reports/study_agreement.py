"""The section of a study's report about agreement of coders and machine."""

from collections.abc import Mapping
from typing import Any, Final

from emotion_core.charts.study_agreement import confusion_chart
from emotion_core.reports.templating import inline_chart
from emotion_core.study.agreement.machine import MACHINE
from emotion_core.study.agreement.measures import LABELS
from emotion_core.study.agreement.report import Agreement
from emotion_core.study.agreement.sentences import methods, references, results
from emotion_core.study.statistics.sentences import with_interval

_SHOWN: Final = ("kappa_time", "alpha_nominal", "kappa_events", "f1_events")
# More pairs are in the table only.
_MOST_CHARTS: Final = 3


def agreement_section(found: Agreement) -> dict[str, Any]:
    """What the template of the report needs."""
    # Of most interest to a reader: the machine against each person.
    ordered = sorted(found.pairs, key=lambda pair: pair[1] != MACHINE)
    return {
        "results": results(found),
        "columns": [LABELS[measure] for measure in _SHOWN],
        "rows": [_row(found, pair) for pair in found.pairs],
        "notes": list(found.notes),
        "charts": [_chart(found, pair) for pair in ordered[:_MOST_CHARTS]],
        "methods": methods(found),
        "references": references(found),
    }


def _row(found: Agreement, pair: tuple[str, str]) -> list[str]:
    return [f"{pair[0]} – {pair[1]}", *(_cell(found.figure(*pair, name)) for name in _SHOWN)]


def _cell(figure: Mapping[str, Any] | None) -> str:
    if figure is None:
        return "–"
    return with_interval(figure["value"], figure["low"], figure["high"], 2)


def _chart(found: Agreement, pair: tuple[str, str]) -> dict[str, Any]:
    chart = confusion_chart(found.confusion, found.labels, pair)
    words = f"{pair[0]} and {pair[1]}: a row adds up to 100% of the time of this code"
    return {"picture": inline_chart(chart), "words": words}
