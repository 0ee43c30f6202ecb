"""`explain`: a face → why it was read as it was, in a folder of pictures and values."""

from __future__ import annotations

import argparse
import contextlib
import itertools
import sys
import zipfile
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from emotion_core.commands.options import (
    add_adaptation_options,
    add_json_option,
    add_models_dir_option,
    add_progress_option,
    check_json_option,
    chosen_adaptation,
    write_json_option,
)
from emotion_core.commands.progress import printable, progress_bar, tell_json
from emotion_core.config import AppSettings, PipelineSettings
from emotion_core.datatypes import Frame
from emotion_core.errors import EmotionCoreError, InputError, ModelError, OutputError
from emotion_core.evaluation import nearest_faces
from emotion_core.labels import EXPRESSIONS
from emotion_core.media.photo import read_photo
from emotion_core.model.adaptation import Adaptation
from emotion_core.model.calibrate import softmax
from emotion_core.model.classify import Classifier, load_classifier
from emotion_core.model.explain import checked_crop, embeddings, heat_maps
from emotion_core.model.network import load_network
from emotion_core.model.occlusion import cover_parts
from emotion_core.pipeline.pipeline import Pipeline
from emotion_core.progress import Event, OnProgress, Progress, Tell
from emotion_core.results.explanation import HEAT_WITHOUT_ADAPTATION, Explanation, NearFace
from emotion_core.results.paths import file_hash, safe_name
from emotion_core.results.summary import adaptation_words
from emotion_core.vision.crop import crop_faces
from emotion_core.vision.saliency_overlay import draw_drop, draw_heat

