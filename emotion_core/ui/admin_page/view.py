"""The Administration page: who keeps how much, deleting, and the audit log."""

import datetime
from collections.abc import Sequence
from typing import Any, Final

import pandas as pd
import streamlit as st

from emotion_core.access.people import KnownPerson
from emotion_core.access.person import short_name
from emotion_core.errors import EmotionCoreError
from emotion_core.jobs.store import JobStore
from emotion_core.monitoring.usage import NO_ONE, RECORDING, STUDY, Kept, by_person, kept_things
from emotion_core.ui.common.audit_trail import audit_log, note
from emotion_core.ui.common.downloads import show_download
from emotion_core.ui.common.file_links import OfferedFile
from emotion_core.ui.common.resources import app_settings
from emotion_core.ui.common.shared import shared, stop_because, stop_without_shared
from emotion_core.ui.common.shared_access import open_people, shared_overview
from emotion_core.ui.common.sign_on import access_settings
from emotion_core.ui.common.text import escape
from emotion_core.ui.evaluate.jobs import evaluate_store
from emotion_core.ui.explain.jobs import explain_store
from emotion_core.ui.live_page.recorder import session_store
from emotion_core.ui.study_page.jobs import end_all
from emotion_core.ui.study_page.visits import study_store
from emotion_core.ui.video_page.jobs import job_store

_MOST_LINES: Final = 200
_TOLD: Final = "admin_told"


def show_administration() -> None:
    """Draw the page for an administrator."""
    if told := st.session_state.pop(_TOLD, ""):
        st.success(told, icon=":material/check:")
    stop_without_shared()
    try:
        with st.spinner("Adding up …"):
            kept = kept_things(app_settings().work_dir, shared_overview())
            rows = by_person(kept, open_people(app_settings()).all())
    except EmotionCoreError as error:
        stop_because(error)
    _sizes(rows)
    _deleting(rows)
    _forgetting([known for known, kept in rows if known is not None and not kept])
    _log_lines()


def _sizes(rows: Sequence[tuple[KnownPerson | None, list[Kept]]]) -> None:
    st.subheader("What is kept", anchor=False)
    if not rows:
        st.caption("No one has signed in yet, and nothing is kept.")
        return
    table = pd.DataFrame([_sizes_of(known, kept) for known, kept in rows])
    st.dataframe(
        table,
        hide_index=True,
        column_config={
            "size (MB)": st.column_config.NumberColumn("size (MB)", format="localized"),
            "last sign-in": st.column_config.DatetimeColumn(format="D MMM YYYY, HH:mm"),
        },
    )
    total = sum(thing.size for _, kept in rows for thing in kept)
    st.caption(
        f"{total / 1e6:,.1f} MB in all, uploads included; an upload that several analyses share "
        "counts for each. Readings and pictures are not shown here." + _of_replicas()
    )


def _of_replicas() -> str:
    if shared() is None:
        return ""
    return (
        " Jobs, results and finished recordings are those of all replicas; studies, and recordings "
        "that run, those of this one."
    )


def _sizes_of(known: KnownPerson | None, kept: Sequence[Kept]) -> dict[str, Any]:
    count = {kind: sum(thing.kind == kind for thing in kept) for kind in (RECORDING, STUDY)}
    return {
        "person": _name_of(known),
        "jobs": sum(thing.kind not in (RECORDING, STUDY) for thing in kept),
        "results": sum(thing.results for thing in kept),
        "recordings": count[RECORDING],
        "studies": count[STUDY],
        "size (MB)": round(sum(thing.size for thing in kept) / 1e6, 1),
        "last sign-in": _local(known.last_s) if known is not None else None,
    }


def _name_of(known: KnownPerson | None) -> str:
    return NO_ONE if known is None else known.person.label


def _local(seconds: float) -> datetime.datetime:
    return datetime.datetime.fromtimestamp(seconds).replace(microsecond=0)


