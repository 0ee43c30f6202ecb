"""The order of a run and its folders, without processes; and how many videos at once."""

from pathlib import Path
from typing import Any

import pytest

from emotion_core.batch import capacity
from emotion_core.batch.examined import Examined
from emotion_core.batch.folders import folders_in
from emotion_core.batch.locations import Location
from emotion_core.batch.schedule import Analyse, Examine, Refuse, Schedule, Step
from emotion_core.video.analyze import Source


@pytest.fixture
def out(tmp_path: Path) -> Path:
    return tmp_path / "out"


def schedule(out: Path, *videos: str) -> Schedule:
    return Schedule(dict(enumerate(map(Path, videos))), folders_in(out))


def examine(made: Schedule, count: int) -> list[Step]:
    steps = [made.next() for _ in range(count)]
    assert all(isinstance(step, Examine) for step in steps)
    return [step for step in steps if isinstance(step, Examine)]


def readable(made: Schedule, step: Step, digit: str) -> None:
    assert isinstance(step.path, Path)
    made.examined(step.number, Source(step.path, digit * 64))


def analyse(made: Schedule) -> Analyse:
    step = made.next()
    assert isinstance(step, Analyse)
    return step


def test_a_shared_name_waits_for_the_earlier_video(out: Path) -> None:
    made = schedule(out, "a/clip.mp4", "b/clip.mp4", "other.mp4")
    first, second, third = examine(made, 3)
    readable(made, second, "2")
    assert made.next() is None, "the first clip may still fail, and this one get its folder"
    readable(made, third, "3")
    assert analyse(made).folder == out / "other"
    readable(made, first, "1")
    assert analyse(made).folder == out / "clip"
    assert analyse(made).folder == out / "clip-22222222"
    assert made.next() is None


def test_the_plain_folder_goes_to_the_first_that_can_be_read(out: Path) -> None:
    made = schedule(out, "a/clip.mp4", "b/clip.mp4")
    first, second = examine(made, 2)
    readable(made, second, "2")
    made.ended(first.number)
    assert analyse(made).folder == out / "clip"


def test_a_copy_that_waits_asks_for_its_folder_once(out: Path) -> None:
    """The answer is read from the target, which may be far away."""
    asked: list[Examined] = []
    plain = folders_in(out)

    def folder_of(source: Examined, taken: set[Any]) -> Location:
        asked.append(source)
        return plain(source, taken)

    made = Schedule({n: Path(f"{n}/clip.mp4") for n in range(3)}, folder_of)
    for step in examine(made, 3):
        readable(made, step, "1")
    assert [analyse(made).folder.name for _ in range(2)] == ["clip", "clip-11111111"]
    assert [made.next() for _ in range(5)] == [None] * 5
    assert len(asked) == 3
    made.ended(1)
    assert analyse(made).folder.name == "clip-11111111"


@pytest.mark.parametrize("third", ["c/clip.mp4", "c/CLIP-22222222.mp4"])
def test_a_folder_is_written_by_one_video_at_a_time(out: Path, third: str) -> None:
    made = schedule(out, "a/clip.mp4", "b/clip.mp4", third)
    for step, digit in zip(examine(made, 3), "122", strict=True):
        readable(made, step, digit)
    analyse(made)
    copy = analyse(made)
    assert made.next() is None
    made.ended(copy.number)
    assert str(analyse(made).folder).casefold() == str(copy.folder)


def test_a_video_is_tried_twice_and_the_second_time_after_the_others(out: Path) -> None:
    made = schedule(out, "a.mp4", "b.mp4")
    (first,) = examine(made, 1)
    readable(made, first, "1")
    dead = analyse(made)
    assert made.died(dead)
    (second,) = examine(made, 1)
    assert second.path == Path("b.mp4")
    assert made.next() == dead
    assert not made.died(dead)
    assert made.next() is None


def test_two_deaths_end_a_video_whatever_it_was_in(out: Path) -> None:
    made = schedule(out, "a.mp4")
    (step,) = examine(made, 1)
    assert made.died(step)
    (step,) = examine(made, 1)
    readable(made, step, "1")
    assert not made.died(analyse(made))


def test_a_copy_waits_for_nothing_but_its_folder_while_the_first_is_to_be_tried_again(
    out: Path,
) -> None:
    made = schedule(out, "a/clip.mp4", "b/clip.mp4", "c/clip.mp4")
    for step, digit in zip(examine(made, 3), "122", strict=True):
        readable(made, step, digit)
    analyse(made)
    dead = analyse(made)
    assert made.died(dead)
    copy = analyse(made)
    assert copy.folder == dead.folder
    assert made.next() is None
    made.ended(copy.number)
    assert made.next() == dead


def test_a_folder_that_leads_elsewhere_is_refused(out: Path, tmp_path: Path) -> None:
    out.mkdir()
    (out / "a").symlink_to(tmp_path)
    made = schedule(out, "a.mp4")
    (step,) = examine(made, 1)
    readable(made, step, "1")
    refused = made.next()
    assert isinstance(refused, Refuse)
    assert "a.mp4" in refused.outcome["message"]
    assert made.next() is None


def test_limits_of_a_container_count(tmp_path: Path) -> None:
    cores, free = capacity.usable_cores(tmp_path), capacity.free_bytes(tmp_path)
    assert cores >= 1
    (tmp_path / "cpu.max").write_text("100000 100000\n")
    (tmp_path / "memory.max").write_text("1000\n")
    (tmp_path / "memory.current").write_text("700\n")
    (tmp_path / "memory.stat").write_text("anon 400\ninactive_file 200\n")
    assert capacity.usable_cores(tmp_path) == 1
    assert capacity.free_bytes(tmp_path) == 500
    for name in ("cpu.max", "memory.max"):
        (tmp_path / name).write_text("max 100000\n")
    assert capacity.usable_cores(tmp_path) == cores
    assert capacity.free_bytes(tmp_path) > free / 2


@pytest.mark.parametrize(
    ("cores", "workers_in_memory", "jobs"), [(4, 9.0, 4), (4, 2.6, 2), (1, 9.0, 1), (4, 0.1, 1)]
)
def test_as_many_jobs_as_cores_and_memory_allow(
    monkeypatch: pytest.MonkeyPatch, cores: int, workers_in_memory: float, jobs: int
) -> None:
    monkeypatch.setattr(capacity, "usable_cores", lambda: cores)
    free = workers_in_memory * capacity.WORKER_BYTES
    monkeypatch.setattr(capacity, "free_bytes", lambda: int(free))
    assert capacity.default_jobs() == jobs
