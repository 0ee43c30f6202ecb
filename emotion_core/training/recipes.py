"""The recipes of `train`: what is trained, in which order, and which network teaches which.

`best` repeats the training of the networks that are served. Their students are known in full from
their models' folders; so are the shape, the two heads and the scores of their teachers, but not how
long those learnt: `TEACHER_EPOCHS` is a choice.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Final

from emotion_core.model.network import NetworkSettings
from emotion_core.training.augment import AugmentSettings
from emotion_core.training.settings import TrainingSettings

TEACHERS: Final = ("teacher_1", "teacher_2", "teacher_3")
TEACHER_EPOCHS: Final = 80
_CHANNELS: Final = (48, 96, 192, 384)


@dataclass(frozen=True, slots=True)
class Recipe:
    """What a chain trains.

    Attributes:
        name: as `--recipe` takes it.
        network: the settings of the network that is served.
        teachers: name → settings of the networks that are trained before it and teach it.
    """

    name: str
    network: TrainingSettings
    teachers: Mapping[str, TrainingSettings] = dataclasses.field(default_factory=dict)

    def changed(self, **changes: Any) -> Recipe:
        """The same with other settings in every training."""
        teachers = {
            name: dataclasses.replace(settings, **changes)
            for name, settings in self.teachers.items()
        }
        return Recipe(self.name, dataclasses.replace(self.network, **changes), teachers)

    def lasting(self, epochs: int) -> Recipe:
        """The same with so many epochs of the network.

        Those of its teachers follow in proportion, and then each average of weights spans the same
        share of its training as before.
        """
        network = dataclasses.replace(self.network, epochs=epochs)
        if not self.teachers:
            return dataclasses.replace(self, network=network)
        share = epochs / self.network.epochs

        def shorter(settings: TrainingSettings) -> TrainingSettings:
            momentum = max(0.0, 1.0 - (1.0 - settings.ema_momentum) / share)
            of_its_own = max(round(settings.epochs * share), 1)
            return dataclasses.replace(settings, epochs=of_its_own, ema_momentum=momentum)

        teachers = {name: shorter(settings) for name, settings in self.teachers.items()}
        return Recipe(self.name, shorter(self.network), teachers)

    def without_pool(self) -> Recipe:
        """The same, without unlabelled faces."""
        network = dataclasses.replace(self.network, pool_share=0.0)
        return dataclasses.replace(self, network=network)


def quick(label_set: str = "ferplus") -> Recipe:
    """One network of 0.77 million parameters, within an hour on two cores.

    22 epochs of these settings gave 0.845 on FER+ validation and 0.849 on test; after the first 15
    of them, with the learning rate still high, validation was at 0.83. An epoch took 113 to 165
    seconds on two cores of a 2.5 GHz Xeon where nothing else ran.
    """
    return Recipe("quick", TrainingSettings(label_set=label_set, epochs=20))


def best(label_set: str = "ferplus") -> Recipe:
    """Three teachers and the network that they teach, with two heads each.

    The network of the FER+ votes is trained under stronger changes and with unlabelled faces in
    each batch; that of the original labels is not, as it scores on images like its own.
    """
    wide = AugmentSettings(gamma=0.4, contrast=0.35, blur=0.15, half_size=0.15)
    votes = label_set == "ferplus"
    # The loss of the votes is weighted by 0.6, that of the original labels by 0.4.
    heads = TrainingSettings(
        label_set=label_set,
        label_mix=0.0,
        label_smoothing=0.0 if votes else 0.1,
        batch_size=256,
        learning_rate=2e-3,
        second_head=0.4 if votes else 0.6,
        other_faces_every=5,
        network=NetworkSettings(channels=_CHANNELS),
    )
    student = dataclasses.replace(
        heads,
        epochs=203 if votes else 206,
        seed=11 if votes else 12,
        augment=wide if votes else AugmentSettings.mild(),
        teacher=",".join(TEACHERS),
        teacher_share=0.7,
        same_view=True,
        pool_share=0.2 if votes else 0.0,
        prior_removed=0.1 if votes else 0.0,
        smile_gain=1.6 if votes else 0.0,
    )
    teachers = {
        name: dataclasses.replace(
            heads,
            epochs=TEACHER_EPOCHS,
            seed=seed,
            augment=augment,
            network=NetworkSettings(channels=_CHANNELS, block_dropout=0.08),
        )
        for seed, (name, augment) in enumerate(
            zip(TEACHERS, (AugmentSettings.mild(), AugmentSettings(), wide), strict=True), start=1
        )
    }
    return Recipe("best", student, teachers)


def classic(label_set: str = "ferplus") -> Recipe:
    """The plain baseline."""
    return Recipe("classic", TrainingSettings.classic(label_set=label_set))


def fine_tune(label_set: str = "ferplus") -> Recipe:
    """For a trained network and few faces."""
    return Recipe("fine-tune", TrainingSettings.fine_tuning(label_set=label_set))


RECIPES: Final[dict[str, Callable[[str], Recipe]]] = {
    "best": best,
    "quick": quick,
    "classic": classic,
    "fine-tune": fine_tune,
}
