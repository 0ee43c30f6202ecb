"""Sampling plans: those of a study, and the making of another one."""

from collections import defaultdict
from functools import partial
from typing import Final

import streamlit as st

from emotion_core.errors import EmotionCoreError
from emotion_core.study.coding.plans import Plan, Sample, Sampling, sample
from emotion_core.study.coding.records import PlanInfo
from emotion_core.study.coding.store import CodingStore
from emotion_core.study.definitions import EventKind
from emotion_core.study.problems import listed
from emotion_core.ui.coding_page.videos import codable_videos
from emotion_core.ui.common.page import redraw_after
from emotion_core.ui.common.text import counted, duration_words, escape
from emotion_core.ui.study_page.study_view import StudyView

_NAMES: Final = {
    Sampling.WHOLE: "whole recordings",
    Sampling.RANDOM: "random windows",
    Sampling.EVENTS: "windows at events",
    Sampling.UNSURE: "windows where the machine is unsure",
    Sampling.CHANGES: "windows where the machine’s expression changes",
}
_ANY: Final = "any"
_MOST_TOLD: Final = 5


def show_plans(view: StudyView, store: CodingStore, plans: tuple[PlanInfo, ...]) -> None:
    """Draw the plans of a study, and the form for another one."""
    st.markdown("**Clips to be coded**")
    if not plans:
        st.caption("There is no plan yet: choose below which clips are coded.")
    for plan in plans:
        with st.container(horizontal=True, vertical_alignment="center"):
            st.markdown(
                f"{plan.id}. {escape(plan.name)}: {counted(plan.units, 'clip')}, seed {plan.seed}"
            )
            with st.popover("Delete", icon=":material/delete:", key=f"{view.key}_plan_{plan.id}"):
                st.markdown("Removes these clips and **every code in them**, of all coders.")
                if st.button("Delete plan", type="primary", key=f"{view.key}_plan_del_{plan.id}"):
                    redraw_after(partial(store.delete_plan, plan.id))
    with st.expander("Make a plan", icon=":material/add:", expanded=not plans):
        _make(view, store)


def _make(view: StudyView, store: CodingStore) -> None:
    try:
        plan = _asked(view)
        videos = codable_videos(view.study)
        spans = {n: v.span for n, v in videos.items() if v.span and not v.problem}
        problems = [f"{n}: {v.problem}" for n, v in videos.items() if v.problem]
        found = sample(view.study, plan, spans) if spans else Sample()
    except EmotionCoreError as error:
        st.warning(str(error), icon=":material/warning:")
        return
    # Why there is no video says more than that the length of the recording is not known.
    _tell([*problems, *(p for p in found.problems if p.partition(":")[0] in spans)])
    if not found.windows:
        st.info("No recording has a video that can be coded.", icon=":material/movie_off:")
        return
    length_s = sum(w.end_s - w.start_s for w in found.windows)
    recordings = len({w.recording for w in found.windows})
    st.caption(
        f"{counted(len(found.windows), 'clip')} of {counted(recordings, 'recording')}, "
        f"{duration_words(length_s)} in all."
    )
    if st.button("Make this plan", type="primary", key=f"{view.key}_plan_make"):
        redraw_after(lambda: store.add_plan(_NAMES[plan.sampling], plan, found.windows))


def _tell(problems: list[str]) -> None:
    """One warning a reason, however many recordings it holds for."""
    names: defaultdict[str, list[str]] = defaultdict(list)
    for problem in problems:
        name, _, reason = problem.partition(": ")
        names[reason].append(name)
    for reason, of in list(names.items())[:_MOST_TOLD]:
        st.warning(f"{escape(listed(of))}: {escape(reason)}", icon=":material/warning:")
    if len(names) > _MOST_TOLD:
        rest = sum(len(of) for of in list(names.values())[_MOST_TOLD:])
        st.caption(f"… and {rest} more recordings or events.")


def _asked(view: StudyView) -> Plan:
    key = f"{view.key}_plan"
    with st.container(horizontal=True, vertical_alignment="bottom"):
        sampling = st.selectbox(
            "Clips are", list(Sampling), format_func=lambda s: _NAMES[s], key=f"{key}_sampling",
            width=340,
        )  # fmt: skip
        values: dict[str, object] = {}
        if sampling is not Sampling.WHOLE:
            values["length_s"] = st.number_input(
                "Length (s)", 0.1, 3600.0, 10.0, key=f"{key}_length", width=130,
                help="At events: of events that are points.",
            )  # fmt: skip
        if sampling in (Sampling.RANDOM, Sampling.UNSURE, Sampling.CHANGES):
            values["number"] = int(
                st.number_input("Of each recording", 1, 1000, 5, key=f"{key}_number", width=150)
            )
        if sampling is Sampling.EVENTS:
            values |= _events(view, key)
        values["seed"] = int(
            st.number_input(
                "Seed", 0, 2**31, 1, key=f"{key}_seed", width=130,
                help="The same seed gives the same clips and orders again.",
            )
        )  # fmt: skip
    return Plan(sampling, **values)  # type: ignore[arg-type]


def _events(view: StudyView, key: str) -> dict[str, object]:
    kinds = [str(kind) for kind in EventKind if kind is not EventKind.EXCLUDE]
    kind = st.selectbox("Kind", [_ANY, *kinds], key=f"{key}_kind", width=150)
    labels = sorted({e.label for e in view.study.events if kind in (_ANY, str(e.kind))})
    label = st.selectbox("Event", [_ANY, *labels], key=f"{key}_label", width=200)
    before_s = st.number_input("Before (s)", 0.0, 600.0, 0.0, key=f"{key}_before", width=130)
    after_s = st.number_input("After (s)", 0.0, 600.0, 0.0, key=f"{key}_after", width=130)
    return {
        "event_kind": "" if kind == _ANY else kind,
        "event_label": "" if label == _ANY else label,
        "before_s": before_s,
        "after_s": after_s,
    }
