"""The pieces of a video made one: the same files as of a video that was read in one go."""

import csv
import math
import shutil
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from emotion_core.atomic_io import replacing
from emotion_core.errors import VideoError
from emotion_core.media.probe import probe
from emotion_core.pipeline.face_selection import ONLY_PERSON
from emotion_core.pipeline.identity_joining import JoinedIdentities
from emotion_core.results.annotations import Edits
from emotion_core.results.export import COLUMNS, output_error
from emotion_core.results.paths import CLIP, FACES, PIECES, read_summary
from emotion_core.video.analyze import AnalysisRun
from emotion_core.video.clip import clip_origin_s
from emotion_core.video.drawing import Drawing
from emotion_core.video.piece_reading import DONE, PieceRead, kept_moments
from emotion_core.video.piece_seams import (
    TICKS_PER_S,
    Seam,
    find_seam,
    frames_between,
    table_rows,
)
from emotion_core.video.pieces import SHARED_S, PiecePlan
from emotion_core.video.progress import Hooks

_FRAME, _SHOT, _TRACK, _TRACKLET = (
    COLUMNS.index(name) for name in ("frame", "shot", "track_id", "tracklet")
)
_COUNTS: Final = ("frames_decoded", "frames_in_range", "frames_failed")


def join_pieces(
    plan: PiecePlan, results: Path, pieces: Sequence[PieceRead], hooks: Hooks | None = None
) -> dict[str, Any]:
    """Join the pieces of a video, and draw the clip where one is wanted.

    Where a piece was stopped, or the file breaks off in it, the results end there. The pieces are
    removed once the results are complete, and kept for the next try otherwise.

    Args:
        plan: of the video.
        results: its results folder; results of an earlier run in it are replaced.
        pieces: all that were read, the first one among them.
        hooks: progress and cancel of the drawing.

    Returns:
        The content of summary.json; `status` is "done" or "cancelled".

    Raises:
        VideoError: the first piece is missing, or the video cannot be read any more.
        InputError: the table of a piece is damaged.
        OutputError: the results cannot be written.
    """
    run = _JoinedRun(plan, results, hooks or Hooks())
    try:
        run.join(pieces)
        summary = run.finish()
    except BaseException as error:
        run.fail(error)
        raise
    finally:
        run.end()
    if summary["status"] == DONE:
        forget_pieces(results)
    return summary


def forget_pieces(results: Path) -> None:
    """Remove what is left of pieces in a results folder."""
    shutil.rmtree(results / PIECES, ignore_errors=True)


@dataclass(slots=True, eq=False)
class _Part:
    """A piece, and which of its rows are in the joined table: [first, last) in microseconds."""

    read: PieceRead
    folder: Path
    facts: dict[str, Any]
    first: float = -math.inf
    last: float = math.inf
    seam: Seam | None = None
    index_shift: int = 0
    shot_shift: int = 0

    def rows(self) -> Iterator[list[str]]:
        for tick, row in table_rows(self.folder / FACES):
            if self.first <= tick < self.last:
                yield row

    def seen(self) -> dict[int, list[int]]:
        """Tracklet → its identities, all of the piece, in order of appearance."""
        found: dict[int, dict[int, None]] = {}
        for row in self.rows():
            if row[_TRACK]:
                found.setdefault(int(row[_TRACKLET]), {})[int(row[_TRACK])] = None
        return {tracklet: list(people) for tracklet, people in found.items()}


