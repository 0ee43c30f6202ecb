"""The video that most tests of analyses share."""

from pathlib import Path

import pytest

from emotion_core.media.write import sample_video


@pytest.fixture(scope="module")
def clip(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return sample_video(tmp_path_factory.mktemp("clips") / "clip.mp4", 2.0, 20.0)
