"""The model page's confusion matrix, and the images behind each of its squares."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, Final

import streamlit as st

from emotion_core.charts.matrix import matrix_chart
from emotion_core.evaluation import chart_tables
from emotion_core.evaluation.paired_comparison import stacked
from emotion_core.labels import EXPRESSIONS
from emotion_core.ui.common.charts import download_data
from emotion_core.ui.common.resources import app_settings
from emotion_core.ui.model_page.elements import (
    dark_ground,
    heading,
    model_dot,
    show_chart,
    show_table,
)
from emotion_core.ui.model_page.face_grid import show_faces
from emotion_core.ui.model_page.selection import Choice

if TYPE_CHECKING:
    import pandas as pd

_SHADES: Final[dict[str, tuple[str, str]]] = {
    "of each true expression": ("of_truth", "of_truth"),
    "of each answer": ("of_answer", "of_answer"),
    "counts": ("of_truth", "count"),
}
_SUMS: Final = {"of_truth": " A row adds up to 100%.", "of_answer": " A column adds up to 100%."}
_CELL: Final = "cell"


def confusion_tab(choices: Sequence[Choice]) -> None:
    """The confusion matrix of each model, and the images of one of its squares."""
    scored = [choice for choice in choices if choice.blocks]
    matrices = {c.name: chart_tables.confusion_table(c.blocks["full"]) for c in scored}
    shown = st.segmented_control(
        "Shares or counts",
        list(_SHADES),
        default="of each true expression",
        key="model_shade",
        format_func=lambda s: s if s == "counts" else f"shares {s}",
    )
    shade = _SHADES[shown or "of each true expression"]
    if len(scored) == 1:
        left, right = st.columns([3, 2], gap="large")
        with left:
            _show_matrix(scored[0], matrices, shade)
        with right:
            _show_cell(scored, matrices[scored[0].name])
        return
    for index, (column, choice) in enumerate(zip(st.columns(2, gap="large"), scored, strict=False)):
        with column:
            st.html(model_dot(index, choice.name))
            _show_matrix(choice, matrices, shade)
    _show_cell(scored, matrices[scored[0].name])


def _show_matrix(choice: Choice, matrices: dict[str, pd.DataFrame], shade: tuple[str, str]) -> None:
    table = matrices[choice.name]
    clicks = choice.images is not None
    chart = matrix_chart(
        table,
        row=("truth", "what people saw"),
        column=("answer", "what the network said"),
        shade=shade[0],
        text=shade[1],
        dark=dark_ground(),
        click=_CELL if clicks else "",
    )
    key = f"confusion_{choice.name}"
    words = "The diagonal is right; a full square beside it is a confusion."
    words += _SUMS.get(shade[1], "")
    words += " Click a square to see its images." if clicks else ""
    options: dict[str, Any] = {}
    if clicks:
        options = {"on_select": lambda: _take_click(key, choice.name), "selection_mode": _CELL}
    show_chart(chart, words, stacked({choice.name: table}), key, **options)


def _take_click(key: str, model: str) -> None:
    """Bring the two menus to the square that was clicked."""
    state = st.session_state.get(f"chart_{key}") or {}
    squares = state.get("selection", {}).get(_CELL) or []
    if squares and {"truth", "answer"} <= set(squares[0]):
        st.session_state["model_truth"] = squares[0]["truth"]
        st.session_state["model_answer"] = squares[0]["answer"]
        st.session_state["model_cell_of"] = model


def _show_cell(choices: Sequence[Choice], table: pd.DataFrame) -> None:
    """The largest confusion first; any other square by click or by choice."""
    known = {choice.name: choice for choice in choices if choice.images is not None}
    if not known:
        st.info(
            "The predictions of single images are not kept here, so squares cannot be opened.",
            icon=":material/image_search:",
        )
        return
    heading("The images of one square")
    wrong = table[table["truth"] != table["answer"]]
    worst = wrong.sort_values("count").iloc[-1]
    order = list(EXPRESSIONS)
    # A click writes the same keys; Streamlit would report a default as a clash with them.
    st.session_state.setdefault("model_truth", worst["truth"])
    st.session_state.setdefault("model_answer", worst["answer"])
    with st.container(horizontal=True):
        truth = st.selectbox("people saw", order, key="model_truth", width=150)
        answer = st.selectbox("the network said", order, key="model_answer", width=150)
        if len(known) > 1:
            if st.session_state.get("model_cell_of") not in known:
                st.session_state["model_cell_of"] = next(iter(known))
            model = st.selectbox("model", list(known), key="model_cell_of", width=170)
        else:
            model = next(iter(known))
    images = known[model].images
    assert images is not None
    cell = chart_tables.cell_table(images, truth, answer)
    show_faces(cell, truth, answer, known[model].faces)
    if len(cell):
        shares = [c for c in cell.columns if c != "image"]
        words = f"The list of {len(cell):,} images, the surest answers first"
        # Without the faces the list is all there is to see.
        hidden = known[model].faces is not None or app_settings().data_path is not None
        with st.expander(words, expanded=not hidden):
            show_table(cell, shares=shares, height=min(330, 38 + 35 * len(cell)))
            download_data(cell, f"{model}_{truth}_called_{answer}.csv", key="download_cell")
