"""The model page's tabs about circumstances: damaged faces, and the labels themselves."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Final

import numpy as np
import pandas as pd
import streamlit as st

from emotion_core.charts.matrix import matrix_chart
from emotion_core.datasets import near_duplicates
from emotion_core.evaluation import chart_tables
from emotion_core.evaluation.evaluate import SCORE_NAMES
from emotion_core.evaluation.paired_comparison import stacked
from emotion_core.labels import EXPRESSIONS, FOLDER_LABELS
from emotion_core.ui.common.charts import download_data, show_legend
from emotion_core.ui.model_page import charts
from emotion_core.ui.model_page.elements import (
    dark_ground,
    heading,
    model_keys,
    show_chart,
    show_table,
)
from emotion_core.ui.model_page.selection import Choice, judged_by_each

_DAMAGE_WORDS: Final[dict[str, str]] = {
    "blur": "blur, standard deviation in pixels",
    "noise": "noise, standard deviation in grey levels",
    "darkness": "darkness, share of the light taken away",
    "size": "small faces, side in pixels",
    "occlusion": "occlusion, share of the face covered",
    "rotation": "rotation, degrees",
}


def robustness_tab(choices: Sequence[Choice]) -> None:
    """Accuracy on damaged faces, of one model or of two."""
    measured = {c.name: c.record.robustness for c in choices if c.record.robustness is not None}
    for choice in choices:
        if choice.name not in measured:
            st.info(
                f"Not measured for {choice.name}: `python -m emotion_core evaluate --data PATH` "
                "writes robustness.csv.",
                icon=":material/blur_on:",
            )
    if not measured:
        return
    table = stacked({name: chart_tables.with_share_left(part) for name, part in measured.items()})
    on = {name: _measured_on(part) for name, part in measured.items()}
    alike = len(set(on.values())) == 1
    if alike:
        st.markdown(f"Accuracy on damaged faces: {next(iter(on.values()))}.")
    else:
        words = "; ".join(f"{name}: {what}" for name, what in on.items())
        st.markdown(
            f"Accuracy on damaged faces. **Not the same task for both** – {words}: compare how "
            "much is left, not the accuracies."
        )
    relative = _choose_scale(default_relative=not alike)
    show_legend(model_keys(list(measured)))
    columns: list[Any] = []
    for damage in (d for d in _DAMAGE_WORDS if d in set(table["damage"])):
        # A row after the other: on a phone the charts keep this order.
        columns = columns or list(st.columns(3, gap="medium"))
        with columns.pop(0):
            chart = charts.robustness_chart(
                table, damage, _DAMAGE_WORDS[damage], list(measured), relative
            )
            st.altair_chart(chart, width="stretch", key=f"chart_{damage}")
    st.caption(
        "From left to right the damage grows; the dashed line is undamaged faces. A webcam picture "
        "is often darker, smaller and more blurred than the test images."
    )
    download_data(table, "robustness.csv", key="download_robustness")


def _measured_on(table: pd.DataFrame) -> str:
    row = table.iloc[0]
    label_set = SCORE_NAMES.get(str(row.get("label_set", "")), "labels not noted")
    return f"{label_set}, **{row['split']} split**"


def _choose_scale(default_relative: bool) -> bool:
    scales = ["accuracy", "share of the undamaged accuracy"]
    chosen = st.segmented_control(
        "Drawn as",
        scales,
        default=scales[default_relative],
        key=f"model_robustness_scale_{default_relative}",
        label_visibility="collapsed",
    )
    return (chosen or scales[default_relative]) == scales[1]


def labels_tab(choices: Sequence[Choice]) -> None:
    """How far the two label sets disagree, the scores on each, and near-duplicates."""
    first = choices[0]
    left, right = st.columns(2, gap="large")
    with left:
        if first.label_set == FOLDER_LABELS:
            _show_folders(first)
        else:
            _show_agreement(first)
    with right:
        _show_both_scores(choices)
        _show_near_duplicates(first)


def _show_agreement(choice: Choice) -> None:
    heading("FER+ against FER2013: the same faces, two sets of labels")
    rows = choice.record.predictions.get(choice.key)
    if rows is None:
        st.info("The labels of single images are not kept in this model folder.")
        return
    table, same, count = chart_tables.label_agreement(rows)
    if not count:
        st.info("These images carry one label set only.")
        return
    chart = matrix_chart(
        table,
        row=("fer2013", "original FER2013 label"),
        column=("ferplus", "majority of FER+ voters"),
        shade="share",
        text="share",
        dark=dark_ground(),
    )
    words = (
        f"Where both sets have a label ({count:,} images of the {choice.split} split) they "
        f"agree on {same:.0%}; a row adds up to 100%. No network can please both."
    )
    show_chart(chart, words, table, "label_sets")


def _show_folders(choice: Choice) -> None:
    heading("The names of the folders")
    st.markdown(
        "Each face has one label, the name of the folder that it is in. There are no votes and no "
        "second label, so how far people agree on these faces is not known."
    )
    if choice.images is not None:
        counts = np.bincount(choice.images.truth, minlength=len(EXPRESSIONS)).tolist()
        rows = zip(EXPRESSIONS, counts, strict=True)
        show_table(pd.DataFrame(rows, columns=["expression", "images"]))


def _show_both_scores(choices: Sequence[Choice]) -> None:
    of_folders = choices[0].label_set == FOLDER_LABELS
    heading("Scores" if of_folders else "The same network, judged by each")
    rows = [
        {
            "model": choice.name,
            "judged by": SCORE_NAMES[label_set],
            "images": blocks["full"]["images"],
            "accuracy": blocks["full"]["accuracy"]["value"],
            "without near-duplicates": blocks.get("without_near_duplicates", {})
            .get("accuracy", {})
            .get("value"),
            "people": _people(choice, label_set),
            "macro-F1": blocks["full"]["macro_f1"]["value"],
        }
        for choice in choices
        for label_set, blocks in judged_by_each(choice).items()
    ]
    if not rows:
        st.info("Nothing was measured on this split.")
        return
    left_out = {"people"} if of_folders else set()
    left_out |= {"model"} if len(choices) == 1 else set()
    rows = [{k: v for k, v in row.items() if k not in left_out} for row in rows]
    shares = ["accuracy", "without near-duplicates", "people", "macro-F1"]
    show_table(rows, shares=[name for name in shares if name not in left_out])
    if of_folders:
        st.caption(f"All on the {choices[0].split} split.")
        return
    st.caption(
        f"All on the {choices[0].split} split. “People”: how often one FER+ voter agrees with the "
        "majority of the others, on the same images; FER2013 kept one label an image, so nobody "
        "knows it there."
    )


def _people(choice: Choice, label_set: str) -> float | None:
    score = (choice.report or {}).get("scores", {}).get(label_set) or {}
    return (score.get("human_agreement") or {}).get("value")


def _show_near_duplicates(choice: Choice) -> None:
    heading("Near-duplicates across splits")
    pairs = choice.record.near_duplicates
    if pairs is None:
        st.info(
            f"{near_duplicates.FILE_NAME} is missing: "
            "`python -m emotion_core evaluate --data PATH` writes it."
        )
        return
    mine = pairs[pairs["split"] == choice.split]
    st.markdown(
        f"{mine['image'].nunique():,} images of the {choice.split} split have a near-identical one "
        "in an earlier split (normalised cross-correlation above 0.99 at 24×24, mirrored ones "
        "counted)."
        + ("" if choice.label_set == FOLDER_LABELS else " Published scores include them.")
    )
    with st.expander("The list of near-duplicates"):
        show_table(mine, height=220)
        download_data(mine, near_duplicates.FILE_NAME, key="download_near_duplicates")
