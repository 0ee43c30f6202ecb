"""The engine `ray`: machines that are lost, what a second one brings, and what the engine costs.

python -m benchmarks.cluster

Nodes are processes of this machine, for the figures on one core each: what two of them bring is
only worth something where it has two quiet cores. The processes of `--jobs` are measured in the
same run, for comparison. Needs the extra `cluster`.
"""

import argparse
import json
import os
import random
import shutil
import subprocess
import sys
import tempfile
import time
from collections import Counter
from pathlib import Path
from typing import Any

from benchmarks.common import save
from benchmarks.ray_machines import Analysis, Machines, ray_cluster
from emotion_core.batch.capacity import usable_cores
from emotion_core.batch.one_video import BatchOptions, VideoReader
from emotion_core.media.synthetic import sample_frames
from emotion_core.media.threads import limit_threads
from emotion_core.media.write import sample_video, write_frames
from emotion_core.results.paths import read_summary
from emotion_core.video.analyze import Source, is_finished
from emotion_core.video.progress import Hooks

FPS = 25.0
DIFFERENT = 10
LOSE_EVERY = 60


def main() -> None:
    """Measure everything and write results/cluster.json."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--clips", type=int, default=300, help="while machines are lost; 0: none")
    parser.add_argument("--long-clips", type=int, default=8, help="of ten seconds, for the figures")
    parser.add_argument("--rounds", type=int, default=2)
    options = parser.parse_args()
    load = os.getloadavg()[0]
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        (folder / "site").mkdir()
        clips = _ten_seconds(folder / "long", options.long_clips)
        rounds = [_round(folder, clips) for _ in range(options.rounds)]
        lost = _lose_machines(folder, options.clips) if options.clips else None
    best = {case: min(r[case] for r in rounds) for case in rounds[0]}
    save(
        "cluster",
        {
            "usable_cores": usable_cores(),
            "load_average_before": round(load, 2),
            "clips_of_ten_seconds": options.long_clips,
            "size": "640x360",
            "frames_per_second": FPS,
            "seconds_a_clip": {case: round(s, 3) for case, s in best.items()},
            "seconds_a_clip_each_round": [{c: round(s, 3) for c, s in r.items()} for r in rounds],
            "two_nodes_times_faster": _ratios(rounds, "ray, 1 node", "ray, 2 nodes"),
            # As many clips were analysed at once, on average; the last ones end one by one.
            "at_work_with_two_nodes": _ratios(rounds, "ray, 2 nodes, analysis", "ray, 2 nodes"),
            "two_processes_times_faster": _ratios(rounds, "processes, 1", "processes, 2"),
            # Of the same clips at the same moments: the load of the machine is in both.
            "engine_over_its_analysis": _ratios(rounds, "ray, 1 node", "ray, 1 node, analysis"),
            "engine_over_reader_alone": _ratios(rounds, "ray, 1 node", "reader alone"),
            "machines_lost": lost,
        },
    )


def _ratios(rounds: list[dict[str, float]], over: str, under: str) -> list[float]:
    return [round(r[over] / r[under], 2) for r in rounds]


def _ten_seconds(folder: Path, count: int) -> Path:
    """Clips of ten seconds; of equal work, but no two with the same bytes."""
    folder.mkdir()
    for number in range(count):
        frames = sample_frames(10.0 + number / FPS, FPS, size=(640, 360), scenario="expressions")
        write_frames(folder / f"clip{number:02d}.mp4", frames, FPS)
    return folder


def _round(folder: Path, clips: Path) -> dict[str, float]:
    """Seconds per clip, without the start of the processes; each case in turn."""
    found = {"reader alone": _reader_alone(clips, folder / "out")}
    for nodes in (1, 2):
        with ray_cluster(folder / "site", nodes, pinned=True) as machines:
            run = Analysis(machines, *_words(clips, folder / "out"))
            case = f"ray, {nodes} node{'s' if nodes > 1 else ''}"
            found[case] = _seconds_a_clip(run.process)
            run.end()
        found[f"{case}, analysis"] = _analysis_s(folder / "out")
        shutil.rmtree(folder / "out")
    for jobs in (1, 2):
        line = [sys.executable, "-m", "emotion_core", *_words(clips, folder / "out")]
        line += ["--progress", "json", "--jobs", str(jobs)]
        # Two processes take a core each; a single one is to have no more.
        here = ["taskset", "-c", "0"] if jobs == 1 and shutil.which("taskset") else []
        with subprocess.Popen(
            [*here, *line], stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True
        ) as process:
            found[f"processes, {jobs}"] = _seconds_a_clip(process)
        shutil.rmtree(folder / "out")
    return found


def _words(clips: Path, out: Path) -> list[str]:
    return ["analyze", str(clips), "--out", str(out)]


def _seconds_a_clip(process: "subprocess.Popen[str]") -> float:
    """From the first beginning to the last end."""
    assert process.stdout is not None
    began = ended = 0.0
    count = 0
    for line in process.stdout:
        kind = json.loads(line)["event"]
        now = time.perf_counter()
        began = began or (now if kind == "file_start" else 0.0)
        if kind == "file_end":
            ended, count = now, count + 1
    return (ended - began) / count


def _analysis_s(out: Path) -> float:
    """What the analysis itself took on the machine that read the clip, as its summary tells."""
    spent = [float(read_summary(folder)["spent_s"]) for folder in out.iterdir()]
    return sum(spent) / len(spent)


def _reader_alone(clips: Path, out: Path) -> float:
    """What one core needs for the same in this process: no staging, nobody to report to."""
    limit_threads(1)
    reader = VideoReader(BatchOptions())
    files = sorted(clips.iterdir())
    began = time.perf_counter()
    for clip in files:
        source: Source = reader.examine(clip)
        reader.analyse(source, out / clip.stem, Hooks())
    spent = time.perf_counter() - began
    shutil.rmtree(out)
    return spent / len(files)


def _lose_machines(folder: Path, count: int) -> dict[str, Any]:
    """Many short clips while one of three machines is lost, and replaced, again and again."""
    source, out = folder / "in", folder / "many"
    source.mkdir()
    for number in range(count):
        clip = source / f"clip{number:03d}.mp4"
        if number < DIFFERENT:
            sample_video(clip, 0.5 + 0.1 * number, 10.0)
        else:
            data = (source / f"clip{number % DIFFERENT:03d}.mp4").read_bytes()
            # Bytes after the end are no part of the video, but make another file of it.
            clip.write_bytes(data + f"clip {number}".encode())
    random.seed(0)
    with ray_cluster(folder / "site", nodes=3) as machines:
        run = Analysis(machines, *_words(source, out), "--no-annotate")
        losses = _watch(run, machines, count)
        status, _, errors = run.end()
    ends = Counter(event["file"] for event in run.of_kind("file_end"))
    keys = [(p, read_summary(p)) for p in out.iterdir()]
    again = [event["message"] for event in run.of_kind("file_again")]
    return {
        "clips": count,
        "exit_status": status,
        "machines_lost": losses,
        "clips_begun_again": len(again),
        "finished_results": sum(is_finished(p, s.get("key", "")) for p, s in keys),
        "reported_more_than_once": sum(n > 1 for n in ends.values()),
        "never_reported": count - len(ends),
        "unfinished_folders": sum(not is_finished(p, s.get("key", "")) for p, s in keys),
        "errors": errors.splitlines()[-3:] if status else [],
    }


def _watch(run: Analysis, machines: Machines, count: int) -> int:
    """Lose a machine after every so many clips, and add one some clips later."""
    lost = 0
    for done in range(LOSE_EVERY // 2, count - LOSE_EVERY // 2, LOSE_EVERY):
        run.wait_for("file_end", done)
        machines.lose_node(random.randrange(3))
        lost += 1
        run.wait_for("file_end", done + 5)
        machines.add_node()
    return lost


if __name__ == "__main__":
    main()
