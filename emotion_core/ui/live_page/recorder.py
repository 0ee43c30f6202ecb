"""Record, pause, stop: the readings of a live stream, kept until the visitor takes or deletes them.

The recording is found by a token in the page's address, so a reload or a lost connection loses
nothing, and others cannot find it.
"""

import logging
from collections.abc import Mapping
from functools import partial
from hashlib import sha256
from pathlib import Path
from typing import Any

import streamlit as st

from emotion_core.config import AppSettings
from emotion_core.errors import EmotionCoreError
from emotion_core.live.processor import LiveProcessor
from emotion_core.live.recording import LiveSession, SessionState
from emotion_core.live.recording_store import SessionStore
from emotion_core.live.registry import LIVE
from emotion_core.media.encoder import NO_ENCODER, clip_encoder
from emotion_core.ui.common.audit_trail import note, note_open
from emotion_core.ui.common.resources import app_settings, clean_regularly
from emotion_core.ui.common.shared import shared, shared_module
from emotion_core.ui.common.sign_on import person_here, signs_on

_log = logging.getLogger(__name__)
_TOKEN, _KEPT_TOKEN, _STREAM = "recording", "live_recording", "live_recording_stream"
_KEEP_HELP = (
    "Off: only the readings are kept. On: the picture is kept too, with its overlay; hidden "
    "faces stay hidden. The video is deleted together with the recording."
)
_STYLE = """<style>
.lab-rec { font-weight: 650; font-variant-numeric: tabular-nums; white-space: nowrap; }
.lab-rec i { display: inline-block; width: .75rem; height: .75rem; border-radius: 50%;
  background: #D92D20; margin-right: .45rem; }
.lab-rec.paused i { background: #8C8C8C; border-radius: .15rem; }
</style>"""


@st.cache_resource(show_spinner=False)
def session_store() -> SessionStore:
    """All recordings of this server, and the finished ones of other replicas."""
    settings = app_settings()
    store = _shared_store(settings) or SessionStore(
        settings.work_dir / "live", settings.retention_h
    )
    clean_regularly(store, lambda kept: kept.forget_old(), settings.retention_h)
    return store


def _shared_store(settings: AppSettings) -> SessionStore | None:
    """The store of all replicas; None where there is none, or where it cannot be used."""
    try:
        if (known := shared()) is None:
            return None
        module: Any = shared_module("emotion_core.live.shared_recordings")
    except EmotionCoreError as error:
        # Live video goes on without it.
        _log.error("Recordings stay on this computer: %s", error)
        return None
    made: SessionStore = module.SharedSessionStore(
        settings.work_dir / "live", settings.retention_h, known
    )
    return made


def recording_owner() -> str:
    """Whose recordings begin on this page; "" where no one signs in."""
    person = person_here()
    return sha256(person.owner.encode()).hexdigest() if person is not None else ""


def _found(token: str) -> tuple[Path, LiveSession | None] | None:
    """A recording that this visitor may see; where people sign in, their own only."""
    # First: what is not theirs is not copied to this computer.
    if signs_on() and session_store().owner_of(token) != recording_owner():
        return None
    return session_store().find(token)


def current_session() -> LiveSession | None:
    """The recording of this visitor that runs or rests; None without one."""
    found = _found(shown_token())
    return found[1] if found else None


def adopt(
    processor: LiveProcessor, token: str, session: LiveSession, names: Mapping[int, str]
) -> None:
    """Make a recording that was started elsewhere, of this stream, the page's own."""
    st.query_params[_TOKEN] = st.session_state[_KEPT_TOKEN] = token
    st.session_state["live_attached"] = (id(processor), id(session))
    _take_over(session, names)


def shown_token() -> str:
    """This visitor's recording, running or finished; "" without one.

    It is part of the page's address, for a reload, and of the session, as a link to another page
    takes it out of the address.
    """
    token = str(st.query_params.get(_TOKEN, "") or st.session_state.get(_KEPT_TOKEN, ""))
    if not token or _found(token) is None:
        return ""
    note_open("recording", token)
    st.session_state[_KEPT_TOKEN] = token
    if st.query_params.get(_TOKEN) != token:
        st.query_params[_TOKEN] = token
    return token


