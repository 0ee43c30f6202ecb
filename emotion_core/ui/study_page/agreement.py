"""Agreement of the coders: figures, confusions, shares of time, and where they disagree."""

from collections.abc import Mapping
from typing import Any, Final

import pandas as pd
import streamlit as st

from emotion_core.charts.study_agreement import (
    bland_altman_chart,
    coefficient_chart,
    confusion_chart,
)
from emotion_core.errors import EmotionCoreError
from emotion_core.labels import EXPRESSIONS
from emotion_core.study.agreement.coding import Coding
from emotion_core.study.agreement.kept_settings import keep_settings, kept_settings
from emotion_core.study.agreement.machine import MACHINE
from emotion_core.study.agreement.measures import LABELS, MEASURES
from emotion_core.study.agreement.of_study import people_coding, study_agreement
from emotion_core.study.agreement.report import Agreement, AgreementSettings
from emotion_core.study.agreement.sentences import methods, references, results
from emotion_core.study.coding.scheme import read_scheme
from emotion_core.study.coding.store import FILE
from emotion_core.study.statistics.sentences import fixed
from emotion_core.ui.common.charts import download_data
from emotion_core.ui.common.text import duration_words, escape
from emotion_core.ui.model_page.elements import dark_ground
from emotion_core.ui.study_page.coded_faces import show_coded_faces
from emotion_core.ui.study_page.disagreements import show_disagreements
from emotion_core.ui.study_page.study_view import StudyView, file_state

_NOTHING: Final = "nothing"
_BY_CATEGORY: Final = ("kappa_time", "f1_events")
_MOST_NOTES: Final = 8


def show_agreement(view: StudyView) -> None:
    """Draw the tab."""
    st.caption(
        "How far do people agree with each other, and the machine with people? Figures cover the "
        "time that both have coded; intervals come from a bootstrap over participants."
    )
    try:
        coded = _state_of_codes(view)
        people = _people(view.token, coded, view)
    except EmotionCoreError as error:
        st.error(str(error), icon=":material/error:")
        return
    if not people.of:
        st.info(
            "Nothing has been coded to the end yet: finish clips in the tab Coding.",
            icon=":material/edit_note:",
        )
        _notes(people.problems)
        return
    try:
        settings = _choices(view, people)
        found = _computed(view.token, coded + _state_of_readings(view), settings, view)
    except EmotionCoreError as error:
        # Coders who were invited chose their names themselves.
        st.info(escape(str(error)), icon=":material/group:")
        show_coded_faces(view, people)
        return
    _notes(found.notes)
    pair = _pair(view, found)
    _figures(view, found, pair)
    left, right = st.columns(2, gap="large")
    with left:
        _confusion(view, found, pair)
    with right:
        _shares(view, found, pair)
    show_disagreements(view, found, pair)
    _sentences(found)
    show_coded_faces(view, people)


def _choices(view: StudyView, people: Coding) -> AgreementSettings:
    """How to compare; a change is kept in the study, for the report and the command line."""
    now, problems = kept_settings(view.study)
    _notes(tuple(map(str, problems)))
    everybody = [*people.coders, MACHINE]
    categories = list(dict.fromkeys((*people.categories, *EXPRESSIONS)))
    with st.container(horizontal=True, vertical_alignment="bottom"):
        coders = st.multiselect(
            "Coders",
            everybody,
            default=[coder for coder in now.coders if coder in everybody],
            placeholder="everybody",
            key=f"{view.key}_agree_coders_{hash(now.coders)}",
            width=320,
        )
        tolerance_s = st.number_input(
            "Tolerance (s)",
            0.0,
            60.0,
            now.tolerance_s,
            0.1,
            key=f"{view.key}_agree_tolerance_{now.tolerance_s}",
            width=140,
            help="Two events are the same if they begin within so many seconds of each other.",
        )
        uncoded_as = st.selectbox(
            "Time without a code is",
            [_NOTHING, *categories],
            index=categories.index(now.uncoded_as) + 1 if now.uncoded_as in categories else 0,
            key=f"{view.key}_agree_uncoded_{now.uncoded_as}",
            width=200,
            help="People often code only what differs from a neutral face. Choose neutral then, "
            "since the machine always gives one of the seven.",
        )
    wanted = AgreementSettings(
        tuple(coders), float(tolerance_s), "" if uncoded_as == _NOTHING else uncoded_as
    )
    if wanted != now:
        view.study = keep_settings(view.study, wanted)
        st.rerun()
    return wanted


