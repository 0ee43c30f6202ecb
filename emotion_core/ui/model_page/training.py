"""The model page's tab about training: the curves, and every run and look at a test split."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import streamlit as st

from emotion_core.errors import EmotionCoreError
from emotion_core.evaluation import chart_tables
from emotion_core.evaluation.experiment_log import CROSS_SCORES, read_runs
from emotion_core.evaluation.paired_comparison import stacked
from emotion_core.ui.common.charts import download_data, show_legend
from emotion_core.ui.common.text import duration_words
from emotion_core.ui.model_page import charts
from emotion_core.ui.model_page.elements import heading, show_table
from emotion_core.ui.model_page.selection import Choice

if TYPE_CHECKING:
    import pandas as pd

# Heading, axis title, columns of history.csv with their names for reading, values are shares.
_CURVES: Final = (
    ("Loss", "loss", {"loss": "training", "val_loss": "validation"}, False),
    (
        "Accuracy",
        "share",
        {
            "accuracy": "training",
            "val_accuracy": "validation",
            "val_macro_f1": "validation macro-F1",
            "cross_score": "other faces, mean recall",
        },
        True,
    ),
    ("Learning rate", "learning rate", {"learning_rate": "learning rate"}, False),
    ("Time", "seconds an epoch", {"seconds": "seconds"}, False),
)


def training_tab(choices: Sequence[Choice], models_dir: Path) -> None:
    """Training curves of one model or two, and the table of runs."""
    histories = {c.name: c.record.history for c in choices if c.record.history is not None}
    for choice in choices:
        if choice.name not in histories:
            elsewhere = choice.record.is_external
            why = "was made elsewhere" if elsewhere else "has no readable history.csv"
            st.info(f"{choice.name} {why}: no curves.")
    if histories:
        best = {
            c.name: chart_tables.best_epoch(histories[c.name], c.record.metadata)
            for c in choices
            if c.name in histories
        }
        folders = all(c.record.folder for c in choices if c.name in histories)
        _show_curves(histories, best, "" if folders else " and their targets are shares of votes")
    heading("All runs, and every look at a test split")
    _show_runs(models_dir)


def _show_curves(histories: dict[str, pd.DataFrame], best: dict[str, int], votes: str) -> None:
    drawn: list[Any] = []
    for title, axis, names, percent in _CURVES:
        parts = {name: chart_tables.history_long(h, names) for name, h in histories.items()}
        long = stacked(parts)
        if not len(long):
            continue
        # A row after the other: on a phone the charts keep this order.
        drawn = drawn or list(st.columns(2, gap="large"))
        with drawn.pop(0):
            heading(title)
            curves = list(dict.fromkeys(long["curve"]))
            show_legend(charts.history_keys(curves, list(histories)))
            chart = charts.history_chart(long, best, axis, list(histories), percent)
            st.altair_chart(chart, width="stretch", key=f"chart_history_{axis}")
    st.caption(
        " ".join(_words(name, history, best[name]) for name, history in histories.items())
        + " The dashed upright line and the diamonds mark the epoch that is kept. Training faces "
        f"are distorted on purpose{votes}, so the training curves may lie below those of "
        "validation; no test image is looked at here."
    )
    download_data(stacked(histories), "history.csv", key="download_history")


def _words(name: str, history: pd.DataFrame, best: int) -> str:
    count = f"{len(history)} epoch{'' if len(history) == 1 else 's'}"
    words = f"{name}: {count}; the weights of epoch {best} are kept, chosen on"
    words += " validation"
    if "cross_score" in history and history["cross_score"].notna().any():
        words += " and faces of other origin"
    if "seconds" in history:
        words += f"; the run took {duration_words(history['seconds'].sum())}"
    return words + "."


def _show_runs(models_dir: Path) -> None:
    try:
        runs = read_runs(models_dir)
    except EmotionCoreError as error:
        st.warning(str(error))
        return
    if runs.empty:
        st.caption("No run has been logged yet.")
        return
    looks = runs[runs["event"] == "evaluate"]
    st.markdown(
        f"Entries: {len(runs)}. Looks at a test split among them: {len(looks)}. Whoever looks "
        "often enough has chosen on it, so each look is counted."
    )
    unmeasured = [column for column in CROSS_SCORES if runs[column].isna().all()]
    runs = runs.drop(columns=unmeasured)
    shown = ("accuracy", "balanced_accuracy", "macro_f1", "rare_recall", "cross_score")
    shares = [column for column in shown if column in runs]
    decimals = [column for column in ("ece", "cross_ece") if column in runs]
    titles = {name: name.replace("_", " ") for name in shares} | {"ece": "ECE"}
    titles |= {"cross_score": "other faces, mean recall", "cross_ece": "other faces, ECE"}
    titles |= {"label_set": "judged by", "note": "recipe or reason"}
    show_table(runs.iloc[::-1], shares=shares, decimals=decimals, titles=titles)
    st.caption(
        "Newest first. Rows of validation and of test stand apart in the column “split”: compare "
        "like with like."
    )
    download_data(runs, "runs.csv", key="download_runs")
