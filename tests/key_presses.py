"""What the browser sends when keys are pressed while a video plays."""

from typing import Any

from emotion_core.ui.common.keys import taken_presses


def pressed_state(*presses: tuple[str, str, float]) -> dict[str, Any]:
    """The state of the component for presses: id, key and seconds of the video."""
    items = [{"id": i, "key": key, "time": time_s} for i, key, time_s in presses]
    return {"presses": {"server": taken_presses().server, "items": items}}
