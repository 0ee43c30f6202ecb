"""The stage: a component that shows a session's items over the whole page."""

from pathlib import Path
from typing import Any, Final

import streamlit as st

from emotion_core.ui.common.downloads import file_address, served_base
from emotion_core.ui.presentation_page.messages import ROUTE
from emotion_core.ui.presentation_page.runs import Run
from emotion_core.ui.presentation_page.stimuli import offered

_SCRIPT: Final = Path(__file__).parents[1] / "assets" / "presentation.js"
RECORDING: Final = "This session is being recorded."


def show_stage(run: Run) -> bool:
    """Show a session; returns whether it ended just now."""
    stage = st.components.v2.component(
        "emotion_lab_presentation", js=_SCRIPT.read_text("utf-8"), isolate_styles=True
    )
    data = {
        "run": run.token,
        "url": f"{served_base()}/{ROUTE}",
        "place": run.place,
        "recording": RECORDING,
        "items": [_item(run, place) for place in range(len(run.items))],
    }
    found = stage(key=f"session_{run.token[:8].replace('_', '-')}", data=data, height=1,
                  on_ended_change=lambda: None)  # fmt: skip
    return found.ended is not None


def _item(run: Run, place: int) -> dict[str, Any]:
    item = run.items[place]
    file = offered(run.study.folder, item)
    return {
        "place": place,
        "kind": str(item.kind),
        "name": item.name,
        "src": file_address(file, f"session_{place}") if file else "",
        "seconds": item.seconds,
        "text": item.text,
        "points": item.points,
        "low": item.low,
        "high": item.high,
    }
