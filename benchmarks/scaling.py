"""What many videos and many webcams need, from what one core was measured to do.

    python -m benchmarks.scaling [--hours 10000] [--webcams 1000]

Reads benchmarks/results/ and simulates two weeks that go wrong: workers that fail while they read
videos, and replicas that fail while visitors stream. docs/scaling.md explains the figures.
"""

import argparse
import heapq
import json
import math
from dataclasses import dataclass
from typing import Any

import numpy as np

from benchmarks.common import RESULTS, save

HOUR_S = 3600.0
WEEK_S = 7 * 24 * HOUR_S
# Of a rented core, in a year's contract or on demand; the docs say how to put in one's own.
PRICE_OF_A_CORE_HOUR = 0.04
# What a stream of 640×480 takes in each direction, measured (docs/deployment.md).
STREAM_MBIT_S = 1.0
# Streamlit, the network and OpenCV in a process that nobody visits yet, and its cores.
REPLICA_CORES, REPLICA_MB = 2, 210
# As the app chooses by itself (EMOTION_LAB_MAX_STREAMS).
STREAMS_OF_A_CORE = 2
# A minute of 720p from a webcam or phone, at 4 Mbit/s.
VIDEO_MB_A_MINUTE = 30.0


@dataclass(frozen=True, slots=True)
class Measured:
    """What one core does, from the results of the other benchmarks."""

    seconds_a_second: float  # of a core, for a second of video at 25 frames a second
    worker_mb: float
    table_mb_a_minute: float  # of one face, 25 times a second
    stream_cores: float  # analysis only
    stream_back_cores: float  # with the picture sent back


def measured() -> Measured:
    """Read the results.

    Raises:
        OSError, KeyError: a benchmark has not been run.
    """
    jobs = _result("video_jobs")
    load, page = _result("live_load"), _result("live_page")
    table = jobs["cases"]["table"]
    two, study = table["jobs 2"], _result("study_scale")
    video_s = jobs["clips"] * jobs["seconds_each"]
    return Measured(
        seconds_a_second=two["seconds"] * jobs["usable_cores"] / video_s,
        worker_mb=jobs["peak_memory_of_a_worker_mb"]["1920x1080"],
        table_mb_a_minute=study["faces_csv_mb"] / (study["recordings"] * study["minutes_each"]),
        stream_cores=load["server_cpu_percent"] / 100 / load["streams"],
        stream_back_cores=page["server_cpu_percent"] / 100,
    )


def _result(name: str) -> dict[str, Any]:
    found: dict[str, Any] = json.loads((RESULTS / f"{name}.json").read_text("utf-8"))
    return found


def videos(one: Measured, hours: float) -> dict[str, float]:
    """Cores, memory, disk and money for hours of video, to be read within a week."""
    core_hours = hours * one.seconds_a_second
    cores = math.ceil(core_hours * HOUR_S / WEEK_S)
    minutes = hours * 60
    return {
        "core_hours": round(core_hours),
        "cores_for_a_week": cores,
        "memory_gb": round(cores * one.worker_mb / 1024, 1),
        "videos_tb": round(minutes * VIDEO_MB_A_MINUTE / 1e6, 1),
        "tables_gb": round(minutes * one.table_mb_a_minute / 1e3),
        "read_mbit_s": round(minutes * VIDEO_MB_A_MINUTE * 8 / WEEK_S),
        "price": round(core_hours * PRICE_OF_A_CORE_HOUR),
    }


def webcams(one: Measured, count: int) -> dict[str, float]:
    """Cores, replicas, memory and network for so many visitors at the same time."""
    replicas = math.ceil(count / (REPLICA_CORES * STREAMS_OF_A_CORE))
    return {
        "cores_busy": round(count * one.stream_cores),
        "cores_busy_sending_back": round(count * one.stream_back_cores),
        "replicas": replicas,
        "cores": replicas * REPLICA_CORES,
        "memory_gb": round(replicas * REPLICA_MB / 1024),
        "mbit_s_in": round(count * STREAM_MBIT_S),
        # Relayed: each stream enters and leaves the relay in both directions.
        "turn_mbit_s_if_all_are_relayed": round(4 * count * STREAM_MBIT_S),
        "price_an_hour": round(replicas * REPLICA_CORES * PRICE_OF_A_CORE_HOUR, 2),
    }