def _state_of_codes(view: StudyView) -> str:
    """Differs where what `people_coding` reads differs."""
    files = [view.folder / FILE, *(view.folder / FILE.parent).glob(f"{FILE.name}-*")]
    scheme = read_scheme(view.study)
    return repr((view.study.recordings, scheme, [file_state(f) for f in files]))


def _state_of_readings(view: StudyView) -> str:
    """Differs where the settings of the study or its readings differ."""
    files = [view.study.readings_file(r) for r in view.study.recordings]
    return repr((view.study.settings, [file_state(f) for f in files]))


@st.cache_resource(max_entries=12, show_spinner=False)
def _people(token: str, state: str, _view: StudyView) -> Coding:
    """One copy for all visitors; it is never written to. The first two tell versions apart."""
    del token, state
    return people_coding(_view.study)


@st.cache_resource(max_entries=12, show_spinner="Comparing …")
def _computed(token: str, state: str, settings: AgreementSettings, _view: StudyView) -> Agreement:
    """As `_people`."""
    del token, state
    return study_agreement(_view.study, settings)


def _notes(notes: tuple[str, ...]) -> None:
    if not notes:
        return
    lines = [f"- {escape(note)}" for note in notes[:_MOST_NOTES]]
    more = len(notes) - len(lines)
    lines += [f"- and {more} more"] if more > 0 else []
    st.warning("\n".join(lines), icon=":material/rule:")


def pair_words(pair: tuple[str, str]) -> str:
    """What a pair is called on the page."""
    return f"{pair[0]} and {'the machine' if pair[1] == MACHINE else pair[1]}"


def _pair(view: StudyView, found: Agreement) -> tuple[str, str]:
    if len(found.pairs) == 1:
        st.markdown(f"**{escape(pair_words(found.pairs[0]))}**")
        return found.pairs[0]
    words = {pair_words(pair): pair for pair in found.pairs}
    chosen = st.selectbox("Compare", list(words), key=f"{view.key}_agree_pair", width=320)
    return words[chosen]


def _figures(view: StudyView, found: Agreement, pair: tuple[str, str]) -> None:
    (shared,) = _of(found.shared, pair).to_dict("records")
    st.caption(shared_words(shared))
    figures = _of(found.figures, pair)
    left, right = st.columns([3, 2], gap="large")
    with left:
        overall = figures[figures["category"] == "all"]
        everybody = found.figures[found.figures["second"] == ""]
        st.dataframe(_shown(pd.concat([overall, everybody])), hide_index=True)
        with st.expander("What the figures mean"):
            table = pd.DataFrame([(m.label, m.meaning) for m in MEASURES])
            table.columns = pd.Index(["figure", "how it is computed"])
            st.dataframe(table, hide_index=True)
    with right:
        _by_category(view, figures)
    download_data(found.figures, "agreement.csv", key=f"{view.key}_agree_data")


def shared_words(shared: Mapping[Any, Any]) -> str:
    """What is compared and what is left out, from a row of `Agreement.shared`."""
    counts = [
        f"{shared[name]:,} {name[:-1] if shared[name] == 1 else name}"
        for name in ("recordings", "participants")
    ]
    words = f"Compared: {duration_words(shared['shared_s'])} of {' and '.join(counts)}."
    only_s = shared["first_only_s"] + shared["second_only_s"]
    left = [
        f"{duration_words(time_s)} {why}"
        for time_s, why in (
            (shared["untold_s"], "that one of the two could not judge"),
            (only_s, "that only one has coded"),
        )
        if time_s >= 0.5
    ]
    return f"{words} Left out: {', and '.join(left)}." if left else words


