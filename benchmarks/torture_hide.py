"""*Hide faces* while people walk in, lean, pass each other and leave: no picture may show a face.

python -m benchmarks.torture hide [--short]

Clips run through a live stream in real time, with a recording that keeps the video, and through the
redrawing of an analysed video. Every picture that comes back to the visitor or lies on the disk is
searched as a photo is. The same is done with an overlay that cannot be drawn. Right is: no face in
any picture. In the made clips it is known where the faces are, and the search also finds what is
none (folds of a suit): that is counted separately. In real clips everything it finds counts.
Writes results/torture_hide.json.
"""

import argparse
import sys
import tempfile
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import replace
from itertools import islice
from pathlib import Path
from typing import Any, Final

import av
import cv2
import numpy as np

from benchmarks.common import save
from emotion_core import Frame, Pipeline, PipelineSettings
from emotion_core.datatypes import FloatArray, ImageArray
from emotion_core.live.processor import LiveProcessor
from emotion_core.live.recording_store import SessionStore
from emotion_core.live.rendering import DrawOverlay, to_bgr, to_frame
from emotion_core.live.settings import LiveSettings
from emotion_core.media.read import read_frames
from emotion_core.media.synthetic import sample_boxes, sample_frames
from emotion_core.media.write import VideoWriter
from emotion_core.model.classify import load_classifier
from emotion_core.results.annotations import Edits, Hide, edited_clip
from emotion_core.results.paths import CLIP
from emotion_core.video.analyze import Source, analyse_video
from emotion_core.video.redraw import redraw_clip
from emotion_core.vision.boxes import clip_boxes, covered_matrix
from emotion_core.vision.overlay import draw_overlay

_SHARED: Final = Path(__file__).resolve().parents[2] / "shared" / "media"
_REAL: Final = ("face_appears_hevc.mov", "one_face_signing.mkv", "one_face_talking.mp4")
_SECONDS: Final = 20.0
_FPS: Final = 30.0
_HEIGHT: Final = 480
_HIDING: Final = LiveSettings(hide_faces=True, mirror=False)
# The number of a made frame, drawn into its bottom row: bits of so many pixels' width and height.
_BITS: Final = 10
_BIT_PX: Final = 16
# Readings that a stream waits for, and for how long.
_FEWEST: Final = 3
_PATIENCE_S: Final = 30.0
# Where are the faces in a picture, (N, 4) xyxy; None: anywhere.
Truth = Callable[[ImageArray], FloatArray | None]


