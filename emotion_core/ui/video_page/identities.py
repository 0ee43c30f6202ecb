"""Who is who: questions about likely returns, and those recognised automatically, to take apart."""

from collections.abc import Sequence
from typing import Final

import numpy as np
import streamlit as st

from emotion_core.results.annotations import Edits
from emotion_core.results.face_table import FaceTable
from emotion_core.results.identities import Question, joined_tracklets, open_questions
from emotion_core.results.paths import MOMENTS
from emotion_core.results.thumbnails import moment_name, person_picture, picture_bytes
from emotion_core.ui.common.pictures import show_picture
from emotion_core.ui.common.text import escape
from emotion_core.ui.video_page.result_view import ResultView

_PICTURE_PX: Final = 84


def show_questions(view: ResultView, people: Sequence[int]) -> None:
    """The likeliest open question, with two pictures; and the answers given, to take back.

    Args:
        view: the result.
        people: the identities in the list.
    """
    later = st.session_state.setdefault(f"{view.key}_later", set())
    included = [i for i in people if i not in view.edits.excluded]
    asked = open_questions(view.summary, view.edits, included)
    waiting = [q for q in asked if (q.person, q.other) not in later]
    if waiting:
        _ask(view, waiting[0], len(waiting))
    elif asked:
        st.caption(f"{len(asked)} left for later.")
    _answers(view, people)


def _ask(view: ResultView, question: Question, count: int) -> None:
    one, other = question.person, question.other
    names = [escape(view.edits.name_of(i)) for i in (one, other)]
    with st.container(border=True, key=f"{view.key}_question"):
        more = f" :gray[1 of {count}]" if count > 1 else ""
        st.markdown(f"**Are {names[0]} and {names[1]} the same person?**{more}")
        with st.container(horizontal=True):
            for identity, name in zip((one, other), names, strict=True):
                file = person_picture(view.folder / MOMENTS, view.whole, view.edits, identity)
                if file:
                    picture = picture_bytes(file, view.edits)
                    show_picture(picture, f"Picture of {name}", width_px=_PICTURE_PX)
        key = f"{view.key}_same_{one}_{other}"
        with st.container(horizontal=True):
            if st.button("Yes", key=f"{key}_yes", type="primary"):
                view.change(lambda now: now.merge(other, one))
            if st.button("No", key=f"{key}_no"):
                view.change(lambda now: now.tell_apart(one, other))
            if st.button("Later", key=f"{key}_later"):
                st.session_state[f"{view.key}_later"].add((one, other))
                st.rerun()


def _answers(view: ResultView, people: Sequence[int]) -> None:
    """Those said to be different, for second thoughts; merges are taken back at the person."""
    for one, other in sorted(view.edits.different):
        if one not in people or other not in people:
            continue
        words = f"{view.edits.name_of(one)} and {view.edits.name_of(other)} are different people."
        with st.container(horizontal=True, vertical_alignment="center"):
            st.caption(escape(words), width="content")
            if st.button("Ask again", key=f"{view.key}_again_{one}_{other}", type="tertiary"):
                view.change(
                    lambda now, one=one, other=other: now.tell_apart(  # type: ignore[misc]
                        one, other, different=False
                    )
                )


def edit_recognised(view: ResultView, track_id: int) -> None:
    """In a person's menu: the times they were recognised again, each to be taken apart, or the
    person they were taken from."""
    taken = [t for t, identity in view.edits.apart.items() if identity == track_id]
    for tracklet in taken:
        if st.button("Recognised correctly after all", key=f"{view.key}_rejoin_{tracklet}"):
            view.change(lambda now, tracklet=tracklet: now.rejoin(tracklet))  # type: ignore[misc]
    joined = joined_tracklets(view.summary, view.edits)
    starts = {t: _first_s(view.whole, t) for t, identity in joined.items() if identity == track_id}
    if not starts:
        return
    chosen = st.selectbox(
        "Recognised again at",
        sorted(starts, key=starts.__getitem__),
        format_func=lambda tracklet: f"{starts[tracklet]:.1f} s",
        index=None,
        placeholder=f"{len(starts)} times" if len(starts) > 1 else "once",
        key=f"{view.key}_{track_id}_recognised_{len(view.edits.apart)}",
        help="People who return are recognised by how they look. Choose a return to check it.",
    )
    if chosen is None:
        return
    file = view.folder / MOMENTS / moment_name(chosen)
    if file.is_file() and not view.edits.hides_face_of(track_id):
        picture = picture_bytes(file, view.edits)
        show_picture(picture, f"Picture at {starts[chosen]:.1f} s", width_px=_PICTURE_PX)
    if st.button("This is somebody else", key=f"{view.key}_apart_{chosen}"):
        view.change(lambda now: now.take_apart(chosen, free_identity(view.whole, now)))


def free_identity(whole: FaceTable, edits: Edits) -> int:
    """A number that no person of a video has."""
    used = [0, *whole.track_id.tolist(), *edits.apart.values()]
    return max(used) + 1


def _first_s(whole: FaceTable, tracklet: int) -> float:
    times = whole.time_s[whole.tracklet == tracklet]
    return float(np.min(times)) if len(times) else 0.0
