"""What all tests of pages share."""

import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest
import streamlit as st

from emotion_core.ui.common import resources


@pytest.fixture(autouse=True)
def _opened_often(
    objects_set_aside: None, components_looked_up_once: None, server_begun_anew: None
) -> None:
    """Pages are opened and run again and again, each time by a visitor of a new server."""


@pytest.fixture(autouse=True)
def _no_work_ahead(monkeypatch: pytest.MonkeyPatch) -> None:
    """Home imports the live page's parts in a thread, which outlives a page under test."""
    monkeypatch.setattr(resources, "_LIVE", ())


@pytest.fixture
def work(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """A work folder of its own; work on studies that a test leaves behind is ended."""
    from emotion_core.ui.study_page.jobs import study_jobs

    monkeypatch.setenv("EMOTION_LAB_WORK_DIR", str(tmp_path / "work"))
    st.cache_data.clear()
    yield tmp_path / "work"
    for folder in (tmp_path / "work" / "study_jobs" / "jobs").glob("*"):
        study_jobs().delete(folder.name)


@pytest.fixture(scope="session")
def computed(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """The sample study with its results; copy it to change it."""
    from emotion_core.commands.study_run import compute
    from emotion_core.progress import ignore_progress
    from emotion_core.study.sample import make_sample_study

    folder = tmp_path_factory.mktemp("computed") / "study"
    compute(make_sample_study(folder), None, ignore_progress)
    yield folder
    shutil.rmtree(folder)
