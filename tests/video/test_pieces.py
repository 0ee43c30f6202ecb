"""A video read in pieces: the same frames, rows and people as in one go."""

import csv
import json
from collections.abc import Sequence
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import av
import numpy as np
import pytest
from made_classifiers import FakeClassifier
from made_clips import write_clip

from benchmarks.identity_clips import close_ups, made_clip, returning
from emotion_core.labels import EXPRESSIONS
from emotion_core.media import read as media_read
from emotion_core.media.frame_times import frame_times
from emotion_core.media.read import KeyFrame, read_frames
from emotion_core.media.synthetic import sample_frames
from emotion_core.media.write import write_frames
from emotion_core.results.paths import FACES, PIECES, read_summary
from emotion_core.results.summary import write_summary
from emotion_core.video import pieces
from emotion_core.video.analyze import Source, analyse_video
from emotion_core.video.options import VideoOptions
from emotion_core.video.piece_joining import join_pieces
from emotion_core.video.piece_reading import PieceRead, read_piece
from emotion_core.video.pieces import PiecePlan, Splitting, plan_pieces
from emotion_core.video.progress import Hooks

MODEL = {"name": "fake", "sha256": "0" * 64}
# 40 seconds in which frames come at odd times.
ODD_TIMES = (0.35 + np.cumsum([0, *([0.05, 0.07, 0.11, 0.2] * 94)])).round(3).tolist()


@pytest.fixture
def short_overlap(monkeypatch: pytest.MonkeyPatch) -> None:
    """The clips of these tests are shorter than what a pipeline takes to settle."""
    monkeypatch.setattr(pieces, "settling_s", lambda *_: 1.5)
    monkeypatch.setattr(pieces, "SHARED_S", 0.5)


def plan_of(path: Path, count: int = 3, **options: Any) -> PiecePlan:
    made = VideoOptions(**{"annotate": False} | options)
    return plan_pieces(Source(path, "0" * 64), made, MODEL, Splitting(count))


def read_all(
    plan: PiecePlan, folder: Path, order: Sequence[int] = (2, 0, 1), hooks: Hooks | None = None
) -> list[PieceRead]:
    numbers = [n for n in order if n < len(plan.pieces)]
    return [read_piece(plan, n, folder, FakeClassifier(), hooks) for n in numbers]


def both(path: Path, folder: Path, **options: Any) -> tuple[dict[str, Any], dict[str, Any]]:
    """The summaries of one go and of pieces, which are in folders `one` and `pieces`."""
    plan = plan_of(path, **options)
    assert len(plan.pieces) == 3
    one = analyse_video(plan.source, folder / "one", FakeClassifier(), plan.options, MODEL)
    found = read_all(plan, folder / "pieces")
    return one, join_pieces(plan, folder / "pieces", found)


def rows(folder: Path) -> list[dict[str, str]]:
    with (folder / FACES).open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))


def comparable(summary: dict[str, Any]) -> dict[str, Any]:
    return {
        key: value
        for key, value in summary.items()
        if key not in ("key", "pieces", "spent_s", "times_real_time")
    }


@pytest.mark.parametrize(
    ("name", "codec"),
    [("a.mp4", "libx264"), ("a.mkv", "libx264"), ("a.ts", "libx264"), ("a.avi", "mpeg4")],
)
def test_times_of_frames_are_known_without_decoding(tmp_path: Path, name: str, codec: str) -> None:
    clip = write_clip(tmp_path / name, ODD_TIMES[:60], codec=codec)
    frames = frame_times(clip)
    assert frames is not None
    decoded = list(read_frames(clip))
    assert frames.times_s.tolist() == [frame.time_s for frame in decoded]
    assert frames.keys[0] == 0
    assert len(frames.keys) >= 5


