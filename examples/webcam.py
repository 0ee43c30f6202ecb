"""Print each face's expression, live: `python webcam.py` for the first camera, or `webcam.py FILE`.

Any source of frames works the same: hand each picture with its time to `Pipeline.process`.
"""

import sys
import time
from collections.abc import Iterator

import cv2
import numpy as np

from emotion_core import Frame, Pipeline, read_frames


def camera_frames(number: int = 0) -> Iterator[Frame]:
    """Frames of a camera, with the time since the first one."""
    camera, start_s, index = cv2.VideoCapture(number), time.monotonic(), 0
    if not camera.isOpened():
        sys.exit(f"Camera {number} cannot be opened.")
    while (read := camera.read())[0]:
        yield Frame(np.asarray(read[1], np.uint8), index, time.monotonic() - start_s)
        index += 1


def main() -> None:
    """Read frames until there are no more; Ctrl-C ends a camera."""
    pipeline = Pipeline.load()
    for frame in read_frames(sys.argv[1]) if len(sys.argv) > 1 else camera_frames():
        result = pipeline.process(frame)
        for person, label, confidence in zip(
            result.track_ids, result.labels, result.confidences, strict=True
        ):
            print(f"{frame.time_s:8.2f} s  person {person}: {label} {confidence:.0%}", flush=True)


if __name__ == "__main__":
    main()
