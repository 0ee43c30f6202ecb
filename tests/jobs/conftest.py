"""A store whose jobs start, and videos for them."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from emotion_core.config import PROJECT_ROOT
from emotion_core.jobs.dispatcher import keep_starting
from emotion_core.jobs.store import JobStore
from emotion_core.media.write import repeat_video, sample_video


@pytest.fixture
def store(tmp_path: Path) -> Iterator[JobStore]:
    store = JobStore(tmp_path / "work", 24.0, PROJECT_ROOT / "models")
    keep_starting(store)
    yield store
    for folder in (tmp_path / "work" / "jobs").glob("*"):
        store.delete(folder.name)


@pytest.fixture(scope="module")
def clip(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return sample_video(tmp_path_factory.mktemp("clips") / "clip.mp4", 1.0, 10.0)


@pytest.fixture(scope="module")
def long_clip(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("clips")
    return repeat_video(sample_video(folder / "piece.mp4", 2.0, 20.0), folder / "long.mp4", 60)
