"""One video of a run: examined, then analysed into its folder. The same in every process."""

import dataclasses
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from emotion_core.batch.locations import Location
from emotion_core.batch.outcomes import CANCELLED, DONE, SKIPPED, analysed
from emotion_core.errors import InputError
from emotion_core.media.probe import probe
from emotion_core.model.adaptation import Adaptation
from emotion_core.model.bundle import DEFAULT
from emotion_core.model.classify import load_classifier
from emotion_core.pipeline.classification import ExpressionClassifier
from emotion_core.progress import Event
from emotion_core.results.annotations import Hide, edited_clip
from emotion_core.results.edits_file import change_edits, load_edits
from emotion_core.results.paths import CLIP, file_hash, read_summary
from emotion_core.video.analyze import Source, analyse_video, is_finished, result_key
from emotion_core.video.options import VideoOptions, described_network, feasible
from emotion_core.video.piece_joining import forget_pieces, join_pieces
from emotion_core.video.piece_progress import PiecesProgress
from emotion_core.video.piece_reading import PieceRead, read_piece
from emotion_core.video.pieces import PiecePlan, Splitting, plan_pieces
from emotion_core.video.progress import Hooks, VideoProgress
from emotion_core.video.redraw import redraw_clip
from emotion_core.vision.yunet import YuNetDetector


@dataclass(frozen=True, slots=True)
class BatchOptions:
    """How every video of a run is read. Can be pickled: each process loads its own network.

    Attributes:
        video: what to read and make.
        exceptions: the same of single videos, by path.
        model, models_dir: the network, as `load_classifier` takes it.
        adaptation: corrects its answers.
        detector_model: YuNet's file; None takes the Haar cascades.
        force: analyse finished videos again.
        preview: keep the newest frame as preview.jpg meanwhile.
        redraw: draw the clips of finished results again instead of analysing.
        hide: with `redraw`, whose faces are hidden; None leaves that as edits.json has it.
        pieces: how each video is split into pieces that can be read at the same time; None reads
            it in one go.
    """

    video: VideoOptions = field(default_factory=VideoOptions)
    exceptions: Mapping[Path, VideoOptions] = field(default_factory=dict)
    model: str = DEFAULT
    models_dir: Path | None = None
    adaptation: Adaptation | None = None
    detector_model: Path | None = None
    force: bool = False
    preview: bool = False
    redraw: bool = False
    hide: Hide | None = None
    pieces: Splitting | None = None


