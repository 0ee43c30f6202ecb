"""Gives the corpus to worker processes, and keeps watch over their time and memory."""

import json
import os
import queue
import shutil
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Iterable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

import psutil
from hostile.cases import DOORS, Secrets
from hostile.corpus import Made, make_corpus

from emotion_core.config import PROJECT_ROOT

_WORKER: Final = Path(__file__).with_name("worker.py")
LIMIT_MB: Final = 1500.0
LIMIT_S: Final = 60.0
_START_S: Final = 120.0
_LOOK_EVERY_S: Final = 0.05
# Of the second half of a worker's items over the first, in MB: what is lost, not what is cached.
_GROWTH_MB: Final = 150.0


@dataclass
class Report:
    """What came of all files at all doors.

    Attributes:
        files, runs: how many files, and files times doors.
        failures: one line for each.
        peak_mb: the largest resident memory of a worker.
        growth_mb: of a worker's resident memory over the second half of its runs.
        slowest: seconds and name of the slowest run.
        counts: (door, verdict) → how many.
    """

    files: int = 0
    runs: int = 0
    failures: list[str] = field(default_factory=list)
    peak_mb: float = 0.0
    growth_mb: float = 0.0
    slowest: tuple[float, str] = (0.0, "")
    counts: dict[tuple[str, str], int] = field(default_factory=dict)
    seconds: float = 0.0
    answers: list[dict[str, Any]] = field(default_factory=list)


