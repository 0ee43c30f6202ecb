"""Key moments: the strongest moment of each expression of each person, with its picture."""

from typing import Final

import streamlit as st

from emotion_core.datatypes import FloatArray
from emotion_core.media.photo import read_photo
from emotion_core.results.face_table import Moment, key_moments
from emotion_core.results.paths import MOMENTS
from emotion_core.results.thumbnails import face_in_thumbnail, moment_picture, picture_bytes
from emotion_core.ui.common.network_choice import network_named
from emotion_core.ui.common.pictures import show_picture
from emotion_core.ui.common.text import escape
from emotion_core.ui.explain.view import explain_button, show_explanation
from emotion_core.ui.video_page.labelling import label_moment, show_labelling
from emotion_core.ui.video_page.result_view import ResultView
from emotion_core.ui.video_page.timeline import by_time_seen
from emotion_core.vision.crop import crop_faces

_MOST_PEOPLE: Final = 6
_MOMENT_PX: Final = 124


def show_moments(view: ResultView) -> None:
    """A row of pictures for each person; a press on the time moves the player there."""
    labelling = show_labelling(view)
    drawn = 0
    for track_id in by_time_seen(view.table)[:_MOST_PEOPLE]:
        moments = key_moments(view.table.person(track_id))
        if not moments:
            continue
        drawn += 1
        st.markdown(f"**{escape(view.edits.name_of(track_id))}**")
        with st.container(horizontal=True):
            for moment in moments:
                with st.container(width=_MOMENT_PX):
                    _moment(view, moment)
                    if labelling:
                        label_moment(view, moment)
        for moment in moments:
            who = f"{view.edits.name_of(track_id)} at {moment.time_s:.1f} s"
            show_explanation(_explain_key(view, moment), who)
    if not drawn:
        st.caption("No expression ever reached a probability of 35%.")


def _moment(view: ResultView, moment: Moment) -> None:
    picture = _picture(view, moment)
    if picture:
        words = f"{view.edits.name_of(moment.track_id)} at {moment.time_s:.1f} s"
        show_picture(picture, words, width_px=110)
    st.markdown(f"{moment.expression} **{moment.probability:.0%}**")
    clicked = st.button(
        f"{moment.time_s:.1f} s",
        icon=":material/play_arrow:",
        key=f"{view.key}_at_{moment.track_id}_{moment.expression}",
        type="tertiary",
        help="Go to this moment in the clip",
    )
    if clicked:
        view.seek(moment.time_s)
    if picture:
        _explain(view, moment, picture)


def _explain(view: ResultView, moment: Moment, picture: bytes) -> None:
    """The face is cut from the picture kept of it, so figures differ a little from the table's,
    which were read from the full frame and smoothed over time."""

    def crop() -> FloatArray:
        stamp = read_photo(picture)
        return crop_faces(stamp, face_in_thumbnail(stamp.shape[0]))[0]

    explain_button(
        crop,
        key=_explain_key(view, moment),
        label="Explain",
        small=True,
        adaptation=view.adaptation,
        network=network_named(view.model_name),
    )


def _explain_key(view: ResultView, moment: Moment) -> str:
    return f"{view.key}_{moment.track_id}_{moment.expression}"


def _picture(view: ResultView, moment: Moment) -> bytes | None:
    file = moment_picture(view.folder / MOMENTS, view.whole, view.edits, moment)
    return picture_bytes(file, view.edits) if file else None
