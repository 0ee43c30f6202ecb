"""What a chain will cost: the time that is left of each step, and the room on the disk."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence
from dataclasses import dataclass
from statistics import median
from typing import Final

from emotion_core.datasets.dataset import targets
from emotion_core.labels import LABEL_SETS
from emotion_core.training.chain import NETWORK, ChainState, Step, Work, is_done
from emotion_core.training.checkpoint import RunFolder, bytes_kept
from emotion_core.training.recipes import Recipe
from emotion_core.training.settings import TrainingSettings
from emotion_core.training.timing import WORTH_TIMING, choose_precision, images_per_second
from emotion_core.training.trainer import build_heads

# An answer costs a third of a step, which also goes back through the network.
_ANSWER: Final = 1 / 3
# Of a training's times so far, the last epochs tell most of the next.
_RECENT: Final = 3


@dataclass(frozen=True, slots=True)
class PlannedStep:
    """A step with its price.

    Attributes:
        step: of the chain.
        done: whether nothing is left to do.
        epochs_done, epochs: of a training; both 0 for another step.
        seconds: that are left; None where they were not measured.
    """

    step: Step
    done: bool
    epochs_done: int = 0
    epochs: int = 0
    seconds: float | None = None


def images_of_epoch(work: Work, settings: TrainingSettings) -> int:
    """How many images an epoch trains on."""
    train = work.dataset.split("train")
    names = LABEL_SETS if settings.second_head else (settings.label_set,)
    said = sum(targets(train, name, settings.label_mix).sum(axis=1) for name in names)
    return int((said > 0).sum())


def is_short(work: Work, steps: Sequence[Step]) -> bool:
    """Whether all trainings together take less time than timing them."""
    trainings = [step.settings for step in steps if step.settings is not None]
    return sum(s.epochs * images_of_epoch(work, s) for s in trainings) < WORTH_TIMING


def timed(recipe: Recipe, precision: str) -> tuple[Recipe, dict[str, float], dict[str, float]]:
    """The recipe in its precision, with the speeds that this machine reaches.

    Args:
        recipe: to time.
        precision: of all trainings; "auto" takes the faster one.

    Returns:
        The recipe; images a second of its network by precision, of those that were timed; images
        a second of each training step.
    """
    if precision == "auto":
        network, tried = choose_precision(recipe.network)
    else:
        network = dataclasses.replace(recipe.network, precision=precision)
        tried = {precision: images_per_second(network)}
    recipe = recipe.changed(precision=network.precision)
    speeds = {NETWORK: tried[network.precision]}
    known: dict[object, float] = {}
    for name, settings in recipe.teachers.items():
        shape = (settings.network, settings.batch_size, settings.second_head)
        if shape not in known:
            known[shape] = images_per_second(settings)
        speeds[name] = known[shape]
    return recipe, tried, speeds


def plan(work: Work, steps: Sequence[Step], state: ChainState) -> tuple[PlannedStep, ...]:
    """The steps with what is left of them.

    Raises:
        CheckpointError: the state of a step is damaged.
    """
    return tuple(_planned(work, step, state) for step in steps)


def _planned(work: Work, step: Step, state: ChainState) -> PlannedStep:
    if step.settings is None:
        return PlannedStep(step, is_done(work, step, state))
    run = RunFolder(work.folder(step)).load()
    history = run.history if run else []
    left = max(step.settings.epochs - len(history), 0)
    recent = [row["seconds"] for row in history[-_RECENT:] if "seconds" in row]
    each = median(recent) if recent else _seconds_an_epoch(work, step.settings, step.name, state)
    seconds = None if each is None else each * left
    return PlannedStep(step, not left, len(history), step.settings.epochs, seconds)


def _seconds_an_epoch(
    work: Work, settings: TrainingSettings, name: str, state: ChainState
) -> float | None:
    speed = state.speeds.get(name)
    if not speed:
        return None
    asked: float = len(work.dataset.split("validation"))
    if work.other_faces is not None:
        others = sum(len(faces.images) for faces in work.other_faces.sets)
        asked += others / settings.other_faces_every
    return (images_of_epoch(work, settings) + _ANSWER * asked) / speed


def room_needed(steps: Sequence[PlannedStep]) -> tuple[int, int]:
    """Bytes that the runs' folder and the models' folder will take more than now, at most."""
    runs = sum(_bytes_of(planned.step.settings) for planned in steps if not planned.done)
    network = next(s.step.settings for s in steps if s.step.name == NETWORK)
    assert network is not None
    # The float network twice while it is compressed, the served one, and tables.
    return runs, 12 * _parameters(network) + 10_000_000


def _parameters(settings: TrainingSettings) -> int:
    return int(build_heads(settings).count_params())


def _bytes_of(settings: TrainingSettings | None) -> int:
    """Of a training: two states and two best networks while one takes the place of the other."""
    if settings is None:
        return 0
    own = _parameters(settings)
    taught = own * len(settings.teachers) if settings.same_view else 0
    return 2 * bytes_kept(own + taught) + 2 * bytes_kept(own) // 4
