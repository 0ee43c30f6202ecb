"""Health says why: a full disk, an unwritable folder, a missing network, a stuck queue."""

import json
import os
import shutil
import time
from collections import namedtuple
from pathlib import Path

import pytest

from emotion_core.config import MODELS_DIR
from emotion_core.monitoring import health
from emotion_core.monitoring.health import Health

Usage = namedtuple("Usage", "total used free")


def waiting_job(work: Path, age_s: float, store: str = "videos", name: str = "a1") -> Path:
    folder = work / store / "jobs" / name
    folder.mkdir(parents=True)
    job = {"created_s": time.time() - age_s, "inputs": [], "arguments": [], "owner": "x"}
    (folder / "job.json").write_text(json.dumps(job))
    os.utime(folder / "job.json", (time.time() - age_s,) * 2)
    return folder


def problems(work: Path, models: Path = MODELS_DIR) -> dict[str, str]:
    found: dict[str, str] = Health(work, models, {}).state()["problems"]
    return found


def test_all_is_well_on_a_fresh_installation(tmp_path: Path) -> None:
    assert Health(tmp_path / "work", MODELS_DIR, {}).state() == {"status": "ok", "problems": {}}
    assert list((tmp_path / "work").iterdir()) == []


def test_a_full_disk_is_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(shutil, "disk_usage", lambda path: Usage(10**12, 10**12, 12_000_000))
    assert problems(tmp_path) == {"disk": "The disk of the work folder is full: 12 MB are free."}


def test_a_work_folder_that_cannot_be_written_is_told(tmp_path: Path) -> None:
    (tmp_path / "work").write_text("a file")
    found = problems(tmp_path / "work")
    assert found["work folder"].startswith("The work folder cannot be written: ")


def test_a_missing_network_is_told_without_paths(tmp_path: Path) -> None:
    found = problems(tmp_path / "work", tmp_path / "models")
    assert set(found) == {"network"}
    assert str(tmp_path) not in found["network"]


def test_a_queue_that_does_not_move_is_told(tmp_path: Path) -> None:
    waiting_job(tmp_path, 60)
    assert problems(tmp_path) == {}
    waiting_job(tmp_path, 3600, "evaluations")
    assert problems(tmp_path) == {
        "queue": "The queue is stuck: one job (evaluation) has waited for 60 minutes."
    }


def test_waiting_behind_work_is_not_stuck(tmp_path: Path) -> None:
    waiting_job(tmp_path, 3600)
    running = waiting_job(tmp_path, 3600, name="b2")
    born_s = health_process_birth()
    (running / "process.json").write_text(json.dumps({"pid": os.getpid(), "born_s": born_s}))
    assert problems(tmp_path) == {}


def health_process_birth() -> float:
    import psutil

    return float(psutil.Process().create_time())


def test_others_checks_count_and_the_answer_is_kept_for_a_while(tmp_path: Path) -> None:
    asked: list[int] = []

    def check() -> str:
        asked.append(1)
        return "Sign-on is broken."

    one = Health(tmp_path, MODELS_DIR, {"sign-on": check})
    states = [one.state() for _ in range(50)]
    assert states[-1] == {"status": "failing", "problems": {"sign-on": "Sign-on is broken."}}
    assert asked == [1]


def test_a_job_of_another_program_is_no_reason(tmp_path: Path) -> None:
    folder = waiting_job(tmp_path, 3600)
    (folder / "job.json").write_text("[]")
    assert health.queue_problem(tmp_path) == ""
