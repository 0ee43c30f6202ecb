"""What all tests of pages share."""

import pytest

from emotion_core.ui.common import resources


@pytest.fixture(autouse=True)
def _objects_set_aside(objects_set_aside: None) -> None:
    """Pages are run again and again."""


@pytest.fixture(autouse=True)
def _no_work_ahead(monkeypatch: pytest.MonkeyPatch) -> None:
    """Home imports the live page's parts in a thread, which outlives a page under test."""
    monkeypatch.setattr(resources, "_LIVE", ())