def main(argv: Sequence[str] | None = None) -> int:
    """Run all clips; returns the exit status."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--short", action="store_true", help="three seconds of the made clip")
    options = parser.parse_args(argv)
    seconds = 3.0 if options.short else _SECONDS
    frames = list(walking(seconds))
    truth = truth_of(seconds)
    rows = {"live, walking": live(frames, truth)}
    middle = len(frames) // 2
    rows["live, drawing fails"] = live(frames[middle - 30 : middle + 30], truth, draw=_broken)
    for name in () if options.short else _REAL:
        if (_SHARED / name).is_file():
            rows[f"live, {name}"] = live(list(_real(_SHARED / name, seconds)), _anywhere)
    rows["redrawn, walking"] = redrawn(frames, truth)
    bad = sum(row["with_a_face"] for row in rows.values())
    pictures = sum(row["pictures"] for row in rows.values())
    verdict = f"{bad} of {pictures} pictures show a face"
    save("torture_hide", {"verdict": verdict, "short": options.short, "clips": rows})
    return int(bad > 0 or any(row["open_with_a_face"] == 0 for row in rows.values()))


def walking(seconds: float) -> Iterator[Frame]:
    """The made clip; the number of each frame can be read from its picture."""
    for frame in sample_frames(seconds, _FPS, scenario="walk"):
        image = frame.image.copy()
        for bit in range(_BITS):
            x = bit * _BIT_PX
            image[-_BIT_PX:, x : x + _BIT_PX] = 160 if frame.index >> bit & 1 else 80
        yield replace(frame, image=image)


def truth_of(seconds: float) -> Truth:
    """Tells where the faces are in a picture of `walking`."""

    def truth(image_bgr: ImageArray) -> FloatArray:
        cells = image_bgr[-_BIT_PX:, : _BITS * _BIT_PX].reshape(_BIT_PX, _BITS, _BIT_PX, 3)
        bits = np.median(cells, axis=(0, 2, 3)) > 120
        number = int(sum(1 << bit for bit in range(_BITS) if bits[bit]))
        return sample_boxes(number / _FPS, seconds, scenario="walk")

    return truth


def _anywhere(_: ImageArray) -> None:
    return None


def live(frames: Sequence[Frame], truth: Truth, draw: DrawOverlay = draw_overlay) -> dict[str, Any]:
    """Send frames at their pace through a stream that hides faces and is recorded with video."""
    processor = LiveProcessor(Pipeline(load_classifier()), draw, _HIDING)
    shown: list[ImageArray] = []
    with tempfile.TemporaryDirectory() as folder:
        store = SessionStore(Path(folder))
        token, session = store.start("made")
        session.keep_video(True)
        processor.listen(session.begin_stream())
        begun_s = time.monotonic()
        for frame in frames:
            time.sleep(max(0.0, begun_s + frame.time_s - frames[0].time_s - time.monotonic()))
            shown.append(to_bgr(processor.recv(to_frame(frame.image))))
        # A busy machine may not have read any yet.
        give_up_s = time.monotonic() + _PATIENCE_S
        while processor.reading().frames_read < _FEWEST and time.monotonic() < give_up_s:
            time.sleep(1 / _FPS)
            shown.append(to_bgr(processor.recv(to_frame(frames[-1].image))))
        reading = processor.reading()
        processor.on_ended()
        time.sleep(0.5)
        store.stop(token)
        film = [f.image for f in read_frames(Path(folder) / token / CLIP)]
    figures: dict[str, Any] = {"analysed_fps": round(reading.analysis_fps, 1), "film": len(film)}
    latency = reading.latency_ms
    figures["latency_ms"] = None if latency is None else round(latency)
    pictures = [*_different(shown), *film]
    return figures | count(pictures, [f.image for f in frames[::10]], truth)


def redrawn(frames: Sequence[Frame], truth: Truth) -> dict[str, Any]:
    """Analyse a made clip and draw it again with everybody's face hidden."""
    with tempfile.TemporaryDirectory() as folder:
        source = Path(folder) / "walk.mp4"
        with VideoWriter(source, fps=_FPS) as writer:
            for frame in frames[::2]:
                writer.write(frame.image, frame.time_s)
        results = Path(folder) / "walk"
        analyse_video(Source(source, "0"), results, load_classifier())
        edits = replace(Edits(), hide=Hide.EVERYBODY)
        redraw_clip(source, results, edits)
        clip = [f.image for f in read_frames(edited_clip(results, edits))]
        before = [f.image for f in islice(read_frames(source), 0, None, 10)]
    return {"film": len(clip)} | count(clip, before, truth)


def count(
    pictures: Sequence[ImageArray], before: Iterable[ImageArray], truth: Truth
) -> dict[str, int]:
    """In how many pictures a search at photo settings finds a face, or only something else; and
    in how many of those before hiding it finds a face."""
    found = [finds(picture, truth) for picture in pictures]
    return {
        "pictures": len(pictures),
        "with_a_face": sum(face for face, _ in found),
        "with_something_else": sum(other and not face for face, other in found),
        "open_with_a_face": sum(finds(picture, truth)[0] for picture in before),
    }


def finds(image_bgr: ImageArray, truth: Truth) -> tuple[bool, bool]:
    """Whether the pipeline for photos finds a face, and whether it finds something else."""
    pipeline = Pipeline(load_classifier(), PipelineSettings.for_photo())
    boxes, faces = pipeline.process(Frame(image_bgr)).boxes, truth(image_bgr)
    if not len(boxes) or faces is None:
        return len(boxes) > 0, False
    places = clip_boxes(faces, image_bgr.shape[1], image_bgr.shape[0])
    touches = covered_matrix(boxes, places).max(axis=1) > 0
    return bool(touches.any()), bool((~touches).any())


def _broken(*_: object) -> ImageArray:
    raise RuntimeError("the font is damaged")


def _different(pictures: Iterable[ImageArray]) -> Iterator[ImageArray]:
    """Without those that only repeat the one before."""
    before: ImageArray | None = None
    for picture in pictures:
        if before is None or not np.array_equal(picture, before):
            yield picture
        before = picture


def _real(path: Path, seconds: float) -> Iterator[Frame]:
    """The first seconds of a clip, as large as a webcam's picture."""
    with av.open(str(path)) as container:
        for index, decoded in enumerate(container.decode(video=0)):
            image = decoded.to_ndarray(format="bgr24")
            factor = _HEIGHT / image.shape[0]
            # Even sides, as every camera sends them.
            size = (2 * round(image.shape[1] * factor / 2), _HEIGHT)
            if decoded.time is None or decoded.time > seconds:
                return
            small = np.asarray(cv2.resize(image, size, interpolation=cv2.INTER_AREA), np.uint8)
            yield Frame(small, index, float(decoded.time))


if __name__ == "__main__":
    sys.exit(main())
