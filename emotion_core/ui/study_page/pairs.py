"""Synchrony of two people: of two recordings, or of all pairs that a column names."""

import math
from typing import Any

import numpy as np
import pandas as pd
import streamlit as st

from emotion_core.charts.groups import group_keys
from emotion_core.charts.study_synchrony import pair_chart, partners_chart, windows_chart
from emotion_core.errors import EmotionCoreError
from emotion_core.study.definitions import SIGNALS, Recording
from emotion_core.study.pairs import PairSignals, pair_signals, pairs_of
from emotion_core.study.statistics.synchrony import (
    PairsSynchrony,
    Synchrony,
    synchrony,
    synchrony_of_pairs,
)
from emotion_core.ui.common.charts import download_data, show_legend
from emotion_core.ui.common.text import escape
from emotion_core.ui.study_page.study_view import StudyView, file_state

_ONE, _ALL = "Two recordings", "All pairs of a column"


def show_pairs(view: StudyView) -> None:
    """Draw the tab."""
    st.caption(
        "Do two people’s expressions move together, and who leads? Each stretch of one signal is "
        "correlated with the other’s, shifted in time, and compared with stretches that do not "
        "belong together. Two people of one video are two recordings of it with different persons. "
        "Recordings are aligned by their clock offsets."
    )
    way = st.segmented_control(
        "Way", [_ONE, _ALL], default=_ONE, required=True, key=f"{view.key}_pairs_way",
        label_visibility="collapsed",
    )  # fmt: skip
    with st.container(horizontal=True):
        signal = st.selectbox(
            "Signal", SIGNALS, index=SIGNALS.index("happy"), key=f"{view.key}_pairs_signal",
            width=200,
        )  # fmt: skip
        window_s = _seconds(view, "window", "Window (s)", 7.0)
        step_s = _seconds(view, "step", "Step (s)", 1.0)
        max_lag_s = _seconds(view, "lag", "Largest lag (s)", 2.0)
    windows = {"window_s": window_s, "step_s": step_s, "max_lag_s": max_lag_s}
    try:
        (_two if way == _ONE else _all)(view, signal, windows)
    except EmotionCoreError as error:
        st.error(str(error), icon=":material/error:")


def _seconds(view: StudyView, name: str, label: str, value: float) -> float:
    return float(
        st.number_input(
            label, 0.1, 600.0, value, 0.5, key=f"{view.key}_pairs_{name}", width=140, format="%.1f"
        )
    )


def _two(view: StudyView, signal: str, windows: dict[str, float]) -> None:
    rows = {r.recording: r for r in view.study.recordings if view.study.readings_file(r).is_file()}
    if len(rows) < 2:
        st.info("Two recordings with results are needed.", icon=":material/group:")
        return
    names = list(rows)
    left, right = st.columns(2)
    a = left.selectbox("First", names, key=f"{view.key}_pair_a")
    other = next((i for i, n in enumerate(names) if is_partner(rows[a], rows[n])), 1)
    b = right.selectbox("Second", names, index=other, key=f"{view.key}_pair_b_{a}")
    if a == b:
        st.info("Choose two different recordings.", icon=":material/group:")
        return
    signals, found = _compute_two(view, rows[a], rows[b], signal, windows)
    st.markdown(two_words(found, a, b))
    first, second = _name(rows[a], rows[b])
    shown = pd.DataFrame(
        {
            "time_s": np.tile(signals.times_s, 2),
            "group": np.repeat([first, second], len(signals.times_s)),
            "value": np.concatenate([signals.first, signals.second]),
        }
    )
    show_legend(group_keys([first, second]))
    st.altair_chart(pair_chart(shown, [first, second], signal), width="stretch")
    middle_s = signals.times_s[0] + windows["window_s"] / 2
    table = pd.DataFrame(
        {
            "time_s": found.window_start_s + middle_s,
            "r": found.window_r,
            "lag_s": found.window_lag_s,
        }
    )
    span = (float(signals.times_s[0]), float(signals.times_s[-1]))
    st.altair_chart(windows_chart(table, found.surrogate_r, span), width="stretch")
    dashed = "" if math.isnan(found.surrogate_r) else " Dashed: the mean of the surrogates."
    st.caption(f"Peak correlation of each window.{dashed}")
    download_data(table, "synchrony.csv", key=f"{view.key}_pair_data")


def is_partner(a: Recording, b: Recording) -> bool:
    """Whether a recording is one of somebody else that is likely to belong to another."""
    if a.participant == b.participant:
        return False
    shared = set(a.variables.values()) & set(b.variables.values()) - {""}
    return bool(shared) or not a.variables


