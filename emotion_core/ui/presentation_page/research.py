"""The researcher's tab: the plan, the next participant's order, the link, and the sessions."""

from dataclasses import replace
from typing import Final

import pandas as pd
import streamlit as st

from emotion_core.errors import EmotionCoreError
from emotion_core.study.presentation.checks import balance_words
from emotion_core.study.presentation.orders import order_for
from emotion_core.study.presentation.outcome import COMPLETE
from emotion_core.study.presentation.plan import Order, Plan, read_plan, save_plan
from emotion_core.study.presentation.sessions import SessionRow, next_number, sessions_of
from emotion_core.study.store import SESSION
from emotion_core.ui.common.file_links import LINKS
from emotion_core.ui.common.page import redraw_after
from emotion_core.ui.common.text import escape
from emotion_core.ui.presentation_page.item_editor import edit_items, show_files
from emotion_core.ui.presentation_page.participant import recorded_words
from emotion_core.ui.presentation_page.runs import RUNS, Run, finish_interrupted
from emotion_core.ui.presentation_page.stimuli import problems_of
from emotion_core.ui.presentation_page.visit import session_address
from emotion_core.ui.study_page.study_view import StudyView
from emotion_core.ui.study_page.visits import study_store

_ORDERS: Final = {
    Order.FIXED: "as in the plan",
    Order.RANDOM: "random",
    Order.COUNTERBALANCED: "counterbalanced (Latin square)",
}
_MOST_TOLD: Final = 6


def show_presentation(view: StudyView) -> None:
    """Draw the tab."""
    st.caption(
        "Show pictures and clips to participants while their webcam is read. They come by a link, "
        "also from another computer, and agree to your text first. Each session becomes a "
        "recording of this study, with an event for each stimulus and a column for each rating."
    )
    try:
        plan = read_plan(view.folder)
    except EmotionCoreError as error:
        st.error(str(error), icon=":material/error:")
        return
    problems = problems_of(plan, view.folder)
    for problem in problems[:_MOST_TOLD]:
        st.warning(escape(problem.message), icon=":material/warning:")
    if len(problems) > _MOST_TOLD:
        st.caption(f"… and {len(problems) - _MOST_TOLD} more.")
    with st.container(horizontal=True, vertical_alignment="center"):
        _link(view, ready=not problems)
    _sessions(view)
    with st.expander(
        "Consent and closing words", icon=":material/contract:", expanded=not plan.consent.strip()
    ):
        _texts(view, plan)
    with st.expander(
        "Stimuli and items", icon=":material/perm_media:", expanded=bool(problems or not plan.items)
    ):
        show_files(view, plan)
        edit_items(view, plan)
    with st.expander("Order", icon=":material/shuffle:", expanded=not problems):
        _order(view, plan)


def _link(view: StudyView, *, ready: bool) -> None:
    with st.popover("Link for participants", icon=":material/link:", disabled=not ready):
        st.markdown(
            "This address leads to the session and to nothing else of the study. Everybody who has "
            "it can take part. With `&participant=CODE` at its end, the code need not be typed. "
            "Cameras need https, or this computer itself."
        )
        asked = f"{view.key}_session_link"
        if st.button("Show the link", key=f"{asked}_make"):
            try:
                st.session_state[asked] = study_store().invitation(view.token, SESSION)
            except EmotionCoreError as error:
                st.error(str(error), icon=":material/error:")
        if link := st.session_state.get(asked):
            st.code(session_address(link), language=None, wrap_lines=True)
        if not LINKS.served:
            st.warning("Sessions need the whole program: `streamlit run Home.py`.")
    if not ready:
        st.caption("The link is offered once the plan can be shown.", width="content")


