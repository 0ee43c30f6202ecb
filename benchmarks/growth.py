"""How the cost of a frame grows with the number of faces and with the size of the frame.

python -m benchmarks.growth
"""

from typing import Any

import numpy as np

from benchmarks.common import crowd, save, shaken
from emotion_core import Pipeline
from emotion_core.datatypes import Frame
from emotion_core.media.synthetic import sample_frames
from emotion_core.pipeline.profiling import measure

FACES = (1, 2, 4, 8, 16, 32)
SIZES = ((160, 120), (320, 240), (640, 480), (480, 640), (1280, 720), (1920, 1080), (3840, 2160))


def main() -> None:
    """Write results/growth.json."""
    by_faces = {str(n): _cost(shaken(crowd(n), 90)) for n in FACES}
    by_size = {
        f"{width}x{height}": _cost(list(sample_frames(2, 30, size=(width, height))))
        for width, height in SIZES
    }
    means = [by_faces[str(n)]["pipeline_ms"]["mean"] for n in FACES]
    slope = float(np.polyfit(FACES, means, 1)[0])
    save(
        "growth",
        {
            "faces_in_1280x720": by_faces,
            "ms_each_further_face": round(slope, 3),
            "one_face_by_frame_size": by_size,
        },
    )


def _cost(frames: list[Frame]) -> dict[str, Any]:
    figures = measure(Pipeline.load(), frames).to_dict()
    ms = figures["ms"]
    return {
        "faces_mean": figures["faces_mean"],
        "pipeline_ms": ms["pipeline"],
        "find_ms": ms["find"],
        "classify_ms": ms["classify"],
    }


if __name__ == "__main__":
    main()
