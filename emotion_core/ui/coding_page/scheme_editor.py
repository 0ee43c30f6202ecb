"""The coding scheme of a study, as a table that can be edited."""

from typing import Any

import pandas as pd
import streamlit as st

from emotion_core.errors import EmotionCoreError
from emotion_core.study.coding.scheme import (
    KEYS,
    Category,
    CodeKind,
    Scheme,
    read_scheme,
    save_scheme,
)
from emotion_core.ui.common.page import redraw_after
from emotion_core.ui.study_page.study_view import StudyView


def show_scheme(view: StudyView) -> None:
    """Draw the scheme, folded."""
    with st.expander("Categories and keys", icon=":material/category:"):
        try:
            scheme, problems = read_scheme(view.study)
        except EmotionCoreError as error:
            st.error(str(error), icon=":material/error:")
            return
        for problem in problems:
            st.warning(str(problem), icon=":material/warning:")
        st.caption(
            "A *stretch* lasts from its key to the next one, a *moment* is a point in time. Codes "
            "that exist keep their names when the scheme changes. Key 0 is always “cannot tell”."
        )
        with st.form(f"{view.key}_scheme", border=False):
            rows = _editor(view, scheme)
            intensity = st.toggle(
                "Intensity from 1 to 5",
                scheme.intensity,
                key=f"{view.key}_scheme_intensity_{hash(scheme)}",
            )
            exclusive = st.toggle(
                "One stretch at a time: the next one ends the running one",
                scheme.exclusive,
                key=f"{view.key}_scheme_exclusive_{hash(scheme)}",
            )
            pressed = st.form_submit_button("Save categories", icon=":material/save:")
        shown = st.session_state.get(f"{view.key}_scheme_shown", scheme)
        st.session_state[f"{view.key}_scheme_shown"] = scheme
        if pressed and shown != scheme:
            st.warning(
                "Somebody else has changed the categories meanwhile. Above is what they are now: "
                "change them again.",
                icon=":material/warning:",
            )
        elif pressed:
            redraw_after(
                lambda: save_scheme(view.study, Scheme(_categories(rows), intensity, exclusive))
            )


def _editor(view: StudyView, scheme: Scheme) -> pd.DataFrame:
    rows = pd.DataFrame(
        [(c.key, c.code, c.label, str(c.kind)) for c in scheme.categories],
        columns=["key", "code", "label", "kind"],
        dtype=str,
    )
    text, select = st.column_config.TextColumn, st.column_config.SelectboxColumn
    edited: pd.DataFrame = st.data_editor(
        rows,
        num_rows="dynamic",
        hide_index=True,
        width="stretch",
        column_config={
            "key": select("Key", options=list(KEYS), required=True),
            "code": text("Code", max_chars=60, required=True, help="As it is written to tables."),
            "label": text("Label", max_chars=60, help="As coders see it; empty shows the code."),
            "kind": select("Kind", options=[str(k) for k in CodeKind], default="stretch"),
        },
        key=f"{view.key}_scheme_{hash(scheme)}",
    )
    return edited


def _categories(rows: pd.DataFrame) -> tuple[Category, ...]:
    def text(value: Any) -> str:
        return "" if value is None or pd.isna(value) else str(value).strip()

    found = [
        Category(text(r.key), text(r.code), text(r.label), CodeKind(text(r.kind) or "stretch"))
        for r in rows.itertuples()
    ]
    return tuple(sorted(found, key=lambda c: c.key))