def _texts(view: StudyView, plan: Plan) -> None:
    with st.form(f"{view.key}_session_texts", border=False):
        title = st.text_input("Title", plan.title, max_chars=200, key=f"{view.key}_session_title")
        consent = st.text_area(
            "Consent text, in your laboratory’s own words",
            plan.consent,
            height=220,
            max_chars=20_000,
            key=f"{view.key}_session_consent",
            help="Markdown. Who you are, what it is for, what is kept and for how long, whom to "
            "ask, that one can stop at any time.",
        )
        keep = st.toggle(
            "Keep the picture, too",
            plan.keep_video,
            key=f"{view.key}_session_keep",
            help="Off: only the readings are kept. Participants are told which.",
        )
        thanks = st.text_area(
            "Closing words", plan.thanks, max_chars=20_000, key=f"{view.key}_session_thanks"
        )
        st.caption(f"Below your text, participants read: {recorded_words(plan)}")
        pressed = st.form_submit_button("Save texts", icon=":material/save:")
    if pressed:
        changed = replace(plan, title=title, consent=consent, thanks=thanks, keep_video=keep)
        redraw_after(lambda: save_plan(view.folder, changed))


def _order(view: StudyView, plan: Plan) -> None:
    with (
        st.form(f"{view.key}_session_order", border=False),
        st.container(horizontal=True, vertical_alignment="bottom"),
    ):
        order: Order | None = st.selectbox(
            "Order of the trials",
            list(Order),
            index=list(Order).index(plan.order),
            format_func=lambda o: _ORDERS[o],
            key=f"{view.key}_session_order_kind",
            width=300,
            help="A trial is a stimulus with the pauses and questions that follow it.",
        )
        seed = st.number_input(
            "Seed", 0, 2**31, plan.seed, key=f"{view.key}_session_seed", width=140,
            help="Of random orders: the same seed gives each participant the same order again.",
        )  # fmt: skip
        pressed = st.form_submit_button("Save order", icon=":material/save:")
    if pressed:
        redraw_after(
            lambda: save_plan(view.folder, replace(plan, order=order or plan.order, seed=int(seed)))
        )
    if words := balance_words(plan):
        st.caption(words)
    if plan.items:
        try:
            number = next_number(view.folder)
        except EmotionCoreError as error:
            st.error(str(error), icon=":material/error:")
            return
        names = " → ".join(escape(item.name) for item in order_for(plan, number))
        st.markdown(f"Participant number {number}, who comes next, sees: {names}")


def _sessions(view: StudyView) -> None:
    running = RUNS.of(view.folder)
    try:
        done_now = finish_interrupted(view.study, running)
        rows = sessions_of(view.study)
    except EmotionCoreError as error:
        st.error(str(error), icon=":material/error:")
        return
    if done_now:
        # The page draws it above the study, which has these recordings from then on.
        st.session_state["study_told"] = (
            f"Finished after an interruption of the server: {escape(', '.join(done_now))}. What "
            "was recorded is kept."
        )
        st.rerun()
    if not rows:
        return
    st.markdown(f"**Sessions**: {len(rows)}")
    table = pd.DataFrame([_shown(row, running.get(row.recording)) for row in rows])
    st.dataframe(table, hide_index=True, width="stretch")
    if running:
        st.button("Refresh", icon=":material/refresh:", key=f"{view.key}_session_refresh")
    for row in rows:
        for words in row.result.get("problems", [])[:_MOST_TOLD]:
            st.warning(escape(f"{row.recording}: {words}"), icon=":material/warning:")


def _shown(row: SessionRow, run: Run | None) -> dict[str, object]:
    result = row.result
    clock = result.get("clock", {})
    state = str(result.get("ended", "")) or "is being finished"
    place = result.get("items_shown", 0)
    if run is not None:
        state, place = "running now", run.place
    elif state != COMPLETE:
        state = f"ended early: {state}"
    return {
        "recording": row.recording,
        "number": row.number,
        "began": row.started_utc[:16].replace("T", " "),
        "state": state,
        "items shown": f"{place} of {result.get('items') or (len(run.items) if run else '?')}",
        "order": row.order,
        "clocks known to (ms)": _ms(clock.get("uncertainty_s")),
        "camera’s delay (ms)": _ms(clock.get("capture_lag_s")),
        **result.get("ratings", {}),
    }


def _ms(seconds: float | None) -> float | None:
    return None if seconds is None else round(seconds * 1000, 1)
