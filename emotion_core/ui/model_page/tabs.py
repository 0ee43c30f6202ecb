"""The tabs of the model page: only the open one is computed and sent."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path

import streamlit as st

from emotion_core.ui.model_page.selection import Choice


def show_tabs(choices: Sequence[Choice], models_dir: Path, default: str) -> None:
    """Draw the open tab; those that need scores are left out where nothing was measured."""
    tabs = _with_scores() if any(choice.blocks for choice in choices) else {}
    tabs |= {
        "Training": lambda chosen: _training(chosen, models_dir),
        "Network": _network,
        "Card": lambda chosen: _about(chosen, models_dir, default),
    }
    places = st.tabs(list(tabs), key="model_tab", on_change="rerun")
    for place, show in zip(places, tabs.values(), strict=True):
        if place.open:
            with place:
                show(choices)


Tab = Callable[[Sequence[Choice]], None]


def _with_scores() -> dict[str, Tab]:
    from emotion_core.ui.model_page import confidence, confusion, facts, other_faces, scores

    return {
        "Scores": scores.scores_tab,
        "Confusions": confusion.confusion_tab,
        "Confidence": confidence.confidence_tab,
        "Trade-offs": confidence.tradeoffs_tab,
        "Other faces": other_faces.other_faces_tab,
        "Robustness": facts.robustness_tab,
        "Labels": facts.labels_tab,
    }


def _training(choices: Sequence[Choice], models_dir: Path) -> None:
    from emotion_core.ui.model_page.training import training_tab

    training_tab(choices, models_dir)


def _network(choices: Sequence[Choice]) -> None:
    from emotion_core.ui.model_page.network import network_tab

    network_tab(choices)


def _about(choices: Sequence[Choice], models_dir: Path, default: str) -> None:
    from emotion_core.ui.model_page.about import about_tab

    about_tab(choices, models_dir, default)
