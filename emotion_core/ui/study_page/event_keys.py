"""Marking events by key while a recording's video plays."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final

import pandas as pd
import streamlit as st

from emotion_core.errors import EmotionCoreError, InputError
from emotion_core.study.definitions import Event, EventKind, Recording
from emotion_core.study.event_keys import (
    INTERVAL,
    KEYS,
    LONGEST_LABEL,
    MOMENT,
    EventKey,
    KeyChange,
    pressed,
    running_event,
)
from emotion_core.study.folder import Study
from emotion_core.ui.common.keys import UNDO, KeyBinding, KeyPress, show_keys, take_presses
from emotion_core.ui.common.playhead import PLAYER
from emotion_core.ui.study_page.adding import allowed_folders
from emotion_core.ui.study_page.event_table import edit_events
from emotion_core.ui.study_page.recording_video import RecordingVideo, recording_video
from emotion_core.ui.study_page.study_view import StudyView

# None of the expressions' colours; readable on light and dark grounds.
_COLOURS: Final = {
    EventKind.STIMULUS: "#8B5CF6",
    EventKind.EVENT: "#0D9488",
    EventKind.BASELINE: "#64748B",
    EventKind.EXCLUDE: "#C2410C",
}
_MOST_UNDONE: Final = 200


@dataclass(slots=True)
class _History:
    """What this visit marked in one recording.

    Attributes:
        changes: of its presses, oldest first, less those that were taken back.
        told: what the last press did.
    """

    changes: list[KeyChange] = field(default_factory=list)
    told: str = ""


@dataclass(frozen=True, slots=True)
class _Marked:
    """The recording that plays.

    Attributes:
        key: begins the keys of its widgets.
        recording, video: what plays.
        history: of its events.
    """

    key: str
    recording: Recording
    video: RecordingVideo
    history: _History

    @property
    def origin_s(self) -> float:
        """What the events' clock shows when the video begins."""
        return self.video.origin_s + self.recording.clock_offset_s


def show_event_keys(view: StudyView) -> None:
    """Draw the player, its keys and the events of the recording; a press draws only these."""

    @st.fragment
    def draw() -> None:
        # Always there: what comes and goes above the player would start it again.
        told = st.container()
        try:
            now = StudyView(view.token, view.folder)
        except EmotionCoreError as error:
            told.error(str(error), icon=":material/error:")
            return
        _show(now, told)

    draw()


def _show(view: StudyView, told: Any) -> None:
    rows = view.study.recordings
    found = {r.recording: recording_video(view.study, r, allowed_folders()) for r in rows}
    videos = {name: video for name, video in found.items() if video}
    if not videos:
        st.info(
            "No recording of this study has a video here. Add videos under Recordings: of analyses "
            "and live recordings only the readings are kept.",
            icon=":material/movie_off:",
        )
        return
    with st.container(horizontal=True, vertical_alignment="bottom"):
        name = st.selectbox("Recording", list(videos), key=f"{view.key}_keys_of", width=320)
        with st.popover("Choose keys", icon=":material/keyboard:", key=f"{view.key}_keys_menu"):
            _choose_keys(view)
    name = name if name in videos else next(iter(videos))
    (recording,) = [r for r in rows if r.recording == name]
    key = f"{view.key}_keys_{name}"
    history = st.session_state.setdefault(f"{key}_history", _History())
    marked = _Marked(key, recording, videos[name], history)
    left, right = st.columns([3, 2], gap="medium")
    with left, st.container(key=PLAYER):
        marked.video.play(key)
    # First what was pressed: bar and table show it in the same run.
    view.change(lambda _: take_presses(key, lambda press: _keep(view, marked, press)))
    with told:
        view.show_problem()
    with right:
        _bar(view.study, marked)
        edit_events(view, name)
        st.caption(_words(recording))


def _bar(study: Study, marked: _Marked) -> None:
    bindings = []
    for key in study.event_keys:
        running = running_event(study.events, marked.recording, key)
        since_s = running.start_s if running else None
        colour = _COLOURS[key.kind]
        bindings.append(KeyBinding(key.key, key.label, colour, key.is_interval, since_s))
    show_keys(
        marked.key,
        bindings,
        told=marked.history.told,
        can_undo=bool(marked.history.changes),
        frame_s=marked.video.frame_s,
        origin_s=marked.origin_s,
    )


