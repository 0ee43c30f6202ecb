"""Everything that decides a training run, in one frozen value that is saved with the model."""

from __future__ import annotations

from dataclasses import asdict, dataclass, field
from typing import Any

from emotion_core.config import check_range
from emotion_core.errors import SettingsError
from emotion_core.labels import LABEL_SETS
from emotion_core.model.network import NetworkSettings
from emotion_core.training.augment import AugmentSettings

PRECISIONS = ("float32", "mixed_bfloat16")
_SHARES = (
    *("label_mix", "balance", "label_smoothing", "ema_momentum", "teacher_share", "second_head"),
    *("pool_share", "prior_removed", "other_faces_weight"),
)
_LARGEST_GAIN = 10.0


@dataclass(frozen=True, slots=True)
class TrainingSettings:
    """A recipe.

    Attributes:
        label_set: whose labels are learnt and validated, `ferplus` or `fer2013`.
        label_mix: share of the other label set in the target, 0-1. FER+ voters call a subtle anger
            neutral, the original labels do not; a little of both travels better.
        hard_labels: the one expression that the label set's rule names is the target, instead of
            the distribution of the votes; `label_mix` must be 0.
        epochs, batch_size, learning_rate, warmup_epochs: Adam, linear warm-up, then half a cosine
            down to zero.
        weight_decay: decoupled from the gradient (Loshchilov & Hutter 2019).
        ema_momentum: the weights that are kept are a moving average over steps; 0 switches it off.
        balance: images are drawn with probability ∝ (frequency of their class) ** -balance.
        label_smoothing: share of the target spread evenly over the seven.
        seed: of the weights, the order of the images and the augmentation.
        start_from: name of a model of the same shape whose weights training begins with; empty
            for random ones.
        teacher: name of a model whose answers are mixed into the targets, or several with commas
            between, whose answers are averaged; empty for none.
        teacher_share: their share of the target, 0-1.
        same_view: the teachers answer about the augmented face that the network sees, in every step
            (Beyer et al. 2022, arXiv 2106.05237), instead of once about the face and its mirror
            image. Several share the faces of a step among them, each in turn.
        second_head: share of the loss, 0-1, of a second head on the same trunk that learns the
            other label set and is dropped afterwards; 0 for none.
        pool_share: share of each epoch, 0-1, that is unlabelled faces of other origin, about which
            only the teachers answer; needs `same_view`.
        prior_removed: share of the log-frequencies of the expressions in training that is
            subtracted from the logits afterwards (Menon et al. 2021, arXiv 2007.07314).
        smile_gain: the logit of happy is raised by so much times the probability of neutral
            afterwards: FER+ voters call many a smile with closed lips neutral.
        other_faces_weight: share of the cross-data-set score in the choice of the kept epoch, 0-1,
            where faces of other origin are measured.
        other_faces_every: they are measured after every so many epochs, and after the last; an
            epoch without them is not kept.
        precision: what the network computes in while it trains, `float32` or `mixed_bfloat16`
            (Micikevicius et al. 2018): weights, scores and what is kept are float32 in both. The
            second is faster on some processors and slower on others; `--precision auto` times both.
    """

    label_set: str = "ferplus"
    label_mix: float = 0.2
    hard_labels: bool = False
    epochs: int = 20
    batch_size: int = 64
    learning_rate: float = 1.5e-3
    warmup_epochs: float = 1.0
    weight_decay: float = 0.01
    ema_momentum: float = 0.999
    balance: float = 0.5
    label_smoothing: float = 0.0
    seed: int = 0
    start_from: str = ""
    teacher: str = ""
    teacher_share: float = 0.3
    same_view: bool = False
    second_head: float = 0.0
    pool_share: float = 0.0
    prior_removed: float = 0.0
    smile_gain: float = 0.0
    other_faces_weight: float = 0.25
    other_faces_every: int = 1
    precision: str = "float32"
    network: NetworkSettings = field(default_factory=NetworkSettings)
    augment: AugmentSettings | None = field(default_factory=AugmentSettings)

    def __post_init__(self) -> None:
        if self.label_set not in LABEL_SETS:
            raise SettingsError(f"label_set must be one of {LABEL_SETS}, got {self.label_set!r}.")
        if self.precision not in PRECISIONS:
            raise SettingsError(f"precision must be one of {PRECISIONS}, got {self.precision!r}.")
        if self.hard_labels and self.label_mix:
            raise SettingsError(f"hard_labels leaves no room for a label_mix of {self.label_mix}.")
        check_range("epochs", self.epochs, 1, 10_000)
        check_range("batch_size", self.batch_size, 1, 65_536)
        check_range("seed", self.seed, 0, 2**32 - 1)
        check_range("learning_rate", self.learning_rate, 1e-8, 1.0)
        check_range("other_faces_every", self.other_faces_every, 1, 10_000)
        check_range("smile_gain", self.smile_gain, 0.0, _LARGEST_GAIN)
        for name in _SHARES:
            check_range(name, getattr(self, name), 0.0, 1.0)
        if self.same_view and not self.teacher:
            raise SettingsError("same_view needs a teacher.")
        if self.same_view and self.batch_size < len(self.teachers):
            raise SettingsError(
                f"same_view asks each of the {len(self.teachers)} teachers about a part of each "
                f"batch, so that batch_size must not be smaller; got {self.batch_size}."
            )
        if self.pool_share and not self.same_view:
            raise SettingsError("pool_share needs teachers that answer in every step: same_view.")

    @property
    def teachers(self) -> tuple[str, ...]:
        """The names in `teacher`."""
        return tuple(name.strip() for name in self.teacher.split(",") if name.strip())

    @classmethod
    def classic(cls, **changes: Any) -> TrainingSettings:
        """The baseline: the usual network, trained as plainly as it usually is."""
        plain: dict[str, Any] = {
            "label_mix": 0.0,
            "hard_labels": True,
            "learning_rate": 5e-4,
            "warmup_epochs": 0.0,
            "weight_decay": 0.0,
            "ema_momentum": 0.0,
            "balance": 0.0,
            "network": NetworkSettings(architecture="classic"),
            "augment": None,
        }
        return cls(**(plain | changes))

    @classmethod
    def fine_tuning(cls, **changes: Any) -> TrainingSettings:
        """For a trained network and some hundred faces: gentle steps, few of them, and an average
        over about an epoch of these instead of over thousands of steps."""
        gentle: dict[str, Any] = {
            "label_mix": 0.0,
            "epochs": 10,
            "learning_rate": 2e-4,
            "ema_momentum": 0.9,
        }
        return cls(**(gentle | changes))

    def to_dict(self) -> dict[str, Any]:
        """Plain values for JSON."""
        return asdict(self)

    @classmethod
    def from_dict(cls, values: dict[str, Any]) -> TrainingSettings:
        """The inverse of `to_dict`.

        Raises:
            SettingsError: unknown or missing names, as written by another version.
        """
        try:
            network = dict(values["network"])
            network = {k: tuple(v) if isinstance(v, list) else v for k, v in network.items()}
            augment = values["augment"]
            return cls(
                **{
                    **values,
                    "network": NetworkSettings(**network),
                    "augment": None if augment is None else AugmentSettings(**augment),
                }
            )
        except (KeyError, TypeError) as error:
            raise SettingsError(f"These training settings cannot be read: {error}.") from error