def _deleting(rows: Sequence[tuple[KnownPerson | None, list[Kept]]]) -> None:
    st.subheader("Delete", anchor=False)
    filled = {_name_of(known): kept for known, kept in rows if kept}
    if not filled:
        st.caption("There is nothing to delete.")
        return
    with st.container(horizontal=True, vertical_alignment="bottom"):
        name = st.selectbox("Whose", list(filled), key="admin_whose", width=320)
        kept = filled[name]
        words = {thing.token: _words(thing) for thing in kept}
        chosen = st.multiselect(
            "What",
            list(words),
            format_func=lambda token: words.get(token, token),
            placeholder="Choose analyses, recordings or studies",
            key=f"admin_what_{name}",
        )
    with st.container(horizontal=True, vertical_alignment="center"):
        sure = st.checkbox(
            "Delete for good: there is no way back", key=f"admin_sure_{name}", value=False
        )
        if st.button(
            f"Delete {len(chosen)} chosen" if chosen else "Delete",
            icon=":material/delete:",
            disabled=not (sure and chosen),
            key="admin_delete",
        ):
            _delete([thing for thing in kept if thing.token in chosen])


def _forgetting(people: Sequence[KnownPerson]) -> None:
    """Take people who keep nothing off the list."""
    if not people:
        return
    names = {known.person.owner: known for known in people}
    with st.container(horizontal=True, vertical_alignment="bottom"):
        chosen = st.selectbox(
            "Keeps nothing",
            list(names),
            format_func=lambda owner: _name_of(names.get(owner)),
            index=None,
            placeholder="Choose a person to take off the list",
            key="admin_forget_who",
            width=320,
        )
        pressed = st.button("Forget", disabled=chosen is None, key="admin_forget")
    if not pressed or chosen is None:
        return
    try:
        open_people(app_settings()).forget(names[chosen].person)
    except (OSError, EmotionCoreError) as error:
        words = error.strerror if isinstance(error, OSError) else error
        st.error(f"The list could not be changed: {words}", icon=":material/error:")
        return
    note("delete", "person")
    st.session_state[_TOLD] = "Forgotten. The audit log keeps its lines."
    st.rerun()


def _words(thing: Kept) -> str:
    when = _local(thing.made_s).strftime("%d %b %Y, %H:%M")
    return f"{thing.kind} {short_name(thing.token)}, {when}, {thing.size / 1e6:,.1f} MB"


def _delete(things: Sequence[Kept]) -> None:
    done = 0
    for thing in things:
        try:
            _delete_one(thing)
        except EmotionCoreError as error:
            st.error(
                f"{thing.kind} {short_name(thing.token)}: {escape(str(error))}",
                icon=":material/error:",
            )
            continue
        done += 1
        note("delete", thing.kind, thing.token, administrator=True)
    if done == len(things):
        st.session_state[_TOLD] = f"{done} deleted."
        st.rerun()


def _delete_one(thing: Kept) -> None:
    stores: dict[str, Any] = {
        "analysis": job_store,
        "evaluation": evaluate_store,
        "explanation": explain_store,
    }
    if thing.kind == STUDY:
        end_all(thing.token)
        study_store().delete(thing.token)
    elif thing.kind == RECORDING:
        session_store().delete(thing.token)
    else:
        store: JobStore = stores[thing.kind]()
        store.delete(thing.token)


def _log_lines() -> None:
    st.subheader("Audit log", anchor=False)
    days = access_settings().audit_days
    if not days:
        st.caption("It is switched off: EMOTION_LAB_AUDIT_DAYS is 0.")
        return
    try:
        lines = audit_log().newest(_MOST_LINES)
    except EmotionCoreError as error:
        stop_because(error)
    if lines:
        table = pd.DataFrame(lines).fillna("").astype(str)
        table["time"] = table["time"].str.slice(0, 19).str.replace("T", " ")
        st.dataframe(table, hide_index=True, height=320)
    with st.container(horizontal=True, vertical_alignment="center"):
        whole = OfferedFile("audit.jsonl", "application/x-ndjson", audit_log().pieces)
        show_download("Whole log (JSON lines)", whole, key="admin_audit")
        st.caption(
            f"Kept for {days:,} days; times are UTC. Things have short names here: those in "
            "“Delete” above. Shown are the newest lines.",
            width="content",
        )
