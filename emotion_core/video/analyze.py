"""A whole video to a table, a summary and a clip: decoded, read and encoded frame by frame."""

import contextlib
import hashlib
import itertools
import json
import math
import threading
import time
from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any, Final

from emotion_core.config import PipelineSettings, TrackingSettings
from emotion_core.datatypes import Frame, FrameResult
from emotion_core.errors import EmotionCoreError, OutputError, VideoError
from emotion_core.media.background import WriteBehind, import_aside, read_ahead
from emotion_core.media.probe import VideoInfo, probe
from emotion_core.media.read import FrameSelector, KeyFrame, ReadReport, read_frames
from emotion_core.media.write import VideoWriter
from emotion_core.model.adaptation import Adaptation
from emotion_core.pipeline.classification import ExpressionClassifier
from emotion_core.pipeline.identity_resolution import Resolution
from emotion_core.pipeline.pipeline import Pipeline
from emotion_core.results.annotations import Edits
from emotion_core.results.edits_file import change_edits, load_edits
from emotion_core.results.export import output_error, read_faces
from emotion_core.results.faces_writer import FacesWriter
from emotion_core.results.identities import described_identities, set_identities
from emotion_core.results.paths import (
    CLIP,
    EDITED_CLIPS,
    FACES,
    MOMENTS,
    is_complete,
    read_summary,
    remove_leftovers,
    sole_writer,
)
from emotion_core.results.summary import package_versions, summarise, write_summary
from emotion_core.results.thumbnails import MomentKeeper
from emotion_core.video.clip import (
    Shown,
    annotating,
    clip_origin_s,
    clip_writer,
    write_preview,
)
from emotion_core.video.drawing import Drawing
from emotion_core.video.options import VideoOptions, feasible
from emotion_core.video.progress import Hooks, VideoProgress
from emotion_core.vision.detection import FaceDetector

# Raised when the rows or the way they are made change: older results are then recomputed.
RESULTS_VERSION: Final = 2
_PROGRESS_EVERY_S: Final = 0.25
_PREVIEW_EVERY_S: Final = 1.0


@dataclass(frozen=True, slots=True)
class Source:
    """A video with the hash of its bytes (SHA-256, hexadecimal)."""

    path: Path
    sha256: str


def result_key(
    sha256: str, options: VideoOptions, model: Mapping[str, Any], pieces: int = 1
) -> str:
    """The same bytes, settings, model and number of pieces give the same key: 64 hexadecimal
    digits."""
    parts = [RESULTS_VERSION, sha256, asdict(options), model.get("sha256", "")]
    if adaptation := model.get("adaptation"):
        parts.append(adaptation["fingerprint"])
    if detector := model.get("detector_sha256"):
        parts.append(detector)
    if pieces > 1:
        parts.append({"pieces": pieces})
    return hashlib.sha256(json.dumps(parts, sort_keys=True).encode()).hexdigest()


def is_finished(folder: Path, key: str) -> bool:
    """Whether a folder holds the complete results of this very analysis."""
    return is_complete(read_summary(folder), key, lambda name: (folder / name).is_file())


def analyse_video(
    source: Source,
    folder: Path,
    classifier: ExpressionClassifier,
    options: VideoOptions | None = None,
    model: Mapping[str, Any] | None = None,
    hooks: Hooks | None = None,
    detector: FaceDetector | None = None,
    adaptation: Adaptation | None = None,
) -> dict[str, Any]:
    """Read a video into `folder`: faces.csv, summary.json, annotated.mp4 and thumbnails.

    Memory does not grow with the video's length, but for one small picture of each person and
    expression. When `hooks.stop` says so, what is done is finished properly and kept.

    Args:
        source: the video.
        folder: made where it is missing; results of an earlier run in it are replaced.
        classifier: the network, loaded once for all videos.
        options: what to read and make; without an encoder no clip is made (see `feasible`).
        model: of the network, kept in the summary (`described_network`).
        hooks: progress and cancel.
        detector: finds the faces; None takes the Haar cascades.
        adaptation: corrects the network's answers; `model` names it.

    Returns:
        The content of summary.json; `status` is "done" or "cancelled".

    Raises:
        VideoError: nothing could be read; the message names the file. Where the file cannot even
            be opened, no folder is made.
        OutputError: the disk is full or cannot be written; the rows written so far are kept.
    """
    options, hooks = feasible(options or VideoOptions()), hooks or Hooks()
    info = probe(source.path)
    _check_range(info, options)
    run = AnalysisRun(source, folder, info, options, dict(model or {}), hooks)
    # The summary needs it: half a second that a short video would wait for at its end.
    import_aside("pandas")
    try:
        pipeline = Pipeline(classifier, pipeline_settings(info, options), detector, adaptation)
        run.read(pipeline)
        run.resolve(pipeline.resolve_identities())
        return run.finish()
    except BaseException as error:
        run.fail(error)
        raise
    finally:
        run.end()


