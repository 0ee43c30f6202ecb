"""One clip on the coder's page: the player, the keys, and what is coded so far."""

import hashlib
import secrets
from dataclasses import dataclass
from typing import Final

import streamlit as st

from emotion_core.errors import EmotionCoreError
from emotion_core.study.coding.records import Unit
from emotion_core.study.coding.replay import Action, ClipCodes, Code, Key
from emotion_core.study.coding.scheme import Scheme
from emotion_core.study.coding.store import CodingStore
from emotion_core.study.coding.training import feedback
from emotion_core.ui.coding_page.keyboard import END, bindings, key_of, resume_at
from emotion_core.ui.coding_page.looks import code_words, strip_html, strip_pieces, time_words
from emotion_core.ui.coding_page.videos import CodableVideo
from emotion_core.ui.common.downloads import play_video
from emotion_core.ui.common.file_links import OfferedFile
from emotion_core.ui.common.keys import KeyPress, Span, show_keys, take_presses
from emotion_core.ui.common.playhead import PLAYER
from emotion_core.ui.common.text import escape
from emotion_core.ui.study_page.study_view import StudyView

_MOST_LISTED: Final = 12
# The keys below the player stay in sight on a laptop.
_STYLE: Final = """<style>
.st-key-player video { max-height: 44vh; object-fit: contain; background: #000; }
</style>"""


@dataclass(frozen=True, slots=True, eq=False)
class ClipPlace:
    """A clip that a coder codes: whose it is, and where its video is."""

    view: StudyView
    store: CodingStore
    coder: str
    scheme: Scheme
    unit: Unit
    video: CodableVideo

    @property
    def key(self) -> str:
        """Begins the keys of widgets; differs from coder to coder and clip to clip."""
        # The same in every process: presses wait in the browser under this name.
        coder = hashlib.sha256(self.coder.encode()).hexdigest()[:8]
        return f"{self.view.key}_code_{coder}_{self.unit.id}"

    @property
    def span(self) -> tuple[float, float]:
        """Start and end of the clip, seconds of the video."""
        return self.unit.start_s, self.unit.end_s


def show_clip(place: ClipPlace, previous: str | None) -> None:
    """Draw a clip to be coded.

    Args:
        place: the clip.
        previous: id of the clip before it, in the order of this coder.
    """
    st.html(_STYLE)

    @st.fragment
    def draw() -> None:
        try:
            _draw(place, previous)
        except EmotionCoreError as error:
            st.error(str(error), icon=":material/error:")

    draw()


def _draw(place: ClipPlace, previous: str | None) -> None:
    left, right = st.columns([3, 2], gap="medium")
    with left, st.container(key=PLAYER):
        # Its name would tell the participant or the condition.
        kind = place.video.media_type
        file = OfferedFile("clip.mp4", kind, place.video.path, inline=True)
        play_video(file, key=f"{place.view.key}_coding_video")
    with left:
        clip = _keys(place)
    with right:
        _coded(place, clip)
        _ways_on(place, previous)
        st.caption(
            "Space plays and pauses, comma and full stop step a frame, < and > change the speed, u "
            "or Backspace takes back. The running key ends its code. Press 0 or x where you cannot "
            "tell."
        )


def _keys(place: ClipPlace) -> ClipCodes:
    def keep(press: KeyPress) -> None:
        if (key := key_of(press, place.scheme)) is not None:
            place.store.press(place.coder, place.unit.id, [key])

    try:
        take_presses(place.key, keep)
    except EmotionCoreError as error:
        st.error(str(error), icon=":material/error:")
    clip = place.store.coded(place.coder, place.unit)
    loop = st.session_state.get(f"{place.view.key}_coding_loop", False)
    show_keys(
        place.key,
        bindings(place.scheme, clip, place.unit.start_s),
        can_undo=clip.can_undo,
        frame_s=place.video.frame_s,
        origin_s=-place.unit.start_s,
        span=Span(*place.span, resume_at(clip), loop, END, strip_pieces(place.scheme, clip.codes)),
    )
    st.toggle("Loop", key=f"{place.view.key}_coding_loop")
    return clip


