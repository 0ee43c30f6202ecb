"""The test that fits the design: explained in a sentence, with effect sizes and intervals."""

from typing import Any, Final

import pandas as pd
import streamlit as st

from emotion_core.charts.groups import group_keys
from emotion_core.charts.study_effects import forest_chart, means_chart
from emotion_core.errors import EmotionCoreError
from emotion_core.study.definitions import ASKED_KINDS
from emotion_core.study.measures import MEASURES
from emotion_core.study.occurrences import WHOLE
from emotion_core.study.outcome import (
    Question,
    answer,
    axis_factors,
    axis_title,
    events_of,
    measure_of,
    ordered_contrasts,
    p_words,
    strongest_signal,
)
from emotion_core.study.statistics.comparisons import Analysis
from emotion_core.study.tables import variable_columns
from emotion_core.ui.common.charts import download_data, show_legend
from emotion_core.ui.common.text import escape
from emotion_core.ui.study_page.study_view import StudyView, file_state

_NOT_COMPARED: Final = frozenset({"max_time_s", "valid_share", "valid_s", "unsure_share"})


def show_statistics(view: StudyView) -> None:
    """Draw the tab."""
    now, problem = view.question()
    if problem:
        st.error(f"{problem} Choose again here.", icon=":material/error:")
    try:
        long = view.long_table()
        question = _choices(view, long, now)
        analysis = analysis_of(view, question, long)
    except (EmotionCoreError, OSError, ValueError) as error:
        st.error(str(error), icon=":material/error:")
        return
    st.info(analysis.design.explanation, icon=":material/schema:")
    if warnings := tuple(dict.fromkeys((*analysis.design.warnings, *analysis.warnings))):
        st.warning("\n".join(f"- {escape(w)}" for w in warnings), icon=":material/warning:")
    _effects(view, analysis)
    _means(view, analysis)
    with st.expander("Sentences for the paper", icon=":material/format_quote:"):
        for sentence in analysis.sentences():
            st.markdown(f"- {sentence}")


def analysis_of(view: StudyView, question: Question, long: pd.DataFrame) -> Analysis:
    """The tests; computed once for these results and this question.

    Raises:
        InputError: there is nothing that could be compared.
    """
    state = file_state(view.results_file("long.csv"))
    return _analysis(view.token, state, repr((question, view.study.settings)), view, question, long)


@st.cache_resource(max_entries=12, show_spinner="Testing …")
def _analysis(
    token: str,
    state: tuple[int, int, int],
    asked: str,
    _view: StudyView,
    _question: Question,
    _long: pd.DataFrame,
) -> Analysis:
    """One copy for all visitors; it is never written to. The first three tell versions apart."""
    del token, state, asked
    return answer(_question, _view.study, _long)


def _choices(view: StudyView, long: pd.DataFrame, now: Question) -> Question:
    """What is compared; a change is kept in the study."""
    kinds = dict(zip(long["event"], long["event_kind"], strict=True))
    labels = [label for label, kind in kinds.items() if kind in ASKED_KINDS] or [WHOLE]
    measures = [m.name for m in MEASURES if m.name not in _NOT_COMPARED]
    names = {m.name: m.label for m in MEASURES}
    columns = [column for column in variable_columns(view.study).values() if column in long]
    columns += ["event"] if len(labels) > 1 else []
    left, middle, right = st.columns(3, gap="medium")
    shown_events = events_of(now, long)
    with left:
        events = st.multiselect(
            "Events", labels, default=[e for e in shown_events if e in labels],
            key=f"{view.key}_ask_events_{hash(tuple(shown_events))}",
        )  # fmt: skip
    with middle:
        measure = st.selectbox(
            "Measure", measures, index=measures.index(measure_of(now, view.study)),
            format_func=lambda m: names[m], key=f"{view.key}_ask_measure_{now.measure}",
        )  # fmt: skip
    with right:
        factors = st.multiselect(
            "Compare by", columns, default=[f for f in now.factors or () if f in columns],
            key=f"{view.key}_ask_factors_{hash(now.factors)}", max_selections=3,
            placeholder="chosen from the columns",
        )  # fmt: skip
    ways = ("Seven expressions", "Valence and arousal")
    way = st.segmented_control(
        "Signals", ways, default=ways[now.dimensions], required=True,
        key=f"{view.key}_ask_signals_{now.dimensions}", label_visibility="collapsed",
    )  # fmt: skip
    wanted = Question(
        now.events if events == shown_events else tuple(events),
        now.measure if measure == measure_of(now, view.study) else measure,
        tuple(factors) or None,
        now.signal,
        way == ways[1],
    )
    if wanted != now:
        keep_question(view, wanted)
        # The head of the page tells that the report is older now.
        st.rerun()
    return wanted