def _check_range(info: VideoInfo, options: VideoOptions) -> None:
    if info.end_s is not None and options.start_s >= info.end_s:
        raise VideoError(
            f"{info.path.name} ends at {info.end_s:.1f} s: a range that starts at "
            f"{options.start_s:g} s holds no frame of it."
        )


def analysed_step_s(info: VideoInfo, options: VideoOptions) -> float:
    """Seconds between two analysed frames, as far as the file's head says it."""
    return 1 / options.rate if options.rate else options.every / info.fps


def pipeline_settings(info: VideoInfo, options: VideoOptions) -> PipelineSettings:
    """Identities must hold, and faces be announced, also where frames lie far apart."""
    usual = TrackingSettings()
    step_s = analysed_step_s(info, options)
    few = info.frames is not None and info.frames < 2 * usual.confirm_hits * options.every
    hits = 1 if few or step_s > 0.3 else usual.confirm_hits
    gap_s = min(60.0, max(usual.max_gap_s, 2.5 * step_s))
    return PipelineSettings(
        tracking=replace(usual, confirm_hits=hits, max_gap_s=gap_s, reidentify=options.reidentify),
        largest_face_only=options.largest_face,
        one_person=options.one_person,
        speaking_smoothing=options.speaking_smoothing,
    )


class AnalysisRun:
    """One analysis of one video; keeps the counts, writes the files."""

    def __init__(
        self,
        source: Source,
        folder: Path,
        info: VideoInfo,
        options: VideoOptions,
        model: dict[str, Any],
        hooks: Hooks,
    ) -> None:
        self._source, self._folder, self._info = source, folder, info
        self._options, self._model, self._hooks = options, model, hooks
        self._report, self._moments = ReadReport(), MomentKeeper()
        # Asked now: the file may be gone when the summary is written.
        self._bytes = source.path.stat().st_size
        self._begun_s = time.monotonic()
        self._told_s = self._previewed_s = -math.inf
        self._read = self._analysed = 0
        self._stopped = False
        self._telling = threading.Lock()
        self._clip: dict[str, Any] | None = None
        self._suggestions: list[tuple[int, int, float]] = []
        self._last_s = options.start_s
        self._key = result_key(source.sha256, options, self._model)
        self._began = False
        self._first_key: KeyFrame | None = None
        self._alone = contextlib.ExitStack()

    def _begin(self) -> None:
        """Make the folder and say whose it is: a killed run is recognised by its status.

        Called with the first frame: what a run that finds none would replace may be finished.
        """
        try:
            self._folder.mkdir(parents=True, exist_ok=True)
            self._alone.enter_context(sole_writer(self._folder))
            remove_leftovers(self._folder)
            for clip in [self._folder / CLIP, *self._folder.glob(EDITED_CLIPS)]:
                clip.unlink(missing_ok=True)
        except OSError as error:
            raise output_error(self._folder, error) from error
        if read_summary(self._folder).get("key", self._key) != self._key:
            # Read otherwise, people have other numbers: a name, or an exclusion, must not pass to
            # another person. Markers are times, and stay.
            change_edits(self._folder, lambda edits: Edits(markers=edits.markers))
        self._began = True
        write_summary(self._folder, self._head("running"))

    def read(self, pipeline: Pipeline) -> None:
        """Decode, analyse and encode every frame of the range, each in a thread of its own."""
        selector = self._selector()
        with contextlib.ExitStack() as stack:
            frames = self._frames(None if self._options.annotate else selector)
            ahead = stack.enter_context(contextlib.closing(read_ahead(frames)))
            first = next(ahead, None)
            if first is None and not self._report.stopped:
                raise VideoError(
                    f"{self._source.path.name}: the range holds no frame of this video."
                )
            self._begin()
            writer = self._clip_writer(first) if self._options.annotate else None
            faces = stack.enter_context(FacesWriter(self._folder / FACES))
            clip = stack.enter_context(annotating(writer)) if writer else None
            found = itertools.chain([] if first is None else [first], ahead)
            self._read_all(found, pipeline, selector, faces, clip)
        self._stopped |= self._report.stopped
        self._describe_clip(writer)

    def _describe_clip(self, writer: VideoWriter | None) -> None:
        """For the summary; there is a clip where anything was written."""
        if writer is not None and writer.frames:
            self._clip = {
                "file": CLIP,
                "origin_s": writer.origin_s,
                "frames": writer.frames,
                "sound_problem": writer.sound_problem,
            }

    def _read_all(
        self,
        frames: Iterator[Frame],
        pipeline: Pipeline,
        selector: FrameSelector,
        faces: FacesWriter,
        clip: WriteBehind[Shown] | None,
    ) -> None:
        held: FrameResult | None = None
        for position, frame in enumerate(frames):
            if clip is None or selector.takes(position, frame.time_s):
                held = pipeline.process(frame)
                faces.write(held)
                self._keep_moments(frame, held)
                self._analysed += 1
            self._read, self._last_s = position + 1, frame.time_s
            if held is not None:
                if clip is not None:
                    clip.put((frame, held))
                self._tell(frame, held, faces)
            if self._hooks.stop():
                self._stopped = True
                break

    def _selector(self) -> FrameSelector:
        return FrameSelector(self._options.every, self._options.rate)

    def _keep_moments(self, frame: Frame, held: FrameResult) -> None:
        self._moments.update(frame.image, held)

    def resolve(self, found: Resolution) -> None:
        """Write the identities that are known at the end, and draw the clip again with them."""
        self._suggestions = [(s.person, s.other, s.likelihood) for s in found.suggestions]
        if not set_identities(self._folder / FACES, found.people) or self._clip is None:
            return
        start_s, end_s = self._options.start_s, self._options.end_s
        drawing = Drawing(self._source.path, self._folder, start_s, end_s, self._clip["origin_s"])
        try:
            if not drawing.draw(self._folder / CLIP, Edits(), self._hooks):
                self._stopped = True
                self._clip |= {"identities_problem": "The analysis was stopped."}
        except (VideoError, OutputError) as error:
            # The readings are complete, and so is the clip, with the identities of before.
            self._clip |= {"identities_problem": str(error)}

    def finish(self) -> dict[str, Any]:
        """Save thumbnails and the final summary."""
        self._moments.save(self._folder / MOMENTS)
        table = read_faces(self._folder / FACES)
        body = summarise(table, load_edits(self._folder))
        identities = {"identities": described_identities(table, self._suggestions)}
        summary = self._head("cancelled" if self._stopped else "done") | identities | body
        write_summary(self._folder, summary)
        self._hooks.progress(self._progress())
        return summary

    def fail(self, error: BaseException) -> None:
        """Record the failure next to the rows written so far, as far as the disk allows."""
        if not self._began:
            return
        message = str(error) if isinstance(error, EmotionCoreError) else repr(error)
        with contextlib.suppress(EmotionCoreError):
            write_summary(self._folder, self._head("failed") | {"message": message})

    def end(self) -> None:
        """Leave the folder clean, and to others."""
        if self._began:
            remove_leftovers(self._folder)
        self._alone.close()

    def _frames(self, selector: FrameSelector | None) -> Iterator[Frame]:
        return read_frames(
            self._source.path,
            start_s=self._options.start_s,
            end_s=self._options.end_s,
            selector=selector,
            report=self._report,
            stop=self._left_out,
            begin=self._first_key,
        )

    def _clip_writer(self, first: Frame | None) -> VideoWriter:
        start_s = clip_origin_s(self._options.start_s, first.time_s if first else None)
        target, end_s = self._folder / CLIP, self._options.end_s
        return clip_writer(self._source.path, target, self._info, start_s, end_s)

    def _tell(self, frame: Frame, held: FrameResult, faces: FacesWriter) -> None:
        if not self._told():
            return
        faces.flush()
        now = time.monotonic()
        if self._hooks.preview and now - self._previewed_s >= _PREVIEW_EVERY_S:
            self._previewed_s = now
            write_preview(self._folder, frame, held)

    def _left_out(self) -> bool:
        """At a frame that is not analysed, in the reading thread: many may follow one another."""
        self._told()
        return self._hooks.stop()

    def _told(self) -> bool:
        """Tell how far it is, if that was not told just before."""
        with self._telling:
            now = time.monotonic()
            if now - self._told_s < _PROGRESS_EVERY_S:
                return False
            self._told_s = now
            self._hooks.progress(self._progress())
            return True

    def _progress(self) -> VideoProgress:
        span_s = self._info.span_s(self._options.start_s, self._options.end_s)
        reached_s = max(self._last_s, self._report.newest_s)
        return VideoProgress.at(
            (self._read, self._analysed),
            reached_s,
            span_s,
            time.monotonic() - self._begun_s,
        )

    def _head(self, status: str) -> dict[str, Any]:
        info, report = self._info, self._report
        spent = time.monotonic() - self._begun_s
        covered = max(0.0, self._last_s - max(self._options.start_s, info.start_s))
        return {
            "status": status,
            "key": self._key,
            "source": {
                "name": self._source.path.name,
                "sha256": self._source.sha256,
                "bytes": self._bytes,
                "codec": info.codec,
                "width": info.width,
                "height": info.height,
                "fps": round(info.fps, 3),
                "duration_s": info.duration_s,
                "has_audio": info.has_audio,
                "created_utc": info.created_utc or None,
            },
            "settings": asdict(self._options),
            "model": self._model,
            "versions": package_versions(),
            # With what was decoded only to be left out.
            "frames_decoded": report.frames_seen,
            "frames_read": self._read,
            "frames_failed": report.failed,
            "cut_short": report.cut_short,
            "first_problem": report.first_problem,
            "clip": self._clip,
            "spent_s": round(spent, 2),
            "times_real_time": round(covered / spent, 2) if spent > 0 else None,
        }
