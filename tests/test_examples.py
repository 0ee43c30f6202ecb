"""The examples, run as a user runs them, on synthetic clips."""

import os
import re
import subprocess
import sys
from pathlib import Path

import nbformat
import pandas as pd
import pytest
from nbclient import NotebookClient

from emotion_core import sample_video

ROOT = Path(__file__).resolve().parents[1]
EXAMPLES = ROOT / "examples"


@pytest.fixture(scope="module")
def clips(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("clips")
    sample_video(folder / "one.mp4", 2.0, 20.0)
    sample_video(folder / "two.MP4", 2.0, 20.0, "cross")
    (folder / "broken.mp4").write_text("no video")
    (folder / "notes.txt").write_text("no video either")
    return folder


def run(name: str, cwd: Path, *arguments: object) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, str(EXAMPLES / name), *map(str, arguments)],
        cwd=cwd,
        env=os.environ | {"PYTHONPATH": str(ROOT)},
        capture_output=True,
        text=True,
        timeout=120,
    )


def test_webcam_prints_a_line_for_each_face(clips: Path, tmp_path: Path) -> None:
    done = run("webcam.py", tmp_path, clips / "one.mp4")
    assert done.returncode == 0, done.stderr
    lines = done.stdout.splitlines()
    assert len(lines) > 30
    assert re.fullmatch(r" +\d+\.\d\d s  person 1: happy \d+%", lines[-1])


def test_a_folder_becomes_one_table(clips: Path, tmp_path: Path) -> None:
    done = run("folder_to_table.py", tmp_path, clips, "all.csv")
    assert done.returncode == 0, done.stderr
    table = pd.read_csv(tmp_path / "all.csv")
    assert set(table["video"]) == {"one.mp4", "two.MP4"}
    assert table.groupby("video")["frame"].nunique().to_dict() == {"one.mp4": 10, "two.MP4": 10}
    assert "broken.mp4" in done.stderr


def test_own_parts_read_the_face(clips: Path, tmp_path: Path) -> None:
    done = run("own_parts.py", tmp_path, clips / "one.mp4")
    assert done.returncode == 0, done.stderr
    assert re.search(r"person 1: happy, [12]\.\d s", done.stdout)


def test_the_notebook_runs_and_is_kept_without_outputs(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PYTHONPATH", str(ROOT))
    book = nbformat.read(EXAMPLES / "faces_csv.ipynb", as_version=4)  # type: ignore[no-untyped-call]
    code = [cell for cell in book.cells if cell.cell_type == "code"]
    assert not any(cell.outputs or cell.execution_count for cell in code)
    NotebookClient(book, timeout=120, resources={"metadata": {"path": str(tmp_path)}}).execute()
    printed = "".join(o.get("text", "") for cell in code for o in cell.outputs)
    assert re.search(r"\d+% of the analysed frames show a face", printed)
    assert any("image/png" in o.get("data", {}) for o in code[-1].outputs)
    assert (tmp_path / "results" / "talk" / "faces.csv").is_file()