class _JoinedRun(AnalysisRun):
    def __init__(self, plan: PiecePlan, results: Path, hooks: Hooks) -> None:
        info = probe(plan.source.path)
        super().__init__(plan.source, results, info, plan.options, dict(plan.model), hooks)
        self._plan, self._parts = plan, list[_Part]()
        self._key, self._first_s = plan.key, math.inf

    def join(self, pieces: Sequence[PieceRead]) -> None:
        self._parts = self._usable(pieces)
        if not self._parts:
            raise VideoError(f"{self._source.path.name}: its beginning was not read.")
        self._begin()
        self._count()
        for before, after in zip(self._parts, self._parts[1:], strict=False):
            self._sew(before, after)
        numbers, people = self._people()
        self._write(numbers, people)
        for part, numbers_of_part in zip(self._parts, numbers, strict=True):
            for (tracklet, name), (value, jpeg) in kept_moments(part.folder).best.items():
                if tracklet in numbers_of_part:
                    self._moments.add(numbers_of_part[tracklet], name, value, jpeg)
        if self._options.annotate and not self._stopped:
            self._draw()

    def _usable(self, pieces: Sequence[PieceRead]) -> list[_Part]:
        """The pieces from the first one on, up to one that was stopped or cut short."""
        by_number = {piece.number: piece for piece in pieces}
        parts: list[_Part] = []
        for number in range(len(self._plan.pieces)):
            if (read := by_number.get(number)) is None:
                self._stopped = True
                break
            folder = self._plan.folder(self._folder, number)
            parts.append(_Part(read, folder, read_summary(folder)))
            if read.status != DONE:
                self._stopped = True
                break
            if parts[-1].facts.get("cut_short"):
                break
        return parts

    def _count(self) -> None:
        report = self._report
        sums = {name: sum(int(p.facts.get(name) or 0) for p in self._parts) for name in _COUNTS}
        report.frames_seen, report.failed = sums["frames_decoded"], sums["frames_failed"]
        report.cut_short = any(bool(p.facts.get("cut_short")) for p in self._parts)
        failed = (
            str(p.facts["first_problem"]) for p in self._parts if p.facts.get("frames_failed")
        )
        problems = [next(failed, "")]
        if report.cut_short:
            problems.append(str(self._parts[-1].facts["first_problem"]))
        report.first_problem = "; ".join(dict.fromkeys(filter(None, problems)))
        self._read = sums["frames_in_range"]
        # What all processes spent, whenever that was.
        self._begun_s = time.monotonic() - sum(float(p.facts["spent_s"]) for p in self._parts)

    def _sew(self, before: _Part, after: _Part) -> None:
        begin = TICKS_PER_S * self._plan.pieces[after.read.number].read_from_s
        end = TICKS_PER_S * float(self._plan.pieces[before.read.number].end_s or math.inf)
        ours, theirs = (frames_between(p.folder / FACES, begin, end) for p in (before, after))
        after.seam = seam = find_seam(ours, theirs, end - TICKS_PER_S * SHARED_S, end)
        before.last = after.first = seam.tick
        after.index_shift = before.index_shift + seam.index_shift
        after.shot_shift = before.shot_shift + seam.shot_shift

    def _people(self) -> tuple[list[dict[int, int]], dict[int, int]]:
        """For each part, tracklet → its number over all; and number → identity."""
        options = self._options
        identities = JoinedIdentities(options.reidentify, ONLY_PERSON if options.one_person else 0)
        numbers: list[dict[int, int]] = []
        for part in self._parts:
            same = part.seam.same if part.seam else {}
            joined = {b: numbers[-1][a] for b, a in same.items() if a in numbers[-1]}
            numbers.append(
                identities.add(part.seen(), part.read.tracklets, joined, part.shot_shift)
            )
        people, found = identities.resolve()
        self._suggestions = [(s.person, s.other, s.likelihood) for s in found.suggestions]
        return numbers, people

    def _write(self, numbers: list[dict[int, int]], people: dict[int, int]) -> None:
        """The joined faces.csv, all or nothing."""
        path, frames, first_s = self._folder / FACES, 0, math.inf
        try:
            with (
                replacing(path) as part_file,
                part_file.open("w", encoding="utf-8", newline="") as f,
            ):
                writer, newest = csv.writer(f, lineterminator="\n"), ""
                writer.writerow(COLUMNS)
                for part, numbers_of_part in zip(self._parts, numbers, strict=True):
                    for row in part.rows():
                        frames, newest = frames + (row[_FRAME] != newest), row[_FRAME]
                        first_s, self._last_s = min(first_s, float(row[1])), float(row[1])
                        writer.writerow(_renumbered(row, part, numbers_of_part, people))
        except OSError as error:
            raise output_error(path, error) from error
        self._analysed, self._first_s = frames, first_s
        if not self._options.annotate:
            self._read = frames

    def _draw(self) -> None:
        """One clip of the whole, from the table: every process would encode a part of it only."""
        start_s, end_s = self._options.start_s, self._options.end_s
        origin_s = clip_origin_s(start_s, self._first_s if math.isfinite(self._first_s) else None)
        drawing = Drawing(self._source.path, self._folder, start_s, end_s, origin_s)
        writer = drawing.written(self._folder / CLIP, Edits(), self._hooks)
        self._stopped |= writer is None
        self._describe_clip(writer)

    def _head(self, status: str) -> dict[str, Any]:
        plan = self._plan
        pieces = {
            "asked": plan.splitting.asked,
            "count": len(plan.pieces),
            "overlap_s": round(plan.overlap_s, 2),
            "seams": [part.seam.described() for part in self._parts if part.seam is not None],
        }
        return super()._head(status) | {"pieces": pieces}


def _renumbered(
    row: list[str], part: _Part, numbers: dict[int, int], people: dict[int, int]
) -> list[str]:
    row[_FRAME] = str(int(row[_FRAME]) + part.index_shift)
    row[_SHOT] = str(int(row[_SHOT]) + part.shot_shift)
    if row[_TRACK]:
        number = numbers[int(row[_TRACKLET])]
        row[_TRACK], row[_TRACKLET] = str(people[number]), str(number)
    return row
