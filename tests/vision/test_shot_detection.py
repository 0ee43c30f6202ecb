"""Shot detection: cuts between rooms, and the changes of a picture that are no cuts."""

import numpy as np
import pytest

from benchmarks.identity_clips import alive
from benchmarks.identity_people import BEN, DAN, EVA
from benchmarks.identity_scenes import Scene, render
from emotion_core.datatypes import ImageArray
from emotion_core.media.synthetic import sample_frames
from emotion_core.vision.shot_detection import ShotDetector


def cuts(pictures: list[ImageArray]) -> list[int]:
    detector = ShotDetector()
    return [i for i, picture in enumerate(pictures) if detector.is_cut(picture)]


def scene(index: int, room: int, light: float = 1.0) -> ImageArray:
    time_s = index / 15
    people = (alive(DAN, time_s, 0.3), alive(EVA, time_s, 0.7))
    return render(Scene(people, room, (light, light, light)), index)


def test_every_cut_between_two_rooms_is_found_at_its_first_frame() -> None:
    pictures = [scene(i, room=(i // 10) % 2) for i in range(40)]
    assert cuts(pictures) == [10, 20, 30]


def test_a_cut_to_another_framing_of_the_same_room_is_found() -> None:
    near = render(Scene((alive(BEN, 0, 0.5, 0.44, 0.42),), 1), 0)
    far = render(Scene((alive(BEN, 0, 0.35, 0.4, 0.22), alive(EVA, 0, 0.7)), 2), 0)
    assert cuts([near, near, far, far]) == [2]


def test_a_light_that_changes_or_strobes_is_no_cut() -> None:
    dimmed = [scene(i, 0, 1.0 if i < 10 else 0.35) for i in range(20)]
    strobe = [scene(i, 0, 1.0 if i // 2 % 2 else 0.4) for i in range(30)]
    assert cuts(dimmed) == []
    assert cuts(strobe) == []


@pytest.mark.parametrize("scenario", ["move", "scale", "cross", "walk", "cover", "turn"])
def test_people_who_move_are_no_cut(scenario: str) -> None:
    assert cuts([frame.image for frame in sample_frames(4.0, 10.0, scenario=scenario)]) == []


def test_noise_is_not_a_cut_in_every_frame() -> None:
    random = np.random.default_rng(0)
    pictures = [random.integers(0, 256, (48, 64, 3)).astype(np.uint8) for _ in range(40)]
    assert len(cuts(pictures)) <= 4


def test_black_frames_between_two_shots_belong_to_either_side() -> None:
    black = np.zeros((360, 640, 3), np.uint8)
    assert cuts([scene(0, 0), black, black, scene(0, 0)]) == [1, 3]


def test_another_size_and_tiny_pictures_are_compared_all_the_same() -> None:
    small = np.ascontiguousarray(scene(0, 0)[::2, ::2])
    assert cuts([scene(0, 0), small, scene(1, 0)]) == []
    assert cuts([np.zeros((1, 1, 3), np.uint8)] * 3) == []


def test_after_a_reset_the_next_frame_begins_another_stream() -> None:
    detector = ShotDetector()
    assert not detector.is_cut(scene(0, 0))
    detector.reset()
    assert not detector.is_cut(scene(0, 1))
