"""A study on the page: its head, the work that runs on it, and a tab for each step."""

from collections.abc import Callable
from pathlib import Path
from typing import Final

import streamlit as st

from emotion_core.errors import EmotionCoreError, OutputError
from emotion_core.jobs.log import CANCELLED, FAILED, JobState, problem_of
from emotion_core.study.sample import is_synthetic
from emotion_core.ui.coding_page.coder import show_coder
from emotion_core.ui.coding_page.research import show_coding
from emotion_core.ui.coding_page.visit import coder_here
from emotion_core.ui.common.audit_trail import note
from emotion_core.ui.common.frames import choose_frames
from emotion_core.ui.common.network_choice import network_options, select_network
from emotion_core.ui.common.sign_on import signs_on
from emotion_core.ui.common.text import escape
from emotion_core.ui.presentation_page.research import show_presentation
from emotion_core.ui.study_page.agreement import show_agreement
from emotion_core.ui.study_page.curves import show_curves
from emotion_core.ui.study_page.events import show_events
from emotion_core.ui.study_page.jobs import (
    ANALYZE,
    RUN,
    end_all,
    forget_ended,
    job_of,
    start_analysis,
    start_run,
    study_jobs,
)
from emotion_core.ui.study_page.measures import show_measures
from emotion_core.ui.study_page.pairs import show_pairs
from emotion_core.ui.study_page.recordings import show_recordings
from emotion_core.ui.study_page.report import show_report
from emotion_core.ui.study_page.sharing import show_sharing
from emotion_core.ui.study_page.start import LONGEST_NAME, recordings_words
from emotion_core.ui.study_page.statistics import show_statistics
from emotion_core.ui.study_page.study_view import StudyView
from emotion_core.ui.study_page.visits import is_mine, show_study_of, study_store
from emotion_core.ui.video_page.progress import file_line

_EVERY_S: Final = 1.0
_MOST_LINES: Final = 8
_TABS: Final[dict[str, Callable[[StudyView], None]]] = {
    "Recordings": show_recordings,
    "Events": show_events,
    "Measures": show_measures,
    "Statistics": show_statistics,
    "Curves": show_curves,
    "Two people": show_pairs,
    "Presentation": show_presentation,
    "Coding": show_coding,
    "Agreement": show_agreement,
    "Report": show_report,
}
NEED_RESULTS: Final = frozenset({"Measures", "Statistics", "Curves"})


def show_study(token: str, folder: Path) -> None:
    """Draw everything about one study."""
    try:
        view = StudyView(token, folder)
    except EmotionCoreError as error:
        st.error(str(error), icon=":material/error:")
        _head_buttons(token, folder.parent.name)
        return
    if (coder := coder_here()) is not None:
        show_coder(view, coder)
        return
    _head(view)
    view.show_problem()
    if told := st.session_state.pop("study_told", ""):
        st.warning(told, icon=":material/warning:")
    _work(view)
    tabs = st.tabs(list(_TABS), key=f"{view.key}_tab", on_change="rerun")
    for place, (name, show) in zip(tabs, _TABS.items(), strict=True):
        if not place.open:
            continue
        with place:
            if name in NEED_RESULTS and not view.has_results:
                st.info(
                    "There are no results yet. Add recordings, then press “Compute results”.",
                    icon=":material/calculate:",
                )
            else:
                show(view)


def _head(view: StudyView) -> None:
    study = view.study
    words = [
        f"**{escape(study.name)}**",
        f"{len(view.participants):,} participant{'' if len(view.participants) == 1 else 's'}",
        recordings_words(len(study.recordings)),
        f"{len(study.events):,} event{'' if len(study.events) == 1 else 's'}",
    ]
    st.markdown(" · ".join(words))
    _head_buttons(view.token, study.name, view)
    if is_synthetic(study):
        st.info(
            "All data of this study are synthetic: random numbers with one planted effect. No "
            "person was recorded.",
            icon=":material/science:",
        )


def _head_buttons(token: str, name: str, view: StudyView | None = None) -> None:
    """Ways out; a study that can be read can be renamed, too."""
    with st.container(horizontal=True, vertical_alignment="center"):
        if st.button("All studies", icon=":material/arrow_back:", key="study_leave"):
            show_study_of(None)
            st.rerun()
        if view is not None:
            _rename(view)
        if show_sharing(token):
            return
        _offer_delete(token, name)
        st.caption(_kept_words(), width="content")


def _offer_delete(token: str, name: str) -> None:
    with st.popover("Delete", icon=":material/delete:", key="study_delete_menu"):
        st.markdown(
            f"Removes “{escape(name)}” with its recordings, readings and results from this "
            "computer. Download the zip first to keep a copy."
        )
        if st.button("Delete now", type="primary", key="study_delete"):
            _delete(token)


