"""Memory over 20,000 frames of one stream: people come, go, cross and are covered.

python -m benchmarks.memory [--frames N]
"""

import argparse
import itertools
from collections.abc import Iterator

from benchmarks.common import save
from emotion_core import Frame, Pipeline
from emotion_core.config import OverlaySettings
from emotion_core.media.synthetic import SCENARIOS, sample_frames
from emotion_core.pipeline.profiling import resident_mb
from emotion_core.vision.overlay import draw_overlay

FPS = 30.0
STEP = 1000


def main() -> None:
    """Write results/memory.json."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--frames", type=int, default=20_000)
    options = parser.parse_args()
    pipeline, resident, faces = Pipeline.load(), [], 0
    for frame in itertools.islice(_endless(), options.frames):
        result = pipeline.process(frame)
        draw_overlay(frame.image, result, OverlaySettings(bars=True))
        faces += len(result)
        if frame.index % STEP == STEP - 1:
            resident.append(round(resident_mb(), 1))
    save(
        "memory",
        {
            "frames": options.frames,
            "faces_read": faces,
            "resident_mb_each_1000_frames": resident,
            # The first thousand load what is loaded once.
            "growth_mb": round(resident[-1] - resident[0], 1),
        },
    )


def _endless() -> Iterator[Frame]:
    """The made clips over and over, with time and numbers that only grow."""
    images = [
        frame.image
        for scenario in SCENARIOS
        for frame in sample_frames(1.5, FPS, size=(320, 240), scenario=scenario)
    ]
    for index in itertools.count():
        yield Frame(images[index % len(images)], index, index / FPS)


if __name__ == "__main__":
    main()