class VideoReader:
    """Reads one video after the other with the same options; loads the network once.

    Raises:
        ModelError: there is no such network, or its folder is damaged.
        InputError: the detector's file is missing or damaged.
    """

    def __init__(self, options: BatchOptions) -> None:
        self._options = options
        self._classifier: ExpressionClassifier | None = None
        self._model: dict[str, Any] = {}
        if not options.redraw:
            self._load()

    def _load(self) -> None:
        options = self._options
        classifier = load_classifier(options.model, options.models_dir)
        self._classifier = classifier
        self._model = described_network(classifier.bundle, options.adaptation)
        if file := options.detector_model:
            YuNetDetector(file)
            self._model |= {"detector": "YuNetDetector", "detector_sha256": file_hash(file)}

    def examine(self, path: Path) -> Source:
        """Open a video and hash its bytes, which its folder's name may depend on.

        Raises:
            VideoError: it cannot be read as a video.
            OSError: it cannot be read to its end.
        """
        probe(path)
        return Source(path, file_hash(path))

    @property
    def force(self) -> bool:
        """Whether finished videos are analysed again."""
        return self._options.force

    def key_of(self, video: Location, sha256: str) -> str:
        """What tells the results of a video from those of other bytes, settings or networks."""
        return result_key(sha256, self._wanted(video), self._model)

    def _wanted(self, video: Location) -> VideoOptions:
        if isinstance(video, Path):
            return self._options.exceptions.get(video, self._options.video)
        return self._options.video

    def analyse(self, source: Source, folder: Path, hooks: Hooks) -> Event:
        """Analyse an examined video, or draw its clip again; finished results are reused.

        Args:
            source: the video.
            folder: of its results; used by nothing else meanwhile.
            hooks: progress and cancel; whether previews are kept is the options' choice.

        Returns:
            The outcome.

        Raises:
            EmotionCoreError: it could not be read, or its results not be written.
        """
        begun = self.begin(source, folder)
        if isinstance(begun, dict):
            return begun
        return self.read(source, folder, hooks, begun)

    def begin(self, source: Source, folder: Path) -> PiecePlan | Event | None:
        """What is to be done with an examined video.

        Returns:
            The outcome, where it is finished; else how it is split, where pieces are wanted.

        Raises:
            VideoError: it cannot be opened as a video.
        """
        options = self._options
        if options.redraw:
            return None
        wanted, splitting = self._wanted(source.path), options.pieces
        plan, count = None, 1
        if splitting is not None and splitting.automatic:
            count = (read_summary(folder).get("pieces") or {}).get("count") or 1
        elif splitting is not None:
            plan = plan_pieces(source, feasible(wanted), self._model, splitting)
            count = len(plan.pieces)
        key = result_key(source.sha256, wanted, self._model, count)
        if is_finished(folder, key) and not options.force:
            return analysed(source.path, folder, SKIPPED, read_summary(folder))
        if splitting is not None and plan is None:
            plan = plan_pieces(source, feasible(wanted), self._model, splitting)
        return plan

    def read(
        self, source: Source, folder: Path, hooks: Hooks, plan: PiecePlan | None = None
    ) -> Event:
        """Analyse a video that is not finished, one piece after the other where it is split.

        Arguments, result and errors are those of `analyse`; `plan` is what `begin` gave.
        """
        options = self._options
        hooks = dataclasses.replace(hooks, preview=options.preview)
        if options.redraw:
            return self._redraw(source, folder, hooks)
        if plan is not None and len(plan.pieces) > 1:
            return self._read_pieces(plan, folder, hooks)
        assert self._classifier is not None
        summary = analyse_video(
            source,
            folder,
            self._classifier,
            self._wanted(source.path),
            self._model,
            hooks,
            detector=self._detector(),
            adaptation=options.adaptation,
        )
        forget_pieces(folder)
        outcome = analysed(source.path, folder, summary["status"], summary)
        if plan is not None and plan.splitting.count > 1 and not plan.splitting.automatic:
            why = f"read in one go: {plan.whole_because}"
            outcome["message"] = f"{outcome['message']} {why}".strip()
        return outcome

    def read_piece(self, plan: PiecePlan, number: int, folder: Path, hooks: Hooks) -> PieceRead:
        """Read one piece of a video, whose results folder is `folder`; see `read_piece`."""
        assert self._classifier is not None
        detector, adaptation = self._detector(), self._options.adaptation
        return read_piece(plan, number, folder, self._classifier, hooks, detector, adaptation)

    def _read_pieces(self, plan: PiecePlan, folder: Path, hooks: Hooks) -> Event:
        pieces: list[PieceRead] = []
        video = PiecesProgress(plan)

        def tell(now: VideoProgress) -> None:
            hooks.progress(video.update(len(pieces), now))

        for number in range(len(plan.pieces)):
            read = self.read_piece(plan, number, folder, dataclasses.replace(hooks, progress=tell))
            pieces.append(read)
            video.finished(number)
            if read.status != DONE:
                break
        return joined(plan, folder, pieces, hooks)

    def _detector(self) -> YuNetDetector | None:
        file = self._options.detector_model
        return YuNetDetector(file) if file else None

    def _redraw(self, source: Source, folder: Path, hooks: Hooks) -> Event:
        path, summary, force = source.path, read_summary(folder), self._options.force
        same = (summary.get("source") or {}).get("sha256") == source.sha256
        if not same or summary.get("status") != "done" or not (folder / CLIP).is_file():
            raise InputError(
                f"{path.name} is not drawn again: {folder} holds no finished results of it with a "
                "clip. Analyse it first."
            )
        edits = load_edits(folder)
        if wanted := self._options.hide:
            edits = change_edits(folder, lambda now: dataclasses.replace(now, hide=wanted))
        status, message = SKIPPED, "edits.json names, merges, leaves out and hides nobody"
        if edits.people_changed and edited_clip(folder, edits).is_file() and not force:
            message = "drawn before with the same edits.json; --force draws it again"
        elif edits.people_changed:
            status, message = DONE, ""
            if not redraw_clip(path, folder, edits, hooks):
                status, message = CANCELLED, "stopped; nothing is changed"
        outcome = {"file": str(path), "status": status, "message": message, "problem": ""}
        return outcome | {"folder": str(folder), "summary": summary}


def joined(plan: PiecePlan, folder: Path, pieces: Sequence[PieceRead], hooks: Hooks) -> Event:
    """Join the pieces of a video; the outcome. Needs no network; errors as `join_pieces`."""
    summary = join_pieces(plan, folder, pieces, hooks)
    return analysed(plan.source.path, folder, summary["status"], summary)
