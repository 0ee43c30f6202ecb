"""Which piece is scanned when: no cascade is needed to count."""

import numpy as np
import pytest

from emotion_core.vision.scan_schedule import Crowd, ScanSchedule, pieces

NONE = np.empty((0, 4), np.float32)
FACE = np.array([[40, 40, 140, 140]], np.float32)
ROOM = np.full((480, 640, 3), 90, np.uint8)


def run(seconds: float, known: np.ndarray, crowd: Crowd, moving: bool = False) -> list[list[bool]]:
    """For each frame at 30 a second: which of the scanned pieces look for far faces."""
    schedule, scanned = ScanSchedule(), []
    for i in range(round(seconds * 30)):
        image = ROOM.copy()
        if moving:
            image[200:400, 300:500] = i * 37 % 200
        due = schedule.due(image, i / 30, 48.0, known, crowd)
        for piece in due:
            schedule.done(piece, image, i / 30)
        scanned.append([piece.far for piece in due])
    return scanned


@pytest.mark.parametrize("size", [(640, 480), (480, 640), (160, 120), (3840, 2160), (100, 1000)])
def test_no_far_face_is_cut_by_every_strip(size: tuple[int, int]) -> None:
    smallest = max(24.0, 0.1 * min(size))
    far = [piece for piece in pieces(*size, smallest) if piece.far]
    side, long = far[0].face_px[1] if far else 0.0, max(size)
    axis = 0 if size[0] >= size[1] else 1
    for start in np.arange(0, long - side, 7.0) if far else []:
        assert any(p.box[axis] <= start and start + side <= p.box[axis + 2] for p in far)


@pytest.mark.parametrize(
    ("size", "smallest"), [((1, 1), 24.0), ((50, 20), 24.0), ((640, 480), 600)]
)
def test_a_frame_smaller_than_a_face_has_no_pieces(size: tuple[int, int], smallest: float) -> None:
    assert pieces(*size, smallest) == []
    assert ScanSchedule().due(np.zeros((*size, 3), np.uint8), 0, smallest, NONE, Crowd.NOBODY) == []


def test_the_first_frame_is_whole_and_later_ones_bring_a_piece_at_most() -> None:
    first, *later = run(4, FACE, Crowd.CALM, moving=True)
    assert first == [False, True, True, True, True]
    assert max(map(len, later)) == 1
    assert sum(map(len, later)) > 8


def test_where_something_moves_is_looked_at_more_often() -> None:
    still = sum(map(len, run(4, FACE, Crowd.CALM)))
    assert sum(map(len, run(4, FACE, Crowd.CALM, moving=True))) > still


def test_what_a_known_face_moves_is_no_news() -> None:
    inside = np.array([[300, 200, 500, 400]], np.float32)
    moving = run(4, inside, Crowd.CALM, moving=True)
    assert sum(map(len, moving)) == sum(map(len, run(4, inside, Crowd.CALM)))


def test_somebody_lost_or_nobody_known_hurries() -> None:
    nobody, lost, calm = (sum(map(len, run(2, NONE, crowd))) for crowd in Crowd)
    assert nobody > calm < lost
