"""The recordings of a study as a table that can be edited, and ways to add some."""

from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from typing import Any, Final

import pandas as pd
import streamlit as st

from emotion_core.errors import EmotionCoreError
from emotion_core.study.additions import remove_recordings
from emotion_core.study.definitions import Recording
from emotion_core.study.events import EVENTS
from emotion_core.study.problems import Problem
from emotion_core.study.recordings import free_name
from emotion_core.ui.common.text import escape
from emotion_core.ui.study_page.adding import show_adding
from emotion_core.ui.study_page.study_view import StudyView

_FIXED: Final = ("recording", "participant")
_LATER: Final = ("person", "start_s", "end_s", "clock_offset_s", "include", "reason")
_MOST_PROBLEMS: Final = 12
_NEW_COLUMN: Final = 40


def show_recordings(view: StudyView) -> None:
    """Draw the tab."""
    recordings = view.study.recordings
    with st.expander(
        "Add recordings", icon=":material/add:", expanded=not recordings, key=f"{view.key}_adding"
    ):
        show_adding(view)
    if not recordings:
        return
    show_problems([p for p in view.problems() if p.file != EVENTS])
    st.caption(
        "One row for each recording of one participant. Any further column is a variable: group, "
        "condition, stimulus, session. Times are seconds of the video; the offset is the events’ "
        "clock minus the video’s."
    )
    _editor(view)
    with st.container(horizontal=True):
        _columns(view)
        _another_person(view)
        _removal(view)
    _cells(view)


def show_problems(problems: Sequence[Problem]) -> None:
    """What is wrong, where it was found."""
    if not problems:
        return
    lines = [f"- {escape(p.where)}: {escape(p.message)}" for p in problems[:_MOST_PROBLEMS]]
    more = len(problems) - len(lines)
    lines += [f"- and {more} more"] if more > 0 else []
    st.warning("\n".join(lines), icon=":material/rule:")


def _editor(view: StudyView) -> None:
    shown, variables = view.study.recordings, view.variables
    rows = pd.DataFrame([_row(r, variables) for r in shown])
    rows.insert(1, "analysed", [view.study.results_folder(r) is not None for r in shown])
    number, text = st.column_config.NumberColumn, st.column_config.TextColumn
    # A new editor whenever what is kept changes: its own memory of edits is spent then.
    key = f"{view.key}_recordings_{hash((shown_key(shown), tuple(variables)))}"
    st.data_editor(
        rows,
        hide_index=True,
        width="stretch",
        disabled=["recording", "analysed", "file"],
        column_config={
            "recording": text("Recording", pinned=True),
            "analysed": st.column_config.CheckboxColumn("Analysed", width="small"),
            "participant": text("Participant"),
            "person": text("Person", help="Number or name in the video; empty: seen longest"),
            "start_s": number("From (s)", min_value=0.0, format="%.2f"),
            "end_s": number("To (s)", min_value=0.0, format="%.2f"),
            "clock_offset_s": number("Clock offset (s)", format="%.3f"),
            "include": st.column_config.CheckboxColumn("Include", width="small"),
            "reason": text("Reason for leaving out"),
            "file": text("File"),
        },
        key=key,
        on_change=lambda: _keep(view, shown, st.session_state[key]),
    )


def shown_key(shown: Sequence[Recording]) -> int:
    """Differs where a row differs; rows hold mappings, which have no hash of their own."""
    return hash(tuple((repr(r)) for r in shown))


def _row(recording: Recording, variables: Sequence[str]) -> dict[str, Any]:
    row: dict[str, Any] = {name: getattr(recording, name) for name in _FIXED}
    row |= {name: recording.variables.get(name, "") for name in variables}
    row |= {name: getattr(recording, name) for name in _LATER}
    row["end_s"] = float("nan") if recording.end_s is None else recording.end_s
    return row | {"file": recording.file}


def _keep(view: StudyView, shown: Sequence[Recording], typed: Mapping[str, Any]) -> None:
    # Changes of another tab since the table was drawn are kept: the study merges them.
    view.change(lambda study: study.with_recordings(edited_rows(shown, typed["edited_rows"])))


def edited_rows(
    shown: Sequence[Recording], typed: Mapping[Any, Mapping[str, Any]]
) -> list[Recording]:
    """The recordings of a table after what was typed in it.

    Args:
        shown: a recording for each row.
        typed: row → column → value, as Streamlit's editor describes it.

    Raises:
        InputError: a value cannot be used.
    """
    return [_edited(row, typed.get(i, {})) for i, row in enumerate(shown)]


def _edited(row: Recording, values: Mapping[str, Any]) -> Recording:
    fields: dict[str, Any] = {}
    variables = dict(row.variables)
    for name, value in values.items():
        if name in ("start_s", "clock_offset_s"):
            fields[name] = float(value or 0.0)
        elif name == "end_s":
            fields[name] = None if value is None else float(value)
        elif name == "include":
            fields[name] = bool(value)
        elif name in ("participant", "person", "reason"):
            fields[name] = str(value or "").strip()
        else:
            variables[name] = str(value or "").strip()
    return replace(row, variables=variables, **fields) if values else row


