"""`analyze --pieces`: one video read by several processes."""

import itertools
import json
import os
import signal
from collections.abc import Callable
from pathlib import Path
from typing import Any

import psutil
import pytest

from emotion_core.batch.folders import folders_in
from emotion_core.batch.one_video import BatchOptions
from emotion_core.batch.run import Batch, jobs_for, splitting_for
from emotion_core.batch.schedule import Analyse
from emotion_core.batch.split_videos import Join, ReadPiece, SplitVideos
from emotion_core.cli import main
from emotion_core.errors import SettingsError
from emotion_core.media.synthetic import sample_frames
from emotion_core.media.write import repeat_video, write_frames
from emotion_core.progress import Event
from emotion_core.results.paths import FACES, PIECES, read_summary
from emotion_core.video import pieces
from emotion_core.video.analyze import Source
from emotion_core.video.options import VideoOptions
from emotion_core.video.piece_reading import PieceRead
from emotion_core.video.pieces import Piece, PiecePlan, Splitting

posix_only = pytest.mark.skipif(os.name == "nt", reason="signals of POSIX")
OPTIONS = VideoOptions(annotate=False)


@pytest.fixture(scope="module")
def part(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Two seconds of one face."""
    frames = sample_frames(2.0, 5.0, size=(320, 240))
    return write_frames(tmp_path_factory.mktemp("clips") / "part.mp4", frames, 5.0)


@pytest.fixture(scope="module")
def clip(part: Path) -> Path:
    """26 seconds, with a key frame every two."""
    return repeat_video(part, part.with_name("long.mp4"), 13)


def never() -> bool:
    return False


def read(
    clip: Path,
    out: Path,
    jobs: int = 2,
    tell: Callable[[Event], None] = lambda _: None,
    stop: Callable[[], bool] = never,
) -> Event:
    options = BatchOptions(video=OPTIONS, pieces=Splitting(2))
    (outcome,) = Batch(options, folders_in(out), jobs, tell, stop).run([clip])
    return outcome


def facts(folder: Path) -> dict[str, Any]:
    timed = ("spent_s", "times_real_time")
    return {k: v for k, v in read_summary(folder).items() if k not in timed}


@posix_only
def test_processes_leave_the_same_files_also_where_one_is_killed(
    clip: Path, tmp_path: Path
) -> None:
    events: list[Event] = []
    killed: list[psutil.Process] = []

    def kill_once(event: Event) -> None:
        events.append(event)
        if event["event"] == "progress" and not killed:
            killed.extend([p for p in psutil.Process().children() if _reads(p, clip)][:1])
            for worker in killed:
                worker.send_signal(signal.SIGKILL)

    assert read(clip, tmp_path / "two", 2, kill_once)["status"] == "done"
    assert read(clip, tmp_path / "one", 1)["status"] == "done"
    one, two = (tmp_path / name / "long" for name in ("one", "two"))
    assert facts(one) == facts(two)
    assert (one / FACES).read_bytes() == (two / FACES).read_bytes()
    assert sorted(p.name for p in two.iterdir()) == [FACES, "moments", "summary.json"]
    assert facts(one)["pieces"]["count"] == 2
    assert facts(one)["frames_analysed"] == 130
    kinds = [e["event"] for e in events if e["event"] != "progress"]
    assert kinds[:2] + kinds[-2:] == ["start", "file_start", "file_end", "end"]
    assert kinds[2:-2] == ["file_again"]
    fractions = [e["fraction"] for e in events if e["event"] == "progress"]
    assert max(fractions) > 0.9


def _reads(process: psutil.Process, clip: Path) -> bool:
    try:
        return any(Path(file.path) == clip for file in process.open_files())
    except psutil.Error:
        return False


def test_stopped_processes_leave_a_table_of_the_beginning(part: Path, tmp_path: Path) -> None:
    clip = repeat_video(part, tmp_path / "long.mp4", 90)
    begun: list[Event] = []

    def tell(event: Event) -> None:
        begun.extend([event] if event["event"] == "progress" else [])

    outcome = read(clip, tmp_path, 2, tell, lambda: bool(begun))
    folder = tmp_path / "long"
    assert outcome["status"] == facts(folder)["status"] == "cancelled"
    assert 0 < facts(folder)["frames_analysed"] < 900
    assert not [path for path in folder.rglob(".*") if path.is_file()]


def test_a_stopped_run_keeps_its_pieces_and_is_completed_by_the_next(
    clip: Path, tmp_path: Path
) -> None:
    # Asked at every frame: 69 of the first piece, 119 of the second.
    asked = itertools.count()
    outcome = read(clip, tmp_path, 1, stop=lambda: next(asked) > 150)
    folder = tmp_path / "long"
    assert outcome["status"] == "cancelled"
    assert 65 < facts(folder)["frames_analysed"] < 130
    kept = folder / PIECES / "0" / FACES
    written, seen = kept.stat().st_mtime_ns, set[int]()

    def note(_: Event) -> None:
        seen.update([kept.stat().st_mtime_ns] if kept.is_file() else [])

    outcome = read(clip, tmp_path, 1, note)
    assert outcome["status"] == "done"
    assert facts(folder)["frames_analysed"] == 130
    assert seen == {written}, "not read again"
    assert not (folder / PIECES).exists()


def test_a_piece_that_fails_fails_the_video(
    clip: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """A file where the folder of a piece should be: the others are kept."""
    blocked = tmp_path / "long" / PIECES
    blocked.mkdir(parents=True)
    (blocked / "1").write_text("in the way")
    line = ["analyze", str(clip), "--out", str(tmp_path), "--no-annotate"]
    assert main([*line, "--pieces", "2", "--jobs", "2"]) == 1
    assert "long.mp4: failed" in capsys.readouterr().err
    assert not (tmp_path / "long" / FACES).exists()


def test_what_is_finished_is_skipped_unless_another_number_is_asked_for(
    part: Path,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(pieces, "settling_s", lambda *_: 1.0)
    monkeypatch.setattr(pieces, "SHARED_S", 0.5)
    planned: list[int | str] = []

    def plan(*arguments: Any) -> PiecePlan:
        planned.append(arguments[3].asked)
        return pieces.plan_pieces(*arguments)

    monkeypatch.setattr("emotion_core.batch.one_video.plan_pieces", plan)
    clip = repeat_video(part, tmp_path / "short.mp4", 4)
    line = ["analyze", str(clip), "--out", str(tmp_path), "--no-annotate"]
    line += ["--jobs", "1", "--json", str(tmp_path / "told.json")]
    kinds = []
    for more in (["--pieces", "3"], ["--pieces", "3"], ["--pieces", "auto"], [], ["--pieces", "1"]):
        assert main([*line, *more]) == 0
        (outcome,) = json.loads((tmp_path / "told.json").read_text())
        kinds.append((outcome["status"], (outcome["summary"].get("pieces") or {}).get("count")))
    assert kinds == [("done", 3), ("skipped", 3), ("skipped", 3), ("done", None), ("skipped", None)]
    assert planned == [3, 3, 1], "the packets of a finished video need not be read for auto"
    left = tmp_path / "short" / PIECES
    left.mkdir()
    assert main([*line, "--pieces", "2", "--end", "2"]) == 0
    assert not left.exists(), "pieces of an earlier run, which nothing can use any more"
    assert "read in one go: it is too short" in capsys.readouterr().out
    for wrong in ("0", "many", "1001"):
        with pytest.raises(SystemExit, match="2"):
            main([*line, "--pieces", wrong])


def test_pieces_give_every_process_work(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("emotion_core.batch.run.default_jobs", lambda: 8)
    video = Path("a.mp4")
    assert splitting_for([video], None, None) is None
    assert splitting_for([video] * 3, None, "auto") == Splitting(3, automatic=True)
    assert splitting_for([video] * 9, None, "auto") == Splitting(1, automatic=True)
    assert splitting_for([video], 4, "auto") == Splitting(4, automatic=True)
    assert splitting_for([video], 4, 6) == Splitting(6)
    assert jobs_for([video], None, Splitting(6)) == 6
    assert jobs_for([video] * 2, None, Splitting(6)) == 8
    with pytest.raises(SettingsError, match="1 to 1000 pieces"):
        Splitting(0)


def test_pieces_are_tried_twice_and_joined_when_all_are_read(tmp_path: Path) -> None:
    busy: set[int] = set()
    ended: list[tuple[int, Event]] = []
    made = SplitVideos(busy.__contains__, lambda *outcome: ended.append(outcome))
    parts = tuple(Piece(n, 10.0 * n, 10.0 * n, 10.0 * n + 12) for n in range(2))
    source = Source(Path("a.mp4"), "1" * 64)
    plan = PiecePlan(source, OPTIONS, {}, Splitting(2), parts, 2.0)
    for number in (1, 0):
        made.begin(Analyse(number, source, tmp_path), plan)
    steps = [made.next() for _ in range(2)]
    assert [(s.number, s.piece) for s in steps if isinstance(s, ReadPiece)] == [(0, 0), (0, 1)]
    first, second = steps
    assert isinstance(first, ReadPiece)
    assert isinstance(second, ReadPiece)
    assert made.died(first), "once more"
    assert made.next() == first
    made.piece_read(first, PieceRead(0, "done", ()), stopping=False)
    made.piece_read(second, PieceRead(1, "done", ()), stopping=False)
    join = made.next()
    assert isinstance(join, Join)
    assert [piece.number for piece in join.pieces] == [0, 1]
    assert made.died(join)
    assert isinstance(made.next(), Join)
    assert not made.died(join)
    made.ended(0)
    # The other video fails in one piece while the other is read.
    third, fourth = made.next(), made.next()
    assert isinstance(third, ReadPiece)
    assert isinstance(fourth, ReadPiece)
    busy.add(1)
    made.settle(1, {"status": "failed"})
    assert not ended
    assert not made.died(fourth), "it has failed already"
    busy.clear()
    made.settle(1)
    assert ended == [(1, {"status": "failed"})]
