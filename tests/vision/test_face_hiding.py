import numpy as np
import pytest

from emotion_core.config import DetectionSettings
from emotion_core.datatypes import FloatArray, ImageArray
from emotion_core.media.synthetic import sample_boxes, sample_frames
from emotion_core.vision.boxes import as_boxes
from emotion_core.vision.detector import HaarDetector
from emotion_core.vision.face_hiding import FaceHider, StreamFaceHider, pixelate_all, pixelate_faces


def noise() -> np.ndarray:
    return np.random.default_rng(1).integers(0, 256, (120, 160, 3), np.uint8)


def test_no_face_changes_nothing_and_gives_a_copy() -> None:
    image = noise()
    hidden = pixelate_faces(image, np.zeros((0, 4), np.float32))
    assert np.array_equal(hidden, image)
    assert hidden is not image


@pytest.mark.parametrize("box", [(40, 30, 80, 70), (-20, -20, 30, 30), (150, 110, 190, 150)])
def test_a_face_becomes_a_mosaic_and_the_rest_stays(box: tuple[int, ...]) -> None:
    image = noise()
    hidden = pixelate_faces(image, np.array([box], np.float32))
    left, top, right, bottom = box
    inner = (slice(max(top, 0), bottom), slice(max(left, 0), right))
    assert len(np.unique(hidden[inner].reshape(-1, 3), axis=0)) <= 64
    changed = (hidden != image).any(axis=2)
    assert not changed[:, : max(0, left - 20)].any()
    assert not changed[: max(0, top - 20)].any()


def test_the_whole_picture_keeps_its_size() -> None:
    hidden = pixelate_all(noise())
    assert hidden.shape == (120, 160, 3)
    assert len(np.unique(hidden.reshape(-1, 3), axis=0)) <= 64


def finds(image: ImageArray) -> int:
    """How many faces the detector finds at its settings for photos."""
    detector = HaarDetector(DetectionSettings(thorough=True))
    return int((detector.update(image, 0.0).agreement > 0).sum())


def two_faces() -> tuple[ImageArray, FloatArray]:
    """A picture of two people, and where their faces are."""
    frames = list(sample_frames(1.0, 10.0, scenario="cross"))
    return frames[0].image, sample_boxes(0.0, 1.0, scenario="cross")


def test_faces_that_nobody_knows_of_are_found_and_hidden() -> None:
    image, boxes = two_faces()
    assert finds(image) == 2
    hidden = FaceHider().hide(image, np.zeros((0, 4), np.float32))
    assert finds(hidden) == 0
    for left, top, right, bottom in boxes.astype(int):
        assert (hidden[top:bottom, left:right] != image[top:bottom, left:right]).mean() > 0.9
    assert np.array_equal(image, two_faces()[0]), "the picture itself is left as it is"


def test_a_face_that_may_be_seen_stays_and_the_other_is_hidden() -> None:
    image, boxes = two_faces()
    hidden = FaceHider().hide(image, np.zeros((0, 4), np.float32), boxes[1:])
    left, top, right, bottom = boxes[1].astype(int)
    assert np.array_equal(hidden[top:bottom, left:right], image[top:bottom, left:right])
    assert finds(hidden) == 1


def test_a_picture_in_which_the_search_finds_more_and_more_is_hidden_as_a_whole(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    image = noise()
    hider = FaceHider()
    monkeypatch.setattr(hider, "search", lambda _: np.array([[0, 0, 9, 9]], np.float32))
    hidden = hider.hide(image, np.zeros((0, 4), np.float32))
    assert np.array_equal(hidden, pixelate_all(image))


@pytest.mark.parametrize("side", [20, 30, 64])
def test_pictures_smaller_than_a_face_are_searched_too(side: int) -> None:
    image = np.full((side, side, 3), 90, np.uint8)
    assert np.array_equal(FaceHider().hide(image, np.zeros((0, 4), np.float32)), image)


def test_in_a_stream_a_newcomer_is_hidden_from_the_first_frame_on() -> None:
    hider, none = StreamFaceHider(), np.zeros((0, 4), np.float32)
    empty = next(iter(sample_frames(1.0, 1.0, scenario="empty"))).image
    assert np.array_equal(hider.hide(empty, none), empty)
    image, _ = two_faces()
    for _ in range(4):
        assert finds(hider.hide(image, none)) == 0


def test_in_a_stream_what_was_found_stays_hidden_for_some_frames() -> None:
    hider, none = StreamFaceHider(), np.zeros((0, 4), np.float32)
    image, boxes = two_faces()
    empty = next(iter(sample_frames(1.0, 1.0, scenario="empty"))).image
    hider.hide(image, none)
    left, top, right, bottom = boxes[0].astype(int)
    places = [(hider.hide(empty, none) != empty)[top:bottom, left:right] for _ in range(8)]
    assert [bool(place.any()) for place in places] == [True] * 3 + [False] * 5


@pytest.mark.parametrize(
    ("found", "hidden"),
    [
        ((100, 100, 200, 200), False),
        ((130, 150, 170, 190), False),
        ((60, 60, 300, 300), True),
        ((170, 100, 270, 200), True),
    ],
    ids=["the visible face", "its mouth", "somebody in front of it", "somebody next to it"],
)
def test_only_what_belongs_to_a_visible_face_stays_visible(
    monkeypatch: pytest.MonkeyPatch, found: tuple[int, ...], hidden: bool
) -> None:
    image = np.random.default_rng(1).integers(0, 256, (480, 640, 3), np.uint8)
    hider, finds = FaceHider(), iter([[found], ()])
    monkeypatch.setattr(hider, "search", lambda _: as_boxes(next(finds)))
    shown = hider.hide(image, as_boxes(()), as_boxes([(100, 100, 200, 200)]))
    assert np.array_equal(shown, image) != hidden