def _columns(view: StudyView) -> None:
    with st.popover("Columns", icon=":material/view_column:", key=f"{view.key}_columns"):
        with st.form(f"{view.key}_column_form", border=False, clear_on_submit=True):
            name = st.text_input(
                "New column", placeholder="group", key=f"{view.key}_column", max_chars=_NEW_COLUMN
            )
            added = st.form_submit_button("Add column", key=f"{view.key}_column_add")
        if added and (problem := column_problem(name, view.variables)):
            st.error(problem, icon=":material/error:")
        elif added and view.change(lambda s: s.change_recordings(_with_column(name.strip()))):
            st.rerun()
        if not view.variables:
            return
        gone = st.selectbox("Column", view.variables, key=f"{view.key}_column_gone")
        if st.button("Remove column", key=f"{view.key}_column_remove") and view.change(
            lambda s: s.change_recordings(_without_column(gone))
        ):
            st.rerun()


def column_problem(name: str, variables: Sequence[str]) -> str:
    """Why a column cannot be called so; "" where it can."""
    name = name.strip()
    if not name or not all(c.isalnum() or c in "_- " for c in name):
        return "A column’s name has letters, digits, spaces, “-” and “_” only."
    if name in (*_FIXED, *_LATER, "file", "analysed", *variables):
        return f"There is a column {name} already."
    return ""


Change = Callable[[tuple[Recording, ...]], tuple[Recording, ...]]


def _with_column(name: str) -> Change:
    return lambda rows: tuple(replace(r, variables={name: "", **r.variables}) for r in rows)


def _without_column(name: str) -> Change:
    def change(rows: tuple[Recording, ...]) -> tuple[Recording, ...]:
        left = ({k: v for k, v in r.variables.items() if k != name} for r in rows)
        return tuple(replace(r, variables=v) for r, v in zip(rows, left, strict=True))

    return change


def _another_person(view: StudyView) -> None:
    with (
        st.popover("Another person", icon=":material/person_add:", key=f"{view.key}_second"),
        st.form(f"{view.key}_second_form", border=False, clear_on_submit=True),
    ):
        st.caption("Two people of one video are two recordings of it.")
        names = [r.recording for r in view.study.recordings]
        name = st.selectbox("Recording", names, key=f"{view.key}_second_of")
        person = st.text_input(
            "Person in the video", key=f"{view.key}_second_person", help="A number or a name."
        )
        participant = st.text_input("Participant", key=f"{view.key}_second_participant")
        pressed = st.form_submit_button("Add", key=f"{view.key}_second_add")
    if not pressed:
        return
    if not person.strip():
        st.error("Say which person of the video it is.", icon=":material/error:")
    elif view.change(
        lambda study: study.change_recordings(
            lambda rows: with_person(rows, name, person.strip(), participant.strip())
        )
    ):
        st.rerun()


def with_person(
    rows: Sequence[Recording], name: str, person: str, participant: str
) -> list[Recording]:
    """The recordings with another of the same file, of somebody else who is in it."""
    (of,) = [row for row in rows if row.recording == name]
    free = free_name(name, [row.recording for row in rows])
    return [*rows, replace(of, recording=free, participant=participant, person=person)]


def _removal(view: StudyView) -> None:
    with st.popover("Remove", icon=":material/delete:", key=f"{view.key}_removal"):
        names = [r.recording for r in view.study.recordings]
        chosen = st.multiselect("Recordings", names, key=f"{view.key}_removed")
        st.caption(
            "Their readings in this study are deleted, too. To leave a recording out of the "
            "results, clear “Include” in the table."
        )
        if st.button("Remove", type="primary", disabled=not chosen, key=f"{view.key}_remove"):
            try:
                remove_recordings(view.study, chosen)
            except EmotionCoreError as error:
                st.error(str(error), icon=":material/error:")
                return
            st.rerun()


def _cells(view: StudyView) -> None:
    """How many recordings and participants there are for each combination of the variables."""
    variables = [v for v in view.variables if 1 < len(_levels(view, v)) <= len(view.participants)]
    if not variables:
        return
    st.markdown("**Recordings in each cell**")
    chosen = st.multiselect(
        "Variables",
        view.variables,
        default=variables[:2],
        key=f"{view.key}_cells",
        max_selections=2,
    )
    if not chosen:
        return
    included = view.study.included
    cells = Counter(tuple(r.variables.get(v, "") or "–" for v in chosen) for r in included)
    table = pd.Series(cells)
    if len(chosen) == 2:
        table.index = pd.MultiIndex.from_tuples(list(cells), names=chosen)
        st.dataframe(table.unstack(fill_value=0), width="content")
    else:
        frame = pd.DataFrame([(k[0], n) for k, n in cells.items()], columns=[*chosen, "recordings"])
        st.dataframe(frame, hide_index=True, width="content")


def _levels(view: StudyView, variable: str) -> set[str]:
    return {r.variables.get(variable, "") for r in view.study.recordings} - {""}
