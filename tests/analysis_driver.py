"""An analysis with a classifier that needs no network."""

from pathlib import Path
from typing import Any

from made_classifiers import Happy

from emotion_core.results.paths import file_hash
from emotion_core.video.analyze import Source, analyse_video
from emotion_core.video.options import VideoOptions
from emotion_core.video.progress import Hooks


def analyse(path: Path, folder: Path, hooks: Hooks | None = None, **options: Any) -> dict[str, Any]:
    source = Source(path, file_hash(path))
    return analyse_video(source, folder, Happy(), VideoOptions(**options), {"name": "h"}, hooks)