def _coded(place: ClipPlace, clip: ClipCodes) -> None:
    """What is coded so far, newest first, and the note."""
    running = ", ".join(code_words(place.scheme, c) for c in clip.running)
    st.markdown(f"**Running: {escape(running)}**" if running else "Nothing is running.")
    for words in clip.problems[-2:]:
        st.warning(words, icon=":material/warning:")
    codes = sorted(clip.codes, key=lambda c: (c.running, c.start_s), reverse=True)
    st.caption(f"Codes of this clip: {len(codes)}")
    with st.container(gap=None):
        for code in codes[:_MOST_LISTED]:
            _row(place, code)
    if len(codes) > _MOST_LISTED:
        st.caption(f"The strip below the player shows {len(codes) - _MOST_LISTED} more.")
    _note(place, clip)


def _row(place: ClipPlace, code: Code) -> None:
    words = f"{escape(code_words(place.scheme, code))}, {time_words(code, place.unit.start_s)}"
    words += f" · *{escape(code.note)}*" if code.note else ""
    with st.container(horizontal=True, vertical_alignment="center"):
        st.markdown(words)
        if st.button(
            "Delete", icon=":material/delete:", type="tertiary", key=f"{place.key}_del_{code.id}"
        ):
            _press(place, Key(_new_id(), Action.DELETE, target=code.id))


def _note(place: ClipPlace, clip: ClipCodes) -> None:
    code = clip.newest
    target, now = (code.id, code.note) if code else ("", clip.note)
    label = "Note on this clip"
    if code is not None:
        words = escape(code_words(place.scheme, code))
        label = f"Note on “{words}” at {time_words(code, place.span[0])}"
    if problem := st.session_state.pop(f"{place.key}_note_problem", ""):
        st.error(f"The note is not saved yet. {problem}", icon=":material/error:")
    # A new field wherever the note changes, in this tab or in another: it never writes an old one.
    key = f"{place.key}_note_{target}_{hash(now)}"
    st.text_input(
        label, now, max_chars=500, key=key, on_change=lambda: _keep_note(place, target, key, now)
    )


def _keep_note(place: ClipPlace, target: str, key: str, now: str) -> None:
    text = str(st.session_state[key]).strip()
    # A field that has just come to the page may tell of its first words as of a change.
    if text == now:
        return
    try:
        place.store.press(
            place.coder, place.unit.id, [Key(_new_id(), Action.NOTE, target=target, text=text)]
        )
    except EmotionCoreError as error:
        # The field keeps the words; the run that follows tells what is wrong.
        st.session_state[f"{place.key}_note_problem"] = str(error)


def _press(place: ClipPlace, key: Key) -> None:
    try:
        place.store.press(place.coder, place.unit.id, [key])
    except EmotionCoreError as error:
        st.error(str(error), icon=":material/error:")
        return
    st.rerun(scope="fragment")


def _new_id() -> str:
    return secrets.token_hex(12)


def _ways_on(place: ClipPlace, previous: str | None) -> None:
    unit_state = f"{place.view.key}_coding_unit"
    with st.container(horizontal=True, vertical_alignment="center"):
        if st.button(
            "Done, next", type="primary", icon=":material/check:", key=f"{place.key}_done"
        ):
            try:
                place.store.finish(place.coder, place.unit.id)
            except EmotionCoreError as error:
                st.error(str(error), icon=":material/error:")
                return
            if place.unit.training:
                st.session_state[f"{place.view.key}_coding_feedback"] = place.unit.id
            st.session_state[unit_state] = place.unit.id if place.unit.training else None
            st.rerun()
        if previous and st.button(
            "Previous clip", icon=":material/arrow_back:", key=f"{place.key}_previous"
        ):
            st.session_state[unit_state] = previous
            st.rerun()


def show_feedback(place: ClipPlace) -> None:
    """What a coder coded in a training clip, above the known answers."""
    unit, scheme = place.unit, place.scheme
    codes = place.store.finished(place.coder, unit)
    found = feedback(unit, codes)
    st.markdown(f"**The same codes in {found.same:.0%} of the clip’s time.**")
    if found.moments or found.moments_added:
        st.markdown(
            f"{found.moments_found} of {found.moments} moments were found, "
            f"{found.moments_added} were added."
        )
    for name, shown in (("Your codes", codes), ("Known answers", unit.answers)):
        st.caption(name)
        st.html(strip_html(scheme, shown, place.span, name))
        words = [f"{code_words(scheme, c)} {time_words(c, unit.start_s)}" for c in shown]
        st.markdown(escape("; ".join(words) or "nothing coded"))
