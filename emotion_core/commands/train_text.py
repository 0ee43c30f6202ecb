"""What `train` prints: the plan, the precision, the epochs, the change on the original data."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from emotion_core.training.plan import PlannedStep

_OTHER_STEPS = {
    "model": "quantise, calibrate and measure on validation",
    "evaluation": "measure on damaged validation faces",
}


def plan_text(steps: Sequence[PlannedStep], room: int) -> str:
    """The steps with the time that is left, and the room on the disk."""
    left = [planned.seconds for planned in steps if planned.epochs and not planned.done]
    timed = [seconds for seconds in left if seconds is not None]
    time = f"about {_duration(sum(timed))}, " if timed and len(timed) == len(left) else ""
    lines = [f"Plan: {len(steps)} steps, {time}up to {room / 1e6:,.0f} MB of disk"]
    for number, planned in enumerate(steps, start=1):
        lines.append(f"  {number}. {planned.step.name}: {_step_text(planned)}")
    return "\n".join(lines)


def _step_text(planned: PlannedStep) -> str:
    if planned.done:
        return "done"
    if not planned.epochs:
        return f"{_OTHER_STEPS[planned.step.name]}, some minutes"
    left = planned.epochs - planned.epochs_done
    words = f"{left} epochs" if left > 1 else "1 epoch"
    if planned.epochs_done:
        words = f"{left} of {planned.epochs} epochs left"
    return words if planned.seconds is None else f"{words}, about {_duration(planned.seconds)}"


def _duration(seconds: float) -> str:
    minutes = round(seconds / 60)
    if minutes < 60:
        return f"{max(minutes, 1)} min"
    return f"{minutes // 60} h {minutes % 60:02d} min"


def precision_text(tried: Mapping[str, float], chosen: str) -> str:
    """How fast each precision is, and which one is taken."""
    speeds = ", ".join(f"{name} {speed:,.0f} images/s" for name, speed in tried.items())
    return f"Timed on this machine: {speeds}. The training computes in {chosen}."


def epoch_text(text: str, row: Mapping[str, float]) -> str:
    """The scores after an epoch."""
    others = ""
    if "cross_score" in row:
        others = f"other faces {row['cross_score']:.4f} (ECE {row['cross_ece']:.3f}), "
    return (
        f"{text}: loss {row['loss']:.3f}, validation accuracy {row['val_accuracy']:.4f}, "
        f"macro-F1 {row['val_macro_f1']:.4f}, {others}{row['seconds']:.0f} s"
    )


def change_text(change: Mapping[str, Any]) -> str:
    """How the accuracy on the original data changed; points in percent."""
    gap = change["difference"]
    return (
        f"{change['label_set']} labels of {change['source']}, validation split "
        f"({change['images']:,} images): accuracy {change['before']:.3f} before, "
        f"{change['after']:.3f} now; difference {gap['value']:+.3f} [{gap['low']:+.3f}, "
        f"{gap['high']:+.3f}]"
    )
