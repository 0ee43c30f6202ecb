"""The model page's tabs about right and wrong: scores, confusions, confidence."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

import streamlit as st

from emotion_core.labels import EXPRESSIONS
from emotion_core.training import tables
from emotion_core.ui import model_charts as charts
from emotion_core.ui.charts import download_data
from emotion_core.ui.model_choice import Choice, dark_ground, heading, share_column, show_chart

if TYPE_CHECKING:
    import pandas as pd

_SHADES: Final[dict[str, tuple[str, str]]] = {
    "of each true expression": ("of_truth", "of_truth"),
    "of each answer": ("of_answer", "of_answer"),
    "counts": ("of_truth", "count"),
}


def scores_tab(choice: Choice) -> None:
    """Accuracy beside others, and the seven expressions one by one."""
    images = choice.images
    assert images is not None
    left, right = st.columns(2, gap="large")
    with left:
        heading("Beside people, chance and others")
        test = choice.split == "test"
        table = tables.comparison_table(images, choice.blocks, choice.report, with_peers=test)
        words = "Longer is better; the thin line is the 95 % interval over the images. "
        words += (
            "“Without twins” leaves out images that also stand, nearly identical, in training."
            if "without_twins" in choice.blocks
            else "Twins across splits are not known yet."
        )
        if not test:
            words += " Published figures are about the test split and stand there only."
        show_chart(charts.comparison_chart(table), words, table, "comparison")
        with st.expander("Where the figures come from"):
            st.dataframe(
                table[["who", "accuracy", "source"]],
                hide_index=True,
                column_config={"accuracy": share_column("accuracy")},
            )
    with right:
        _show_classes(choice.blocks["full"])


def _show_classes(block: dict[str, Any]) -> None:
    heading("Each expression")
    score = st.segmented_control(
        "Score",
        ["f1", "precision", "recall"],
        default="f1",
        format_func=lambda s: {"f1": "F1"}.get(s, s),
        key="model_class_score",
        label_visibility="collapsed",
    )
    table = tables.class_table(block)
    words = {
        "recall": "Recall: of the faces that show it, how many are found.",
        "precision": "Precision: of the answers that name it, how many are right.",
    }.get(score or "f1", "F1 is high only where an expression is both found and rightly named.")
    counts = dict(zip(table["expression"], table["images"].tolist(), strict=True))
    few = ", ".join(f"{name} {count}" for name, count in counts.items() if count < 100)
    if few:
        words += f" Few images make wide intervals ({few})."
    show_chart(charts.class_bars(table, score or "f1"), words, table, "classes")
    st.dataframe(
        table[["expression", "images", "precision", "recall", "f1"]],
        hide_index=True,
        column_config={c: share_column(c) for c in ("precision", "recall")}
        | {"f1": share_column("F1")},
    )


def confusion_tab(choice: Choice) -> None:
    """The confusion matrix, and the images of one of its cells."""
    images = choice.images
    assert images is not None
    left, right = st.columns([3, 2], gap="large")
    table = tables.confusion_table(images)
    with left:
        shown = st.segmented_control(
            "Shown as", list(_SHADES), default="of each true expression", key="model_shade"
        )
        shade, text = _SHADES[shown or "of each true expression"]
        chart = charts.matrix_chart(
            table,
            row=("truth", "what people saw"),
            column=("answer", "what the network said"),
            shade=shade,
            text=text,
            dark=dark_ground(),
        )
        sum_words = (
            "A column adds up to 100 %." if shade == "of_answer" else "A row adds up to 100 %."
        )
        words = "The diagonal is right; a full square beside it is a confusion. "
        show_chart(chart, words + (sum_words if text != "count" else ""), table, "confusion")
    with right:
        _show_cell(images, table)


def _show_cell(images: tables.Scored, table: pd.DataFrame) -> None:
    """The largest confusion first; any other cell by choice."""
    heading("The images of one square")
    wrong = table[table["truth"] != table["answer"]]
    worst = wrong.sort_values("count").iloc[-1]
    one, two = st.columns(2)
    order = list(EXPRESSIONS)
    truth = one.selectbox("people saw", order, order.index(worst["truth"]), key="model_truth")
    answer = two.selectbox(
        "the network said", order, order.index(worst["answer"]), key="model_answer"
    )
    cell = tables.cell_table(images, truth, answer)
    st.dataframe(
        cell,
        hide_index=True,
        height=330,
        column_config={c: share_column(c) for c in cell.columns[1:]},
    )
    st.caption(
        f"{len(cell):,} images, the surest answers first. The names are those of the data set, "
        "whose pictures are not part of this program."
    )
    download_data(cell, f"{truth}_called_{answer}.csv", key="download_cell")


def confidence_tab(choice: Choice) -> None:
    """Whether confidence can be believed: reliability, coverage, precision-recall."""
    images, full = choice.images, choice.blocks["full"]
    assert images is not None
    left, right = st.columns(2, gap="large")
    with left:
        heading("Is 80 % sure right 80 % of the time?")
        table = tables.reliability_table(images)
        words = (
            "On the dashed line confidence and accuracy are the same; below it the network is too "
            f"sure. ECE {full['ece_uncalibrated']:.3f} before and {full['ece']['value']:.3f} after "
            "calibration; larger dots hold more images."
        )
        show_chart(charts.reliability_chart(table), words, table, "reliability")
    with right:
        heading("Taking only the surest answers")
        table = tables.coverage_table(images)
        words = (
            f"All answers: {full['accuracy']['value']:.1%} right; the surest 90 %: "
            f"{full['accuracy_at_90']['value']:.1%}; the surest 80 %: "
            f"{full['accuracy_at_80']['value']:.1%}."
        )
        show_chart(charts.coverage_chart(table), words, table, "coverage")
        _say_unsure(choice.record.metadata)
    heading("Finding one expression among the others")
    table = tables.precision_recall_table(images)
    words = (
        "Going right, more of an expression's faces are found and more of the finds are wrong; a "
        "curve near the upper right corner is good."
    )
    show_chart(charts.precision_recall_chart(table), words, table, "precision_recall")


def _say_unsure(metadata: dict[str, Any]) -> None:
    unsure = metadata.get("unsure") or {}
    sure, weak = unsure.get("accuracy_sure"), unsure.get("accuracy_unsure")
    if sure is None or weak is None:
        return
    st.info(
        f"The pages call an answer **unsure** below a probability of {unsure['threshold']:.0%}. "
        f"On validation that marks {1 - unsure['coverage']:.0%} of the answers: {weak:.0%} of "
        f"these were right, and {sure:.0%} of the others.",
        icon=":material/help:",
    )
