"""Where the milliseconds of a frame go: one stream, run as live and video run it, and timed."""

import itertools
import os
import platform
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from time import perf_counter
from typing import Any, Final

import cv2
import numpy as np
import psutil

from emotion_core.config import OverlaySettings
from emotion_core.datatypes import Frame
from emotion_core.pipeline.pipeline import STAGES, Pipeline
from emotion_core.vision.overlay import draw_overlay

# Everything but `decode` and `draw` is the pipeline's own work.
ALL_STAGES: Final = ("decode", *STAGES, "draw")
WARM_UP_FRAMES: Final = 5


@dataclass(slots=True)
class Measurement:
    """Milliseconds of every frame in every stage, and what the process weighed.

    Attributes:
        stages: stage → one value a frame, in ms; `pipeline` is `Pipeline.process` as a whole and
            `total` everything.
        faces: number of faces of each frame.
        memory_mb: resident memory before the first and after the last frame.
    """

    stages: dict[str, list[float]] = field(default_factory=dict)
    faces: list[int] = field(default_factory=list)
    memory_mb: tuple[float, float] = (0.0, 0.0)

    def to_dict(self) -> dict[str, Any]:
        """Plain values for JSON: mean, p50 and p95 of each stage, rates and memory."""
        total = self.stages["total"]
        before, after = self.memory_mb
        return {
            "frames": len(total),
            "faces_mean": round(float(np.mean(self.faces)), 3),
            "ms": {stage: spread(values) for stage, values in self.stages.items()},
            "fps": round(1000 / max(float(np.mean(total)), 1e-9), 1),
            "memory_mb": {
                "before": round(before, 1),
                "after": round(after, 1),
                "growth": round(after - before, 1),
            },
        }


def spread(values_ms: list[float]) -> dict[str, float]:
    """Mean, median and 95th percentile, in the unit given."""
    p50, p95 = np.percentile(values_ms, [50, 95])
    return {
        "mean": round(float(np.mean(values_ms)), 3),
        "p50": round(float(p50), 3),
        "p95": round(float(p95), 3),
    }


def measure(pipeline: Pipeline, frames: Iterable[Frame]) -> Measurement:
    """Run every frame through the pipeline and the overlay.

    The first frames, which load what is loaded once, are run before the clock starts.
    """
    source = iter(frames)
    for frame in itertools.islice(source, WARM_UP_FRAMES):
        draw_overlay(frame.image, pipeline.process(frame), OverlaySettings())
    pipeline.reset()
    measurement = Measurement(stages={stage: [] for stage in (*ALL_STAGES, "pipeline", "total")})
    before = resident_mb()
    for frame, decode_s in _timed(source):
        _measure_one(pipeline, frame, decode_s, measurement)
    measurement.memory_mb = (before, resident_mb())
    return measurement


def _timed(frames: Iterator[Frame]) -> Iterator[tuple[Frame, float]]:
    """Each frame with the seconds that it took to come."""
    while True:
        start = perf_counter()
        frame = next(frames, None)
        if frame is None:
            return
        yield frame, perf_counter() - start


def _measure_one(
    pipeline: Pipeline, frame: Frame, decode_s: float, measurement: Measurement
) -> None:
    start = perf_counter()
    result = pipeline.process(frame)
    processed = perf_counter()
    draw_overlay(frame.image, result, OverlaySettings())
    drawn = perf_counter()
    seconds = {
        "decode": decode_s,
        **pipeline.timings,
        "draw": drawn - processed,
        "pipeline": processed - start,
        "total": decode_s + drawn - start,
    }
    for stage, values in measurement.stages.items():
        values.append(1000 * seconds[stage])
    measurement.faces.append(len(result))


def resident_mb() -> float:
    """Resident memory of this process in MB (10^6 bytes)."""
    return float(psutil.Process().memory_info().rss) / 1e6


def machine() -> dict[str, Any]:
    """What the figures were measured on; a figure without its machine says nothing."""
    return {
        "cpu": _cpu_name(),
        "cores": os.cpu_count(),
        "load_average": [round(load, 2) for load in psutil.getloadavg()],
        "system": platform.platform(terse=True),
        "python": platform.python_version(),
        "opencv": cv2.__version__,
    }


def _cpu_name() -> str:
    try:
        lines = Path("/proc/cpuinfo").read_text().splitlines()
    except OSError:
        return platform.processor() or platform.machine()
    names = (line.split(":", 1)[1].strip() for line in lines if line.startswith("model name"))
    return next(names, platform.machine())
