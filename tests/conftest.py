"""Fixtures that several areas share. Add yours below; keep each a few lines."""

import asyncio
import functools
import gc
import shutil
import subprocess
from collections.abc import Callable, Coroutine, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import numpy as np

# Loaded after tensorflow it crashes the process: both bring OpenSSL functions of the same names.
import pylibsrtp  # noqa: F401
import pytest
from filelock import FileLock

from emotion_core.datatypes import ImageArray

SHARED = Path(__file__).resolve().parents[2] / "shared"


def _shared(name: str) -> Path:
    folder = SHARED / name
    if not folder.is_dir():
        pytest.skip(f"../shared/{name} is not here: this test needs its files")
    return folder


@pytest.fixture(scope="session")
def shared_media() -> Path:
    """Real clips and photos that are not part of the repository."""
    return _shared("media")


@pytest.fixture(scope="session")
def shared_data() -> Path:
    """The labelled faces that are not part of the repository."""
    return _shared("data")


def _set_objects_aside() -> None:
    """The garbage collector passes over all that there is by now."""
    gc.collect()
    gc.freeze()


def pytest_collection_finish() -> None:
    """Looking for garbage among all tests and libraries, again and again, takes a twentieth of the
    time of the suite."""
    _set_objects_aside()
    gc.set_threshold(50_000, 20, 100)


@pytest.fixture
def objects_set_aside() -> None:
    """The garbage collector passes over all that there is when a test begins.

    Where keras is loaded, streamlit clears it after every run of a page and collects garbage twice:
    that takes half a second a run, nearly all of it for the half million objects of tensorflow.
    """
    _set_objects_aside()


@pytest.fixture
def server_begun_anew() -> Iterator[None]:
    """A page under test finds what visitors share as in a server that has just been started.

    Streamlit keeps it for as long as the process lives, the settings read from the environment too.
    """
    import streamlit as st

    st.cache_resource.clear()
    yield
    st.cache_resource.clear()


@pytest.fixture(scope="session")
def components_looked_up_once() -> Iterator[None]:
    """Streamlit reads the data of all installed packages, looking for components of pages.

    A server does so at its start; a page under test does it each time one is opened, and it takes
    longer than nearly all pages.
    """
    from streamlit.components.v2 import manifest_scanner

    known = functools.cache(manifest_scanner.scan_component_manifests)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(manifest_scanner, "scan_component_manifests", known)
        yield


@pytest.fixture
def portrait() -> ImageArray:
    """(320, 320, 3) uint8 BGR: one frontal face of about 96 pixels."""
    from emotion_core.media.synthetic import sample_photo

    return sample_photo()


def made_faces(labels: np.ndarray, seed: int = 0) -> ImageArray:
    """(N, 48, 48) uint8: a pattern for each expression under noise, which a network can learn."""
    rng = np.random.default_rng(seed)
    y, x = np.mgrid[0:48, 0:48] / 8
    waves = [np.sin(x * np.cos(i) + y * np.sin(i) + i) for i in range(7)]
    noise = rng.normal(0, 25, (len(labels), 48, 48))
    return np.clip(127 + 70 * np.stack([waves[i] for i in labels]) + noise, 0, 255).astype(np.uint8)


def write_made_dataset(folder: Path, rows: Mapping[str, int]) -> Path:
    """A FER+ folder of made faces: split → how many of each expression; one image in eight is
    dropped by the FER+ rule, and the original labels differ here and there."""
    import cv2

    names = {"train": "FER2013Train", "validation": "FER2013Valid", "test": "FER2013Test"}
    column = [4, 5, 6, 1, 0, 3, 2]  # of EXPRESSIONS among FER+'s votes
    code = [0, 1, 2, 3, 6, 4, 5]  # of EXPRESSIONS in FER2013
    original = ["Usage,Image name,emotion"]
    for number, (split, each) in enumerate(rows.items()):
        labels = np.tile(np.arange(7), each)
        place = folder / names[split]
        place.mkdir(parents=True)
        lines = []
        for i, image in enumerate(made_faces(labels, seed=number)):
            name = f"fer{number:03d}{i:04d}.png"
            cv2.imwrite(str(place / name), image)
            votes = [0] * 10
            votes[column[labels[i]]] = 4 if i % 8 == 5 else 8
            votes[8] = 10 - sum(votes)
            lines.append(f'{name},"(0, 0, 48, 48)",' + ",".join(map(str, votes)))
            original.append(f"{split},{name},{code[labels[i] if i % 5 else 0]}")
        (place / "label.csv").write_text("\n".join(lines) + "\n")
    (folder / "labels.csv").write_text("\n".join(original) + "\n")
    return folder


