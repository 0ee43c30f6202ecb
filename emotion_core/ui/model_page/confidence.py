"""The model page's tabs about confidence: reliability, coverage, and the curves over thresholds."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import pandas as pd
import streamlit as st

from emotion_core.evaluation import chart_tables
from emotion_core.evaluation.paired_comparison import stacked
from emotion_core.labels import EXPRESSIONS
from emotion_core.ui.common.charts import download_data
from emotion_core.ui.model_page import charts
from emotion_core.ui.model_page.elements import heading, model_keys, show_chart, show_table
from emotion_core.ui.model_page.selection import Choice


def _with_images(choices: Sequence[Choice]) -> dict[str, chart_tables.Scored]:
    """The models whose predictions are kept; a sentence on those whose are not."""
    for choice in choices:
        if choice.images is None:
            st.info(
                f"{choice.name} keeps no predictions of these images: "
                f"`python -m emotion_core evaluate --data PATH --model {choice.name}` writes them.",
                icon=":material/table_view:",
            )
    return {choice.name: choice.images for choice in choices if choice.images is not None}


def confidence_tab(choices: Sequence[Choice]) -> None:
    """Whether confidence can be believed, and what is gained by taking only sure answers."""
    images = _with_images(choices)
    if not images:
        return
    scored = [choice for choice in choices if choice.name in images]
    left, right = st.columns(2, gap="large")
    with left:
        heading("Is 80% sure right 80% of the time?")
        table = stacked({c.name: _reliability(c, images[c.name]) for c in scored})
        words = (
            "On the dashed line confidence and accuracy are the same; below it the network is too "
            "sure. Larger dots hold more images. Mean gap (ECE): "
        )
        words += "; ".join(_ece_words(choice, len(scored) > 1) for choice in scored) + "."
        keys = charts.reliability_keys(list(images))
        chart: Any = charts.reliability_chart(table, list(images))
        show_chart(chart, words, table, "reliability", keys)
    with right:
        heading("Taking only the surest answers")
        table = stacked({name: chart_tables.coverage_table(one) for name, one in images.items()})
        words = "Going left, fewer and surer answers are taken, and more of them are right. "
        words += " ".join(_coverage_words(choice, len(scored) > 1) for choice in scored)
        chart = charts.coverage_chart(table, list(images))
        show_chart(chart, words, table, "coverage", model_keys(list(images)))
    for choice in (c for c in scored if not c.adaptation):
        _say_unsure(choice, len(scored) > 1)


def _reliability(choice: Choice, images: chart_tables.Scored) -> pd.DataFrame:
    """Without a temperature in model.json, the values before calibration are unknown."""
    table = chart_tables.reliability_table(images)
    known = "temperature" in choice.record.metadata
    return table if known else table[table["state"] == "after calibration"]


def _ece_words(choice: Choice, several: bool) -> str:
    full, name = choice.blocks["full"], f"{choice.name} " if several else ""
    after = f"{full['ece']['value']:.3f} after calibration"
    if choice.adaptation:
        return f"{name}{after} and with the adaptation"
    if "temperature" not in choice.record.metadata:
        return f"{name}{after}; before: not known, model.json has no temperature"
    return f"{name}{full['ece_uncalibrated']:.3f} before and {after}"


def _coverage_words(choice: Choice, several: bool) -> str:
    full, name = choice.blocks["full"], f"{choice.name}: all" if several else "All"
    return (
        f"{name} answers: {full['accuracy']['value']:.1%} right; the surest 90%: "
        f"{full['accuracy_at_90']['value']:.1%}; the surest 80%: "
        f"{full['accuracy_at_80']['value']:.1%}."
    )


def _say_unsure(choice: Choice, several: bool) -> None:
    unsure: dict[str, Any] = choice.record.metadata.get("unsure") or {}
    needed = ("threshold", "coverage", "accuracy_sure", "accuracy_unsure")
    if any(not isinstance(unsure.get(name), int | float) for name in needed):
        return
    whose = f" of {choice.name}" if several else ""
    st.info(
        f"The pages call an answer{whose} **unsure** below a probability of "
        f"{unsure['threshold']:.0%}. On validation that marks {1 - unsure['coverage']:.0%} of the "
        f"answers: {unsure['accuracy_unsure']:.0%} of these were right, and "
        f"{unsure['accuracy_sure']:.0%} of the others.",
        icon=":material/help:",
    )


def tradeoffs_tab(choices: Sequence[Choice]) -> None:
    """Precision-recall and ROC curves, one expression against the rest, with their areas."""
    images = _with_images(choices)
    if not images:
        return
    names = list(images)
    pick = _choose_expression() if len(names) > 1 else None
    left, right = st.columns(2, gap="large")
    with left:
        heading("Precision and recall")
        table = _picked(
            {n: chart_tables.precision_recall_table(i) for n, i in images.items()}, pick
        )
        words = (
            "Going right, more of an expression's faces are found and more of the finds are wrong; "
            "a curve near the upper right corner is good."
        )
        chart: Any = charts.precision_recall_chart(table, names)
        show_chart(chart, words, table, "precision_recall", charts.curve_keys(names))
    with right:
        heading("True and false positives (ROC)")
        table = _picked({n: chart_tables.roc_table(i) for n, i in images.items()}, pick)
        words = (
            "A curve near the upper left corner is good; the dashed line is guessing. For a rare "
            "expression even a small share of false positives is many faces: read it beside "
            "precision."
        )
        chart = charts.roc_chart(table, names)
        show_chart(chart, words, table, "roc", charts.curve_keys(names))
    heading("Areas under the curves")
    _show_areas(images)


def _choose_expression() -> str:
    chosen = st.segmented_control(
        "Expression", list(EXPRESSIONS), default="fear", key="model_curve_of"
    )
    return chosen or "fear"


def _picked(parts: dict[str, pd.DataFrame], expression: str | None) -> pd.DataFrame:
    table = stacked(parts)
    if expression is None or "expression" not in table:
        return table
    return table[table["expression"] == expression].reset_index(drop=True)


def _show_areas(images: dict[str, chart_tables.Scored]) -> None:
    table = stacked({name: chart_tables.area_table(one) for name, one in images.items()})
    titles = {"share": "share of the images", "average_precision": "average precision"}
    titles["auc"] = "ROC AUC"
    shown = table if len(images) > 1 else table.drop(columns="model")
    if len(images) > 1:
        rank = {name: i for i, name in enumerate(dict.fromkeys(table["expression"]))}
        shown = shown.sort_values("expression", kind="stable", key=lambda e: e.map(rank))
    # Tall enough for every row: a table that scrolls inside a page hides its last line.
    tall = 38 + 35 * len(shown)
    areas = ["average_precision", "auc"]
    show_table(shown, height=tall, shares=["share"], decimals=areas, titles=titles)
    st.caption(
        "Both areas are 1 at best. Guessing scores 0.5 in ROC AUC, and in average precision no "
        "more than the expression's share of the images. Each is one expression against the rest."
    )
    download_data(table, "areas.csv", key="download_areas")