def _name(a: Recording, b: Recording) -> tuple[str, str]:
    """What the two are called: participants, where these tell them apart."""
    if a.participant and b.participant and a.participant != b.participant:
        return a.participant, b.participant
    return a.recording, b.recording


def two_words(found: Synchrony, a: str, b: str) -> str:
    """The result of one pair as a sentence."""
    if math.isnan(found.r):
        return "No window had enough valid readings of both."
    words = f"Mean peak correlation **r = {_figure(found.r)}**"
    if math.isnan(found.p):
        words += "; with windows of this length the recordings are too short for surrogates"
    else:
        words += f", surrogates {_figure(found.surrogate_r)} (one-sided p {_p(found.p)})"
    lag = found.lag_s
    interval = "" if math.isnan(lag.low) else f" [{_figure(lag.low)}, {_figure(lag.high)}]"
    words += f". Mean lag {_figure(lag.value)} s{interval}: "
    leader = {"first": a, "second": b}.get(found.leader or "")
    return words + (f"{escape(leader)} leads." if leader else "neither leads.")


def _figure(value: float) -> str:
    return f"{value:.2f}".replace("-", "−")


def _p(p: float) -> str:
    return "< .001" if p < 0.001 else f"= {p:.3f}"


def _compute_two(
    view: StudyView, a: Recording, b: Recording, signal: str, windows: dict[str, float]
) -> tuple[PairSignals, Synchrony]:
    states = [file_state(view.study.readings_file(r)) for r in (a, b)]
    key = repr((a, b, states, view.study.settings.rate_hz))
    return _cached_two(view.token, key, signal, tuple(windows.items()), view, a, b)


@st.cache_resource(max_entries=24, show_spinner="Correlating …")
def _cached_two(
    token: str,
    key: str,
    signal: str,
    windows: tuple[tuple[str, float], ...],
    _view: StudyView,
    _a: Recording,
    _b: Recording,
) -> tuple[PairSignals, Synchrony]:
    """One copy for all visitors; it is never written to."""
    del token, key
    signals = pair_signals(_view.study, _a, _b, signal)
    options: dict[str, Any] = dict(windows)
    return signals, synchrony(signals.first, signals.second, signals.rate_hz, **options)


def _all(view: StudyView, signal: str, windows: dict[str, float]) -> None:
    columns = [v for v in view.variables if len(pairs_of(view.study, v)[0]) > 1]
    if not columns:
        st.info(
            "Add a column to the recordings, such as “dyad”, in which the two recordings of a pair "
            "have the same value.",
            icon=":material/group:",
        )
        return
    column = st.selectbox("Pairs are named in", columns, key=f"{view.key}_pairs_column", width=240)
    pairs, others = pairs_of(view.study, column)
    if others:
        st.warning(
            f"Not two recordings each, and left out: {escape(', '.join(others))}.",
            icon=":material/warning:",
        )
    with st.spinner("Correlating …"):
        signals = [pair_signals(view.study, a, b, signal) for a, b in pairs.values()]
        options: dict[str, Any] = dict(windows)
        found = synchrony_of_pairs(
            [(s.first, s.second) for s in signals], view.study.settings.rate_hz, **options
        )
    st.markdown(pairs_words(found))
    table = pd.DataFrame(
        {"pair": list(pairs), "r": np.tanh(found.z), "shuffled": np.tanh(found.shuffled_z)}
    )
    st.altair_chart(partners_chart(table), width="stretch")
    st.caption("Filled: the pairs. Hollow: the same people with shuffled partners.")
    download_data(table, "pairs.csv", key=f"{view.key}_pairs_data")


def pairs_words(found: PairsSynchrony) -> str:
    """The result of all pairs as a sentence."""
    r, size = found.r, found.d_z
    words = (
        f"Over {found.pairs} pairs, the mean peak correlation is **r = {_figure(r.value)}** "
        f"[{_figure(r.low)}, {_figure(r.high)}]; with shuffled partners as large or larger in p "
        f"{_p(found.p)} (one-sided)."
    )
    if not math.isnan(size.value):
        words += f" d_z = {_figure(size.value)} [{_figure(size.low)}, {_figure(size.high)}]."
    who = {"first": "The first of each pair leads", "second": "The second of each pair leads"}
    lag = (
        f" {who.get(found.leader or '', 'Neither leads')}: mean lag {_figure(found.lag_s.value)} s."
    )
    return words.replace("d_z", "d\\_z") + lag
