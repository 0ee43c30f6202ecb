"""The section of a study's report about agreement of coders and machine."""

import math
from collections.abc import Mapping
from typing import Any, Final

from emotion_core.charts.matrix import matrix_chart
from emotion_core.reports.templating import inline_chart
from emotion_core.study.agreement.machine import MACHINE
from emotion_core.study.agreement.measures import LABELS
from emotion_core.study.agreement.report import Agreement
from emotion_core.study.agreement.sentences import methods, references, results

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
    if figure is None or not math.isfinite(figure["value"]):
        return "–"
    interval = "" if math.isnan(figure["low"]) else f" [{figure['low']:.2f}, {figure['high']:.2f}]"
    return f"{figure['value']:.2f}{interval}".replace("-", "−")


def _chart(found: Agreement, pair: tuple[str, str]) -> dict[str, Any]:
    rows = found.confusion
    rows = rows[(rows["first"] == pair[0]) & (rows["second"] == pair[1])]
    used = {*rows["first_code"], *rows["second_code"]}
    chart = matrix_chart(
        rows.assign(count=rows["seconds"].round(1)),
        row=("first_code", pair[0]),
        column=("second_code", pair[1]),
        shade="of_first",
        text="of_first",
        order=[label for label in found.labels if label in used],
    )
    words = f"{pair[0]} and {pair[1]}: a row adds up to 100% of the time of this code"
    return {"picture": inline_chart(chart), "words": words}