@pytest.mark.parametrize(
    ("name", "codec", "sought"),
    [
        ("a.mp4", "libx264", True),
        ("a.mkv", "libx264", True),
        ("a.avi", "mpeg4", True),
        ("a.ts", "libx264", False),
    ],
)
def test_a_key_frame_is_reached_without_passing_over_the_file(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str, codec: str, sought: bool
) -> None:
    clip = write_clip(tmp_path / name, ODD_TIMES[:90], codec=codec)
    frames, whole = frame_times(clip), list(read_frames(clip))
    assert frames is not None
    passed: list[float] = []
    skip_to = media_read._Reader._skip_to

    def noted(reader: media_read._Reader, start_s: float) -> list[int]:
        passed.append(start_s)
        return skip_to(reader, start_s)

    monkeypatch.setattr(media_read._Reader, "_skip_to", noted)
    for key in frames.keys[1:-1].tolist():
        start_s = float(frames.times_s[key : key + 2].mean())
        begin = KeyFrame(int(frames.ticks[key]), key)
        part = list(read_frames(clip, start_s=start_s, begin=begin))
        assert [(f.index, f.time_s) for f in part] == [
            (f.index, f.time_s) for f in whole[key + 1 :]
        ]
        assert all((a.image == b.image).all() for a, b in zip(part, whole[key + 1 :], strict=True))
    assert bool(passed) is not sought


@pytest.mark.usefixtures("short_overlap")
@pytest.mark.parametrize(
    ("name", "options"),
    [
        ("a.mp4", {"every": 3}),
        ("a.mkv", {"rate": 4.0}),
        ("a.ts", {"every": 2, "start_s": 7.3}),
        ("a.mp4", {"rate": 6.5, "start_s": 3.0, "end_s": 31.7}),
    ],
)
def test_the_frames_are_those_of_one_go(tmp_path: Path, name: str, options: dict[str, Any]) -> None:
    """Times, numbers and the sampling grid, of a video whose frames come at odd times."""
    clip = write_clip(tmp_path / name, ODD_TIMES)
    one, joined = both(clip, tmp_path, **options)
    assert (tmp_path / "pieces" / FACES).read_bytes() == (tmp_path / "one" / FACES).read_bytes()
    assert comparable(joined) == comparable(one)
    assert joined["key"] != one["key"]
    assert joined["pieces"]["count"] == 3
    assert not (tmp_path / "pieces" / PIECES).exists()


@pytest.mark.usefixtures("short_overlap")
def test_damage_is_counted_once_and_shifts_nothing(tmp_path: Path) -> None:
    clip = write_clip(tmp_path / "whole.mp4", ODD_TIMES, size=(160, 120))
    damaged, data = tmp_path / "damaged.mp4", bytearray(clip.read_bytes())
    with av.open(str(clip)) as container:
        packets = [packet for packet in container.demux(video=0) if packet.size]
    # In the first piece, in what two pieces read both, and in the last.
    for number in (40, 107, 121, 340):
        place, size = packets[number].pos or 0, packets[number].size
        data[place : place + size] = b"\xff" * size
    damaged.write_bytes(data)
    one, joined = both(damaged, tmp_path)
    assert one["frames_failed"] > 1
    assert comparable(joined) == comparable(one)
    assert (tmp_path / "pieces" / FACES).read_bytes() == (tmp_path / "one" / FACES).read_bytes()


@pytest.mark.usefixtures("short_overlap")
def test_a_piece_without_any_frame_is_an_empty_piece(tmp_path: Path) -> None:
    clip = write_clip(tmp_path / "whole.mp4", ODD_TIMES, size=(160, 120))
    damaged, data = tmp_path / "damaged.mp4", bytearray(clip.read_bytes())
    begin = plan_of(clip).pieces[-1].begin
    assert begin is not None
    with av.open(str(clip)) as container:
        packets = [packet for packet in container.demux(video=0) if packet.size]
    for packet in packets[begin.index :]:
        data[packet.pos or 0 : (packet.pos or 0) + packet.size] = b"\xff" * packet.size
    damaged.write_bytes(data)
    one, joined = both(damaged, tmp_path)
    assert one["frames_failed"] > 50
    assert comparable(joined) == comparable(one)
    assert (tmp_path / "pieces" / FACES).read_bytes() == (tmp_path / "one" / FACES).read_bytes()


