"""Curves around an event: means of the groups, the share who express, and the stimulus itself."""

from pathlib import Path
from typing import Any, Final

import pandas as pd
import streamlit as st

from emotion_core.atomic_io import replacing
from emotion_core.charts.groups import group_keys
from emotion_core.charts.study_curves import curve_chart
from emotion_core.errors import EmotionCoreError
from emotion_core.labels import EXPRESSIONS
from emotion_core.results.export import output_error
from emotion_core.results.paths import safe_name
from emotion_core.study.definitions import SIGNALS
from emotion_core.study.outcome import (
    GroupCurves,
    between_variables,
    curve_events,
    curve_unit,
    event_curves,
    paired_curves,
    share_curves,
    strongest_signal,
)
from emotion_core.ui.common.charts import download_data, show_legend
from emotion_core.ui.common.downloads import can_play, play_video
from emotion_core.ui.common.file_links import OfferedFile
from emotion_core.ui.common.playhead import PLAYER, followed_chart, show_playhead
from emotion_core.ui.study_page.study_view import StudyView, file_state

_EVERYBODY: Final = "all participants together"
# Begins the choice of another event, for a comparison within participants.
_WITH: Final = "with the event "
_PIECE: Final = 1 << 20
_VIDEO_TYPES: Final = ["mp4", "webm", "m4v", "mov"]


def show_curves(view: StudyView) -> None:
    """Draw the tab."""
    labels = curve_events(view.study)
    if not labels:
        st.info("There are no events: add a stimulus or another event.", icon=":material/event:")
        return
    variables = between_variables(view.study)
    with st.container(horizontal=True):
        event = st.selectbox("Event", labels, key=f"{view.key}_curve_event", width=240)
        wanted = _default_signal(view)
        signal = st.selectbox(
            "Signal",
            SIGNALS,
            index=SIGNALS.index(wanted),
            key=f"{view.key}_curve_signal",
            width=200,
        )
        others = [f"{_WITH}{label}" for label in labels if label != event]
        by = st.selectbox(
            "Compare", [*variables, *others, _EVERYBODY], key=f"{view.key}_curve_by", width=280
        )
    by = "" if by == _EVERYBODY else by
    paired = by.startswith(_WITH) and by in others
    try:
        curves = _cached(view, "pair" if paired else "mean", event, signal, by)
        shares = None
        if signal in EXPRESSIONS and not paired:
            shares = _cached(view, "share", event, signal, by)
    except (EmotionCoreError, OSError, ValueError) as error:
        st.error(str(error), icon=":material/error:")
        return
    _draw(view, event, curves, shares)


def _default_signal(view: StudyView) -> str:
    """The signal that is asked about, else the one with the strongest effect of the last run."""
    asked = view.question()[0].signal
    if asked:
        return asked
    try:
        return strongest_signal(pd.read_csv(view.results_file("statistics.csv")))
    except (OSError, ValueError, KeyError):
        return "happy"


def _cached(view: StudyView, kind: str, event: str, signal: str, by: str) -> GroupCurves:
    state = file_state(view.results_file("long.csv"))
    return _computed(view.token, state, repr(view.study.settings), kind, event, signal, by, view)


@st.cache_resource(max_entries=48, show_spinner="Averaging …")
def _computed(
    token: str,
    state: tuple[int, int, int],
    settings: str,
    kind: str,
    event: str,
    signal: str,
    by: str,
    _view: StudyView,
) -> GroupCurves:
    """One copy for all visitors; it is never written to. The first three tell versions apart."""
    del token, state, settings
    if kind == "pair":
        other = by.removeprefix(_WITH)
        return paired_curves(_view.study, _view.long_table(), event, other, signal)
    compute = event_curves if kind == "mean" else share_curves
    return compute(_view.study, _view.long_table(), event, signal, by)


