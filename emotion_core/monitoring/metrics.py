"""Figures for Prometheus: streams, the queue, the disk, and requests; never a reading.

Importing this module needs the extra `metrics`.
"""

import shutil
import threading
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import TYPE_CHECKING

from prometheus_client import CONTENT_TYPE_LATEST, CollectorRegistry, generate_latest
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, Metric

from emotion_core.live.capacity import SEATS, default_max_streams
from emotion_core.live.registry import LIVE, LiveRegistry
from emotion_core.monitoring.job_folders import KINDS, OWN_KINDS, states_of
from emotion_core.monitoring.requests import RequestCounts

if TYPE_CHECKING:
    from emotion_core.monitoring.shared_side import SharedSide

__all__ = ["CONTENT_TYPE", "ServerMetrics", "default_max_streams"]
CONTENT_TYPE = CONTENT_TYPE_LATEST


class ServerMetrics:
    """What one server process and its work folder look like at this moment. Any thread.

    Args:
        work_dir: of the installation.
        most_streams: live streams that are read at once.
        counts: of the interface for programs.
        live: the live streams of the pages.
        shared: what this server shares with other replicas; None where it is the only one.
    """

    def __init__(
        self,
        work_dir: Path,
        most_streams: int,
        counts: RequestCounts,
        live: LiveRegistry = LIVE,
        shared: "SharedSide | None" = None,
    ) -> None:
        self._shared = shared
        self._work_dir, self._most, self._counts, self._live = work_dir, most_streams, counts, live
        self._lock = threading.Lock()
        self._seen: dict[str, tuple[int, int]] = {}
        self._frames = self._dropped = 0
        self._registry = CollectorRegistry(auto_describe=False)
        self._registry.register(self)

    def page(self) -> bytes:
        """All figures in Prometheus' text format."""
        text: bytes = generate_latest(self._registry)
        return text

    def collect(self) -> Iterator[Metric]:
        """The figures, as prometheus_client wants them."""
        yield from self._streams()
        yield from self._jobs()
        yield from self._disk()
        requests = CounterMetricFamily(
            "emotion_lab_api_requests",
            "Requests of the interface for programs that this replica answered.",
            labels=("method", "route", "status"),
        )
        for (method, route, status), number in self._counts.all().items():
            requests.add_metric((method, route, str(status)), number)
        yield requests

    def _streams(self) -> Iterator[Metric]:
        readings = [reading for s in self._live.running() if (reading := s.reading()) is not None]
        fps = sum(reading.analysis_fps for reading in readings)
        for name, words, value in (
            ("live_streams", "Live streams here that run or are about to.", SEATS.taken()),
            ("live_streams_most", "Live streams that this replica reads at once.", self._most),
            ("live_frames_per_second", "Frames that this replica reads a second.", fps),
        ):
            yield GaugeMetricFamily(f"emotion_lab_{name}", words, value)
        frames, dropped = self._count_frames()
        yield CounterMetricFamily("emotion_lab_live_frames", "Frames that came in here.", frames)
        yield CounterMetricFamily(
            "emotion_lab_live_frames_dropped",
            "Frames shown but not read here: too little time.",
            dropped,
        )

    def _count_frames(self) -> tuple[int, int]:
        """Frames that came in and that were not read, since the server started.

        What a stream adds between the last look and its end is not counted.
        """
        with self._lock:
            seen = {}
            for stream in self._live.running():
                if (reading := stream.reading()) is None:
                    continue
                came, read = self._seen.get(stream.id, (0, 0))
                seen[stream.id] = (reading.frames_in, reading.frames_read)
                self._frames += max(0, reading.frames_in - came)
                missed = (reading.frames_in - reading.frames_read) - (came - read)
                self._dropped += max(0, missed)
            self._seen = seen
            return self._frames, self._dropped

    def _jobs(self) -> Iterator[Metric]:
        if self._shared is None:
            yield _jobs(
                "jobs", "Jobs of the work folder, by kind and state.", states_of(self._work_dir)
            )
            return
        self._shared.states.begin()
        yield _jobs(
            "jobs",
            "Jobs of this replica: those that run on it, and its work on studies.",
            states_of(self._work_dir, OWN_KINDS) | self._shared.running_here(),
        )
        found = self._shared.states.answer()
        yield GaugeMetricFamily(
            "emotion_lab_shared_up",
            "1 where the database of all replicas answers this one, else 0.",
            int(found is not None),
        )
        if found is not None:
            yield _jobs(
                "shared_jobs",
                "Jobs of all replicas together: each replica tells the same; take max, not sum.",
                {(KINDS[name], state): number for (name, state), number in found.items()},
            )

    def _disk(self) -> Iterator[Metric]:
        try:
            usage = shutil.disk_usage(self._work_dir)
        except OSError:
            return
        yield GaugeMetricFamily(
            "emotion_lab_disk_free_bytes",
            "Free on the disk of this replica's work folder.",
            usage.free,
        )
        yield GaugeMetricFamily(
            "emotion_lab_disk_used_bytes",
            "Used on the disk of this replica's work folder.",
            usage.used,
        )


def _jobs(name: str, words: str, found: Mapping[tuple[str, str], int]) -> Metric:
    jobs = GaugeMetricFamily(f"emotion_lab_{name}", words, labels=("kind", "state"))
    for (kind, state), number in sorted(found.items()):
        jobs.add_metric((kind, state), number)
    return jobs