def simulated_videos(
    hours: float,
    workers: int,
    seconds_a_second: float,
    failures_a_week: float,
    piece_s: float | None = None,
    seed: int = 0,
) -> dict[str, float]:
    """Read videos on workers that fail; a video, or a piece of it, begins again elsewhere.

    Lengths are lognormal with a median of 20 minutes and at most four hours, as in libraries of
    recorded sessions. A worker is away for ten minutes after a failure.

    Args:
        hours: of video in all.
        workers: cores, one video each.
        seconds_a_second: of a core, for a second of video.
        failures_a_week: of each worker, on average.
        piece_s: cut longer videos into pieces of so many seconds; None: do not.
        seed: of the random numbers.
    """
    random = np.random.default_rng(seed)
    tasks = _lengths(hours, random)
    if piece_s is not None:
        tasks = [p for t in tasks for p in _pieces(t, piece_s)]
    waiting = [t * seconds_a_second for t in sorted(tasks)]
    useful_s, lost_s, ends_s = sum(waiting), 0.0, 0.0
    free = [(0.0, worker) for worker in range(workers)]
    between_s = WEEK_S / failures_a_week if failures_a_week else math.inf
    fails = random.exponential(1.0, workers) * between_s
    while waiting:
        now, worker = heapq.heappop(free)
        if now >= fails[worker]:
            fails[worker] = now + random.exponential(1.0) * between_s
        task = waiting.pop()
        if now + task > fails[worker]:
            lost_s += fails[worker] - now
            waiting.append(task)
            heapq.heappush(free, (fails[worker] + 600.0, worker))
            continue
        ends_s = max(ends_s, now + task)
        heapq.heappush(free, (now + task, worker))
    return {
        "days": round(ends_s / 86400, 2),
        "days_without_failures_or_waiting": round(useful_s / workers / 86400, 2),
        "work_done_twice_percent": round(100 * lost_s / useful_s, 2),
    }


def _lengths(hours: float, random: np.random.Generator) -> list[float]:
    left_s, lengths = hours * HOUR_S, []
    while left_s > 0:
        length = min(float(random.lognormal(math.log(1200.0), 0.8)), 4 * HOUR_S, left_s)
        lengths.append(length)
        left_s -= length
    return lengths


def _pieces(length_s: float, piece_s: float) -> list[float]:
    count = max(1, math.ceil(length_s / piece_s))
    return [length_s / count] * count


def simulated_webcams(
    visitors: float,
    replicas: int,
    places: int,
    failures_a_week: float,
    least_busy: bool,
    seed: int = 0,
) -> dict[str, float]:
    """A day of visitors who come at random, stay ten minutes on average and keep to one replica.

    Args:
        visitors: at the same time, on average, if nobody were turned away.
        replicas: processes; a visitor who is turned away by one does not come back.
        places: streams of a replica.
        failures_a_week: of each replica; its streams end, and it is back after a minute.
        least_busy: the proxy sends a new visitor to the replica with the fewest streams; otherwise
            to any, as a hash of the address does.
        seed: of the random numbers.
    """
    random = np.random.default_rng(seed)
    stay_s, day_s = 600.0, 24 * HOUR_S
    streams: list[list[float]] = [[] for _ in range(replicas)]
    failures = random.poisson(failures_a_week / 7 * replicas)
    breaks = sorted(
        (float(t), int(random.integers(replicas))) for t in day_s * random.random(failures)
    )
    now, came, refused, broken = 0.0, 0, 0, 0
    while (now := now + float(random.exponential(stay_s / visitors))) < day_s:
        while breaks and breaks[0][0] <= now:
            when, replica = breaks.pop(0)
            broken += sum(end > when for end in streams[replica])
            # Full until it is back.
            streams[replica] = [when + 60.0] * places
        for places_taken in streams:
            while places_taken and places_taken[0] <= now:
                heapq.heappop(places_taken)
        at = min(streams, key=len) if least_busy else streams[int(random.integers(replicas))]
        came += 1
        if len(at) >= places:
            refused += 1
        else:
            heapq.heappush(at, now + float(random.exponential(stay_s)))
    return {
        "visitors": came,
        "turned_away_percent": round(100 * refused / came, 2),
        "ended_by_a_failure_percent": round(100 * broken / came, 3),
    }


def main() -> None:
    """Print the plan and keep it."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n", 1)[0] if __doc__ else "")
    parser.add_argument("--hours", type=float, default=10_000.0, help="of video")
    parser.add_argument("--webcams", type=int, default=1_000, help="at the same time")
    options = parser.parse_args()
    one = measured()
    plan, room = videos(one, options.hours), webcams(one, options.webcams)
    cores = int(plan["cores_for_a_week"])
    replicas = int(room["replicas"])
    places = REPLICA_CORES * STREAMS_OF_A_CORE
    save(
        "scaling",
        {
            "core_seconds_of_a_second_of_video": round(one.seconds_a_second, 3),
            "videos": plan,
            "videos_simulated": {
                f"{name}, {failures} failures of a worker a week": simulated_videos(
                    options.hours, cores, one.seconds_a_second, failures, piece
                )
                for failures in (0, 1, 7)
                for name, piece in (("whole videos", None), ("pieces of 10 minutes", 600.0))
            },
            "webcams": room,
            "webcams_simulated": {
                f"{share:.0%} of the places asked for, {name}": simulated_webcams(
                    share * replicas * places, replicas, places, 1.0, least_busy
                )
                for share in (0.5, 0.8, 1.0)
                for name, least_busy in (("by address", False), ("to the least busy", True))
            },
        },
    )


if __name__ == "__main__":
    main()
