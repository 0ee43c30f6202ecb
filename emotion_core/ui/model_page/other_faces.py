"""The model page's tab about faces of other origin than the network's own data set."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import streamlit as st

from emotion_core.evaluation.chart_tables import other_faces_table
from emotion_core.evaluation.published_results import CROSS_DATA_SET_NOTES, FER_ON_OTHER_FACES
from emotion_core.ui.model_page import charts
from emotion_core.ui.model_page.elements import heading, show_chart, show_table
from emotion_core.ui.model_page.selection import Choice


def other_faces_tab(choices: Sequence[Choice]) -> None:
    """Recall of each expression in each set, and whether confidence holds there."""
    measured = {c.name: c.record.other_faces for c in choices if c.record.other_faces}
    for choice in choices:
        if choice.name not in measured:
            st.info(
                f"Not measured for {choice.name}: `python -m emotion_core evaluate --data "
                f"other_faces.npz --model {choice.name}` measures it.",
                icon=":material/travel_explore:",
            )
    if not measured:
        return
    for name, scores in measured.items():
        st.markdown(_in_words(name, scores))
    left, right = st.columns([3, 2], gap="large")
    with left:
        heading("How many of each expression are found")
        table = other_faces_table(measured, FER_ON_OTHER_FACES)
        words = (
            "Recall in each set; the thin line is the 95% interval over people. Sets and their "
            "labels: " + "; ".join(_about(block) for block in _sets(measured)) + "."
        )
        keys = charts.other_faces_keys(table, list(measured))
        show_chart(charts.other_faces_chart(table, keys), words, table, "other_faces", keys)
    with right:
        heading("Is the confidence true there?")
        show_table(
            [_calibration(name, block) for name, s in measured.items() for block in s["sets"]],
            shares=["accuracy", "confidence", "unsure"],
            decimals=["ECE"],
        )
        st.caption(
            "On faces like those that it was calibrated on, confidence and accuracy differ by 1 to "
            "3 points (ECE 0.01 to 0.03). Where the difference is larger, a percentage on the page "
            "says too much: test a sample of your own faces before you rely on it."
        )
        heading("What published figures are")
        st.markdown("\n".join(f"- {note}" for note in CROSS_DATA_SET_NOTES))


def _in_words(name: str, scores: dict[str, Any]) -> str:
    cross = scores["cross_score"]
    return (
        f"**{name}** finds **{cross['value']:.1%}** [{cross['low']:.1%}, {cross['high']:.1%}] of "
        "the expressions in faces of other origin (mean recall; none of them was used in training)."
    )


def _sets(measured: dict[str, dict[str, Any]]) -> list[dict[str, Any]]:
    return list(next(iter(measured.values()))["sets"])


def _about(block: dict[str, Any]) -> str:
    return f"{block['name']}: {block['about']} ({block['people']:,} people)"


def _calibration(name: str, block: dict[str, Any]) -> dict[str, Any]:
    return {
        "model": name,
        "set": block["name"],
        "faces": block["images"],
        "accuracy": block["accuracy"],
        "confidence": block["confidence"],
        "ECE": block["ece"],
        "unsure": block["unsure"],
    }