def _words(recording: Recording) -> str:
    words = (
        "Press a key for a moment; for an interval press it where it begins and again where it "
        "ends. Every press is saved at once. Space plays, `,` and `.` step by a frame, `<` and `>` "
        "change the speed, Backspace takes the last press back."
    )
    if recording.clock_offset_s:
        words += f" Times are on the events’ clock: {recording.clock_offset_s:+g} s to the video’s."
    return words


def _keep(view: StudyView, marked: _Marked, press: KeyPress) -> None:
    """Keep a press in the study, and note what it did; the view has the study as it is then.

    Raises:
        OutputError: the study cannot be written.
    """
    history = marked.history
    keys = {key.key: key for key in view.study.event_keys}
    try:
        if press.key == UNDO:
            _undo(view, history)
        elif press.key in keys:
            time_s = press.time_s + marked.origin_s
            _mark(view, marked, keys[press.key], time_s)
    except InputError as error:
        history.told = str(error)
        # Perhaps because another tab changed the events.
        view.study = view.study.reopened()


def _mark(view: StudyView, marked: _Marked, key: EventKey, time_s: float) -> None:
    made = KeyChange(None, None)

    def change(now: tuple[Event, ...]) -> Sequence[Event]:
        nonlocal made
        made = pressed(now, marked.recording, key, time_s)
        return made.applied(now)

    view.study = view.study.change_events(change)
    history = marked.history
    history.changes = [*history.changes, made][-_MOST_UNDONE:]
    history.told = _told(made, key)


def _told(made: KeyChange, key: EventKey) -> str:
    event = made.new
    if event is None:
        return ""
    if event.end_s > event.start_s:
        return f"{key.label}: {event.start_s:.2f} to {event.end_s:.2f} s"
    words = "began at" if key.is_interval else "at"
    return f"{key.label} {words} {event.start_s:.2f} s"


def _undo(view: StudyView, history: _History) -> None:
    if not history.changes:
        history.told = "There is nothing to undo."
        return
    last = history.changes[-1]
    try:
        view.study = view.study.change_events(last.undone.applied)
    except InputError:
        # Others changed that event: the press before it can still be taken back.
        history.changes = history.changes[:-1]
        raise
    history.changes = history.changes[:-1]
    history.told = "Undone."


def _choose_keys(view: StudyView) -> None:
    keys = {key.key: key for key in view.study.event_keys}
    rows = pd.DataFrame([_row(key, keys.get(key)) for key in KEYS])
    key = f"{view.key}_keys_{hash(view.study.event_keys)}"

    def changed() -> None:
        wanted = keys_after(keys, st.session_state[key])
        view.change(lambda study: study.with_event_keys(wanted))

    st.data_editor(
        rows,
        hide_index=True,
        width=460,
        disabled=["key"],
        column_config={
            "key": st.column_config.TextColumn("Key", width=50),
            "label": st.column_config.TextColumn("Label", max_chars=LONGEST_LABEL, width=160),
            "kind": st.column_config.SelectboxColumn(
                "Kind", options=[str(k) for k in EventKind], width=100
            ),
            "lasts": st.column_config.SelectboxColumn(
                "Marks", options=[MOMENT, INTERVAL], width=100
            ),
        },
        key=key,
        on_change=changed,
    )
    st.caption("A key without a label does nothing. The keys are kept in the study.")


def _row(key: str, chosen: EventKey | None) -> dict[str, str]:
    if chosen is None:
        return {"key": key, "label": "", "kind": str(EventKind.EVENT), "lasts": MOMENT}
    lasts = INTERVAL if chosen.is_interval else MOMENT
    return {"key": key, "label": chosen.label, "kind": str(chosen.kind), "lasts": lasts}


def keys_after(keys: Mapping[str, EventKey], typed: Mapping[str, Any]) -> list[EventKey]:
    """The keys after what was typed in their table, as Streamlit's editor describes that.

    Args:
        keys: those that are in use.
        typed: row → column → value; the rows are those of `KEYS`.
    """
    changed = typed.get("edited_rows", {})
    rows = [_row(key, keys.get(key)) | changed.get(i, {}) for i, key in enumerate(KEYS)]
    return [
        EventKey(
            row["key"],
            str(row["label"]).strip(),
            EventKind(row["kind"] or EventKind.EVENT),
            row["lasts"] == INTERVAL,
        )
        for row in rows
        if str(row["label"] or "").strip()
    ]
