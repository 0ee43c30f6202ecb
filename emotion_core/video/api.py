"""Whole videos and kept results as objects: what `emotion_core.analyze_video` returns."""

import io
import tempfile
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, Unpack

from emotion_core.media.probe import probe
from emotion_core.model.adaptation import Adaptation
from emotion_core.model.classify import Classifier, load_classifier
from emotion_core.pipeline.classification import ExpressionClassifier
from emotion_core.results.annotations import Edits, Marker
from emotion_core.results.edits_file import load_edits
from emotion_core.results.export import faces_csv, read_faces
from emotion_core.results.paths import FACES, file_hash, read_summary
from emotion_core.results.streams import PieceReader
from emotion_core.results.summary import summarise
from emotion_core.video.analyze import Source, analyse_video, is_finished, result_key
from emotion_core.video.options import VideoKeywords, VideoOptions, described_network, feasible
from emotion_core.video.progress import Hooks, VideoProgress
from emotion_core.vision.detection import FaceDetector

if TYPE_CHECKING:
    import pandas as pd

_TYPES: Final = {
    "frame": "int64",
    "track_id": "Int64",
    "emotion": "string",
    "name": "string",
    "quality": "string",
    "predicted": "boolean",
    "unsure": "boolean",
    "speaking": "boolean",
}


@dataclass(frozen=True, slots=True, eq=False)
class VideoResult:
    """The results of one video or live recording, with the user's edits applied.

    Attributes:
        faces: faces.csv as a DataFrame: one row per face and analysed frame, and one row with
            missing values for an analysed frame without a face. Probabilities are float64 in
            [0, 1], `track_id` is Int64, `predicted`, `unsure` and `speaking` are boolean.
        summary: summary.json with the people as edited: source, settings, model, and for each
            person shares, runs, transitions and key moments.
        markers: labelled times, sorted by start.
        folder: where the files are; None where none were kept.

    Examples:
        >>> from emotion_core import analyze_video, sample_video
        >>> result = analyze_video(sample_video("clip.mp4", seconds=2.0, fps=20.0))
        >>> [(person["track_id"], person["dominant"]) for person in result.people]
        [(1, 'happy')]
        >>> result.faces.groupby("track_id")["happy"].mean().gt(0.9).all()
        np.True_
    """

    faces: "pd.DataFrame"
    summary: Mapping[str, Any]
    markers: tuple[Marker, ...]
    folder: Path | None

    @property
    def people(self) -> list[dict[str, Any]]:
        """One dictionary for each person, in the order of their first appearance."""
        return list(self.summary["people"])


def load_results(folder: str | Path) -> VideoResult:
    """Open a results folder of the command line, the pages or `analyze_video`, of any version.

    Args:
        folder: holds faces.csv; summary.json and edits.json are read where they exist.

    Raises:
        InputError: there is no readable table of faces, or edits.json cannot be read.

    Examples:
        >>> from emotion_core import analyze_video, load_results, sample_video
        >>> clip = sample_video("clip.mp4", seconds=1.0, fps=10.0)
        >>> _ = analyze_video(clip, folder="results")
        >>> load_results("results").summary["status"]
        'done'
    """
    folder = Path(folder)
    edits = load_edits(folder)
    summary = read_summary(folder) | summarise(read_faces(folder / FACES), edits)
    return VideoResult(_faces(folder / FACES, edits), summary, edits.markers, folder)


def _faces(path: Path, edits: Edits) -> "pd.DataFrame":
    import pandas as pd

    # Only an empty cell is missing: a person may be called NA.
    return pd.read_csv(
        io.BufferedReader(PieceReader(faces_csv(path, edits))),
        dtype=_TYPES,
        keep_default_na=False,
        na_values=[""],
    )


