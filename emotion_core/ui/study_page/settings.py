"""The settings of a study's analysis: what they are called on the page, and what they mean."""

from typing import Any, Final

import streamlit as st

from emotion_core.errors import EmotionCoreError
from emotion_core.study.definitions import Baseline, Smoothing, Space, StudySettings
from emotion_core.ui.study_page.study_view import StudyView

_BASELINES: Final = {
    Baseline.NONE: "none",
    Baseline.EVENT: "events of the kind baseline",
    Baseline.START: "the first seconds of each recording",
    Baseline.MEDIAN: "the participant’s median",
}
_SPACES: Final = {
    Space.PROBABILITY: "probability",
    Space.LOGIT: "log-odds",
}
_SMOOTHINGS: Final = {
    Smoothing.NONE: "none",
    Smoothing.EXPONENTIAL: "exponential",
    Smoothing.LOESS: "loess",
}


def show_settings(view: StudyView) -> None:
    """Draw the settings, folded; they count from the next computation on."""
    with (
        st.expander("Settings of the analysis", icon=":material/tune:"),
        st.form(f"{view.key}_settings", border=False),
    ):
        now = view.study.settings
        columns = st.columns(3, gap="medium")
        with columns[0]:
            wanted = _baseline(view, now)
        with columns[1]:
            wanted |= _gate(view, now)
        with columns[2]:
            wanted |= _events(view, now)
        pressed = st.form_submit_button("Save settings", icon=":material/save:")
    if not pressed:
        return
    try:
        view.study.with_settings(StudySettings(**wanted))
    except EmotionCoreError as error:
        st.error(str(error), icon=":material/error:")
        return
    st.rerun()


def _key(view: StudyView, name: str, now: StudySettings) -> str:
    """Of a widget: it begins anew where somebody else has changed this setting."""
    return f"{view.key}_set_{name}_{getattr(now, name)}"


def _number(view: StudyView, name: str, label: str, now: StudySettings, **options: Any) -> float:
    value = st.number_input(
        label, value=float(getattr(now, name)), key=_key(view, name, now), **options
    )
    return float(value)


def _baseline(view: StudyView, now: StudySettings) -> dict[str, Any]:
    st.markdown("**Readings**")
    baselines, spaces, smoothings = list(Baseline), list(Space), list(Smoothing)
    return {
        "baseline": st.selectbox(
            "Baseline",
            baselines,
            index=baselines.index(now.baseline),
            format_func=lambda b: _BASELINES[b],
            key=_key(view, "baseline", now),
        ),
        "baseline_s": _number(view, "baseline_s", "Its first seconds", now, min_value=0.1),
        "space": st.selectbox(
            "Subtracted as",
            spaces,
            index=spaces.index(now.space),
            format_func=lambda s: _SPACES[s],
            key=_key(view, "space", now),
            help="In log-odds a rise from 1 to 2 % counts as much as one from 33 to 50 %.",
        ),
        "smoothing": st.selectbox(
            "Smoothing",
            smoothings,
            index=smoothings.index(now.smoothing),
            format_func=lambda s: _SMOOTHINGS[s],
            key=_key(view, "smoothing", now),
        ),
        "smoothing_s": _number(view, "smoothing_s", "Smoothed over (s)", now, min_value=0.05),
        "rate_hz": _number(view, "rate_hz", "Readings per second", now, min_value=0.1),
    }


def _gate(view: StudyView, now: StudySettings) -> dict[str, Any]:
    st.markdown("**What counts**")
    return {
        "min_valid_share": _number(
            view, "min_valid_share", "Least valid share", now, min_value=0.0, max_value=1.0,
            help="Events in which fewer of the readings are valid are left out.",
        ),
        "min_valid_s": _number(view, "min_valid_s", "Least valid seconds", now, min_value=0.0),
        "max_unsure_share": _number(
            view, "max_unsure_share", "Largest share of unsure readings", now,
            min_value=0.0, max_value=1.0,
        ),
        "leave_out_unsure": st.toggle(
            "Leave out unsure readings",
            now.leave_out_unsure,
            key=_key(view, "leave_out_unsure", now),
        ),
        "leave_out_speaking": st.toggle(
            "Leave out speaking",
            now.leave_out_speaking,
            key=_key(view, "leave_out_speaking", now),
            help="Talking moves the mouth, and the readings with it.",
        ),
    }  # fmt: skip


def _events(view: StudyView, now: StudySettings) -> dict[str, Any]:
    st.markdown("**Events and episodes**")
    return {
        "event_s": _number(view, "event_s", "A point event lasts (s)", now, min_value=0.1),
        "before_s": _number(view, "before_s", "Curves begin before it (s)", now, min_value=0.0),
        "after_s": _number(view, "after_s", "Curves end after its start (s)", now, min_value=0.1),
        "episode_threshold": _number(
            view, "episode_threshold", "An episode is above", now, min_value=0.01, max_value=0.99,
            help="A stretch in which the probability of an expression is at least this.",
        ),
        "episode_min_s": _number(view, "episode_min_s", "For at least (s)", now, min_value=0.0),
    }  # fmt: skip