def keep_question(view: StudyView, question: Question) -> None:
    """Write what is asked into study.toml, other entries of [design] as they are.

    Raises:
        OutputError: it cannot be written.
    """
    asked = {"events", "measure", "factors", "signal", "dimensions"}
    rest = {name: value for name, value in view.study.design.items() if name not in asked}
    view.study = view.study.with_design(rest | question.to_design())


def _effects(view: StudyView, analysis: Analysis) -> None:
    table = analysis.table()
    contrasts = ordered_contrasts(analysis)
    if not contrasts:
        st.caption("There is no test.")
        return
    contrast = st.selectbox(
        "Contrast",
        contrasts,
        key=f"{view.key}_contrast_{hash(tuple(contrasts))}",
    )
    rows = table[table["contrast"] == contrast]
    left, right = st.columns([2, 3], gap="medium")
    with left:
        st.altair_chart(forest_chart(rows, contrast), width="stretch", key=f"{view.key}_forest")
        st.caption("Filled: p < .05 after Holm’s correction. Lines are 95% intervals.")
    with right:
        st.dataframe(rounded(rows), hide_index=True, column_config=_CONFIG)
    download_data(table, "effects.csv", key=f"{view.key}_effects_data")


_EFFECT_COLUMNS: Final = (
    *("signal", "estimate", "ci_low", "ci_high", "effect_size", "effect_low", "effect_high"),
    *("p_holm", "p", "p_permutation", "test", "statistic", "df", "participants"),
)
_CONFIG: Final[dict[str, Any]] = {
    "p_holm": st.column_config.TextColumn("p (Holm)"),
    "estimate": st.column_config.NumberColumn("difference"),
    "p_permutation": st.column_config.TextColumn("p (permutation)"),
    "ci_low": st.column_config.NumberColumn("from"),
    "ci_high": st.column_config.NumberColumn("to"),
    "effect_size": st.column_config.NumberColumn("effect size"),
    "effect_low": st.column_config.NumberColumn("from "),
    "effect_high": st.column_config.NumberColumn("to "),
}


def rounded(effects: pd.DataFrame) -> pd.DataFrame:
    """The columns of the effects for reading; columns without any value are left out."""
    rows = effects[list(_EFFECT_COLUMNS)].dropna(axis="columns", how="all").copy()
    for name in ("p", "p_holm", "p_permutation"):
        if name in rows:
            rows[name] = [p_words(p) for p in pd.to_numeric(rows[name])]
    return rows.round({"statistic": 2, "df": 1}).round(3)


def _means(view: StudyView, analysis: Analysis) -> None:
    signals = list(dict.fromkeys(analysis.means["signal"]))
    if not signals:
        return
    st.markdown("**Estimated means**")
    strongest = strongest_signal(analysis.table())
    index = signals.index(strongest) if strongest in signals else 0
    signal = st.selectbox("Signal", signals, index=index, key=f"{view.key}_means_signal", width=220)
    rows = analysis.means[analysis.means["signal"] == signal]
    factors = axis_factors(analysis)
    if len(factors) > 1:
        groups = list(dict.fromkeys(rows[factors[1]].astype(str)))
        show_legend(group_keys(groups, lines=False))
    unit = axis_title(analysis, signal)
    st.altair_chart(
        means_chart(rows, factors, signal, unit), width="stretch", key=f"{view.key}_means"
    )
    download_data(analysis.means, "means.csv", key=f"{view.key}_means_data")
