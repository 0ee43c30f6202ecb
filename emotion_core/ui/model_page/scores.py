"""The model page's first tab: accuracy compared with others, and each of the expressions."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

import streamlit as st

from emotion_core.evaluation import chart_tables
from emotion_core.evaluation.paired_comparison import stacked
from emotion_core.labels import FOLDER_LABELS
from emotion_core.ui.model_page import charts
from emotion_core.ui.model_page.elements import heading, model_keys, show_chart, show_table
from emotion_core.ui.model_page.selection import Choice

_SCORES: Final = {"f1": "F1", "precision": "precision", "recall": "recall"}
_WORDS: Final = {
    "recall": "Recall: of the faces that show it, how many are found.",
    "precision": "Precision: of the answers that name it, how many are right.",
    "f1": "F1 is high only where an expression is both found and rightly named.",
}


def scores_tab(choices: Sequence[Choice]) -> None:
    """Scores of one model, or of two in the same charts."""
    scored = [choice for choice in choices if choice.blocks]
    left, right = st.columns(2, gap="large")
    with left:
        _show_comparison(scored)
    with right:
        _show_classes(scored)


def _show_comparison(choices: Sequence[Choice]) -> None:
    heading("Beside people, chance and others")
    first = choices[0]
    test = first.split == "test"
    blocks = {choice.name: choice.blocks for choice in choices}
    reports = [choice.report for choice in choices if choice.report]
    report = reports[0] if reports else None
    table = chart_tables.comparison_table(blocks, first.label_set, report, with_peers=test)
    words = "Longer is better; the thin line is the 95% interval over the images. "
    words += (
        "“Without near-duplicates” leaves out images that an earlier split holds, too."
        if any("without_near_duplicates" in choice.blocks for choice in choices)
        else "Near-duplicates across splits are not known here."
    )
    if not test and first.faces is None and first.label_set != FOLDER_LABELS:
        words += " Published figures are about the test split and stand there only."
    names = [choice.name for choice in choices]
    keys = charts.comparison_keys(table, names)
    show_chart(charts.comparison_chart(table, names), words, table, "comparison", keys)
    # For its first table a browser loads more than a megabyte of program: only where it is opened.
    sources = st.expander("Where each figure comes from", key="model_who", on_change="rerun")
    if sources.open:
        with sources:
            show_table(table[["who", "accuracy", "source"]], shares=["accuracy"])


def _show_classes(choices: Sequence[Choice]) -> None:
    heading("Each expression")
    chosen = st.segmented_control(
        "Score",
        list(_SCORES),
        default="f1",
        format_func=_SCORES.__getitem__,
        key="model_class_score",
        label_visibility="collapsed",
    )
    score = chosen or "f1"
    table = stacked({c.name: chart_tables.class_table(c.blocks["full"]) for c in choices})
    names = [choice.name for choice in choices]
    words, one = _WORDS[score], table[table["model"] == names[0]]
    counts = dict(zip(one["expression"], one["images"], strict=True))
    few = [f"{expression} {n}" for expression, n in counts.items() if 0 < n < 100]
    if few:
        words += f" Few images make wide intervals ({', '.join(few)})."
    if none := [expression for expression, n in counts.items() if not n]:
        words += f" No image shows {' or '.join(none)}."
    show_chart(charts.class_bars(table, score, names), words, table, "classes", model_keys(names))
    figures = st.expander("The figures", key="model_figures", on_change="rerun")
    if not figures.open:
        return
    with figures:
        kept = ["expression", "images", "precision", "recall", "f1"]
        several = ["model"] if len(names) > 1 else []
        rows = table.sort_values("expression", kind="stable") if several else table
        shares = ["precision", "recall", "f1"]
        show_table(rows[[*several, *kept]], shares=shares, titles={"f1": "F1"})
