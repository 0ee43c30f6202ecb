"""Background jobs as a page sees them: one store a kind, and which jobs are this visitor's.

Visitors cannot see one another's jobs: an id is known only to the visitor who started the job, and
is part of the address. The browser is told a name for the visit, so that a reload or another tab
finds the list again. Where people sign in, jobs belong to the person, and an address opens nobody
else's.
"""

import re
import secrets
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Final

import streamlit as st

from emotion_core.errors import OutputError, StoreError
from emotion_core.jobs.dispatcher import keep_starting
from emotion_core.jobs.log import JobState
from emotion_core.jobs.process import ANALYZE, JobCommand
from emotion_core.jobs.store import JobStore
from emotion_core.ui.common.audit_trail import note, note_open
from emotion_core.ui.common.resources import app_settings, clean_regularly
from emotion_core.ui.common.shared import (
    replica_folder,
    shared,
    shared_module,
    stop_because,
    stop_without_shared,
)
from emotion_core.ui.common.sign_on import person_here, signs_on
from emotion_core.ui.common.text import escape

_COOKIE: Final = "emotion_lab_visit"
_NAME: Final = re.compile("[0-9a-f]{32}")
# Two tabs may have begun before either had something to remember: the newest names are kept, as one
# word. Without an age the browser forgets them when it is closed.
_COOKIE_SCRIPT: Final = """export default function ({ data }) {
  const kept = document.cookie.split("; ").find((c) => c.startsWith(data.cookie + "="));
  const names = kept ? kept.slice(data.cookie.length + 1).split(".") : [];
  if (names.includes(data.visitor)) return;
  const secure = location.protocol === "https:" ? "; Secure" : "";
  const value = [data.visitor, ...names].slice(0, 8).join(".");
  document.cookie = `${data.cookie}=${value}; Path=/; SameSite=Lax${secure}`;
}"""


def kept_store(folder: str, command: JobCommand = ANALYZE) -> JobStore:
    """A store in a folder of the work folder, at work whether anybody visits or not.

    Its jobs begin when there is room, and what is older than the retention is deleted. Where an
    administrator has set up several replicas, it is the store of all of them.
    Call it behind `st.cache_resource`: all visitors share one.

    Raises:
        SettingsError, MissingDependencyError: what the replicas share is not set up well.
    """
    settings = app_settings()
    if (known := shared()) is None:
        return own_store(folder, command)
    module: Any = shared_module("emotion_core.jobs.shared_store")
    store = module.SharedJobStore(
        replica_folder() / folder,
        settings.retention_h,
        settings.models_dir,
        command,
        shared=known,
        kind=folder,
    )
    # What was kept before there were several replicas is still deleted in time.
    before = _store(folder, command)
    clean_regularly(store, lambda _: before.clean_up(), settings.retention_h)
    return _at_work(store)


def own_store(folder: str, command: JobCommand) -> JobStore:
    """The same for work on files of this computer only, which other replicas do not have."""
    return _at_work(_store(folder, command))


def _store(folder: str, command: JobCommand) -> JobStore:
    settings = app_settings()
    return JobStore(settings.work_dir / folder, settings.retention_h, settings.models_dir, command)


def _at_work(store: JobStore) -> JobStore:
    keep_starting(store)
    clean_regularly(store, lambda kept: kept.clean_up(), app_settings().retention_h)
    return store