EXIT_DONE, EXIT_FAILED = 0, 1
NEIGHBOURS = 8
# Shares of the work that are done when these steps begin; the training faces take the rest.
_COVERING, _LOADING, _HEAT, _NEAR = 0.02, 0.1, 0.4, 0.5


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Options."""
    parser.add_argument(
        "paths",
        nargs="+",
        type=Path,
        metavar="PATH",
        help="a photo; or a face as the network sees it: 48×48 picture or array (.npy)",
    )
    parser.add_argument("--out", type=Path, required=True, help="folder for the results")
    parser.add_argument("--face", type=int, default=1, metavar="N", help="which of a photo (1)")
    parser.add_argument(
        "--data",
        type=Path,
        help="the data set of the training, for the nearest training faces (EMOTION_LAB_DATA)",
    )
    parser.add_argument(
        "--cache", type=Path, help="where training faces are kept ready (in the work folder)"
    )
    parser.add_argument("--model", default="default", help="name of the model folder")
    add_adaptation_options(parser)
    add_models_dir_option(parser)
    add_json_option(parser, "write the values for machines")
    add_progress_option(parser)


def run(options: argparse.Namespace) -> int:
    """Explain each face; returns 0, or 1 where some input failed."""
    check_json_option(options.json)
    settings = AppSettings.from_environment()
    classifier = load_classifier(options.model, options.models_dir)
    adaptation = chosen_adaptation(options, classifier.bundle)
    cache = options.cache or settings.work_dir / "training_faces"
    explainer = Explainer(classifier, options.data or settings.data_path, cache, adaptation)
    found: list[Event] = []
    with contextlib.ExitStack() as stack:
        tell = tell_json if options.progress == "json" else stack.enter_context(_bar())
        tell({"event": "start", "files": len(options.paths)})
        taken: set[Path] = set()
        for path in options.paths:
            folder = _folder(path, options.out, taken)
            found.append(_one(path, folder, options.face, explainer, tell))
            tell({"event": "file_end"} | {k: v for k, v in found[-1].items() if k != "values"})
        tell({"event": "end"})
    if adaptation and options.progress != "json":
        print(f"{adaptation_words(adaptation.described())}. {HEAT_WITHOUT_ADAPTATION}")
    write_json_option(options.json, found)
    return EXIT_FAILED if any(f["status"] == "failed" for f in found) else EXIT_DONE


def _folder(path: Path, out: Path, taken: set[Path]) -> Path:
    """A folder named after the picture; a number is added where two of one run are called alike."""
    name = safe_name(path.stem)
    numbered = (out / (name if n == 1 else f"{name}-{n}") for n in itertools.count(1))
    folder = next(f for f in numbered if f not in taken)
    taken.add(folder)
    return folder


def _one(path: Path, folder: Path, face: int, explainer: Explainer, tell: Tell) -> Event:
    def step(progress: Progress) -> None:
        event = {"event": "progress", "file": str(path), "status": "running"}
        tell(event | {"fraction": round(progress.fraction, 3), "message": progress.step})

    try:
        crop = read_crop(path, face, explainer.classifier)
        explanation = explainer.explain(crop, step)
        explanation.save(folder)
        _draw(explanation, folder)
    except EmotionCoreError as error:
        return {"file": str(path), "status": "failed", "message": str(error), "folder": None}
    done = {"file": str(path), "status": "done", "message": "", "folder": str(folder)}
    return done | {"values": explanation.to_dict()}


def read_crop(path: Path, face: int, classifier: Classifier) -> NDArray[np.float32]:
    """The face to explain, (48, 48, 1) float32 grey 0-255.

    A .npy file and a picture of 48×48 pixels are taken as the crop itself; in another picture faces
    are found, numbered as on the photo page.

    Raises:
        InputError: nothing readable, or no face of this number.
    """
    if path.suffix.lower() == ".npy":
        try:
            with path.open("rb") as file:
                return checked_crop(np.load(file, allow_pickle=False))
        except (OSError, ValueError, EOFError, TypeError, zipfile.BadZipFile) as error:
            raise InputError(f"{path.name} holds no face crop: {error}") from error
    image = read_photo(path)
    if image.shape[:2] == (48, 48):
        return checked_crop(cv2.cvtColor(image, cv2.COLOR_BGR2GRAY))
    return _find(image, face, path.name, classifier)


def _find(image: Any, face: int, name: str, classifier: Classifier) -> NDArray[np.float32]:
    result = Pipeline(classifier, PipelineSettings.for_photo()).process(Frame(image))
    rows = [i for i, number in enumerate(result.track_ids) if number == face]
    if not rows:
        count = f"{len(result)} face{'' if len(result) == 1 else 's'}"
        raise InputError(f"{name} shows {count}; there is no face #{face}.")
    return crop_faces(image, result.boxes[rows], result.angles[rows])[0]


@dataclass
class Explainer:
    """Explains one face after the other with one loaded network.

    Attributes:
        classifier: the served network: its answers are what is explained.
        data: the data set of the training; None: no nearest training faces.
        cache: where training faces are kept ready.
        adaptation: corrects the network's answers, whole and covered; heat maps and the nearest
            training faces are the network's own.
    """

    classifier: Classifier
    data: Path | None
    cache: Path
    adaptation: Adaptation | None = None
    _network: Any = None

    def explain(self, crop: NDArray[np.float32], tell: OnProgress) -> Explanation:
        """Everything about one face (48, 48, 1); what is unavailable is reported in its place."""
        tell(Progress("Covering parts of the face …", _COVERING, 1))
        logits = self.classifier.logits(crop[None])
        covered = cover_parts(self._answers, crop)
        heat, no_heat = self._heat(crop, tell)
        near, images, no_near = self._nearest(crop, tell)
        return Explanation(
            self.classifier.bundle.name,
            self.classifier.temperature,
            np.rint(crop[:, :, 0]).astype(np.uint8),
            softmax(logits)[0],
            self.classifier.probabilities(logits)[0],
            heat,
            covered.drop,
            covered.parts,
            tuple(near),
            images,
            no_near,
            no_heat,
            self.adaptation.described() if self.adaptation else None,
            covered.whole if self.adaptation else None,
        )

    def _answers(self, faces: NDArray[np.float32]) -> NDArray[np.float32]:
        logits, _, features = self.classifier.read(faces)
        probs = self.classifier.probabilities(logits)
        return self.adaptation.apply(probs, features) if self.adaptation else probs

    def _heat(self, crop: NDArray[np.float32], tell: OnProgress) -> tuple[NDArray[np.float32], str]:
        """The maps (7, 48, 48), or zeros and why: a folder may hold only the served network."""
        try:
            if self._network is None:
                tell(Progress("Starting TensorFlow, which takes some seconds …", _LOADING, 1))

                self._network = load_network(self.classifier.bundle)

            tell(Progress("Computing the evidence map …", _HEAT, 1))
            return heat_maps(self._network, crop), ""
        except ModelError as error:
            return np.zeros((7, 48, 48), np.float32), str(error)

    def _nearest(
        self, crop: NDArray[np.float32], tell: OnProgress
    ) -> tuple[list[NearFace], NDArray[np.uint8], str]:
        none = np.empty((0, 48, 48), np.uint8)
        if self._network is None:
            return [], none, "Which training faces look alike, only the float network can tell."
        if self.data is None:
            words = "The training faces are not at hand: the data set is not part of this program."
            return [], none, words
        try:
            found = self._neighbours(self.data, crop, tell)
        except EmotionCoreError as error:
            return [], none, str(error)
        near = [NearFace(n.name, n.expression, round(n.similarity, 5)) for n in found]
        return near, np.stack([n.image for n in found]), ""

    def _neighbours(self, data: Path, crop: NDArray[np.float32], tell: OnProgress) -> list[Any]:
        def step(progress: Progress) -> None:
            tell(Progress(progress.step, _NEAR + (1 - _NEAR) * progress.fraction, 1))

        bundle = self.classifier.bundle
        step(Progress("Searching for the nearest training faces …", 0, 1))
        faces = nearest_faces.training_faces(bundle, data, self.cache, step)
        assert bundle.keras_file is not None, "the float network has been loaded from it"
        known = nearest_faces.face_embeddings(
            faces, self._network, file_hash(bundle.keras_file), step
        )
        mine = embeddings(self._network, crop[None])[0]
        return nearest_faces.nearest(faces, known, mine, NEIGHBOURS)


def _draw(explanation: Explanation, folder: Path) -> None:
    """The two pictures of the expression that won, for people without the pages."""
    top = explanation.top
    pictures = {
        "evidence": draw_heat(explanation.crop, explanation.heat[top]),
        "covered": draw_drop(explanation.crop, explanation.drop[top], explanation.full_drop(top)),
    }
    for name, picture in pictures.items():
        data = cv2.imencode(".png", picture)[1].tobytes()
        try:
            (folder / f"{name}_{EXPRESSIONS[top]}.png").write_bytes(data)
        except OSError as error:
            raise OutputError(f"{folder} cannot be written: {error.strerror}.") from error


@contextlib.contextmanager
def _bar() -> Any:
    """Progress for people: a bar on a terminal, and one line for each face on standard out."""
    with progress_bar() as bar:
        task = bar.add_task("", total=1000)

        def tell(event: Event) -> None:
            if event["event"] == "progress":
                done = round(1000 * event["fraction"])
                bar.update(task, completed=done, description=event["message"])
            elif event["event"] == "file_end":
                words = f"{Path(event['file']).name}: {event['status']} · "
                words += event["message"] or event["folder"]
                print(printable(words), file=sys.stderr if event["status"] == "failed" else None)

        yield tell
