"""Fixtures that several areas share. Add yours below; keep each a few lines."""

from pathlib import Path

import pytest

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


@pytest.fixture
def portrait() -> ImageArray:
    """(320, 320, 3) uint8 BGR: one frontal face of about 96 pixels."""
    from emotion_core.media.sample import sample_photo

    return sample_photo()