@dataclass(frozen=True, slots=True)
class VisitorJobs:
    """The jobs of one kind that this visitor has to do with.

    Attributes:
        store: gives the store that all visitors share.
        kind: begins the keys of the session's state.
        parameter: of the page's address; holds the id of the job that is shown.
        called: what a job is called in the audit log.
    """

    store: Callable[[], JobStore]
    kind: str
    parameter: str
    called: str = "analysis"

    def mine(self) -> list[JobState]:
        """The jobs this visitor started or came to by their address, newest first.

        Call it once in a run of the page: where there are some, the browser is told to remember.
        """
        if states := self.states():
            remember_visitor()
        return states

    def states(self) -> list[JobState]:
        """The same, and the browser is told nothing."""
        stop_without_shared()
        try:
            return self._states()
        except StoreError as error:
            stop_because(error)

    def _states(self) -> list[JobState]:
        key = f"{self.kind}_jobs"
        if key not in st.session_state:
            st.session_state[key] = self._my_ids()
        ids: list[str] = st.session_state[key]
        given = st.query_params.get(self.parameter, "")
        if given and given not in ids and (not signs_on() or given in self._my_ids()):
            ids.append(given)
        states = self.store().states(ids)
        st.session_state[key] = [state.job_id for state in states]
        return sorted(states, key=lambda state: -state.created_s)

    def _my_ids(self) -> list[str]:
        store = self.store()
        return [job_id for name in visitors() for job_id in store.jobs_of(name)]

    def shown(self) -> str | None:
        """The job that the page shows, or None for the form; it is part of the address."""
        key = f"{self.kind}_job"
        if key not in st.session_state:
            st.session_state[key] = st.query_params.get(self.parameter)
        shown: str | None = st.session_state[key]
        if shown:
            st.query_params[self.parameter] = shown
            if shown in st.session_state.get(f"{self.kind}_jobs", []):
                note_open(self.called, shown)
        return shown

    def show(self, job_id: str | None) -> None:
        """Show a job from the next run of the page on; None shows the form."""
        st.session_state[f"{self.kind}_job"] = job_id
        if job_id is None:
            st.query_params.pop(self.parameter, None)
        elif job_id not in (mine := st.session_state.setdefault(f"{self.kind}_jobs", [])):
            mine.append(job_id)


def visitor() -> str:
    """A name for this visit that no one else knows or can guess: the browser's, or a new one."""
    return visitors()[0]


def visitors() -> list[str]:
    """The visit's name, and those under which this browser has been here before.

    Of a person who is signed in, the one name that is theirs at every visit.
    """
    if (person := person_here()) is not None:
        return [person.owner]
    if "visitors" not in st.session_state:
        # A page under test has no browser, and something else than a string here.
        given = str(st.context.cookies.get(_COOKIE, "")).split(".")
        known = [name for name in given if _NAME.fullmatch(name)]
        st.session_state["visitors"] = known or [secrets.token_hex(16)]
    names: list[str] = st.session_state["visitors"]
    return names


def remember_visitor() -> None:
    """Let the browser bring this visit's name along when it comes again; draws nothing.

    Those who sign in are known by that.
    """
    if signs_on():
        return
    remember = st.components.v2.component("emotion_lab_visit", js=_COOKIE_SCRIPT)
    # The style of the page hides this container: it would leave a gap.
    with st.container(key="visit"):
        remember(key="visit_cookie", data={"cookie": _COOKIE, "visitor": visitor()}, height=1)


def delete_job(store: JobStore, job_id: str, called: str = "analysis") -> None:
    """Remove everything of a job; the page's run ends with a message where that fails.

    Args:
        store: of the job.
        job_id: of the job.
        called: what it is called in the audit log.
    """
    try:
        store.delete(job_id)
    except OutputError as error:
        st.error(f"It could not be deleted: {error}", icon=":material/error:")
        st.stop()
    note("delete", called, job_id)


def fetched(store: JobStore, job_id: str) -> list[str]:
    """Bring the results of an ended job here, where another replica made them.

    Returns:
        Names of the files that the object store has lost. The page's run ends with a message where
        nothing can be fetched.
    """
    try:
        return store.fetch(job_id)
    except OutputError as error:
        stop_because(error)


def show_lost(names: list[str]) -> None:
    """Tell of files that the object store has lost."""
    if names:
        lost = ", ".join(escape(name) for name in names[:5])
        more = f" and {len(names) - 5} more" if len(names) > 5 else ""
        st.warning(
            f"The object store no longer has {lost}{more}. What is left is shown; start "
            "the analysis again for the rest.",
            icon=":material/cloud_off:",
        )


def retention_words() -> str:
    """How long things are kept, as people say it."""
    hours = app_settings().retention_h
    if hours < 1:
        return f"{round(hours * 60)} minutes"
    return f"{hours:g} hour{'s' if hours != 1 else ''}"