def _draw(view: StudyView, event: str, curves: GroupCurves, shares: GroupCurves | None) -> None:
    groups = list(dict.fromkeys(curves.rows["group"]))
    span = (float(curves.rows["time_s"].min()), float(curves.rows["time_s"].max()))
    video = stimulus_file(view.folder, event)
    left, right = st.columns([2, 3], gap="medium") if video else (None, st.container())
    followed: list[dict[str, Any]] = []
    with right:
        show_legend(group_keys(groups))
        _chart(curves, f"{view.key}_curve", curve_unit(view.study, curves.signal))
        followed.append(followed_chart(f"{view.key}_curve", span))
        st.caption(curves.words())
    if shares is not None:
        with right if video else st.container():
            st.markdown(f"**Share of participants whose dominant expression is {curves.signal}**")
            unit = "share of participants"
            _chart(shares, f"{view.key}_share", unit, share=True)
        followed.append(followed_chart(f"{view.key}_share", span))
    download_data(curves.rows, "curves.csv", key=f"{view.key}_curve_data")
    if video and left is not None:
        with left:
            _player(f"{view.key}_stimulus_{_stem(event)}", video, followed)
    _offer_stimulus(view, event, video)


def _chart(curves: GroupCurves, key: str, unit: str, *, share: bool = False) -> None:
    title = f"{curves.signal} around {curves.event}"
    rows = curves.rows.drop(columns=["low", "high"]) if share else curves.rows
    clusters = curves.significant()
    chart = curve_chart(rows, title=title, unit=unit, clusters=clusters, share=share)
    # The key of a chart without a selection does not reach the page; that of a container does.
    with st.container(key=key):
        st.altair_chart(chart, width="stretch")


def stimulus_file(folder: Path, event: str) -> Path | None:
    """The video of a stimulus that was added to the study; None without one."""
    found = sorted((folder / "stimuli").glob(f"{_stem(event)}.*"))
    return next((p for p in found if p.stem == _stem(event)), None)


def _stem(event: str) -> str:
    # Brackets would be a pattern.
    return "".join("_" if c in "[]*?" else c for c in safe_name(event)).replace(".", "_")


def _player(key: str, video: Path, charts: list[dict[str, Any]]) -> None:
    if not can_play(video.stat().st_size):
        st.info("The stimulus is too large to be played here.", icon=":material/movie_off:")
        return
    with st.container(key=PLAYER):
        kind = "video/webm" if video.suffix == ".webm" else "video/mp4"
        play_video(OfferedFile(video.name, kind, video, inline=True), key=key)
    show_playhead(key, charts)
    st.caption("The line in the charts follows the film; click in a chart to go there.")


def _offer_stimulus(view: StudyView, event: str, video: Path | None) -> None:
    with st.expander("Show the stimulus next to the curve", icon=":material/movie:"):
        if video is not None and st.button(
            "Remove the video", icon=":material/delete:", key=f"{view.key}_stimulus_remove"
        ):
            video.unlink(missing_ok=True)
            st.rerun()
        upload = st.file_uploader(
            f"Video that begins when “{event}” begins",
            type=_VIDEO_TYPES,
            key=f"{view.key}_stimulus_{_stem(event)}_{file_state(video) if video else 0}",
        )
        if upload is None:
            return
        try:
            _keep_stimulus(view, event, upload)
        except EmotionCoreError as error:
            st.error(str(error), icon=":material/error:")
            return
        st.rerun()


def _keep_stimulus(view: StudyView, event: str, upload: Any) -> None:
    suffix = Path(upload.name).suffix.lower()
    target = view.folder / "stimuli" / f"{_stem(event)}{suffix}"
    try:
        target.parent.mkdir(exist_ok=True)
        for earlier in target.parent.glob(f"{_stem(event)}.*"):
            earlier.unlink()
        with replacing(target) as part, part.open("wb") as file:
            while piece := upload.read(_PIECE):
                file.write(piece)
    except OSError as error:
        raise output_error(target, error) from error
