import cv2.data
import numpy as np
import pytest

from emotion_core.datatypes import FloatArray, ImageArray
from emotion_core.errors import MediaError
from emotion_core.media.synthetic import SCENARIOS, sample_boxes, sample_frames, sample_photo

CASCADE = cv2.CascadeClassifier(cv2.data.haarcascades + "haarcascade_frontalface_default.xml")


def haar(image: ImageArray) -> FloatArray:
    grey = cv2.cvtColor(image, cv2.COLOR_BGR2GRAY)
    found = CASCADE.detectMultiScale(grey, 1.1, 5, minSize=(50, 50))
    return np.array([(x, y, x + w, y + h) for x, y, w, h in found], np.float32).reshape(-1, 4)


def overlap(a: FloatArray, b: FloatArray | tuple[int, ...]) -> float:
    width = min(a[2], b[2]) - max(a[0], b[0])
    height = min(a[3], b[3]) - max(a[1], b[1])
    inter = max(0, width) * max(0, height)
    return inter / ((a[2] - a[0]) * (a[3] - a[1]) + (b[2] - b[0]) * (b[3] - b[1]) - inter)


def test_portrait_holds_one_face_where_it_says() -> None:
    boxes = haar(sample_photo())
    assert len(boxes) == 1
    assert overlap(boxes[0], (113, 66, 209, 162)) > 0.8


@pytest.mark.parametrize("scenario", ["move", "scale", "turn", "dim", "still"])
def test_haar_finds_the_face_at_its_true_place(scenario: str) -> None:
    frames = list(sample_frames(2.0, 6.0, scenario=scenario))
    hits = 0
    for frame in frames:
        (truth,) = sample_boxes(frame.time_s, 2.0, scenario=scenario)
        hits += any(overlap(box, truth) > 0.6 for box in haar(frame.image))
    assert hits >= 0.9 * len(frames)


def test_two_people_cross() -> None:
    start, end = sample_boxes(0, 4, scenario="cross"), sample_boxes(4, 4, scenario="cross")
    assert start[0, 0] < start[1, 0]
    assert end[0, 0] > end[1, 0]
    assert len(haar(next(sample_frames(4, 1, scenario="cross")).image)) == 2


def test_covered_for_less_than_a_second() -> None:
    found = [len(haar(f.image)) for f in sample_frames(3.0, 10.0, scenario="cover")]
    assert found[0] == found[-1] == 1
    assert 3 <= found.count(0) < 10


def test_nobody_there() -> None:
    frame = next(sample_frames(1, 1, scenario="empty"))
    assert len(haar(frame.image)) == 0
    assert sample_boxes(0, 1, scenario="empty").shape == (0, 4)


@pytest.mark.parametrize("scenario", SCENARIOS)
def test_frames_have_times_and_sizes(scenario: str) -> None:
    frames = list(sample_frames(0.5, 10, (320, 240), scenario))
    assert [round(f.time_s, 3) for f in frames] == [0, 0.1, 0.2, 0.3, 0.4]
    assert {f.image.shape for f in frames} == {(240, 320, 3)}


def test_unknown_scenario_names_the_choices() -> None:
    with pytest.raises(MediaError, match="move"):
        next(sample_frames(scenario="jump"))
