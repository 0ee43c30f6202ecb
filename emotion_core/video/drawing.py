"""A clip drawn from a table of faces: every frame with what was read of it."""

import contextlib
import csv
import itertools
import math
import time
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import numpy as np

from emotion_core.datatypes import Frame, FrameResult, QualityHint
from emotion_core.errors import InputError
from emotion_core.labels import EXPRESSIONS
from emotion_core.media.background import read_ahead
from emotion_core.media.probe import probe
from emotion_core.media.read import read_frames
from emotion_core.media.write import VideoWriter
from emotion_core.results.annotations import Edits
from emotion_core.results.export import COLUMNS, edited_rows, output_error, read_faces
from emotion_core.results.paths import FACES
from emotion_core.video.anonymise import Anonymiser
from emotion_core.video.clip import Shown, annotating, clip_writer, write_preview
from emotion_core.video.progress import DRAWING, Hooks, VideoProgress

_PLACE: Final = {name: i for i, name in enumerate(COLUMNS)}
_BOX: Final = ("x", "y", "width", "height")
_RAW: Final = tuple(f"raw_{name}" for name in EXPRESSIONS)
_PROGRESS_EVERY_S: Final = 0.25
_PREVIEW_EVERY_S: Final = 1.0


@dataclass(frozen=True, slots=True)
class Drawing:
    """What a clip is drawn of.

    Attributes:
        source: the video that the results are of.
        folder: the results.
        start_s, end_s: the range that was analysed.
        origin_s: the source's time at which the clip begins.
    """

    source: Path
    folder: Path
    start_s: float
    end_s: float | None
    origin_s: float

    def draw(self, target: Path, edits: Edits, hooks: Hooks) -> bool:
        """Draw the clip; False where `hooks.stop` ended it, and nothing is changed.

        Arguments and errors are those of `written`.
        """
        return self.written(target, edits, hooks) is not None

    def written(self, target: Path, edits: Edits, hooks: Hooks) -> VideoWriter | None:
        """Draw the clip; the caller holds the folder.

        Args:
            target: written when it is complete.
            edits: what is drawn: a given name instead of "#1", no excluded people, and mosaics
                instead of the faces that are hidden.
            hooks: progress and cancel.

        Returns:
            What wrote it; None where `hooks.stop` ended it, and nothing is changed.

        Raises:
            InputError: there is no table of faces.
            VideoError: the video cannot be read any more.
            OutputError: the clip cannot be written.
        """
        info = probe(self.source)
        writer = clip_writer(self.source, target, info, self.origin_s, self.end_s)
        span_s = info.span_s(self.start_s, self.end_s)
        teller = _Teller(hooks, self.folder, span_s, edits)
        faces = self.folder / FACES
        hide = Anonymiser(read_faces(faces), edits) if edits.hides else None
        try:
            with contextlib.ExitStack() as stack:
                frames = read_frames(self.source, start_s=self.start_s, end_s=self.end_s)
                ahead = stack.enter_context(contextlib.closing(read_ahead(frames)))
                clip = stack.enter_context(annotating(writer, edits.names, hide))
                for shown in _held(ahead, _results(faces, edits)):
                    clip.put(shown)
                    teller.tell(*shown)
        except _StoppedError:
            return None
        return writer


def _held(frames: Iterable[Frame], results: Iterator[FrameResult]) -> Iterator[Shown]:
    """Every frame with what was last read, as in the first clip."""
    held, coming = None, next(results, None)
    for frame in frames:
        while coming is not None and coming.index <= frame.index:
            held, coming = coming, next(results, None)
        if held is not None:
            yield frame, held


class _Teller:
    """Says how far the drawing is, and leaves it where that is asked for."""

    def __init__(
        self, hooks: Hooks, folder: Path, span_s: tuple[float, float], edits: Edits
    ) -> None:
        self._hooks, self._folder, self._span_s, self._names = hooks, folder, span_s, edits.names
        # A preview would show the faces that the clip hides.
        self._previews = hooks.preview and not edits.hides
        self._begun_s = self._told_s = time.monotonic()
        self._previewed_s = -math.inf
        self._count = 0

    def tell(self, frame: Frame, held: FrameResult) -> None:
        if self._hooks.stop():
            raise _StoppedError
        self._count += 1
        now = time.monotonic()
        if now - self._told_s < _PROGRESS_EVERY_S:
            return
        self._told_s, counts = now, (self._count, self._count)
        spent_s = now - self._begun_s
        self._hooks.progress(VideoProgress.at(counts, frame.time_s, self._span_s, spent_s, DRAWING))
        if self._previews and now - self._previewed_s >= _PREVIEW_EVERY_S:
            self._previewed_s = now
            write_preview(self._folder, frame, held, self._names)


class _StoppedError(Exception):
    """Leaves the blocks that are open, so that nothing half done stays."""


def _results(faces: Path, edits: Edits) -> Iterator[FrameResult]:
    """What was read from each analysed frame, as the edits have it, frame by frame."""
    try:
        rows = iter(edited_rows(faces, edits))
        next(rows, None)
        for _, frame in itertools.groupby(rows, key=lambda row: row[0]):
            yield _result(list(frame))
    except OSError as error:
        raise output_error(faces, error) from error
    except (ValueError, IndexError, csv.Error) as error:
        raise InputError(f"{faces} is damaged ({error}). Analyse the video again.") from error


def _result(rows: list[list[str]]) -> FrameResult:
    def numbers(names: Iterable[str]) -> np.ndarray:
        return np.array([[float(row[_PLACE[n]]) for n in names] for row in faces], np.float32)

    index, time_s = int(rows[0][_PLACE["frame"]]), float(rows[0][_PLACE["time_s"]])
    faces = [row for row in rows if row[_PLACE["track_id"]]]
    boxes = numbers(_BOX).reshape(-1, 4)
    boxes[:, 2:] += boxes[:, :2]
    return FrameResult(
        index=index,
        time_s=time_s,
        boxes=boxes,
        track_ids=np.array([int(row[_PLACE["track_id"]]) for row in faces], np.int64),
        raw_probs=numbers(_RAW).reshape(-1, len(EXPRESSIONS)),
        probs=numbers(EXPRESSIONS).reshape(-1, len(EXPRESSIONS)),
        detection_scores=numbers(("detection_score",)).reshape(-1),
        predicted=np.array([row[_PLACE["predicted"]] == "1" for row in faces], np.bool_),
        unsure=np.array([row[_PLACE["unsure"]] == "1" for row in faces], np.bool_),
        quality=tuple(
            tuple(QualityHint(v) for v in row[_PLACE["quality"]].split("+") if v) for row in faces
        ),
    )
