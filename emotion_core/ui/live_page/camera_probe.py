"""Asks the visitor's browser why it gives no camera: the video component itself never says."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import streamlit as st

from emotion_core.live.camera_errors import CameraProblem, camera_problem

_SCRIPT: Final = Path(__file__).parents[1] / "assets" / "camera_probe.js"


@dataclass(frozen=True, slots=True)
class Probed:
    """What the browser said about its camera.

    Attributes:
        problem: what keeps the camera away, as far as the browser knows.
        steps: step → "" or an error's name, of the self-test asked for; None until it is done.
        details: step → what was seen.
    """

    problem: CameraProblem | None
    steps: Mapping[str, str] | None
    details: Mapping[str, str]


def probe_camera(
    check: int = 0, network: Mapping[str, Any] | None = None, *, key: str = "camera_probe"
) -> Probed:
    """Look for what keeps the camera away; draws nothing.

    Args:
        check: raise it by one to switch the camera on for a moment and try every step; otherwise
            the probe only looks at permission and devices.
        network: the W3C `RTCConfiguration` that the self-test tries.
        key: unique on the page.
    """
    # Registering the same definition again is free; the registry belongs to the running server.
    probe = st.components.v2.component("emotion_lab_camera_probe", js=_SCRIPT.read_text("utf-8"))
    found = probe(
        key=key,
        data={"check": check, "network": dict(network or {})},
        default={"problem": "", "checked": {}},
        on_problem_change=lambda: None,
        on_checked_change=lambda: None,
        height=1,
    )
    name, checked = str(found.problem or ""), dict(found.checked or {})
    done = check > 0 and checked.get("number") == check
    return Probed(
        problem=camera_problem(name) if name else None,
        steps={k: str(v) for k, v in checked["steps"].items()} if done else None,
        details={k: str(v) for k, v in checked["details"].items()} if done else {},
    )
