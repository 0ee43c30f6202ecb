"""One piece of a video read into a folder of its own. The same in every process and on every
machine that sees the video and the folder.

The folder holds the table of the piece with the frames that its neighbours read too, the pictures
of its people, and what happened. What its people look like is handed over in memory: nothing of it
is ever written.
"""

import contextlib
import time
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Final

from emotion_core.datatypes import Frame, FrameResult
from emotion_core.errors import VideoError
from emotion_core.media.probe import probe
from emotion_core.media.read import FrameSelector
from emotion_core.model.adaptation import Adaptation
from emotion_core.pipeline.classification import ExpressionClassifier
from emotion_core.pipeline.pipeline import Pipeline
from emotion_core.pipeline.tracklets import Tracklet
from emotion_core.results.export import output_error
from emotion_core.results.faces_writer import FacesWriter
from emotion_core.results.paths import FACES, MOMENTS, SUMMARY, read_summary
from emotion_core.results.summary import write_summary
from emotion_core.results.thumbnails import MomentKeeper, moment_name
from emotion_core.video.analyze import AnalysisRun, pipeline_settings
from emotion_core.video.piece_descriptors import described_again
from emotion_core.video.pieces import SHARED_S, PiecePlan
from emotion_core.video.progress import Hooks
from emotion_core.vision.detection import FaceDetector

DONE: Final = "done"


@dataclass(frozen=True, slots=True, eq=False)
class PieceRead:
    """A piece whose table is in its folder.

    Attributes:
        number: of the piece.
        status: "done", or "cancelled" where the reading was stopped: the rows end early.
        tracklets: what is remembered of its people, in the order of appearance.
    """

    number: int
    status: str
    tracklets: tuple[Tracklet, ...]


def read_piece(
    plan: PiecePlan,
    number: int,
    results: Path,
    classifier: ExpressionClassifier,
    hooks: Hooks | None = None,
    detector: FaceDetector | None = None,
    adaptation: Adaptation | None = None,
) -> PieceRead:
    """Read one piece of a video; one that is finished is not read again.

    Args:
        plan: of the video.
        number: of the piece.
        results: the results folder of the video; the piece is kept below it until all are joined.
        classifier: the network that `plan.model` describes.
        hooks: progress and cancel; no preview is written.
        detector: finds the faces; None takes the Haar cascades. It is reset first.
        adaptation: corrects the network's answers; `plan.model` names it.

    Raises:
        VideoError: the video cannot be read.
        InputError: the table of a finished piece is damaged.
        OutputError: the folder cannot be written, or another process reads this piece.
    """
    folder, hooks = plan.folder(results, number), hooks or Hooks()
    if is_read(plan, number, results):
        return PieceRead(number, DONE, described_again(plan, number, folder))
    if detector is not None:
        detector.reset()
    run = _PieceRun(plan, number, folder, replace(hooks, preview=False))
    try:
        pipeline = Pipeline(classifier, run.settings, detector, adaptation)
        with run.damage_is_kept():
            run.read(pipeline)
        return PieceRead(number, run.save(), _bare(pipeline.tracklets))
    except BaseException as error:
        run.fail(error)
        raise
    finally:
        run.end()


def is_read(plan: PiecePlan, number: int, results: Path) -> bool:
    """Whether a folder holds the finished table of this very piece."""
    folder = plan.folder(results, number)
    kept = read_summary(folder)
    same = kept.get("status") == DONE and kept.get("key") == plan.piece_key(number)
    return same and (folder / FACES).is_file()


def _bare(tracklets: tuple[Tracklet, ...]) -> tuple[Tracklet, ...]:
    return tuple(replace(tracklet, strange=None) for tracklet in tracklets)


class _PieceRun(AnalysisRun):
    """Reads a piece; counts only what no other piece counts."""

    def __init__(self, plan: PiecePlan, number: int, folder: Path, hooks: Hooks) -> None:
        piece, info = plan.pieces[number], probe(plan.source.path)
        options = replace(
            plan.options, start_s=piece.read_from_s, end_s=piece.end_s, annotate=False
        )
        super().__init__(plan.source, folder, info, options, dict(plan.model), hooks)
        self._key = plan.piece_key(number)
        self._piece, self._own, self._first_key = piece, 0, piece.begin
        self._follows_s = piece.end_s if number + 1 < len(plan.pieces) else None
        # Decoded and failed before the own part.
        self._before: tuple[int, int] | None = None if number else (0, 0)
        # Of the whole video: the length of a piece says nothing.
        self.settings = pipeline_settings(info, plan.options)

    def _begin(self) -> None:
        try:
            # What is left of another reading is replaced; a summary would say otherwise.
            (self._folder / SUMMARY).unlink(missing_ok=True)
        except OSError as error:
            raise output_error(self._folder, error) from error
        super()._begin()

    def _selector(self) -> FrameSelector:
        options, piece = self._options, self._piece
        return FrameSelector(options.every, options.rate, piece.passed, piece.next_s)

    def _frames(self, selector: FrameSelector | None) -> Iterator[Frame]:
        with contextlib.closing(super()._frames(selector)) as frames:  # type: ignore[type-var]
            for frame in frames:
                self._note()
                yield frame

    def _left_out(self) -> bool:
        self._note()
        return super()._left_out()

    def _note(self) -> None:
        """In the reading thread, at every decoded frame of the range."""
        report = self._report
        if self._before is None and report.newest_s >= self._piece.own_from_s:
            self._before = (report.frames_seen - 1, report.failed)
        self._own += report.newest_s >= max(self._piece.own_from_s, self._options.start_s)

    def _keep_moments(self, frame: Frame, held: FrameResult) -> None:
        # Rows before the shared frames are never in the joined table.
        if frame.time_s >= self._piece.own_from_s - SHARED_S:
            super()._keep_moments(frame, held)

    @contextlib.contextmanager
    def damage_is_kept(self) -> Iterator[None]:
        """A piece of which no frame can be decoded is an empty piece, not the end of the video."""
        try:
            yield
        except VideoError:
            if self._began or not (self._piece.number and self._report.failed):
                raise
            self._begin()
            with FacesWriter(self._folder / FACES):
                pass

    def save(self) -> str:
        """Keep the pictures and the counts; returns the status."""
        self._moments.save(self._folder / MOMENTS)
        report = self._report
        # One that was never reached: everything that failed came before the own part, or in it.
        decoded, failed = self._before or (report.frames_seen, 0)
        # The frame that ends a piece is the next one's.
        beyond = self._follows_s is not None and report.newest_s >= self._follows_s
        status = "cancelled" if self._stopped else DONE
        write_summary(
            self._folder,
            {
                "status": status,
                "key": self._key,
                "frames_decoded": report.frames_seen - decoded - beyond,
                "frames_in_range": self._own,
                "frames_failed": report.failed - failed,
                "first_problem": report.first_problem,
                "cut_short": report.cut_short,
                "spent_s": time.monotonic() - self._begun_s,
                "moments": [
                    [t, name, value] for (t, name), (value, _) in self._moments.best.items()
                ],
            },
        )
        self._hooks.progress(self._progress())
        return status


def kept_moments(folder: Path) -> MomentKeeper:
    """The pictures that were kept of a piece, as many as can be read."""
    kept = MomentKeeper()
    for tracklet, name, value in read_summary(folder).get("moments") or []:
        with contextlib.suppress(OSError):
            jpeg = (folder / MOMENTS / moment_name(tracklet, name)).read_bytes()
            kept.add(tracklet, name, value, jpeg)
    return kept
