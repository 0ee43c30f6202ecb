"""The model page's last tab: how the models were trained, and the model card."""

from __future__ import annotations

import json
import re
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pandas as pd
import streamlit as st

from emotion_core.errors import EmotionCoreError
from emotion_core.evaluation.experiment_log import read_runs
from emotion_core.evaluation.labels_learnt import learnt_briefly
from emotion_core.evaluation.model_card import card_text
from emotion_core.evaluation.model_record import ModelRecord, served_sizes
from emotion_core.ui.model_page.elements import heading
from emotion_core.ui.model_page.selection import Choice


def about_tab(choices: Sequence[Choice], models_dir: Path, default: str) -> None:
    """Settings of the training, and the card of the chosen models.

    Args:
        choices: one model or two.
        models_dir: folder of the log of runs.
        default: name of the model that is served by default; "" where none is named.
    """
    left, right = st.columns([2, 3], gap="large")
    with left:
        heading("How it was trained")
        _show_facts(choices)
    with right:
        _show_card(choices, models_dir, default)


def _show_facts(choices: Sequence[Choice]) -> None:
    columns = {choice.name: _facts(choice.record) for choice in choices}
    names = list(dict.fromkeys(name for column in columns.values() for name in column))
    if not names:
        st.info("model.json is missing or says nothing about the training.")
        return
    table = pd.DataFrame({n: [c.get(name, "–") for name in names] for n, c in columns.items()})
    st.table(table.set_index(pd.Index(names)), border="horizontal")
    for choice in choices:
        if choice.record.metadata:
            _download_metadata(choice)


def _download_metadata(choice: Choice) -> None:
    st.download_button(
        f"Download model.json of {choice.name}",
        data=json.dumps(choice.record.metadata, indent=1),
        file_name="model.json",
        mime="application/json",
        key=f"download_metadata_{choice.name}",
        type="tertiary",
        icon=":material/download:",
        on_click="ignore",
    )


def _facts(record: ModelRecord) -> dict[str, str]:
    """What decides a training, as words; what model.json does not say is left out."""
    metadata = record.metadata
    settings, training = metadata.get("settings") or {}, metadata.get("training") or {}
    network, dataset = settings.get("network") or {}, metadata.get("dataset") or {}
    parameters = (metadata.get("network") or {}).get("parameters")
    facts = {
        "labels learnt": learnt_briefly(metadata, record.folder) if metadata else None,
        "began with the network": settings.get("start_from"),
        "network": network.get("architecture"),
        "channels of the four blocks": _dashes(network.get("channels")),
        "units of the dense layers": _dashes(network.get("dense")),
        "parameters": f"{parameters:,}" if isinstance(parameters, int) else None,
        "epochs": training.get("epochs"),
        "batch size": settings.get("batch_size"),
        "largest learning rate (Adam)": settings.get("learning_rate"),
        "share of the other label set in the targets": settings.get("label_mix"),
        "images drawn ∝ class frequency to the power of": _minus(settings.get("balance")),
        "weight averaging (EMA)": settings.get("ema_momentum"),
        "augmentation": ("yes" if settings.get("augment") else "no") if settings else None,
        "seed": settings.get("seed"),
        "temperature": _rounded(metadata.get("temperature")),
        "data": dataset.get("source"),
        "fingerprint of the data": str(dataset.get("fingerprint") or "")[:16],
        "date": metadata.get("date"),
    }
    return {name: str(value) for name, value in facts.items() if value not in (None, "")}


def _rounded(value: Any) -> str | None:
    return f"{value:.4f}" if isinstance(value, int | float) else None


def _dashes(values: Any) -> str | None:
    return "-".join(map(str, values)) if isinstance(values, list | tuple) else None


def _minus(power: Any) -> float | None:
    return -power if isinstance(power, int | float) else None


def _show_card(choices: Sequence[Choice], models_dir: Path, default: str) -> None:
    heading("Model card")
    try:
        text = _card(choices, models_dir, default)
    except (EmotionCoreError, KeyError, TypeError, ValueError) as error:
        st.warning(f"The files of this folder are not enough for a model card ({error!r}).")
        return
    with st.container(height=560, border=True):
        # The page has a title already, and its headings rank above the card's chapters.
        # Nor does a page need the note on how the file is written.
        body = text.split("\n\n", 2)[-1]
        st.markdown(re.sub(r"^#(?=#* )", "####", body, flags=re.MULTILINE))
    st.download_button(
        "Download the card",
        data=text,
        file_name="MODEL_CARD.md",
        mime="text/markdown",
        key="download_card",
        type="tertiary",
        icon=":material/download:",
        on_click="ignore",
    )


def _card(choices: Sequence[Choice], models_dir: Path, default: str) -> str:
    """The card of the chosen models, written now from their files, as `model-card` writes it."""
    runs = read_runs(models_dir)
    names = {choice.name for choice in choices}
    sizes = served_sizes({choice.name: choice.folder for choice in choices})
    records = [choice.record for choice in choices]
    return card_text(records, default, runs[runs["model"].isin(names)], sizes)
