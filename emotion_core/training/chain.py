"""A recipe as a list of steps that can be stopped anywhere: teachers, network, model, evaluation.

`chain.json` in the run's folder says what the chain was begun with; whether a step is done is read
from what it leaves: a training from its own state, the model from its folder. Each step can be
begun again at any time. Teachers stay in folders inside the run's folder.
"""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Final

from emotion_core.atomic_io import parse_json, replace_file
from emotion_core.errors import CheckpointError, OutputError
from emotion_core.evaluation.evaluate import evaluate_model
from emotion_core.evaluation.model_record import save_evaluation
from emotion_core.model.bundle import load_bundle
from emotion_core.progress import OnProgress, ignore_progress
from emotion_core.results.paths import file_hash
from emotion_core.training.checkpoint import RunFolder
from emotion_core.training.export_model import finish_model
from emotion_core.training.fit import OnTrainingProgress, fit
from emotion_core.training.recipes import Recipe
from emotion_core.training.settings import TrainingSettings

if TYPE_CHECKING:
    from emotion_core.datasets.dataset import Dataset
    from emotion_core.datasets.other_faces import OtherFaces

FILE: Final = "chain.json"
_VERSION: Final = 1
NETWORK, MODEL, EVALUATION = "network", "model", "evaluation"

# Parts of a chain's state that may not change, and the options that decide them.
_OPTIONS: Final = {
    "recipe": "--recipe",
    "label_set": "--labels",
    "fingerprint": "--data, --person or --seed",
    "other_faces": "--other-faces",
    "precision": "--precision",
}


@dataclass(frozen=True, slots=True)
class Step:
    """One step of a chain.

    Attributes:
        name: of a teacher, or NETWORK, MODEL or EVALUATION.
        settings: of a training; None for the other two.
    """

    name: str
    settings: TrainingSettings | None = None


def steps_of(recipe: Recipe, evaluated: bool = True) -> tuple[Step, ...]:
    """The steps of a recipe in their order; `evaluated`: with the measurement on damaged faces."""
    trainings = {**recipe.teachers, NETWORK: recipe.network}
    steps = [Step(name, settings) for name, settings in trainings.items()]
    steps.append(Step(MODEL))
    return tuple([*steps, Step(EVALUATION)] if evaluated else steps)


@dataclass(slots=True)
class ChainState:
    """What a chain was begun with, and the model that it has made.

    Attributes:
        recipe: name of the recipe.
        label_set: whose labels the network learns.
        fingerprint: of the data.
        other_faces: SHA-256 of the file of other faces; "" for none.
        precision: what all trainings compute in.
        speeds: images a second of each training step, as timed at the beginning.
        finished: MODEL and EVALUATION → SHA-256 of the model.json that the step left.
        epochs: of the network; 0 where an earlier version did not note them.
    """

    recipe: str
    label_set: str
    fingerprint: str
    other_faces: str
    precision: str
    speeds: dict[str, float] = field(default_factory=dict)
    finished: dict[str, str] = field(default_factory=dict)
    version: int = _VERSION
    epochs: int = 0


@dataclass(frozen=True, slots=True, eq=False)
class Work:
    """What the steps of a chain work with.

    Attributes:
        name: of the model.
        dataset: with a `train` and a `validation` split.
        run_path: the run's folder; that of a teacher is inside it.
        model_path: models/<name>.
        other_faces: measured, and learnt from where the recipe says so; None for none.
        on_training: receives the step and its progress.
        on_progress: receives the progress of the other steps.
    """

    name: str
    dataset: Dataset
    run_path: Path
    model_path: Path
    other_faces: OtherFaces | None = None
    on_training: Callable[[Step], OnTrainingProgress | None] = lambda _: None
    on_progress: OnProgress = ignore_progress

    def folder(self, step: Step) -> Path:
        """Where a training keeps its state."""
        return self.run_path if step.name == NETWORK else self.run_path / step.name


def read_state(run_path: Path) -> ChainState | None:
    """The state of a chain; None where none was begun.

    Raises:
        CheckpointError: the file is damaged or of another version.
    """
    file = run_path / FILE
    try:
        state = ChainState(**parse_json(file.read_bytes()))
        words = [getattr(state, part) for part in _OPTIONS]
        if state.version != _VERSION or not all(isinstance(word, str) for word in words):
            raise ValueError(f"version {state.version!r}")
        if not isinstance(state.speeds, dict) or not isinstance(state.finished, dict):
            raise TypeError("speeds or finished is not an object")
        if not isinstance(state.epochs, int) or state.epochs < 0:
            raise ValueError(f"epochs {state.epochs!r}")
    except FileNotFoundError:
        return None
    except (OSError, ValueError, TypeError) as error:
        raise CheckpointError(
            f"{file} is damaged ({error}). Delete it: the steps that are done are found again."
        ) from error
    return state


