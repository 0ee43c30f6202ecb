"""Studies for tests: a few recordings with results, written as an analysis writes them."""

from collections.abc import Sequence
from pathlib import Path

from emotion_core.labels import EXPRESSIONS
from emotion_core.results.export import COLUMNS
from emotion_core.study.definitions import Recording
from emotion_core.study.folder import Study


def recording(name: str, **fields: object) -> Recording:
    """A recording; columns that are not known become variables."""
    known = set(Recording.__dataclass_fields__)
    given = {"file": f"{name}.mp4", "participant": name.partition("_")[0], **fields}
    variables = {k: str(v) for k, v in given.items() if k not in known}
    rest = {k: v for k, v in given.items() if k in known}
    return Recording(recording=name, variables=variables, **rest)  # type: ignore[arg-type]


def write_faces(folder: Path, last_s: float, first_s: float = 0.0) -> Path:
    """A results folder whose faces.csv has two frames, the first and the last."""
    folder.mkdir(parents=True, exist_ok=True)
    lines = [",".join(COLUMNS)]
    for index, time_s in enumerate((first_s, last_s)):
        cells = dict.fromkeys(COLUMNS, "0") | {
            "frame": str(index),
            "time_s": f"{time_s:.6f}",
            "track_id": "1",
            "emotion": EXPRESSIONS[0],
            "name": "",
            "quality": "",
            "speaking": "",
        }
        lines.append(",".join(cells[c] for c in COLUMNS))
    (folder / "faces.csv").write_text("\n".join(lines) + "\n", "utf-8")
    return folder


def study_with(folder: Path, recordings: Sequence[Recording]) -> Study:
    """A new study with these recordings."""
    return Study.create(folder, "A study").with_recordings(recordings)
