"""A recipe as a chain: planned first, stopped anywhere, resumed to the same result."""

import dataclasses
import json
import shutil
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest

from emotion_core.commands.train_text import plan_text, precision_text
from emotion_core.datasets.dataset import Dataset
from emotion_core.datasets.loading import load_dataset
from emotion_core.datasets.other_faces import open_other_faces
from emotion_core.errors import CheckpointError, ModelError, OutputError, SettingsError
from emotion_core.evaluation import reference_faces
from emotion_core.evaluation.experiment_log import read_runs
from emotion_core.model import tflite_export
from emotion_core.model.bundle import load_bundle
from emotion_core.model.network import NetworkSettings
from emotion_core.training import chain, timing
from emotion_core.training.augment import AugmentSettings
from emotion_core.training.chain import ChainState, Step, Work, run_chain, steps_of
from emotion_core.training.checkpoint import HISTORY_COLUMNS, RunFolder, RunState
from emotion_core.training.fit import OnTrainingProgress, TrainingProgress, fit
from emotion_core.training.plan import is_short, plan, room_needed
from emotion_core.training.recipes import RECIPES, Recipe, best
from emotion_core.training.settings import TrainingSettings
from emotion_core.training.transfer import load_teacher

TINY = TrainingSettings(
    label_mix=0.0,
    epochs=2,
    batch_size=28,
    ema_momentum=0.5,
    second_head=0.4,
    network=NetworkSettings(channels=(4, 4, 8, 8), dense=(8, 8)),
    augment=None,
)
RECIPE = Recipe(
    "best",
    dataclasses.replace(
        TINY,
        teacher="teacher_1",
        same_view=True,
        pool_share=0.25,
        prior_removed=0.1,
        augment=AugmentSettings.mild(),
        other_faces_every=2,
    ),
    {"teacher_1": dataclasses.replace(TINY, seed=1)},
)


class StopError(Exception):
    pass


@pytest.fixture(scope="module")
def dataset(made_data: Path) -> Dataset:
    return load_dataset(made_data)