def analyze_video(
    path: str | Path,
    folder: str | Path | None = None,
    *,
    model: str = "default",
    models_dir: Path | None = None,
    classifier: ExpressionClassifier | None = None,
    detector: FaceDetector | None = None,
    adaptation: Adaptation | None = None,
    progress: Callable[[VideoProgress], None] | None = None,
    **options: Unpack[VideoKeywords],
) -> VideoResult:
    """Read the expressions of every face in a video.

    Args:
        path: any container and codec that FFmpeg reads.
        folder: keeps faces.csv, summary.json, thumbnails and, with `annotate`, annotated.mp4. A
            folder that already holds the finished results of the same bytes, settings and model is
            opened instead of computed again. None keeps no file.
        model: name of a model folder; ignored if `classifier` is given.
        models_dir: folder of model folders; None takes the installation's.
        classifier: your own classifier, shared between calls if you like.
        detector: your own face detector; it is reset first.
        adaptation: corrects the network's answers (`load_adaptation`).
        progress: called a few times per second, from the analysing or the reading thread.
        options: `every`, `rate`, `start_s`, `end_s`, `annotate`, `largest_face`, `one_person`,
            `reidentify` and `speaking_smoothing`: see `VideoKeywords`.

    Raises:
        VideoError: the file cannot be read as a video, or the range holds no frame.
        SettingsError: an option is out of range.
        ModelError: there is no such model, or its folder is damaged.
        OutputError: the results cannot be written.

    Examples:
        >>> from emotion_core import analyze_video, sample_video
        >>> clip = sample_video("clip.mp4", seconds=2.0, fps=10.0)
        >>> result = analyze_video(clip, rate=5, end_s=1.0)
        >>> len(result.faces), result.summary["status"]
        (5, 'done')
    """
    chosen = feasible(VideoOptions(**VideoKeywords(annotate=False) | options))
    if detector is not None:
        detector.reset()
    parts = _parts(classifier, detector, model, models_dir)
    if adaptation is not None:
        parts[2]["adaptation"] = adaptation.described()
    return _Job(Path(path), chosen, *parts, adaptation, progress).result(folder)


def _parts(
    classifier: ExpressionClassifier | None,
    detector: FaceDetector | None,
    model: str,
    models_dir: Path | None,
) -> tuple[ExpressionClassifier, FaceDetector | None, dict[str, Any]]:
    """The classifier and the detector to use, and how summary.json describes them.

    Results of parts from outside carry no hash of a network, so that they are never taken for those
    of a model folder, nor reused.
    """
    used = classifier if classifier is not None else load_classifier(model, models_dir)
    described: dict[str, Any] = {"name": type(used).__qualname__, "sha256": ""}
    if isinstance(used, Classifier):
        described = dict(described_network(used.bundle))
    if detector is not None:
        described |= {"detector": type(detector).__qualname__, "sha256": ""}
    return used, detector, described


@dataclass(frozen=True, slots=True)
class _Job:
    path: Path
    options: VideoOptions
    classifier: ExpressionClassifier
    detector: FaceDetector | None
    model: Mapping[str, Any]
    adaptation: Adaptation | None
    progress: Callable[[VideoProgress], None] | None

    def result(self, folder: str | Path | None) -> VideoResult:
        if folder is not None:
            return self._run(Path(folder))
        with tempfile.TemporaryDirectory(prefix="emotion-lab-") as temporary:
            result = self._run(Path(temporary) / "results")
            return VideoResult(result.faces, result.summary, result.markers, None)

    def _run(self, folder: Path) -> VideoResult:
        # Opened first: a missing file must be the VideoError that names it, not the hash's OSError.
        probe(self.path)
        source = Source(self.path, file_hash(self.path))
        key = result_key(source.sha256, self.options, self.model)
        if not (self.model["sha256"] and is_finished(folder, key)):
            hooks = Hooks(self.progress) if self.progress else Hooks()
            analyse_video(
                source,
                folder,
                self.classifier,
                self.options,
                self.model,
                hooks,
                detector=self.detector,
                adaptation=self.adaptation,
            )
        return load_results(folder)
