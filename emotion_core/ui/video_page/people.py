"""The people of a video: picture, name, share of time; rename, merge, exclude."""

from dataclasses import replace
from typing import Final

import streamlit as st

from emotion_core.labels import COLOURS
from emotion_core.results.annotations import Hide
from emotion_core.results.face_table import row_seconds, shares
from emotion_core.results.paths import MOMENTS
from emotion_core.results.thumbnails import person_picture, picture_bytes
from emotion_core.ui.common.pictures import show_picture
from emotion_core.ui.common.text import duration_words, escape
from emotion_core.ui.video_page.identities import edit_recognised, show_questions
from emotion_core.ui.video_page.result_view import ResultView
from emotion_core.ui.video_page.timeline import by_time_seen

_SHOWN: Final = 5
_PICTURE_PX: Final = 84
_WORDS_PX: Final = 170
_HIDE_WORDS: Final = {
    Hide.NOBODY: "Nobody",
    Hide.EVERYBODY: "Everybody",
    Hide.EXCLUDED: "Excluded people",
    Hide.UNNAMED: "Unnamed and excluded people",
}


def show_people_list(view: ResultView) -> None:
    """A row for each person, those seen longest first; the rest folded."""
    people = by_time_seen(view.whole)
    people = [i for i in people if i not in view.edits.merged]
    st.subheader("People", anchor=False)
    if not people:
        st.caption("No faces were found.")
    show_questions(view, people)
    for track_id in people[:_SHOWN]:
        _row(view, track_id, people)
    if len(people) > _SHOWN:
        with st.expander(f"{len(people) - _SHOWN} more, seen more briefly"):
            for track_id in people[_SHOWN:]:
                _row(view, track_id, people)
    # The clip of a recording cannot be drawn again: its pictures were hidden live, or not at all.
    if people and (view.summary.get("source") or {}).get("kind") != "live":
        _hide_choice(view)


def _row(view: ResultView, track_id: int, people: list[int]) -> None:
    file = person_picture(view.folder / MOMENTS, view.whole, view.edits, track_id)
    # Not columns: on a phone each of them would fill the width.
    with st.container(horizontal=True, vertical_alignment="center"):
        if file:
            words = f"Picture of {view.edits.name_of(track_id)}"
            show_picture(picture_bytes(file, view.edits), words, width_px=_PICTURE_PX)
        st.markdown(_words(view, track_id), width=_WORDS_PX)
        with st.popover("", icon=":material/edit:", key=f"{view.key}_menu_{track_id}"):
            _edit(view, track_id, people)


def _words(view: ResultView, track_id: int) -> str:
    name = f"**{escape(view.edits.name_of(track_id))}**"
    if track_id in view.edits.excluded:
        return f"{name}  \n:gray[excluded from tables, charts and report]"
    person = view.table.person(track_id)
    share = shares(person)
    seconds = float(row_seconds(person.time_s, person.frame_times).sum())
    top = sorted(share, key=lambda e: -share[e])[:2]
    said = " · ".join(f"{e} {share[e]:.0%}" for e in top if share[e] >= 0.01)
    joined = [k for k, v in view.edits.merged.items() if v == track_id]
    also = f"  \n:gray[with {', '.join(f'#{k}' for k in joined)} merged in]" if joined else ""
    return f"{name} · seen {duration_words(seconds)}  \n{said}{also}"


def _edit(view: ResultView, track_id: int, people: list[int]) -> None:
    edits, key = view.edits, f"{view.key}_{track_id}"
    _name_input(view, track_id)
    others = [i for i in people if i != track_id]
    if others:
        _merge_choice(view, track_id, others)
    for other in [k for k, v in edits.merged.items() if v == track_id]:
        if st.button(f"Unmerge #{other}", key=f"{key}_split_{other}"):
            view.change(lambda now, other=other: now.split(other))  # type: ignore[misc]
    edit_recognised(view, track_id)
    excluded = track_id in edits.excluded
    label = "Include again" if excluded else "Leave out"
    if st.button(label, icon=":material/person_off:", key=f"{key}_exclude"):
        view.change(lambda now: now.exclude(track_id, excluded=not excluded))


def _name_input(view: ResultView, track_id: int) -> None:
    """Only what is typed here is kept: another tab may have given a name since the last run."""
    key, kept = f"{view.key}_{track_id}_name", view.edits.names.get(track_id, "")
    if st.session_state.get(key) != kept:
        st.session_state[key] = kept
    st.text_input(
        "Name",
        key=key,
        max_chars=80,
        placeholder="none",
        on_change=lambda: view.keep(lambda now: now.rename(track_id, st.session_state[key])),
    )


def _hide_choice(view: ResultView) -> None:
    """Whose faces are hidden; as with names, only what is chosen here is kept."""
    key = f"{view.key}_hide"
    if st.session_state.get(key) != view.edits.hide:
        st.session_state[key] = view.edits.hide

    def keep() -> None:
        view.keep(lambda now: replace(now, hide=st.session_state[key]))

    st.selectbox(
        "Hide the faces of",
        list(Hide),
        format_func=_HIDE_WORDS.__getitem__,
        key=key,
        on_change=keep,
        help=(
            "These faces are pixelated when the clip is redrawn, and their pictures are "
            "removed from this page, the report and the zip. The uploaded video and the "
            "original clip stay on the server until they are deleted, but cannot be downloaded."
        ),
    )


def _merge_choice(view: ResultView, track_id: int, others: list[int]) -> None:
    key = f"{view.key}_{track_id}_merge_{len(view.edits.merged)}"

    def merge() -> None:
        into = st.session_state[key]
        # Spent: a later run must not merge them again.
        st.session_state[key] = None
        if into is not None:
            view.keep(lambda now: now.merge(track_id, into))

    st.selectbox(
        "Merge with",
        others,
        index=None,
        format_func=view.edits.name_of,
        key=key,
        placeholder="no one",
        on_change=merge,
    )


def expression_dot(expression: str) -> str:
    """An expression's colour as a small dot of HTML."""
    return (
        f'<span style="display:inline-block;width:.7rem;height:.7rem;border-radius:50%;'
        f'background:{COLOURS[expression]}"></span>'
    )