@pytest.fixture(scope="session")
def made_data(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A small FER+ data set made in code: 12 training, 6 validation, 6 test faces of each."""
    folder = tmp_path_factory.mktemp("data") / "ferplus"
    return write_made_dataset(folder, {"train": 12, "validation": 6, "test": 6})


def _barely_trained(made_data: Path, runs: Path, models: Path) -> None:
    from emotion_core.datasets.loading import load_dataset
    from emotion_core.model import tflite_export
    from emotion_core.model.network import NetworkSettings
    from emotion_core.training.export_model import finish_model
    from emotion_core.training.fit import fit
    from emotion_core.training.settings import TrainingSettings

    network = NetworkSettings(channels=(4, 4, 8, 8), dense=(16, 16))
    settings = TrainingSettings(
        epochs=2, batch_size=16, network=network, augment=None, ema_momentum=0.0, warmup_epochs=0
    )
    dataset = load_dataset(made_data)
    result = fit(dataset, settings, runs / "tiny")
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(tflite_export, "DRAWS", 1)
        finish_model(models / "tiny", "tiny", result, settings, dataset)
    (models / "default.txt").write_text("tiny\n")


@pytest.fixture(scope="session")
def made_models(made_data: Path, tmp_path_factory: pytest.TempPathFactory, worker_id: str) -> Path:
    """A models folder with one complete, barely trained model, `tiny`. Copy it to change it."""
    root = tmp_path_factory.getbasetemp()
    # Workers have folders of their own in a common one: the first that needs it trains for all.
    common = root if worker_id == "master" else root.parent
    made = common / "made_models"
    with FileLock(common / "made_models.lock"):
        if not made.is_dir():
            part = tmp_path_factory.mktemp("models")
            _barely_trained(made_data, tmp_path_factory.mktemp("runs"), part)
            part.rename(made)
    return shutil.copytree(made, tmp_path_factory.mktemp("copy") / "models")


@pytest.fixture(scope="session")
def run_async() -> Iterator[Callable[[Coroutine[Any, Any, Any]], Any]]:
    """Runs a coroutine in a thread of its own: the browser tests leave a loop in the main one."""
    with ThreadPoolExecutor(1) as pool:
        yield lambda coroutine: pool.submit(asyncio.run, coroutine).result()


@pytest.fixture
def jobs_run_here(monkeypatch: pytest.MonkeyPatch) -> list[list[str]]:
    """The pages' background jobs run at once, in this process, which has tensorflow already; the
    list holds the command line of each."""
    import contextlib
    import io
    import json

    from emotion_core.cli import main
    from emotion_core.jobs.store import JobStore

    asked: list[list[str]] = []

    def launch(store: JobStore, job_id: str) -> None:
        folder = store._folder(job_id)
        job = json.loads((folder / "job.json").read_text())
        command = [store._command.name, store._command.input_option]
        command = [c for c in command if c] + [i["path"] for i in job["inputs"]]
        command += ["--out", str(folder / "results"), "--models-dir", str(store._models)]
        asked.append([*command, "--progress", "json", *job["arguments"]])
        out, err = io.StringIO(), io.StringIO()
        (folder / "process.json").write_text("{}")
        with contextlib.redirect_stdout(out), contextlib.redirect_stderr(err):
            main(asked[-1])
        (folder / "progress.jsonl").write_text(out.getvalue())
        (folder / "errors.txt").write_text(err.getvalue())

    monkeypatch.setattr(JobStore, "_launch", launch)
    return asked


@pytest.fixture
def jobs_never_end(monkeypatch: pytest.MonkeyPatch) -> Iterator[list[subprocess.Popen[bytes]]]:
    """The pages' background jobs are true processes that tell of 40% and go no further; the list
    holds each. Those that a test leaves behind are ended."""
    import json
    import sys

    code = "import sys, time; print(sys.argv[1], flush=True); time.sleep(600)"
    begun: list[subprocess.Popen[bytes]] = []

    def start(command: list[str], **options: Any) -> subprocess.Popen[bytes]:
        given = next(part for part in command if str(Path(part).parent.parent.name) == "incoming")
        told = {"event": "progress", "file": given, "status": "running", "fraction": 0.4}
        told["message"] = "half way"
        line = json.dumps(told)
        begun.append(true_popen([sys.executable, "-S", "-c", code, line], **options))
        return begun[-1]

    true_popen = subprocess.Popen
    monkeypatch.setattr(subprocess, "Popen", start)
    yield begun
    for process in begun:
        process.kill()
        process.wait()
