"""What a run does when workers die, machines leave and the whole cluster is lost; no processes."""

import math
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from emotion_core.batch.folders import folders_in
from emotion_core.batch.pool import CrewLostError, Pool
from emotion_core.batch.report import Report
from emotion_core.batch.schedule import Analyse
from emotion_core.batch.split_videos import Join
from emotion_core.batch.worker import AnyStep, Broken, Ended, Gone, Message, Note, Ready, Stop
from emotion_core.progress import Event
from emotion_core.video.analyze import Source


class Crew:
    """Workers that do what a script says of their analyses, in turns; then all succeed."""

    grace_s = math.inf
    most_failed_starts = 3

    def __init__(self, script: list[Message | str], workers: int = 1) -> None:
        self.script, self.workers = script, workers
        self.asked: list[tuple[int, AnyStep | Stop]] = []
        self._coming: list[tuple[int, Message]] = []
        self._started = 0

    def wanted(self) -> int:
        return self.workers

    def start(self) -> int:
        self._started += 1
        first = self.script[0] if self.script else None
        if isinstance(first, Broken):
            del self.script[0]
            self._coming.append((self._started, first))
            self._coming.append((self._started, Gone("could not begin")))
        else:
            self._coming.append((self._started, Ready()))
        return self._started

    def send(self, worker: int, what: AnyStep | Stop) -> None:
        self.asked.append((worker, what))
        if isinstance(what, Stop):
            return
        if not isinstance(what, Analyse):
            assert isinstance(what.path, Path)
            self._coming.append((worker, Source(what.path, f"{what.number:064d}")))
            return
        answer = self.script.pop(0) if self.script else "done"
        if answer == "hangs":
            return
        if isinstance(answer, str):
            outcome = {"file": str(what.path), "status": answer, "message": "", "problem": ""}
            answer = Ended(outcome | {"folder": str(what.folder)})
        self._coming.append((worker, answer))

    def receive(self) -> Iterator[tuple[int, Message]]:
        if not self._coming:
            time.sleep(0.01)
        coming, self._coming = self._coming, []
        for worker, message in coming:
            if isinstance(message, Gone) and message.how == "lost":
                raise CrewLostError("The connection was lost.")
            yield worker, message

    def clear_up(self, step: Analyse | Join, message: str) -> None: ...

    def close(self) -> None: ...


DIED = Gone("died on a")
LEFT = Gone("was on a, which left the cluster", innocent=True)


def run(crew: Crew, out: Path, videos: int = 1) -> tuple[list[Event], list[Event]]:
    told: list[Event] = []
    report = Report([Path(f"v{n}.mp4") for n in range(videos)], told.append)
    until = time.monotonic() + 5
    Pool(crew, folders_in(out), report).run(lambda: time.monotonic() > until)
    return report.end(), told


@pytest.mark.parametrize(
    ("script", "again", "status", "words"),
    [
        ([DIED], 1, "done", ""),
        ([DIED, DIED], 1, "failed", "died on a twice"),
        ([LEFT, LEFT, LEFT], 3, "done", ""),
        ([LEFT, DIED, LEFT], 3, "done", ""),
        ([LEFT, DIED, DIED], 2, "failed", "died on a twice"),
        ([LEFT] * 9, 5, "failed", "left the cluster too often"),
    ],
)
def test_a_machine_that_leaves_does_not_count_as_a_try(
    tmp_path: Path, script: list[Message | str], again: int, status: str, words: str
) -> None:
    (outcome,), told = run(Crew(list(script)), tmp_path)
    assert outcome["status"] == status
    assert words in outcome["message"]
    assert sum(event["event"] == "file_again" for event in told) == again


def test_a_bad_video_takes_no_other_along(tmp_path: Path) -> None:
    outcomes, told = run(Crew([DIED, "done", "done", DIED]), tmp_path, videos=3)
    assert [o["status"] for o in outcomes] == ["failed", "done", "done"]
    assert sum(event["event"] == "file_end" for event in told) == 3


def test_when_everything_is_lost_each_video_says_so(tmp_path: Path) -> None:
    outcomes, told = run(Crew(["done", Gone("lost")]), tmp_path, videos=3)
    assert [o["status"] for o in outcomes] == ["done", "failed", "failed"]
    assert outcomes[1]["message"] == "v1.mp4: not finished. The connection was lost."
    assert {"event": "note", "message": "The connection was lost."} in told


def test_machines_that_cannot_begin_end_the_run_with_the_reason(tmp_path: Path) -> None:
    (outcome,), _ = run(Crew([Broken("b: no room")] * 9), tmp_path)
    assert outcome["status"] == "failed"
    assert "no process could be started to read it (b: no room)" in outcome["message"]


def test_one_machine_that_cannot_begin_stops_nobody(tmp_path: Path) -> None:
    outcomes, _ = run(Crew([Broken("b: no room")] * 2), tmp_path, videos=3)
    assert [o["status"] for o in outcomes] == ["done"] * 3


def test_a_stopped_run_waits_for_a_while_only(tmp_path: Path) -> None:
    crew = Crew(["hangs"])
    crew.grace_s = 0.1
    told: list[Event] = []
    report = Report([Path("v.mp4"), Path("w.mp4")], told.append)
    stopped = lambda: any(isinstance(what, Analyse) for _, what in crew.asked)  # noqa: E731
    Pool(crew, folders_in(tmp_path), report).run(stopped)
    assert [o["status"] for o in report.end()] == ["cancelled", "cancelled"]
    assert any(isinstance(what, Stop) for _, what in crew.asked)


def test_the_scheduler_holds_one_step_for_each_worker(tmp_path: Path) -> None:
    crew = Crew(["hangs"] * 3, workers=3)
    told: list[Event] = []
    report = Report([Path(f"v{n}.mp4") for n in range(100)], told.append)
    crew.grace_s = 0.0
    until = time.monotonic() + 0.3
    Pool(crew, folders_in(tmp_path), report).run(lambda: time.monotonic() > until)
    assert len([what for _, what in crew.asked if isinstance(what, Analyse)]) == 3


def test_a_worker_analyses_the_video_that_it_fetched(tmp_path: Path) -> None:
    crew = Crew([], workers=2)
    run(crew, tmp_path, videos=8)
    who: dict[int, set[int]] = {}
    for worker, what in crew.asked:
        if not isinstance(what, Stop):
            who.setdefault(what.number, set()).add(worker)
    assert all(len(workers) == 1 for workers in who.values())


def test_notes_concern_the_run(tmp_path: Path) -> None:
    crew = Crew([])
    crew._coming.append((0, Note("Waiting for a free core.")))
    _, told = run(crew, tmp_path)
    assert {"event": "note", "message": "Waiting for a free core."} in told