def _of(table: pd.DataFrame, pair: tuple[str, str]) -> pd.DataFrame:
    return table[(table["first"] == pair[0]) & (table["second"] == pair[1])]


def _shown(figures: pd.DataFrame) -> pd.DataFrame:
    """The figures for reading: a label, the value, its interval, and why something is missing."""
    rows = []
    for row in figures.to_dict("records"):
        label = LABELS[row["measure"]]
        label += ", all people" if row["second"] == "" else ""
        value = "–" if pd.isna(row["value"]) else fixed(row["value"], 2)
        known = not pd.isna(row["low"])
        limits = f"{fixed(row['low'], 2)} to {fixed(row['high'], 2)}" if known else "–"
        rows.append((label, value, limits, row["note"]))
    table = pd.DataFrame(rows, columns=["figure", "value", "95% interval", "note"])
    return table if table["note"].any() else table.drop(columns="note")


def _by_category(view: StudyView, figures: pd.DataFrame) -> None:
    measure = st.segmented_control(
        "Each category",
        _BY_CATEGORY,
        default=_BY_CATEGORY[0],
        required=True,
        format_func=lambda m: LABELS[m],
        key=f"{view.key}_agree_measure",
    )
    rows = figures[(figures["measure"] == measure) & (figures["category"] != "all")]
    if rows["value"].notna().any():
        chart = coefficient_chart(rows, LABELS[str(measure)])
        st.altair_chart(chart, width="stretch", key=f"{view.key}_agree_each")
    else:
        st.caption("It is not defined for any category.")


def _confusion(view: StudyView, found: Agreement, pair: tuple[str, str]) -> None:
    st.markdown("**What the one said where the other said …**")
    chart = confusion_chart(found.confusion, found.labels, pair, dark=dark_ground())
    st.altair_chart(chart, width="stretch", key=f"{view.key}_agree_confusion")
    st.caption(f"A row adds up to 100% of the time to which {escape(pair[0])} gave this code.")
    download_data(found.confusion, "confusion.csv", key=f"{view.key}_agree_confusion_data")


def _shares(view: StudyView, found: Agreement, pair: tuple[str, str]) -> None:
    st.markdown("**Shares of time (Bland–Altman)**")
    figures = _of(found.figures, pair)
    limits = figures[figures["measure"].isin(["bias", "limit_low", "limit_high"])]
    categories = list(dict.fromkeys(limits["category"]))
    if not categories:
        st.caption("Neither has given a code to any stretch of time.")
        return
    category = st.selectbox(
        "Category", categories, key=f"{view.key}_agree_category", label_visibility="collapsed"
    )
    own = found.shares[
        (found.shares["first_coder"] == pair[0])
        & (found.shares["second_coder"] == pair[1])
        & (found.shares["category"] == category)
    ]
    lines: Any = limits[limits["category"] == category]
    lines = lines.assign(label=[LABELS[m] for m in lines["measure"]])
    if len(own) < 2:
        st.caption("Limits of agreement need two participants or more.")
        return
    chart = bland_altman_chart(own, lines, category, pair)
    st.altair_chart(chart, width="stretch", key=f"{view.key}_agree_shares")
    st.caption(
        "A mark for each participant. Lines: the mean difference, and dashed the limits within "
        "which 95% of differences lie, each with its 95% interval at the right edge."
    )
    download_data(found.shares, "shares.csv", key=f"{view.key}_agree_shares_data")


def _sentences(found: Agreement) -> None:
    with st.expander("Sentences for the paper", icon=":material/format_quote:"):
        st.markdown(escape(methods(found)))
        for sentence in results(found):
            st.markdown(f"- {escape(sentence)}")
        st.markdown("**References**")
        for reference in references(found):
            st.caption(escape(reference))