def finished_recording() -> Path | None:
    """The folder of this visitor's finished recording, also when asked by another page."""
    found = _found(str(st.session_state.get(_KEPT_TOKEN, "")))
    if found is None or found[1] is not None or not (found[0] / "summary.json").is_file():
        return None
    return found[0]


def attach(processor: LiveProcessor, session: LiveSession | None, names: Mapping[int, str]) -> None:
    """Let the recording hear the stream, once for each pair of them; `names` are taken over."""
    if session is None and _remote_session(processor) is not None:
        # Started elsewhere a moment ago; the page is about to make it its own.
        return
    pair = (id(processor), id(session))
    if st.session_state.get("live_attached") == pair:
        return
    st.session_state["live_attached"] = pair
    processor.listen(session.begin_stream(processor.resolve_identities) if session else None)
    if session is not None:
        _take_over(session, names)


def _take_over(session: LiveSession, names: Mapping[int, str]) -> None:
    """Remember that this tab's stream is recorded, under the names it has."""
    st.session_state[_STREAM] = session.stream
    for track, name in names.items():
        _try(partial(session.rename, session.own_id(track), name))


def _remote_session(processor: LiveProcessor | None) -> LiveSession | None:
    """The recording of this stream that runs, also where the page does not know of it yet."""
    stream = LIVE.of(processor)
    return stream.session() if stream is not None else None


def hears_us(session: LiveSession) -> bool:
    """Whether the recording takes its readings from this tab's stream, not from another tab's."""
    return bool(session.stream == st.session_state.get(_STREAM))


def recorder_bar(processor: LiveProcessor | None, model: Mapping[str, Any]) -> None:
    """Draw the buttons that fit what the recording is doing; call it from a fragment."""
    token = shown_token()
    found = session_store().find(token)
    if found is None:
        _offer_start(processor, model)
        return
    folder, session = found
    if session is not None and session.state is not SessionState.FINISHED:
        stream = LIVE.of(processor)
        if stream is not None and stream.is_remote(token):
            st.caption(":material/hub: Another program started this recording.")
        _running(token, session, streams=processor is not None and not processor.reading().ended)
    elif (folder / "summary.json").is_file():
        st.caption("The recording is finished. Its summary is below.")
    elif st.button("Finish the interrupted recording", icon=":material/restore:"):
        _stop(token)


def _offer_start(processor: LiveProcessor | None, model: Mapping[str, Any]) -> None:
    live = processor is not None and not processor.reading().ended
    with st.container(horizontal=True, vertical_alignment="center"):
        pressed = st.button(
            "Record",
            icon=":material/fiber_manual_record:",
            key="live_record",
            disabled=not live,
            help=(
                "Saves the readings as a table. The picture is saved only if you turn on “Keep "
                "video”."
            ),
        )
        st.caption(
            "Saves the readings, not the picture." if live else "Start the camera to record."
        )
    if not pressed or _remote_session(processor) is not None:
        return
    try:
        token, _ = session_store().start(model, recording_owner())
    except EmotionCoreError as error:
        st.error(str(error), icon=":material/error:")
        return
    st.query_params[_TOKEN] = st.session_state[_KEPT_TOKEN] = token
    st.rerun(scope="app")


