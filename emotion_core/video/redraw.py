"""The clip drawn again with what a person decided about it: names, merges, exclusions, hiding.

Nothing is analysed again: the faces come from the table, so the boxes are those of the first clip.
The new clip is saved in the same folder, under a name derived from the edits: where they are
changed or taken back, it is not theirs any more, and the first one is shown again.
"""

import contextlib
import csv
import itertools
import math
import time
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Final

import numpy as np

from emotion_core.datatypes import Frame, FrameResult, QualityHint
from emotion_core.errors import InputError
from emotion_core.labels import EXPRESSIONS
from emotion_core.media.background import read_ahead
from emotion_core.media.probe import probe
from emotion_core.media.read import read_frames
from emotion_core.results.annotations import Edits, edited_clip
from emotion_core.results.export import COLUMNS, edited_rows, output_error, read_faces
from emotion_core.results.paths import (
    EDITED_CLIPS,
    FACES,
    read_summary,
    remove_leftovers,
    sole_writer,
)
from emotion_core.video.analyze import Hooks, VideoProgress
from emotion_core.video.anonymise import Anonymiser
from emotion_core.video.clip import Shown, annotating, clip_writer, write_preview
from emotion_core.video.options import VideoOptions

_PLACE: Final = {name: i for i, name in enumerate(COLUMNS)}
_BOX: Final = ("x", "y", "width", "height")
_RAW: Final = tuple(f"raw_{name}" for name in EXPRESSIONS)
_PROGRESS_EVERY_S: Final = 0.25
_PREVIEW_EVERY_S: Final = 1.0


def redraw_clip(source: Path, folder: Path, edits: Edits, hooks: Hooks | None = None) -> bool:
    """Draw the clip of finished results again; an older one drawn with other edits goes.

    Args:
        source: the video that the results are of.
        folder: the results.
        edits: what is drawn: a given name instead of "#1", no excluded people, and mosaics instead
            of the faces that are hidden.
        hooks: progress and cancel.

    Returns:
        False where `hooks.stop` ended it; nothing is changed then.

    Raises:
        InputError: there is no table of faces.
        VideoError: the video cannot be read any more.
        OutputError: the clip cannot be written.
    """
    summary = read_summary(folder)
    settings, clip_facts = summary.get("settings") or {}, summary.get("clip") or {}
    options = VideoOptions(start_s=settings.get("start_s", 0.0), end_s=settings.get("end_s"))
    target = edited_clip(folder, edits)
    info = probe(source)
    origin_s = clip_facts.get("origin_s", options.start_s)
    writer = clip_writer(source, target, info, origin_s, options.end_s)
    end_s = min(options.end_s or math.inf, info.duration_s or math.inf)
    teller = _Teller(hooks or Hooks(), folder, (options.start_s, end_s), edits)
    hide = Anonymiser(read_faces(folder / FACES), edits) if edits.hides else None
    try:
        with contextlib.ExitStack() as stack:
            stack.enter_context(sole_writer(folder))
            stack.callback(remove_leftovers, folder)
            frames = read_frames(source, start_s=options.start_s, end_s=options.end_s)
            ahead = stack.enter_context(contextlib.closing(read_ahead(frames)))
            clip = stack.enter_context(annotating(writer, edits.names, hide))
            for shown in _held(ahead, _results(folder / FACES, edits)):
                clip.put(shown)
                teller.tell(*shown)
    except _StoppedError:
        return False
    for older in folder.glob(EDITED_CLIPS):
        if older != target:
            with contextlib.suppress(OSError):
                older.unlink()
    return True


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
        self._hooks.progress(VideoProgress.at(counts, frame.time_s, self._span_s, spent_s))
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