def write_state(run_path: Path, state: ChainState) -> None:
    """Keep a chain's state.

    Raises:
        OutputError: the disk does not take it.
    """
    try:
        run_path.mkdir(parents=True, exist_ok=True)
        replace_file(run_path / FILE, json.dumps(asdict(state), indent=1).encode())
    except OSError as error:
        raise OutputError(f"{run_path / FILE} cannot be written ({error}). {_AGAIN}") from error


_AGAIN: Final = "Make room and run the same command with --resume: what is done is kept."


def check_same(state: ChainState, wanted: ChainState, run_path: Path) -> None:
    """Refuse to go on with a chain that was begun otherwise.

    Raises:
        CheckpointError: names what differs.
    """
    other = [
        word for part, word in _OPTIONS.items() if getattr(state, part) != getattr(wanted, part)
    ]
    if other:
        raise CheckpointError(
            f"The run in {run_path} was begun with another {' and another '.join(other)}. Give "
            "the same, or choose another --name."
        )


def anything_done(run_path: Path, state: ChainState) -> bool:
    """Whether a chain has a complete epoch of any network, or another step that is finished.

    Raises:
        CheckpointError: a training's state is damaged.
    """
    folders = [run_path, *(path for path in run_path.iterdir() if path.is_dir())]
    return bool(state.finished) or any(RunFolder(path).load() for path in folders)


def epochs_done(work: Work, step: Step) -> int:
    """Complete epochs of a training.

    Raises:
        CheckpointError: its state is damaged.
    """
    state = RunFolder(work.folder(step)).load()
    return state.epochs_done if state else 0


def is_done(work: Work, step: Step, state: ChainState) -> bool:
    """Whether a step can be left out."""
    if step.settings is not None:
        return epochs_done(work, step) >= step.settings.epochs
    file = work.model_path / "model.json"
    return file.is_file() and state.finished.get(step.name) == file_hash(file)


def run_chain(work: Work, steps: tuple[Step, ...], state: ChainState) -> None:
    """Do what is left of the steps, in their order.

    Raises:
        CheckpointError, ModelError, DatasetError, OutputError: of the step that cannot be done;
            those before it are kept.
    """
    write_state(work.run_path, state)
    for step in steps:
        if is_done(work, step, state):
            continue
        _ACTIONS.get(step.name, _train)(work, step, steps)
        if step.settings is None:
            state.finished[step.name] = file_hash(work.model_path / "model.json")
            write_state(work.run_path, state)


def _train(work: Work, step: Step, _: tuple[Step, ...]) -> None:
    assert step.settings is not None
    report = work.on_training(step)
    models = work.model_path.parent
    path, others = work.folder(step), work.other_faces
    fit(work.dataset, step.settings, path, True, report, models, others)


def _make_model(work: Work, _: Step, steps: tuple[Step, ...]) -> None:
    settings = next(s.settings for s in steps if s.name == NETWORK and s.settings)
    models = work.model_path.parent
    # The training is complete: only its best network is read.
    result = fit(work.dataset, settings, work.run_path, True, None, models, work.other_faces)
    finish_model(
        work.model_path,
        work.name,
        result,
        settings,
        work.dataset,
        work.on_progress,
        work.other_faces,
    )


def _evaluate(work: Work, _: Step, __: tuple[Step, ...]) -> None:
    bundle = load_bundle(work.name, work.model_path.parent)
    found = evaluate_model(bundle, work.dataset, "validation", progress=work.on_progress)
    try:
        save_evaluation(found, work.model_path)
    except OSError as error:
        raise OutputError(f"{work.model_path} cannot be written ({error}). {_AGAIN}") from error


_ACTIONS: Final[dict[str, Callable[[Work, Step, tuple[Step, ...]], None]]] = {
    MODEL: _make_model,
    EVALUATION: _evaluate,
}


def check_room(needs: dict[Path, int]) -> None:
    """Refuse to begin what the disk cannot hold.

    Args:
        needs: folder, which need not exist yet → bytes; folders on one disk are added up.

    Raises:
        OutputError: names the folder and the sizes.
    """
    by_disk: dict[int, list[tuple[Path, int]]] = {}
    for folder, size in needs.items():
        place = next(p for p in (folder, *folder.absolute().parents) if p.is_dir())
        by_disk.setdefault(place.stat().st_dev, []).append((place, size))
    for parts in by_disk.values():
        place, need = parts[0][0], sum(size for _, size in parts)
        free = shutil.disk_usage(place).free
        if free < need:
            raise OutputError(
                f"The disk of {place} is too small: {need / 1e6:,.0f} MB are needed, "
                f"{free / 1e6:,.0f} MB are free. Make room, or name other folders with --runs-dir "
                "and --models-dir."
            )
