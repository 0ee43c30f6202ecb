"""Metrics in Prometheus' own format, read by its own parser."""

import json
import os
from pathlib import Path

import psutil
import pytest
from asgi_calls import ask
from starlette.applications import Starlette

pytest.importorskip("prometheus_client", reason="needs the extra `metrics`: prometheus-client")
from prometheus_client.parser import text_string_to_metric_families

from emotion_core.live.registry import LiveRegistry
from emotion_core.monitoring.metrics import ServerMetrics
from emotion_core.monitoring.requests import RequestCounts
from emotion_core.ui.common.operations import Operations


def values(text: str) -> dict[tuple[str, tuple[str, ...]], float]:
    """(name, values of the labels) → value."""
    families = text_string_to_metric_families(text)
    samples = [sample for family in families for sample in family.samples]
    return {(s.name, tuple(s.labels.values())): s.value for s in samples}


def add_job(work: Path, name: str, **files: object) -> None:
    folder = work / "videos" / "jobs" / name
    folder.mkdir(parents=True)
    job = {"created_s": 1.0, "inputs": [], "arguments": [], "owner": "x"}
    for file, content in {"job.json": job, **files}.items():
        (folder / file).write_text(content if isinstance(content, str) else json.dumps(content))


def test_jobs_are_counted_by_kind_and_state(tmp_path: Path) -> None:
    me = {"pid": os.getpid(), "born_s": psutil.Process().create_time()}
    dead = {"pid": 2**22 - 1, "born_s": 0.0}
    add_job(tmp_path, "waits")
    add_job(tmp_path, "runs", **{"process.json": me})
    add_job(tmp_path, "died", **{"process.json": dead})
    add_job(tmp_path, "cancelled", cancelled="")
    metrics = ServerMetrics(tmp_path, 4, RequestCounts(), LiveRegistry())
    for _ in range(2):
        found = values(metrics.page().decode())
        jobs = {key[1]: n for key, n in found.items() if key[0] == "emotion_lab_jobs"}
        assert jobs == {
            ("analysis", "waiting"): 1.0,
            ("analysis", "running"): 1.0,
            ("analysis", "failed"): 1.0,
            ("analysis", "cancelled"): 1.0,
        }


class Stream:
    """A live stream at one moment."""

    id = "one"
    ended = False

    def __init__(self) -> None:
        self.came = self.read = 0

    def reading(self) -> "Stream":
        return self

    analysis_fps = 25.0

    @property
    def frames_in(self) -> int:
        return self.came

    @property
    def frames_read(self) -> int:
        return self.read


class Streams:
    def __init__(self) -> None:
        self.streams: list[Stream] = []

    def running(self) -> list[Stream]:
        return self.streams


def test_frames_only_grow_though_streams_end(tmp_path: Path) -> None:
    live, stream = Streams(), Stream()
    metrics = ServerMetrics(tmp_path, 4, RequestCounts(), live)  # type: ignore[arg-type]

    def frames() -> tuple[float, float]:
        found = values(metrics.page().decode())
        names = ("emotion_lab_live_frames_total", "emotion_lab_live_frames_dropped_total")
        return found[names[0], ()], found[names[1], ()]

    assert frames() == (0.0, 0.0)
    live.streams, stream.came, stream.read = [stream], 100, 90
    assert frames() == (100.0, 10.0)
    stream.came, stream.read = 150, 130
    assert frames() == (150.0, 20.0)
    live.streams = []
    assert frames() == (150.0, 20.0)


def test_the_route_answers_prometheus(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("EMOTION_LAB_WORK_DIR", str(tmp_path))
    monkeypatch.setenv("EMOTION_LAB_METRICS", "1")
    monkeypatch.setenv("EMOTION_LAB_MAX_STREAMS", "7")
    server = Operations.from_environment()
    assert len(server.middleware()) == 1
    answer = ask(Starlette(routes=server.routes()), "/metrics")
    assert answer.status == 200
    assert answer.headers["content-type"].startswith("text/plain")
    found = values(answer.text)
    assert found["emotion_lab_live_streams_most", ()] == 7.0
    assert found["emotion_lab_disk_free_bytes", ()] > 0
