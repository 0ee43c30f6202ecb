"""What benchmarks/identity.py rests on: people who are found, and measures that count right."""

import dataclasses

import numpy as np
import pytest

from benchmarks.identity import TRACKERS
from benchmarks.identity_clips import MADE, crossing, made, made_clip
from benchmarks.identity_metrics import Row, score
from benchmarks.identity_people import ADA, BEN, PEOPLE
from benchmarks.identity_scenes import Box, Pose, Scene, faces
from emotion_core.config import DetectionSettings
from emotion_core.vision.boxes import as_boxes, iou_matrix
from emotion_core.vision.detector import HaarDetector

LEFT: Box = (10.0, 10.0, 60.0, 60.0)
RIGHT: Box = (110.0, 10.0, 160.0, 60.0)
SEEN = [[("a", LEFT), ("b", RIGHT)]] * 20


def rows(a: list[int], b: list[int]) -> list[Row]:
    """The identities that two people get, frame by frame; 0: not found."""
    found = [(i, k, LEFT) for i, k in enumerate(a)] + [(i, k, RIGHT) for i, k in enumerate(b)]
    return [row for row in found if row[1]]


def test_the_made_people_are_found_where_they_are() -> None:
    clip, found, true = made("still faces"), 0, 0
    detector = HaarDetector(DetectionSettings(thorough=True))
    for frame in list(clip.frames())[::8]:
        detector.reset()
        boxes = detector.update(frame.image, frame.time_s).boxes
        seen = as_boxes([box for _, box in clip.truth[frame.index]])
        found += int((iou_matrix(seen, boxes).max(axis=1, initial=0) >= 0.5).sum())
        true += len(seen)
    assert true >= 12
    assert found >= 0.95 * true


def test_a_stream_and_a_video_file_give_the_same_faces() -> None:
    clip = made_clip("short", 1.2, 15, crossing(ADA, BEN))
    live, video = (TRACKERS[name](clip) for name in ("live", "whole video"))
    assert len(live) > 20
    assert sorted({row[0] for row in live}) == sorted({row[0] for row in video})
    first, second = (np.array(sorted((row[0], *row[2]) for row in told)) for told in (live, video))
    np.testing.assert_allclose(first, second, atol=0.2)


def test_everybody_is_shown_in_the_still_clip() -> None:
    names = {name for seen in made("still faces").truth for name, _ in seen}
    assert names == {person.name for person in PEOPLE}


def test_a_clip_is_the_same_in_every_run() -> None:
    first, second = (next(made("crossing").frames()) for _ in range(2))
    np.testing.assert_array_equal(first.image, second.image)


@pytest.mark.parametrize("name", MADE)
def test_the_truth_has_one_entry_a_frame_and_no_person_twice(name: str) -> None:
    clip = made(name)
    assert len(clip.truth) == len(clip.ignored)
    assert all(len({who for who, _ in seen}) == len(seen) for seen in clip.truth)
    assert any(clip.truth)


def test_a_face_that_is_turned_away_outside_or_covered_is_not_visible() -> None:
    ada, ben = PEOPLE[:2]
    for hidden in (Pose(ada, 0.5, away=True), Pose(ada, 0.0)):
        seen, ignored = faces(Scene((hidden,)))
        assert (len(seen), len(ignored)) == (0, 1)
    seen, ignored = faces(Scene((Pose(ada, 0.5), Pose(ben, 0.52))))
    assert [name for name, _ in seen] == ["Ben"]
    assert len(ignored) == 1
    assert len(faces(Scene((Pose(ada, 0.3), Pose(ben, 0.7))))[0]) == 2


def test_the_truth_itself_is_perfect() -> None:
    clip = made("five change seats")
    names = sorted({name for seen in clip.truth for name, _ in seen})
    told = [
        (index, names.index(name) + 1, box)
        for index, seen in enumerate(clip.truth)
        for name, box in seen
    ]
    scored = score(clip.truth, told, clip.ignored)
    assert (scored.idf1, scored.mota) == (1.0, 1.0)
    assert (scored.switches, scored.wrong_merges, scored.split_people) == (0, 0, 0)
    assert (scored.people, scored.identities) == (5, 5)


def test_a_swap_counts_as_two_switches_and_two_wrong_merges() -> None:
    scored = score(SEEN, rows([1] * 10 + [2] * 10, [2] * 10 + [1] * 10))
    assert scored.idf1 == pytest.approx(0.5)
    assert scored.mota == pytest.approx(1 - 2 / 40)
    assert (scored.switches, scored.wrong_merges, scored.split_people) == (2, 2, 2)


def test_a_new_identity_after_a_gap_splits_one_person() -> None:
    scored = score(SEEN, rows([1] * 8 + [0] * 4 + [3] * 8, [2] * 20))
    assert (scored.switches, scored.fragments) == (1, 1)
    assert (scored.wrong_merges, scored.split_people, scored.identities) == (0, 1, 3)
    assert (scored.found, scored.faces) == (36, 40)


def test_one_identity_for_two_people_in_turn_is_a_wrong_merge_without_a_switch() -> None:
    turns = [[("a", LEFT)]] * 10 + [[("b", LEFT)]] * 10
    scored = score(turns, rows([1] * 20, []))
    assert (scored.switches, scored.wrong_merges, scored.split_people) == (0, 1, 0)
    assert scored.idf1 == pytest.approx(0.5)


def test_who_is_half_hidden_need_not_be_found_and_may_be() -> None:
    alone: list[list[tuple[str, Box]]] = [[("a", LEFT)]] * 20
    told = rows([1] * 20, [2] * 20)
    assert score(alone, told).false_faces == 20
    assert score(alone, told, [[RIGHT]] * 20).false_faces == 0


def test_nobody_found_at_all_scores_nothing() -> None:
    scored = score(SEEN, [])
    assert all(np.isfinite(value) for value in dataclasses.astuple(scored))
    assert (scored.idf1, scored.mota, scored.found) == (0.0, 0.0, 0)
