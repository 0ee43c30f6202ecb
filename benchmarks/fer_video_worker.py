"""The peer's side of video.py; runs in the peer's own environment, knows nothing of ours.

Reads lines from standard input, each a JSON object with `file`, `out` and `annotate`; answers each
with one JSON line: seconds (wall and CPU) that the peer's own analysis of the whole file took, and
the number of frames in which it found a face.
"""

import json
import sys
import time

import cv2
import numpy as np
from fer.classes import Video  # type: ignore[import-not-found]  # lives in the peer's environment
from fer.fer import FER  # type: ignore[import-not-found]

# The peer asks its window for keys after every frame, which OpenCV without windows answers with an
# error; it is given an answer that costs nothing.
cv2.waitKey = lambda *_: -1
cv2.destroyAllWindows = lambda: None


def main() -> None:
    """Serve until standard input ends."""
    detector = FER(mtcnn=False)
    detector.detect_emotions(np.zeros((120, 160, 3), np.uint8))
    for line in sys.stdin:
        task = json.loads(line)
        video = Video(task["file"], outdir=task["out"])
        start, cpu_start = time.perf_counter(), time.process_time()
        rows = video.analyze(
            detector,
            output="pandas",
            save_frames=False,
            zip_images=False,
            save_video=task["annotate"],
            annotate_frames=task["annotate"],
        )
        spent = {
            "seconds": time.perf_counter() - start,
            "cpu_seconds": time.process_time() - cpu_start,
            "frames_with_a_face": len(rows),
        }
        # The peer prints progress of its own; the marker finds our line among it.
        print("\nRESULT " + json.dumps(spent), flush=True)


if __name__ == "__main__":
    main()
