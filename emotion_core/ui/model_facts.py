"""The model page's tabs about circumstances: damage, training, labels, and the model itself."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import streamlit as st

from emotion_core.config import PROJECT_ROOT
from emotion_core.errors import EmotionCoreError
from emotion_core.training import tables
from emotion_core.training.evaluate import SCORE_NAMES
from emotion_core.training.runs import read_runs
from emotion_core.ui import model_charts as charts
from emotion_core.ui.charts import download_data
from emotion_core.ui.model_choice import Choice, dark_ground, heading, share_column, show_chart

if TYPE_CHECKING:
    import pandas as pd

_DAMAGE_WORDS: Final[dict[str, str]] = {
    "blur": "blur, standard deviation in pixels",
    "noise": "noise, standard deviation in grey levels",
    "darkness": "darkness, share of the light taken away",
    "size": "small faces, side in pixels",
    "occlusion": "occlusion, share of the face covered",
    "rotation": "rotation, degrees",
}


def robustness_tab(choice: Choice) -> None:
    """Accuracy on damaged faces."""
    table = choice.record.robustness
    if table is None:
        st.info(
            "Not measured for this model: `python -m emotion_core evaluate --data PATH` writes "
            "robustness.csv.",
            icon=":material/blur_on:",
        )
        return
    measured = table.iloc[0]
    label_set = SCORE_NAMES.get(str(measured.get("label_set", "")), "")
    whole = table.loc[table["damage"] == "none", "accuracy"]
    undamaged = float(whole.iloc[0]) if len(whole) else float(table["accuracy"].max())
    st.markdown(f"Accuracy on damaged faces: {label_set}, **{measured['split']} split**.")
    columns = st.columns(3, gap="medium")
    for i, damage in enumerate(d for d in _DAMAGE_WORDS if d in set(table["damage"])):
        chart = charts.robustness_chart(table, damage, undamaged)
        columns[i % 3].altair_chart(
            chart.properties(title=_DAMAGE_WORDS[damage]), width="stretch", key=f"chart_{damage}"
        )
    st.caption(
        "From left to right the damage grows; the dashed line is the accuracy on whole faces. A "
        "webcam picture is often darker, smaller and more blurred than the test images."
    )
    download_data(table, "robustness.csv", key="download_robustness")


def training_tab(choice: Choice, models_dir: Path) -> None:
    """Training curves and the table of runs."""
    history, metadata = choice.record.history, choice.record.metadata
    if history is not None and len(history):
        best = tables.best_epoch(history, metadata)
        parts = (
            ("loss", {"loss": "training loss", "val_loss": "validation loss"}, False),
            (
                "share",
                {
                    "accuracy": "training accuracy",
                    "val_accuracy": "validation accuracy",
                    "val_macro_f1": "validation macro-F1",
                },
                True,
            ),
            ("learning rate", {"learning_rate": "learning rate"}, False),
        )
        columns = st.columns(3, gap="medium")
        for column, (title, names, percent) in zip(columns, parts, strict=True):
            long = tables.history_long(history, names)
            if len(long):
                chart = charts.history_chart(long, best, title, percent=percent)
                column.altair_chart(chart, width="stretch", key=f"chart_history_{title}")
        st.caption(_training_words(history, best))
        download_data(history, "history.csv", key="download_history")
    heading("All runs, and every look at a test split")
    _show_runs(models_dir)


def _training_words(history: pd.DataFrame, best: int) -> str:
    words = (
        f"{len(history)} epochs; the weights of epoch {best} (dashed line) are kept, chosen on "
        "validation. Training faces are distorted on purpose and their targets are shares of "
        "votes, so the training curves may lie below those of validation."
    )
    if "seconds" in history:
        words += f" The run took {history['seconds'].sum() / 60:,.0f} minutes."
    return words


def _show_runs(models_dir: Path) -> None:
    try:
        runs = read_runs(models_dir)
    except EmotionCoreError as error:
        st.warning(str(error))
        return
    if runs.empty:
        st.caption("No run has been logged yet.")
        return
    shares = ("accuracy", "balanced_accuracy", "macro_f1", "rare_recall")
    st.dataframe(
        runs.iloc[::-1],
        hide_index=True,
        column_config={c: share_column(c.replace("_", " ")) for c in shares}
        | {"ece": st.column_config.NumberColumn("ECE", format="%.3f")},
    )
    st.caption(
        "Rows of validation and of test stand apart in the column “split”: compare like with like."
    )
    download_data(runs, "runs.csv", key="download_runs")


def labels_tab(choice: Choice) -> None:
    """How far the two label sets disagree, and the twins."""
    left, right = st.columns([3, 2], gap="large")
    rows = choice.record.predictions[choice.key]
    table, same, count = tables.label_agreement(rows)
    with left:
        heading("FER+ against FER2013: the same faces, two sets of labels")
        if not count:
            st.info("These images carry one label set only.")
        else:
            chart = charts.matrix_chart(
                table,
                row=("fer2013", "original FER2013 label"),
                column=("ferplus", "majority of FER+ voters"),
                shade="share",
                text="share",
                dark=dark_ground(),
            )
            words = (
                f"Where both sets have a label ({count:,} images of the {choice.split} split) they "
                f"agree on {same:.0%}; a row adds up to 100 %. No network can please both."
            )
            show_chart(chart, words, table, "label_sets")
    with right:
        _show_both_scores(choice)
        _show_twins(choice)


def _show_both_scores(choice: Choice) -> None:
    heading("The same network, judged by each")
    scores = (choice.report or {}).get("scores", {})
    if not scores:
        st.info("evaluation.json has no report on this split.")
        return
    rows = [
        {
            "score": block["name"],
            "images": block["full"]["images"],
            "accuracy": block["full"]["accuracy"]["value"],
            "without twins": (block["without_twins"] or {}).get("accuracy", {}).get("value"),
            "macro-F1": block["full"]["macro_f1"]["value"],
        }
        for block in scores.values()
    ]
    shares = ("accuracy", "without twins", "macro-F1")
    st.dataframe(rows, hide_index=True, column_config={c: share_column(c) for c in shares})


def _show_twins(choice: Choice) -> None:
    heading("Twins across splits")
    twins = choice.record.twins
    if twins is None:
        st.info("twins.csv is missing: `python -m emotion_core evaluate --data PATH` writes it.")
        return
    mine = twins[twins["split"] == choice.split]
    st.markdown(
        f"{mine['image'].nunique():,} images of the {choice.split} split have a near-identical one "
        "in an earlier split (normalised cross-correlation above 0.99 at 24×24, mirrored ones "
        "counted). Published scores include them."
    )
    st.dataframe(mine, hide_index=True, height=220)
    download_data(mine, "twins.csv", key="download_twins")


def about_tab(choice: Choice) -> None:
    """Served against float, the settings, and the model card."""
    left, right = st.columns(2, gap="large")
    with left:
        heading("Served network against the float one")
        _show_quantisation(choice)
        heading("How it was trained")
        facts = _facts(choice.record.metadata)
        st.table({"": list(facts), "value": list(facts.values())}, border="horizontal")
        st.download_button(
            "Download model.json",
            data=json.dumps(choice.record.metadata, indent=1),
            file_name="model.json",
            mime="application/json",
            key="download_metadata",
            type="tertiary",
            icon=":material/download:",
            on_click="ignore",
        )
    with right:
        _show_card()


def _facts(metadata: dict[str, Any]) -> dict[str, str]:
    """What decides a training, as words; what model.json does not say is left out."""
    settings, training = metadata.get("settings") or {}, metadata.get("training") or {}
    network, dataset = settings.get("network") or {}, metadata.get("dataset") or {}
    parameters = (metadata.get("network") or {}).get("parameters")
    facts = {
        "network": network.get("architecture"),
        "channels of the four blocks": _dashes(network.get("channels")),
        "units of the dense layers": _dashes(network.get("dense")),
        "parameters": f"{parameters:,}" if parameters else None,
        "epochs": training.get("epochs"),
        "batch size": settings.get("batch_size"),
        "largest learning rate (Adam)": settings.get("learning_rate"),
        "share of the other label set in the targets": settings.get("label_mix"),
        "images drawn ∝ class frequency to the power of": _minus(settings.get("balance")),
        "weight averaging (EMA)": settings.get("ema_momentum"),
        "augmentation": "yes" if settings.get("augment") else "no",
        "seed": settings.get("seed"),
        "temperature": f"{metadata['temperature']:.4f}" if "temperature" in metadata else None,
        "data": dataset.get("source"),
        "fingerprint of the data": str(dataset.get("fingerprint") or "")[:16],
        "date": metadata.get("date"),
    }
    return {name: str(value) for name, value in facts.items() if value not in (None, "")}


def _dashes(values: Any) -> str | None:
    return "-".join(map(str, values)) if isinstance(values, list | tuple) else None


def _minus(power: Any) -> float | None:
    return -power if isinstance(power, int | float) else None


def _show_quantisation(choice: Choice) -> None:
    report = choice.report or {}
    near, speed = report.get("served_against_float"), report.get("speed")
    if not near or not speed:
        st.info("Not measured on this split.")
        return
    points = near["served_minus_float_points"].get(choice.record.label_set, {})
    rows = {
        "same answer on the same image": f"{near['same_answer']:.2%} of {near['images']:,}",
        "accuracy, served minus float": f"{points.get('accuracy', float('nan')):+.2f} points",
        "macro-F1, served minus float": f"{points.get('macro_f1', float('nan')):+.2f} points",
        "mean difference of a probability": f"{near['mean_difference']:.4f}",
        "size, served (int8)": f"{speed['served_bytes'] / 1e6:.2f} MB",
        "size, float": f"{(speed['float_bytes'] or 0) / 1e6:.2f} MB",
        "one face on one thread, served": f"{speed['served_ms_per_face_one_thread']:.2f} ms",
    }
    st.table({"": list(rows), "measured": list(rows.values())}, border="horizontal")
    st.caption("The pages answer with the served network; nearer to float is better.")


def _show_card() -> None:
    path = PROJECT_ROOT / "MODEL_CARD.md"
    heading("Model card")
    try:
        text = path.read_text("utf-8")
    except (OSError, UnicodeDecodeError):
        st.info("MODEL_CARD.md is missing: `python -m emotion_core model-card` writes it.")
        return
    with st.container(height=520, border=True):
        # The card's title stands above already; its chapters stand below this page's headings.
        st.markdown(re.sub(r"^#(?=#* )", "##", text.partition("\n")[2], flags=re.MULTILINE))