def _running(token: str, session: LiveSession, streams: bool) -> None:
    paused = session.state is SessionState.PAUSED
    with st.container(horizontal=True, vertical_alignment="center"):
        minutes, seconds = divmod(int(session.now_s()), 60)
        words = "Paused" if paused else "Recording"
        st.html(
            f'{_STYLE}<div class="lab-rec{" paused" if paused else ""}"><i></i>{words} '
            f"{minutes}:{seconds:02} · {session.frames} frames</div>",
            width="content",
        )
        if paused and st.button("Resume", icon=":material/fiber_manual_record:"):
            session.resume()
            st.rerun(scope="app")
        if not paused and st.button("Pause", icon=":material/pause:"):
            session.pause()
            st.rerun(scope="app")
        if st.button("Finish", icon=":material/stop:", key="live_finish"):
            _stop(token)
    # A form hands over what is being typed, also when the key is pressed instead of Enter.
    with (
        st.form("live_marker_form", clear_on_submit=True, border=False),
        st.container(horizontal=True, vertical_alignment="bottom"),
    ):
        label = st.text_input(
            "Marker", placeholder="What happens now", key="live_marker", max_chars=80
        )
        marked = st.form_submit_button(
            "Mark", icon=":material/flag:", shortcut="alt+m", key="live_mark"
        )
    if marked:
        _try(lambda: session.mark(label))
    _video_choice(token, session)
    if streams and not hears_us(session):
        st.warning(
            "This recording is running in another tab. Nothing from this tab is being saved.",
            icon=":material/tab:",
        )
        if st.button("Record from this tab", key="live_listen_here"):
            st.session_state.pop("live_attached", None)
            st.rerun(scope="app")
    if session.error:
        st.error(f"Paused: {session.error}", icon=":material/error:")
    if session.video_error:
        st.warning(
            f"Video recording stopped: {session.video_error} The part already saved can be "
            "played. The readings continue.",
            icon=":material/videocam_off:",
        )
    _marker_line(session)


def _video_choice(token: str, session: LiveSession) -> None:
    key = f"live_keep_video_{token}"
    st.toggle(
        "Keep video",
        value=session.keeps_video,
        key=key,
        on_change=lambda: session.keep_video(bool(st.session_state[key])),
        disabled=clip_encoder() is None or bool(session.video_error),
        help=_KEEP_HELP if clip_encoder() else NO_ENCODER,
    )
    if session.keeps_video:
        st.markdown(
            ":red[:material/videocam: **The picture is being kept**, of everybody in view, as well "
            "as the readings.]"
        )


def _marker_line(session: LiveSession) -> None:
    markers = session.edits.markers[-3:]
    if markers:
        st.caption("Markers: " + " · ".join(f"{m.start_s:.1f} s {m.label}" for m in markers))


def _try(action: Any) -> None:
    try:
        action()
    except EmotionCoreError as error:
        st.error(str(error), icon=":material/error:")


def _stop(token: str) -> None:
    try:
        session_store().stop(token)
    except EmotionCoreError as error:
        st.error(str(error), icon=":material/error:")
        return
    st.rerun(scope="app")


def show_finished() -> None:
    """The result and the exports of this visitor's finished recording, if there is one."""
    token = shown_token()
    found = session_store().find(token)
    if found is None or found[1] is not None or not (found[0] / "summary.json").is_file():
        return
    st.divider()
    st.subheader("Your recording", anchor=False)
    with st.container(horizontal=True):
        with st.popover("Delete", icon=":material/delete:", key="live_delete_menu"):
            st.markdown("Removes the readings, the video and your changes from this computer.")
            # Callbacks run first: a stream's own rerun cannot swallow the press.
            st.button(
                "Delete now",
                type="primary",
                key="live_delete",
                on_click=_leave,
                kwargs={"delete": token},
            )
        st.button("New recording", icon=":material/add:", key="live_new", on_click=_leave)
    hours = app_settings().retention_h
    st.caption(
        f"It is deleted from the server after {hours:g} hours. Until then this page's address "
        "brings you back to it"
        + (", and no one else." if signs_on() else ", so keep the address private.")
    )
    try:
        _result(found[0])
    except EmotionCoreError as error:
        st.error(str(error), icon=":material/error:")


def _leave(delete: str = "") -> None:
    """Take the recording out of the page's address, and off the disk where asked to."""
    if delete:
        _try(partial(_delete, delete))
    st.query_params.pop(_TOKEN, None)
    st.session_state.pop(_KEPT_TOKEN, None)


def _delete(token: str) -> None:
    session_store().delete(token)
    note("delete", "recording", token)


def _result(folder: Path) -> None:
    """The same view as a video's result."""
    # It brings pandas, which the start of a stream need not wait for.
    from emotion_core.ui.live_page.recording_result import show_recording

    @st.fragment
    def draw() -> None:
        show_recording(folder)

    draw()
