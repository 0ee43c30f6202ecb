"""Seconds and peak memory from many results folders to the long table of a study.

python -m benchmarks.study_scale [--recordings 1000] [--minutes 10]

The tables of faces are drawn at random at 25 frames a second: a few variants, copied into as many
folders as there are recordings. Each participant has four recordings, each recording a baseline and
ten stimuli. Each step runs in a process of its own; the baseline is subtracted in log-odds, and
readings are smoothed, which is the most work that the settings can ask for.
"""

import argparse
import csv
import os
import shutil
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks.common import save
from emotion_core.labels import EXPRESSIONS
from emotion_core.results.export import COLUMNS
from emotion_core.study.definitions import (
    Baseline,
    Event,
    EventKind,
    Recording,
    Smoothing,
    Space,
    StudySettings,
)
from emotion_core.study.folder import Study

FPS = 25.0
VARIANTS = 5
EVENTS = 10
RECORDINGS_EACH = 4


def main() -> None:
    """Write results/study_scale.json."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--recordings", type=int, default=1000)
    parser.add_argument("--minutes", type=float, default=10.0)
    parser.add_argument("--step", choices=STEPS, help=argparse.SUPPRESS)
    parser.add_argument("--study", type=Path, help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.step:
        STEPS[options.step](Study.open(options.study))
        return
    with tempfile.TemporaryDirectory() as folder:
        study = make_study(Path(folder) / "study", options.recordings, options.minutes)
        text = sum(p.stat().st_size for p in (study / "recordings").glob("*/faces.csv"))
        figures = {step: in_process(step, study) for step in STEPS}
        parquet = sum(p.stat().st_size for p in (study / "readings").glob("*.parquet"))
    both = ("readings", "long_table")
    save(
        "study_scale",
        {
            "recordings": options.recordings,
            "minutes_each": options.minutes,
            "rows_of_faces": round(options.recordings * options.minutes * 60 * FPS),
            "faces_csv_mb": round(text / 1e6, 1),
            "readings_mb": round(parquet / 1e6, 1),
            **figures,
            "seconds_from_faces_csv_to_long_table": round(
                sum(figures[step]["seconds"] for step in both), 1
            ),
            "peak_memory_mb": max(figures[step]["peak_memory_mb"] for step in both),
        },
    )


def make_study(folder: Path, recordings: int, minutes: float) -> Path:
    """A study whose recordings are analysed."""
    Study.create(folder, "Scale")
    rows: list[Path] = []
    for i in range(recordings):
        name = f"P{i // RECORDINGS_EACH:04}_{i % RECORDINGS_EACH}"
        target = folder / "recordings" / name
        target.mkdir(parents=True)
        if i < VARIANTS:
            write_faces(target / "faces.csv", round(minutes * 60 * FPS), seed=i)
        else:
            shutil.copyfile(rows[i % VARIANTS], target / "faces.csv")
        rows.append(target / "faces.csv")
    table = [
        Recording(p.parent.name, f"recordings/{p.parent.name}", p.parent.name.partition("_")[0])
        for p in rows
    ]
    step_s = minutes * 60 / (EVENTS + 1)
    events = [Event("*", EventKind.BASELINE, "rest", 0.0, step_s)]
    events += [
        Event("*", EventKind.STIMULUS, f"film {i}", i * step_s, (i + 0.8) * step_s)
        for i in range(1, EVENTS + 1)
    ]
    settings = StudySettings(
        baseline=Baseline.EVENT, space=Space.LOGIT, smoothing=Smoothing.LOESS, smoothing_s=1.0
    )
    study = Study.open(folder).with_recordings(table).with_events(events)
    return study.with_settings(settings).folder


def write_faces(path: Path, frames: int, seed: int) -> None:
    """A table of one face that wanders between the expressions and is away now and then."""
    rng = np.random.default_rng(seed)
    walk = np.cumsum(rng.normal(0, 0.15, (frames, 7)), axis=0)
    probs = np.exp(walk - walk.mean(axis=0))
    probs /= probs.sum(axis=1, keepdims=True)
    away = np.sin(np.arange(frames) / (13 * FPS)) > 0.97
    with path.open("w", encoding="utf-8", newline="") as file:
        writer = csv.writer(file, lineterminator="\n")
        writer.writerow(COLUMNS)
        for i, row in enumerate(probs):
            head = [str(i), f"{i / FPS:.6f}"]
            if away[i]:
                writer.writerow([*head, *[""] * (len(COLUMNS) - 5), "1", "", ""])
                continue
            texts, best = [f"{p:.6f}" for p in row], int(row.argmax())
            box, speaks = ("441.9", "181.4", "117.3", "117.3"), str(i // 250 % 2)
            unsure = str(int(row[best] < 0.4))
            most = (*head, "1", *box, *texts, EXPRESSIONS[best], texts[best], *texts)
            rest = ("", "9.508", "0", unsure, "0.1000", "0.2000", "", "1", "1", speaks)
            writer.writerow(most + rest)


def build_readings(study: Study) -> None:
    """The first step."""
    from emotion_core.study.readings import build_all

    problems = build_all(study)
    if problems:
        raise SystemExit(str(problems[0]))


def make_long_table(study: Study) -> None:
    """The second step; it looks whether the readings are up to date."""
    from emotion_core.study.tables import long_table

    long = long_table(study)
    if not long["mean"].notna().all():
        raise SystemExit("A mean is missing.")


def write_all_tables(study: Study) -> None:
    """The second step, and every file of tables."""
    from emotion_core.study.tables import write_tables

    write_tables(study)


STEPS = {
    "readings": build_readings,
    "long_table": make_long_table,
    "all_tables_written": write_all_tables,
}


def in_process(step: str, study: Path) -> dict[str, Any]:
    """Run one step in a process of its own; seconds include its start."""
    command = [sys.executable, "-m", "benchmarks.study_scale", "--step", step]
    start = time.perf_counter()
    process = subprocess.Popen([*command, "--study", str(study)])
    _, status, usage = os.wait4(process.pid, 0)
    process.returncode = os.waitstatus_to_exitcode(status)
    if process.returncode:
        raise SystemExit(f"{step} ended with {process.returncode}")
    return {
        "seconds": round(time.perf_counter() - start, 1),
        "cpu_seconds": round(usage.ru_utime + usage.ru_stime, 1),
        "peak_memory_mb": round(usage.ru_maxrss * 1024 / 1e6, 1),
    }


if __name__ == "__main__":
    main()
