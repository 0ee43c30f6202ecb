"""Lab Streaming Layer on the live page: shown only where its package is installed."""

import importlib
from collections.abc import Mapping
from importlib.util import find_spec
from typing import TYPE_CHECKING, Any, Final

import streamlit as st

from emotion_core.errors import EmotionCoreError
from emotion_core.live.processor import LiveProcessor
from emotion_core.live.registry import LIVE
from emotion_core.live.settings import LiveSettings
from emotion_core.results.summary import package_versions
from emotion_core.ui.common.text import escape

if TYPE_CHECKING:
    from emotion_core.lsl.bridge import BridgeStatus, LslBridge

_BRIDGE: Final = "live_lsl_bridge"
SWITCH: Final = "live_lsl"


def lsl_available() -> bool:
    """Whether the extra `lsl` is installed; imports nothing."""
    return find_spec("mne_lsl") is not None


def lsl_panel(
    processor: LiveProcessor | None, model: Mapping[str, Any], settings: LiveSettings
) -> None:
    """The switch, the streams' names, and what goes on; call it from a refreshing fragment."""
    wanted = st.toggle(
        "Lab Streaming Layer",
        key=SWITCH,
        help="Sends the readings to other programs of your lab (LabRecorder, MNE, OpenViBE), and "
        "takes their markers into the recording. Both are visible in your whole network.",
    )
    with st.container(horizontal=True):
        name = st.text_input("Name of the stream", "emotion-lab", max_chars=40, key="live_lsl_name")
        kind = st.text_input("Marker type", "Markers", max_chars=40, key="live_lsl_markers")
    if not wanted or processor is None or processor.reading().ended:
        _close()
        if wanted:
            st.caption("Start the camera: then the readings are sent.")
        return
    try:
        bridge = _bridge(processor, model, settings, name, kind)
    except EmotionCoreError as error:
        st.error(str(error), icon=":material/error:")
        return
    _show(bridge.status())


def _bridge(
    processor: LiveProcessor,
    model: Mapping[str, Any],
    settings: LiveSettings,
    name: str,
    kind: str,
) -> "LslBridge":
    """The bridge of this stream under these names; an earlier one is closed."""
    wanted = (id(processor), name.strip(), kind.strip())
    kept: tuple[tuple[int, str, str], LslBridge] | None = st.session_state.get(_BRIDGE)
    if kept is not None and kept[0] == wanted:
        return kept[1]
    _close()
    with st.spinner("Starting LSL …"):
        stream = LIVE.of(processor)
        bridge = _bridge_class()(
            processor,
            _acquisition(model, settings),
            lambda: stream.session() if stream else None,
            name=name.strip() or "emotion-lab",
            marker_type=kind.strip(),
        )
    st.session_state[_BRIDGE] = (wanted, bridge)
    return bridge


def _bridge_class() -> "type[LslBridge]":
    """Imported only now: it takes three seconds."""
    found: type[LslBridge] = importlib.import_module("emotion_core.lsl.bridge").LslBridge
    return found


def _close() -> None:
    kept = st.session_state.pop(_BRIDGE, None)
    if kept is not None:
        kept[1].close()


def _acquisition(model: Mapping[str, Any], settings: LiveSettings) -> dict[str, str]:
    """What the stream's meta-data say of how the readings are made."""
    return {
        "manufacturer": "emotion-lab",
        "version": str(package_versions().get("emotion-lab", "")),
        "network": str(model.get("name", "")),
        "network_sha256": str(model.get("sha256", "")),
        "settings": repr(settings.pipeline),
        "time_stamps": "arrival of the frame at the server; see docs/lsl.md",
    }


def _show(status: "BridgeStatus") -> None:
    names = ", ".join(f"“{kind.name}”" for kind in status.streams) or "none found yet"
    received = "" if status.has_consumers else " (no program receives them)"
    st.caption(
        f"Samples sent: {status.sent}{received} · "
        f"marker streams: {escape(names)} · markers in the recording: {status.markers}"
    )
    st.caption("The readings are visible to every program in your network.")
    if status.unkept:
        st.caption(f"Markers that came while nothing was recorded, not kept: {status.unkept}")
    for note in status.notes:
        st.caption(f":material/info: {escape(note)}")
