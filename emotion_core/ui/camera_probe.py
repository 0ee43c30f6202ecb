"""Asks the visitor's browser why it gives no camera: the video component itself never says."""

from pathlib import Path
from typing import Final

import streamlit as st

from emotion_core.live.camera import CameraProblem, camera_problem

_SCRIPT: Final = Path(__file__).parent / "assets" / "camera_probe.js"


def probe_camera(check: int = 0, *, key: str = "camera_probe") -> tuple[CameraProblem | None, bool]:
    """Look for what keeps the camera away; draws nothing.

    Args:
        check: raise it by one to switch the camera on for a moment and try it; otherwise the
            probe only looks at permission and devices.
        key: unique on the page.

    Returns:
        The problem, or None as far as the browser knows; and whether check number `check` has
        shown a working camera.
    """
    # Registering the same definition again is free; the registry belongs to the running server.
    probe = st.components.v2.component("emotion_lab_camera_probe", js=_SCRIPT.read_text("utf-8"))
    found = probe(
        key=key,
        data={"check": check},
        default={"problem": "", "checked": ""},
        on_problem_change=lambda: None,
        on_checked_change=lambda: None,
        height=1,
    )
    name = str(found.problem or "")
    worked = check > 0 and found.checked == f"ok {check}"
    return (camera_problem(name) if name else None), worked
