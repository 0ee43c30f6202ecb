"""Choose the network that reads faces: the same one on every page of a session."""

from typing import Final

import streamlit as st

from emotion_core.errors import EmotionCoreError, ModelError
from emotion_core.model.bundle import DEFAULT, default_name, list_models, model_problem
from emotion_core.ui.common.resources import app_settings
from emotion_core.ui.common.text import escape

_CHOSEN, _CHANGES = "network_chosen", "network_changes"
_WIDTH_PX: Final = 220


def chosen_network() -> str:
    """Name of the model folder that this visitor chose; `default` where nothing was chosen, or the
    folder is gone."""
    name: str = st.session_state.get(_CHOSEN, DEFAULT)
    return name if name in _names() else DEFAULT


def network_options() -> tuple[str, ...]:
    """Options of a command for the chosen network; none for the default one."""
    name = chosen_network()
    return () if name == DEFAULT else ("--model", name)


def network_named(name: object) -> str:
    """The model folder of this name, that results were read with; `default` where it is gone."""
    return str(name) if name in _names() else DEFAULT


def choose_network(page: str, locked: str = "") -> None:
    """Draw the choice, folded; nothing where there is one network only.

    Args:
        page: name of the page, for the widgets' keys.
        locked: why it cannot be changed now; "" where it can.
    """
    if len(_names()) < 2:
        return
    with st.expander("Network", icon=":material/hub:"):
        st.caption(locked or "Reads the faces on every page until you close the browser tab.")
        select_network(page, locked=bool(locked), label="collapsed")
        for name, why in unusable_networks().items():
            st.caption(f":material/error: “{escape(name)}” cannot be used: {escape(why)}")
    if (name := chosen_network()) != DEFAULT:
        st.caption(f"Network: “{escape(name)}”.")


def select_network(page: str, *, locked: bool = False, label: str = "visible") -> None:
    """Draw only the list of networks; nothing where there is one only."""
    names, chosen = _names(), chosen_network()
    if len(names) < 2:
        return
    if chosen == DEFAULT:
        chosen = _default(names)
    name = st.selectbox(
        "Network",
        names,
        index=names.index(chosen) if chosen in names else None,
        format_func=network_label,
        # A new key after each change, on whatever page: this widget then begins with it.
        key=f"{page}_network_{st.session_state.get(_CHANGES, 0)}",
        disabled=locked,
        label_visibility="visible" if label == "visible" else "collapsed",
        width=_WIDTH_PX if label == "visible" else "stretch",
    )
    if name is not None and name != chosen:
        st.session_state[_CHOSEN] = DEFAULT if name == _default(names) else name
        st.session_state[_CHANGES] = st.session_state.get(_CHANGES, 0) + 1
        st.rerun()


def unusable_networks() -> dict[str, str]:
    """Name → why it cannot be used, of the networks that are listed all the same."""
    return {name: why for name in _names() if (why := network_problem(name))}


def network_problem(name: str) -> str:
    """Why a network cannot be used; "" where it can."""
    return model_problem(name, app_settings().models_dir)


def network_label(name: str) -> str:
    """A name as lists of networks show it."""
    return f"{name} (cannot be used)" if network_problem(name) else name


def _names() -> list[str]:
    try:
        return list_models(app_settings().models_dir, served=True)
    except EmotionCoreError:
        # Settings that cannot be used: the page says so where it loads the network.
        return []


def _default(names: list[str]) -> str:
    try:
        return default_name(app_settings().models_dir)
    except ModelError:
        return names[0]
