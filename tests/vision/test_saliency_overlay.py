import numpy as np
import pytest

from emotion_core.vision.saliency_overlay import draw_drop, draw_heat, enlarged

FACE = np.tile(np.linspace(40, 200, 48, dtype=np.float32), (48, 1))


def corner(value: float) -> np.ndarray:
    values = np.zeros((48, 48), np.float32)
    values[:12, :12] = value
    return values


@pytest.mark.parametrize("shape", [(48, 48), (48, 48, 1)])
@pytest.mark.parametrize("side", [48, 100, 384])
def test_pictures_have_the_size_asked_for(shape: tuple[int, ...], side: int) -> None:
    for picture in (
        enlarged(FACE.reshape(shape), side),
        draw_heat(FACE.reshape(shape), corner(1), side),
        draw_drop(FACE.reshape(shape), corner(1), 1.0, side),
    ):
        assert picture.shape == (side, side, 3)
        assert picture.dtype == np.uint8


def test_without_a_map_the_face_stays_as_it_is() -> None:
    plain = enlarged(FACE).astype(int)
    assert np.abs(draw_heat(FACE, corner(0)) - plain).max() <= 1
    assert np.abs(draw_drop(FACE, corner(0), 1.0) - plain).max() <= 1


def test_heat_glows_brighter_where_there_is_more() -> None:
    def glow(value: float) -> float:
        return float(draw_heat(np.full((48, 48), 40.0), corner(value))[20, 20, 2])

    assert glow(0.2) < glow(0.5) < glow(1.0)


def test_falls_are_orange_and_rises_are_blue() -> None:
    blue, _, red = draw_drop(FACE, corner(2.0), 2.0)[20, 20].astype(int)
    assert red > blue + 50
    blue, _, red = draw_drop(FACE, corner(-2.0), 2.0)[20, 20].astype(int)
    assert blue > red + 50


def test_values_beyond_the_scale_are_drawn_as_its_end() -> None:
    beyond, end = (draw_drop(FACE, corner(v), 1.0)[:80, :80].astype(int) for v in (5.0, 1.0))
    assert np.abs(beyond - end).max() <= 1