@pytest.mark.usefixtures("short_overlap")
def test_results_end_with_the_piece_in_which_the_file_breaks_off(tmp_path: Path) -> None:
    plan = plan_of(write_clip(tmp_path / "a.mp4", ODD_TIMES[:120]))
    assert len(plan.pieces) == 3
    found = read_all(plan, tmp_path)
    folder = plan.folder(tmp_path, 1)
    write_summary(folder, read_summary(folder) | {"cut_short": True, "first_problem": "it ends"})
    joined = join_pieces(plan, tmp_path, found)
    assert (joined["cut_short"], joined["first_problem"]) == (True, "it ends")
    end_s = plan.pieces[1].end_s
    assert end_s is not None
    assert end_s - 0.3 < float(rows(tmp_path)[-1]["time_s"]) < end_s


def test_a_seek_that_leads_behind_the_key_frame_is_not_used() -> None:
    packets = [SimpleNamespace(pts=t, dts=t, is_keyframe=t % 20 == 0) for t in range(40, 100, 5)]
    container = SimpleNamespace(seek=lambda *_, **__: None, demux=lambda _: iter(packets))
    assert media_read._leads_to(container, None, 60)
    assert not media_read._leads_to(container, None, 20)
    assert not media_read._leads_to(container, None, 65), "no key frame"