def _kept_words() -> str:
    if signs_on():
        return "Kept until you delete it. You find it again when you sign in."
    return (
        "Kept until you delete it. This page’s address opens it again: bookmark it, and keep it "
        "private."
    )


def _rename(view: StudyView) -> None:
    with (
        st.popover("Rename", icon=":material/edit:", key="study_rename_menu"),
        st.form("study_rename_form", border=False),
    ):
        name = st.text_input(
            "Name",
            view.study.name,
            # Another field when the name changes, wherever that is done.
            key=f"{view.key}_new_name_{hash(view.study.name)}",
            max_chars=LONGEST_NAME,
            width=420,
        )
        pressed = st.form_submit_button("Rename", icon=":material/check:", key="study_rename")
    # The name is part of the report: its results are older then.
    if pressed and view.change(lambda study: study.with_name(name)):
        st.rerun()


def _delete(token: str) -> None:
    if not is_mine(token):
        return
    try:
        end_all(token)
        study_store().delete(token)
    except OutputError as error:
        st.error(str(error), icon=":material/error:")
        return
    note("delete", "study", token)
    show_study_of(None)
    st.rerun()


def _work(view: StudyView) -> None:
    """What runs, what went wrong, and what is to be done next."""
    analysis, run = job_of(view.token, ANALYZE), job_of(view.token, RUN)
    for state in (analysis, run):
        if state is not None and state.running:
            _progress(state)
            return
    for state, action in ((analysis, ANALYZE), (run, RUN)):
        if state is not None:
            _ended(view, state, action)
    _offer_work(view)


def _progress(state: JobState) -> None:
    """A running job, drawn again every second; the page is run again at its end."""

    @st.fragment(run_every=_EVERY_S)
    def look() -> None:
        now = study_jobs().state(state.job_id)
        if now is None or not now.running:
            st.rerun()
            return
        st.progress(now.fraction, text=now.message or _progress_words(now))
        current = [file for file in now.files if file.status == "running"]
        for file in current[:_MOST_LINES] if len(now.files) > 1 else ():
            st.markdown(file_line(file))
        if st.button("Cancel", icon=":material/stop:", key="study_cancel"):
            study_jobs().cancel(now.job_id)

    look()


def _progress_words(state: JobState) -> str:
    if state.options.get("arguments", [""])[0] == RUN:
        step = state.files[0].step if state.files else ""
        return f"Computing results: {step}" if step else "Computing results …"
    ended = sum(file.status not in ("running", "waiting") for file in state.files)
    return f"Analysing videos: {ended} of {len(state.files)} done"


def _ended(view: StudyView, state: JobState, action: str) -> None:
    """Tell what did not go well, until it is dismissed or begun again."""
    bad = [file for file in state.files if file.status in (FAILED, CANCELLED)]
    if state.status not in (FAILED, CANCELLED) and not bad:
        return
    with st.container(border=True):
        if action == RUN:
            st.error(problem_of(state), icon=":material/error:")
        else:
            st.warning(state.message or "Some videos failed.", icon=":material/warning:")
            for file in bad[:_MOST_LINES]:
                st.markdown(file_line(file))
        if st.button("Dismiss", key=f"{view.key}_dismiss_{action}", type="tertiary"):
            forget_ended(view.token, action)
            st.rerun()


def _offer_work(view: StudyView) -> None:
    """What can be done next: analyse videos, compute results from those that are analysed."""
    study = view.study
    waiting = [r for r in study.recordings if study.results_folder(r) is None]
    ready = len(waiting) < len(study.recordings) and not view.is_current
    waiting += [r for r in study.recordings if r.recording in view.outdated()]
    there = [r for r in waiting if study.source_of(r).is_file()]
    if not (there or ready):
        return
    videos = len({study.source_of(r) for r in there})
    count = f"{videos} video{'' if videos == 1 else 's'}"
    words = "Update results" if view.has_results else "Compute results"
    frames: tuple[str, ...] = ()
    with st.container(horizontal=True, vertical_alignment="bottom"):
        if there:
            frames = choose_frames(f"{view.key}_frames_waiting", shared=f"{view.key}_frames")
            select_network(f"{view.key}_waiting")
        analyse = there and st.button(
            f"Analyse {count}", icon=":material/play_arrow:", type="primary", key="study_analyse"
        )
        compute = ready and st.button(
            words,
            icon=":material/calculate:",
            type="secondary" if there else "primary",
            key="study_run",
        )
        if ready and view.has_results:
            st.caption("The study has changed since its results were computed.", width="content")
    if analyse:
        _begin(lambda: start_analysis(view.token, study, there, (*frames, *network_options())))
    elif compute:
        _begin(lambda: start_run(view.token, study))


def _begin(start: Callable[[], None]) -> None:
    try:
        start()
    except EmotionCoreError as error:
        st.error(str(error), icon=":material/error:")
        return
    st.rerun()
