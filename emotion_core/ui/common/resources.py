"""What all visitors share: the application's settings and the loaded network, built once."""

import importlib
import logging
import threading
import time
import weakref
from collections.abc import Callable
from typing import Final, TypeVar

import streamlit as st
from streamlit.runtime.scriptrunner import add_script_run_ctx

from emotion_core.config import AppSettings
from emotion_core.errors import EmotionCoreError, SettingsError
from emotion_core.model.classify import Classifier, load_classifier

_log = logging.getLogger(__name__)
_Store = TypeVar("_Store")
# Shortest and longest time between two rounds of deleting what is old.
_CLEAN_UP_S: Final = (10.0, 900.0)
# What the live page imports, three seconds of work on two cores; pandas, because Streamlit looks
# whether what a component is given is a table.
_LIVE: Final = ("emotion_core.ui.live_page.stream", "emotion_core.pipeline.pipeline", "pandas")


@st.cache_resource(show_spinner=False)
def prepare_live() -> threading.Thread:
    """Import what the live page needs while a visitor still reads another page; once a server."""
    thread = threading.Thread(
        target=lambda: [importlib.import_module(name) for name in _LIVE],
        name="prepare-live",
        daemon=True,
    )
    # A component that is imported outside of a page's run is not registered with the server, and
    # the live page would stay without its video (streamlit.components.v1.declare_component).
    add_script_run_ctx(thread)
    thread.start()
    return thread


@st.cache_resource(show_spinner=False)
def app_settings() -> AppSettings:
    """The administrator's settings, read from the environment once.

    Raises:
        SettingsError: a variable cannot be used.
    """
    return AppSettings.from_environment()


def clean_regularly(
    store: _Store, clean_up: Callable[[_Store], object], retention_h: float
) -> None:
    """Call `clean_up` now and often enough for what is kept so long, whether anybody visits or not.

    The thread ends with the store.
    """
    every_s = min(max(retention_h * 360, _CLEAN_UP_S[0]), _CLEAN_UP_S[1])
    known = weakref.ref(store)

    def work() -> None:
        while (kept := known()) is not None:
            try:
                clean_up(kept)
            except Exception:
                _log.exception("What is old could not be deleted")
            del kept
            time.sleep(every_s)

    threading.Thread(target=work, name="clean-up", daemon=True).start()


def _say_bad_settings(error: SettingsError) -> None:
    st.error(f"The installation's settings cannot be used: {error}", icon=":material/error:")


def stop_on_bad_settings() -> None:
    """End the page's run with a message where an administrator's variable cannot be used."""
    try:
        app_settings()
    except SettingsError as error:
        _say_bad_settings(error)
        st.stop()


def shared_classifier(name: str = "default") -> "Classifier":
    """The network of a model folder as it is on the disk now, shared by all sessions and threads.

    `load_classifier` keeps one object for the same files, so that a second cache here would only
    hide a folder that was replaced or another name in default.txt.

    Raises:
        ModelError: the model folder is missing or damaged.
    """
    with st.spinner("Loading the network …"):
        return load_classifier(name, models_dir=app_settings().models_dir)


def network_key(classifier: "Classifier") -> tuple[str, int, int, int, int]:
    """What a cache of a network's answers must be keyed by: its folder, and its files' states."""
    return classifier.bundle.files_state()


def classifier_or_message(name: str = "default") -> "Classifier | None":
    """The shared network, or None after a message on the page that says what to do."""
    try:
        return shared_classifier(name)
    except SettingsError as error:
        _say_bad_settings(error)
        return None
    except EmotionCoreError as error:
        st.error(
            f"The network cannot be used: {error}  \n"
            "Train one with `python -m emotion_core train --data PATH --name NAME`, or restore the "
            "`models` folder, then reload this page.",
            icon=":material/error:",
        )
        return None