def run_corpus(
    folder: Path, *, short: bool = False, doors: Iterable[str] = DOORS, workers: int = 1
) -> Report:
    """Make the corpus in an empty folder and give every file to every door."""
    began_s = time.monotonic()
    with socket.create_server(("127.0.0.1", 0)) as server:
        secrets = Secrets(folder / "secret", server.getsockname()[1])
    made = make_corpus(folder / "corpus", secrets, short=short)
    before = _listing(folder)
    models = _served_models(folder / "models")
    items = [(m, door) for m in made for door in doors]
    report = Report(files=len(made), runs=len(items))
    parts = [items[i::workers] for i in range(workers)]
    threads = [
        threading.Thread(target=_run, args=(part, folder / f"items{n}", (models, secrets), report))
        for n, part in enumerate(parts)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    shutil.rmtree(folder / "models")
    left = sorted(_listing(folder) - before)
    report.failures += [f"left behind: {name!r}" for name in left if not name.startswith("items")]
    report.seconds = time.monotonic() - began_s
    return report


def _listing(folder: Path) -> set[str]:
    return {
        os.path.relpath(Path(place) / name, folder)
        for place, folders, names in os.walk(folder)
        for name in [*folders, *names]
    }


def _served_models(folder: Path) -> Path:
    """A models folder without the float network: TensorFlow is not what is attacked here."""
    target = folder / "ferplus"
    target.mkdir(parents=True)
    for name in ("model.json", "model.tflite"):
        shutil.copy(PROJECT_ROOT / "models" / "ferplus" / name, target / name)
    (folder / "default.txt").write_text("ferplus\n")
    return folder


def _run(
    items: list[tuple[Made, str]], place: Path, given: tuple[Path, Secrets], report: Report
) -> None:
    """All items of one worker; where it dies, another one goes on behind the deadly item."""
    at, answers = 0, list[dict[str, Any]]()
    place.mkdir()
    while at < len(items):
        worker = _Worker(items[at:], place, *given)
        for answer in worker.answers():
            made, door = items[at + answer["number"]]
            _take(report, made, door, answer)
            answers.append(answer)
            last = at + answer["number"]
        at = last + 1
    _check_handles(answers, report)
    resident = [a["resident_mb"] for a in answers if "resident_mb" in a]
    half = resident[len(resident) // 2 :] or [0.0]
    report.growth_mb = max(report.growth_mb, half[-1] - half[0])
    if half[-1] - half[0] > _GROWTH_MB:
        report.failures.append(f"memory grew by {half[-1] - half[0]:.0f} MB over the second half")


def _check_handles(answers: list[dict[str, Any]], report: Report) -> None:
    """Files and threads that stay open are lost to a server."""
    for what in ("files", "threads"):
        counts = [a[what] for a in answers if what in a]
        early = max(counts[: max(4, len(counts) // 4)], default=0)
        if counts and (late := counts[-1]) > early + 2:
            report.failures.append(f"{late} open {what} at the end, {early} at first")


def _take(report: Report, made: Made, door: str, answer: dict[str, Any]) -> None:
    name = f"{made.case.kind}/{made.case.name!a} at {door}"
    verdict, faults = answer["verdict"], list(answer["faults"])
    wanted = made.case.must.get(door)
    if wanted and verdict != wanted:
        faults.append(f"expected a {wanted}")
    if answer.get("peak_mb", 0.0) > LIMIT_MB:
        faults.append(f"{answer['peak_mb']:.0f} MB")
    for fault in faults:
        report.failures.append(f"{name}: {fault} ({answer['words']!a})")
    report.peak_mb = max(report.peak_mb, answer.get("peak_mb", 0.0))
    report.slowest = max(report.slowest, (answer["seconds"], name))
    report.counts[door, verdict] = report.counts.get((door, verdict), 0) + 1
    report.answers.append({"name": name, **answer})


class _Worker:
    """One worker process and the threads that listen to it."""

    def __init__(
        self, items: list[tuple[Made, str]], place: Path, models: Path, secrets: Secrets
    ) -> None:
        lines = (
            {"number": n, "door": door, "path": os.fsencode(made.path).hex()}
            for n, (made, door) in enumerate(items)
        )
        list_file = place / "items.jsonl"
        list_file.write_text("".join(json.dumps(line) + "\n" for line in lines))
        command = [sys.executable, str(_WORKER), str(list_file), str(place / "work")]
        command += [str(models), str(secrets.folder), str(secrets.port)]
        with (place / "errors.txt").open("ab") as errors:
            self._process = subprocess.Popen(
                command,
                stdout=subprocess.PIPE,
                stderr=errors,
                env=os.environ | {"OMP_NUM_THREADS": "1", "EMOTION_LAB_MODELS_DIR": str(models)},
            )
        self._lines: queue.Queue[bytes] = queue.Queue()
        threading.Thread(target=self._listen, daemon=True).start()

    def _listen(self) -> None:
        assert self._process.stdout is not None
        with self._process.stdout as lines:
            for line in lines:
                self._lines.put(line)
        self._lines.put(b"")

    def answers(self) -> Iterable[dict[str, Any]]:
        """An answer for each item, up to the one at which the process ends."""
        number, since_s, limit_s = 0, time.monotonic(), _START_S
        while True:
            problem = ""
            try:
                line = self._lines.get(timeout=_LOOK_EVERY_S)
                if line:
                    answer = json.loads(line)
                    number = answer["number"]
                    if "begun" in answer:
                        since_s, limit_s = time.monotonic(), LIMIT_S
                    else:
                        limit_s = _START_S
                        yield answer
                    continue
                if self._process.wait() == 0:
                    return
                problem = f"the process ended with {self._process.returncode}"
            except queue.Empty:
                problem = self._problem(since_s, limit_s)
            if problem:
                self._process.kill()
                self._process.wait()
                seconds = round(time.monotonic() - since_s, 1)
                words = {"verdict": "failure", "words": "", "seconds": seconds}
                yield {"number": number, "faults": [problem], **words}
                return

    def _problem(self, since_s: float, limit_s: float) -> str:
        if time.monotonic() - since_s > limit_s:
            return f"no answer within {limit_s:.0f} s"
        try:
            resident = psutil.Process(self._process.pid).memory_info().rss / 1e6
        except psutil.Error:
            return ""
        return f"{resident:.0f} MB" if resident > LIMIT_MB else ""