@pytest.fixture(scope="module")
def other_file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Noise instead of faces: 20 that are measured, and a pool of 10."""
    rng = np.random.default_rng(0)
    path = tmp_path_factory.mktemp("others") / "other_faces.npz"
    np.savez(
        path,
        lfw_images=rng.integers(0, 256, (26, 48, 48), np.uint8),
        lfw_labels=np.array(["happy", "neutral", "surprise", "angry"] * 7)[:26],
        lfw_person=np.arange(26),
        lfw_is_validation=np.arange(26) < 16,
        london_images=rng.integers(0, 256, (4, 48, 48), np.uint8),
        london_labels=np.array(["happy", "neutral"] * 2),
        london_person=np.arange(4),
    )
    return path


class PretendedTraining:
    """Stands in for `fit` and `finish_model`: each epoch follows from the ones before it.

    Attributes:
        events: what was done, in order.
        stop_at: the number of the event that fails; None for none.
    """

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.events: list[str] = []
        self.stop_at: int | None = None
        self.error: Exception = StopError()
        monkeypatch.setattr(chain, "fit", self.fit)
        monkeypatch.setattr(chain, "finish_model", self.finish)
        monkeypatch.setattr(chain, "load_bundle", lambda *_: None)
        monkeypatch.setattr(chain, "evaluate_model", lambda *_, **__: self._do("evaluate"))
        monkeypatch.setattr(chain, "save_evaluation", lambda _, path: None)

    def _do(self, event: str) -> None:
        if self.stop_at == len(self.events):
            raise self.error
        self.events.append(event)

    def fit(
        self, dataset: Dataset, settings: TrainingSettings, path: Path, *_: object
    ) -> SimpleNamespace:
        folder = RunFolder(path)
        path.mkdir(parents=True, exist_ok=True)
        state = folder.load() or RunState(settings.to_dict(), dataset.fingerprint)
        while state.epochs_done < settings.epochs:
            epoch = state.epochs_done + 1
            self._do(f"{path.name} {epoch}")
            before = state.history[-1]["loss"] if state.history else float(settings.seed)
            state.history.append({"epoch": epoch, "loss": 2 * before + 1, "seconds": 60.0})
            state.best_epoch = epoch
            folder.state_weights(epoch).write_text("x")
            folder.best_weights(epoch).write_text("x")
            folder.save(state)
        return SimpleNamespace(state=state)

    def finish(self, folder: Path, name: str, result: Any, *_: object) -> None:
        self._do("model")
        folder.mkdir(parents=True, exist_ok=True)
        losses = [row["loss"] for row in result.state.history]
        (folder / "model.json").write_text(json.dumps({"name": name, "losses": losses}))


@pytest.fixture
def pretended(monkeypatch: pytest.MonkeyPatch) -> PretendedTraining:
    return PretendedTraining(monkeypatch)


def work_in(folder: Path, dataset: Dataset, **more: Any) -> Work:
    return Work("made", dataset, folder / "runs" / "made", folder / "models" / "made", **more)


def begun(dataset: Dataset) -> ChainState:
    return ChainState(
        "best", "ferplus", dataset.fingerprint, "", "float32", {"teacher_1": 5.0, "network": 2}
    )


def test_a_chain_stopped_anywhere_ends_as_one_that_never_stopped(
    pretended: PretendedTraining, dataset: Dataset, tmp_path: Path
) -> None:
    steps, work = steps_of(RECIPE), work_in(tmp_path / "whole", dataset)
    run_chain(work, steps, begun(dataset))
    whole = list(pretended.events)
    assert whole == ["teacher_1 1", "teacher_1 2", "made 1", "made 2", "model", "evaluate"]
    result = (work.model_path / "model.json").read_text()
    run_chain(work, steps, chain.read_state(work.run_path) or pytest.fail("no state"))
    assert pretended.events == whole, "nothing is done twice"
    for stop_at in range(len(whole)):
        pretended.events, pretended.stop_at = [], stop_at
        work = work_in(tmp_path / str(stop_at), dataset)
        with pytest.raises(StopError):
            run_chain(work, steps, begun(dataset))
        pretended.stop_at = None
        run_chain(work, steps, chain.read_state(work.run_path) or pytest.fail("no state"))
        assert pretended.events == whole
        assert (work.model_path / "model.json").read_text() == result
        assert (work.run_path / "teacher_1" / "state.json").is_file()


def test_a_full_disk_in_the_third_step_loses_nothing(
    pretended: PretendedTraining, dataset: Dataset, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    steps, work = steps_of(RECIPE), work_in(tmp_path, dataset)
    pretended.stop_at, pretended.error = 4, OutputError("no room")
    with pytest.raises(OutputError):
        run_chain(work, steps, begun(dataset))
    # The disk is full when the state of the chain itself is written, too.
    pretended.stop_at = None
    with monkeypatch.context() as patch:
        patch.setattr(chain, "replace_file", lambda *_: _raise(OSError(28, "No space left")))
        with pytest.raises(OutputError, match="--resume"):
            run_chain(work, steps, begun(dataset))
    run_chain(work, steps, chain.read_state(work.run_path) or pytest.fail("no state"))
    assert pretended.events == [
        *("teacher_1 1", "teacher_1 2", "made 1", "made 2", "model", "evaluate")
    ]


def _raise(error: Exception) -> None:
    raise error


def test_a_chain_is_not_mixed_with_another(dataset: Dataset, tmp_path: Path) -> None:
    state = begun(dataset)
    chain.write_state(tmp_path, state)
    assert chain.read_state(tmp_path) == state
    for part, word in (
        ("recipe", "--recipe"),
        ("label_set", "--labels"),
        ("fingerprint", "--data"),
        ("other_faces", "--other-faces"),
        ("precision", "--precision"),
    ):
        changes: dict[str, Any] = {part: "other"}
        other = dataclasses.replace(state, **changes)
        with pytest.raises(CheckpointError, match=f"another {word}"):
            chain.check_same(state, other, tmp_path)
    for damaged in ("{", "[]", '{"recipe": 1}', json.dumps({"version": 9, **vars_of(state)})):
        (tmp_path / chain.FILE).write_text(damaged)
        with pytest.raises(CheckpointError, match=r"chain\.json is damaged"):
            chain.read_state(tmp_path)


def vars_of(state: ChainState) -> dict[str, Any]:
    return {k: v for k, v in dataclasses.asdict(state).items() if k != "version"}


def test_the_plan_tells_time_and_room(
    pretended: PretendedTraining, dataset: Dataset, tmp_path: Path
) -> None:
    steps, work, state = steps_of(RECIPE), work_in(tmp_path, dataset), begun(dataset)
    planned = plan(work, steps, state)
    images, asked = 84, len(dataset.split("validation"))
    each = (images + asked / 3) / 5
    assert planned[0].seconds == pytest.approx(2 * each)
    assert [p.done for p in planned] == [False] * 4
    pretended.stop_at = 3
    with pytest.raises(StopError):
        run_chain(work, steps, state)
    left = plan(work, steps, state)
    assert [p.done for p in left] == [True, False, False, False]
    assert left[1].seconds == 60, "as long as the epochs before"
    assert sum(room_needed(left)) < sum(room_needed(planned))
    text = plan_text(left, 5_000_000)
    assert text.startswith("Plan: 4 steps, about 1 min, up to 5 MB of disk\n  1. teacher_1: done")
    assert "2. network: 1 of 2 epochs left, about 1 min" in text
    untimed = [left[0], dataclasses.replace(left[1], epochs_done=1, seconds=None), *left[2:]]
    assert plan_text(untimed, 5_000_000).startswith("Plan: 4 steps, up to 5 MB of disk\n")
    assert is_short(work, steps)


def test_a_disk_that_is_too_small_is_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    chain.check_room({tmp_path / "runs": 1_000, tmp_path / "models": 1_000})
    left = shutil.disk_usage(tmp_path)._replace(free=3_000_000)
    monkeypatch.setattr(shutil, "disk_usage", lambda _: left)
    with pytest.raises(OutputError, match="4 MB are needed, 3 MB are free"):
        chain.check_room({tmp_path / "runs": 2_000_000, tmp_path / "models": 2_000_000})


def test_the_recipe_of_the_served_networks() -> None:
    """As their folders tell it; those were written before some of the settings had names."""
    for label_set in ("ferplus", "fer2013"):
        told = load_bundle(label_set).metadata["settings"]
        known = {k: v for k, v in told.items() if k not in ("precision", "network", "augment")}
        mine = best(label_set).network
        assert {k: mine.to_dict()[k] for k in known} == known
        again = TrainingSettings.from_dict(told)
        assert (mine.network, mine.augment) == (again.network, again.augment)
        assert mine.teachers == tuple(best(label_set).teachers)


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"same_view": True}, "needs a teacher"),
        ({"same_view": True, "teacher": "a,b,c", "batch_size": 2}, "3 teachers"),
        ({"pool_share": 0.1}, "same_view"),
        ({"second_head": 1.5}, "second_head"),
        ({"other_faces_every": 0}, "other_faces_every"),
    ],
)
def test_settings_that_make_no_sense(changes: dict[str, Any], words: str) -> None:
    with pytest.raises(SettingsError, match=words):
        TrainingSettings(**changes)


def test_the_faster_precision_is_chosen(monkeypatch: pytest.MonkeyPatch) -> None:
    speeds = {"float32": 210.0, "mixed_bfloat16": 95.0}
    monkeypatch.setattr(timing, "images_per_second", lambda s, steps: speeds[s.precision])
    settings, tried = timing.choose_precision(TINY)
    assert (settings.precision, tried) == ("float32", speeds)
    words = precision_text(tried, settings.precision)
    assert "float32 210 images/s, mixed_bfloat16 95 images/s" in words
    speeds["mixed_bfloat16"] = 300.0
    assert timing.choose_precision(TINY)[0].precision == "mixed_bfloat16"


def stopping(step: Step, at: str) -> OnTrainingProgress:
    def report(progress: TrainingProgress) -> None:
        if step.name == at and progress.epoch == 2 and progress.row is None:
            raise StopError

    return report


@pytest.mark.slow
def test_teacher_student_model_and_scores_with_tiny_networks(
    dataset: Dataset, other_file: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """All that is real, stopped in the middle of the second training."""
    monkeypatch.setattr(tflite_export, "DRAWS", 1)
    monkeypatch.setattr(chain, "evaluate_model", lambda *_, **__: None)
    monkeypatch.setattr(chain, "save_evaluation", lambda *_: None)
    monkeypatch.setattr(reference_faces, "_LEAST_PHOTOGRAPHS", 1)
    others = open_other_faces(other_file)
    state = dataclasses.replace(begun(dataset), other_faces=others.sha256)
    more: dict[str, Any] = {"other_faces": others}
    stopper: Callable[[Step], OnTrainingProgress] = lambda step: stopping(step, "network")  # noqa: E731
    work = work_in(tmp_path, dataset, **more)
    with pytest.raises(StopError):
        run_chain(dataclasses.replace(work, on_training=stopper), steps_of(RECIPE), state)
    first = RunFolder(work.run_path).load()
    assert first is not None
    assert first.epochs_done == 1
    assert first.best_epoch == 0, "its other faces are measured in every second epoch only"
    run_chain(work, steps_of(RECIPE), state)
    rows = (work.model_path / "history.csv").read_text().splitlines()
    assert rows[0].split(",") == list(HISTORY_COLUMNS)
    cross = [row.split(",")[HISTORY_COLUMNS.index("cross_score")] for row in rows[1:]]
    assert cross[0] == ""
    assert 0 <= float(cross[1]) <= 1
    logged = read_runs(work.model_path.parent).iloc[-1]
    assert 0 <= logged["cross_score"] <= 1
    assert "two heads, 0.25 unlabelled, 0.1 of the prior removed" in logged["note"]
    assert (work.model_path / "other_faces.json").is_file()
    compared = reference_faces.read_reference(work.model_path)
    assert compared is not None
    assert len(compared.changes) == 20
    assert compared.photographs is not None
    assert len(compared.photographs.labels) == len(others.pool)
    assert load_bundle("made", work.model_path.parent).served_file.is_file()
    _a_teacher_of_another_order_is_refused(work, dataset)


def _a_teacher_of_another_order_is_refused(work: Work, dataset: Dataset) -> None:
    file = work.run_path / "teacher_1" / "state.json"
    values = json.loads(file.read_text())
    assert load_teacher("teacher_1", work.run_path).outputs[0].shape == (None, 7)
    file.write_text(json.dumps(values | {"labels": values["labels"][::-1]}))
    with pytest.raises(ModelError, match="answers in the order"):
        load_teacher("teacher_1", work.run_path)
    with pytest.raises(CheckpointError, match="another order of expressions"):
        fit(
            dataset,
            TrainingSettings.from_dict(values["settings"]),
            file.parent,
            resume=True,
            other_faces=work.other_faces,
        )


def test_every_recipe_is_for_both_label_sets() -> None:
    for make in RECIPES.values():
        for label_set in ("ferplus", "fer2013"):
            recipe = make(label_set)
            trained = [recipe.network, *recipe.teachers.values()]
            assert {settings.label_set for settings in trained} == {label_set}