@pytest.fixture(scope="module")
def two_people(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """45 seconds; the second person comes in the first piece and leaves in the last."""
    frames = sample_frames(45.0, 5.0, size=(320, 240), scenario="expressions")
    return write_frames(tmp_path_factory.mktemp("clips") / "two.mp4", frames, 5.0)


def test_faces_are_read_as_in_one_go(two_people: Path, tmp_path: Path) -> None:
    """With the overlap that the pipeline's own constants ask for."""
    one, joined = both(two_people, tmp_path)
    ours, theirs = rows(tmp_path / "one"), rows(tmp_path / "pieces")
    assert [p["track_id"] for p in joined["people"]] == [p["track_id"] for p in one["people"]]
    assert {r["frame"] for r in ours} == {r["frame"] for r in theirs}
    there = {(r["frame"], r["track_id"]): r for r in theirs}
    common = [(r, there[key]) for r in ours if (key := (r["frame"], r["track_id"])) in there]
    assert len(common) >= 0.98 * len(ours)
    assert {r["tracklet"] for r in theirs} == {r["tracklet"] for r in ours}
    apart = [max(abs(float(a[e]) - float(b[e])) for e in EXPRESSIONS) for a, b in common]
    assert np.median(apart) < 0.01
    assert np.mean([a["emotion"] == b["emotion"] for a, b in common]) > 0.99
    seams = joined["pieces"]["seams"]
    assert [seam["tracks_joined"] for seam in seams] == [2, 2]
    assert all(seam["frames_compared"] == 20 for seam in seams)


@pytest.fixture(scope="module")
def away(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """13 seconds; somebody stays, and somebody is away in the middle and returns."""
    clip = made_clip("returns", 13, 10, returning(5))
    return write_frames(tmp_path_factory.mktemp("clips") / "away.mp4", clip.frames(), clip.fps)


def with_key_frames(clip: Path) -> Path:
    """A smaller copy with a key frame each second."""
    target = clip.with_name(f"keys_{clip.name}")
    with av.open(str(clip)) as source, av.open(str(target), "w") as out:
        stream = out.add_stream("libx264", rate=10, options={"g": "10", "crf": "18"})
        stream.width, stream.height, stream.pix_fmt = 320, 180, "yuv420p"
        for frame in source.decode(video=0):
            out.mux(stream.encode(frame.reformat(320, 180)))
        out.mux(stream.encode())
    return target


@pytest.fixture(scope="module")
def key_frames(away: Path) -> Path:
    return with_key_frames(away)


@pytest.mark.usefixtures("short_overlap")
def test_behind_a_cut_everything_is_as_in_one_go(tmp_path: Path) -> None:
    """Each piece begins before a cut, behind which no track goes on."""
    clip = made_clip("cuts", 12, 10, close_ups)
    path = with_key_frames(write_frames(tmp_path / "cuts.mp4", clip.frames(), clip.fps))
    one, joined = both(path, tmp_path)
    assert (tmp_path / "pieces" / FACES).read_bytes() == (tmp_path / "one" / FACES).read_bytes()
    assert comparable(joined) == comparable(one)
    assert len(one["people"]) > 1


@pytest.mark.usefixtures("short_overlap")
@pytest.mark.parametrize(("options", "people"), [({}, 2), ({"one_person": True}, 1)])
def test_who_returns_in_a_later_piece_is_recognised(
    key_frames: Path, tmp_path: Path, options: dict[str, Any], people: int
) -> None:
    one, joined = both(key_frames, tmp_path, **options)
    assert len(one["people"]) == len(joined["people"]) == people
    assert [p["track_id"] for p in joined["people"]] == sorted(
        p["track_id"] for p in joined["people"]
    )
    for ours, theirs in zip(one["people"], joined["people"], strict=True):
        assert theirs["first_s"] == pytest.approx(ours["first_s"], abs=0.5)
        assert theirs["frames"] == pytest.approx(ours["frames"], abs=4)
    pictures = {p.name for p in (tmp_path / "pieces" / "moments").iterdir()}
    shown = {r["tracklet"] for r in rows(tmp_path / "pieces") if r["predicted"] == "0"}
    assert {f"{tracklet}.jpg" for tracklet in shown} <= pictures


@pytest.mark.usefixtures("short_overlap")
def test_finished_pieces_are_not_read_again(key_frames: Path, tmp_path: Path) -> None:
    """What people look like was forgotten with the program: it is described again."""
    plan = plan_of(key_frames)
    read_all(plan, tmp_path, [0, 1])
    kept = [plan.folder(tmp_path, n) / FACES for n in (0, 1)]
    written = [file.stat().st_mtime_ns for file in kept]
    assert not [p for p in tmp_path.rglob("*") if p.suffix in (".npz", ".npy", ".pkl")]
    again = read_all(plan, tmp_path)
    assert [file.stat().st_mtime_ns for file in kept] == written
    joined = join_pieces(plan, tmp_path, again)
    assert len(joined["people"]) == 2


@pytest.mark.usefixtures("short_overlap")
def test_a_stopped_reading_keeps_what_there_is_from_the_beginning(
    key_frames: Path, tmp_path: Path
) -> None:
    plan = plan_of(key_frames)
    first = read_all(plan, tmp_path, [0, 2])
    asked = iter([False] * 30 + [True] * 100)
    stopped = read_piece(plan, 1, tmp_path, FakeClassifier(), Hooks(stop=lambda: next(asked)))
    assert stopped.status == "cancelled"
    joined = join_pieces(plan, tmp_path, [*first, stopped])
    assert joined["status"] == "cancelled"
    table = rows(tmp_path)
    frames = sorted({int(row["frame"]) for row in table})
    assert frames == list(range(len(frames)))
    end_s = plan.pieces[0].end_s
    assert end_s is not None
    assert end_s - 1 < float(table[-1]["time_s"]) < 13
    # The last piece is still there, and the video is completed from it.
    joined = join_pieces(plan, tmp_path, read_all(plan, tmp_path))
    assert (joined["status"], joined["frames_analysed"]) == ("done", 130)


@pytest.mark.usefixtures("short_overlap")
def test_the_clip_is_that_of_the_whole_video(key_frames: Path, tmp_path: Path) -> None:
    plan = plan_of(key_frames, annotate=True, end_s=8.0)
    joined = join_pieces(plan, tmp_path, read_all(plan, tmp_path))
    assert joined["clip"]["frames"] == joined["frames_read"] == 80
    assert len(list(read_frames(tmp_path / "annotated.mp4"))) == 80
    assert json.loads((tmp_path / "summary.json").read_text())["settings"]["annotate"]


def test_videos_that_cannot_be_split_are_read_in_one_go(two_people: Path, tmp_path: Path) -> None:
    assert len(plan_of(two_people, 30).pieces) == 3, "each as long as the overlap"
    automatic = plan_pieces(
        Source(two_people, "0" * 64), VideoOptions(), MODEL, Splitting(4, automatic=True)
    )
    assert len(automatic.pieces) == 1
    assert "too short" in automatic.whole_because
    assert automatic.key == plan_of(two_people, 1, annotate=True).key
    single = write_clip(tmp_path / "single.mp4", [0.0, 0.04], codec="libx264")
    assert len(plan_of(single).pieces) == 1
