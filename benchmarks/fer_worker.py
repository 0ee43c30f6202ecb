"""The peer's side of beside_fer.py; runs in the peer's own environment, knows nothing of ours.

Reads lines from standard input, each a .npy file of frames (N, H, W, 3) uint8 BGR; answers each
with one JSON line: milliseconds of every frame (wall and CPU) and the number of faces found in it.
"""

import json
import sys
import time

import numpy as np
from fer.fer import FER  # type: ignore[import-not-found]  # lives in the peer's environment


def main() -> None:
    """Serve until standard input ends."""
    detector = FER(mtcnn=False)
    detector.detect_emotions(np.zeros((120, 160, 3), np.uint8))
    for line in sys.stdin:
        spent, cpu, faces = [], [], []
        for frame in np.load(line.strip()):
            start, cpu_start = time.perf_counter(), time.process_time()
            found = detector.detect_emotions(frame)
            spent.append(1000 * (time.perf_counter() - start))
            cpu.append(1000 * (time.process_time() - cpu_start))
            faces.append(len(found))
        # The peer prints progress of its own; the marker finds our line among it.
        print("RESULT " + json.dumps({"ms": spent, "cpu_ms": cpu, "faces": faces}), flush=True)


if __name__ == "__main__":
    main()
