"""A whole run: one video after the other in this process, or several at once in others."""

import contextlib
import importlib
import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

from emotion_core.batch.capacity import default_jobs
from emotion_core.batch.cluster_options import ClusterOptions
from emotion_core.batch.folders import FolderOf
from emotion_core.batch.locations import Location
from emotion_core.batch.one_video import BatchOptions, VideoReader
from emotion_core.batch.outcomes import failure, not_begun
from emotion_core.batch.pool import Crew, Pool
from emotion_core.batch.report import Report
from emotion_core.batch.staged import StagedReader
from emotion_core.batch.workers import ProcessCrew
from emotion_core.progress import Event, Tell
from emotion_core.video.pieces import MOST_PIECES, Splitting
from emotion_core.video.progress import Hooks, VideoProgress


def jobs_for(
    inputs: Sequence[Location | Event], asked: int | None, pieces: Splitting | None = None
) -> int:
    """How many videos are read at once: as many as were asked for, but at most one each, or one
    for each of their pieces.

    Args:
        inputs: as `find_videos` gives them.
        asked: None chooses by the cores and the free memory.
        pieces: how each video is split; None: not at all.
    """
    parts = _videos(inputs) * (pieces.count if pieces else 1)
    return max(1, min(parts, default_jobs() if asked is None else asked))


def splitting_for(
    inputs: Sequence[Location | Event], jobs: int | None, asked: int | str | None
) -> Splitting | None:
    """How each video of a run is split.

    Args:
        inputs: as `find_videos` gives them.
        jobs: as asked for; None chooses by the cores and the free memory.
        asked: a number of pieces; "auto": so many that every process has work, as far as the videos
            are long enough; None: no video is split.

    Raises:
        SettingsError: the number is out of range.
    """
    if isinstance(asked, int) or asked is None:
        return None if asked is None else Splitting(asked)
    count = math.ceil((default_jobs() if jobs is None else jobs) / max(1, _videos(inputs)))
    return Splitting(min(count, MOST_PIECES), automatic=True)


def _videos(inputs: Sequence[Location | Event]) -> int:
    return sum(not isinstance(item, dict) for item in inputs)


@dataclass(frozen=True, slots=True)
class Batch:
    """One run over many videos; a failure ends one video, not the others.

    Attributes:
        options: how each is read.
        folder_of: where the results of each go.
        jobs: so many at once; 1 reads them in this process.
        tell: receives the events of `--progress json`.
        stop: asked again and again; once it is true, what was done of the current videos is
            finished properly and kept, and no other is begun.
        cluster: read on the machines of a Ray cluster instead.
    """

    options: BatchOptions
    folder_of: FolderOf
    jobs: int
    tell: Tell
    stop: Callable[[], bool]
    cluster: ClusterOptions | None = None

    def run(self, inputs: Sequence[Location | Event]) -> list[Event]:
        """Analyse each input; returns an outcome for each: file, folder, status, message.

        Raises:
            ModelError: there is no such network, or its folder is damaged.
            InputError: the detector's file is missing or damaged, or the cluster cannot be used.
        """
        # Also where others read: a missing model ends the run before the first video.
        reader = VideoReader(self.options)
        report = Report(inputs, self.tell)
        report.begin()
        if self.cluster is None and self.jobs <= 1:
            with contextlib.closing(StagedReader(reader)) as staged:
                self._read_here(staged, report)
        else:
            parts = self.options.pieces.count if self.options.pieces else 1
            with self._crew() as crew:
                Pool(crew, self.folder_of, report, parts).run(self.stop)
        return report.end()

    def _crew(self) -> contextlib.AbstractContextManager[Crew]:
        if self.cluster is None:
            return contextlib.nullcontext(ProcessCrew(self.options, self.jobs))
        # Ray is only imported where a run asks for it.
        module = importlib.import_module("emotion_core.batch.cluster")
        made: contextlib.AbstractContextManager[Crew] = module.cluster_crew(
            self.options, self.cluster, self.stop
        )
        return made

    def _read_here(self, reader: StagedReader, report: Report) -> None:
        taken: set[Location] = set()
        for number, item in enumerate(report.inputs):
            if isinstance(item, dict):
                outcome = item
            elif self.stop():
                outcome = not_begun(item)
            else:
                report.file_start(number)
                outcome = self._one(reader, report, number, item, taken)
            report.file_end(number, outcome)

    def _one(
        self,
        reader: StagedReader,
        report: Report,
        number: int,
        video: Location,
        taken: set[Location],
    ) -> Event:
        folder: Location = Path()

        def progress(now: VideoProgress) -> None:
            report.progress(number, folder, now)

        try:
            source = reader.examine(video)
            folder = self.folder_of(source, taken)
            taken.add(folder)
            return reader.analyse(source, folder, Hooks(progress, self.stop))
        except Exception as error:
            # One video must not take the others with it.
            return failure(video, error)
