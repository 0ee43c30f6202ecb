"""Augmentation: each change does what it says, and nothing happens outside training."""

import keras
import numpy as np
import pytest

from emotion_core.training.augment import Augment, AugmentSettings

OFF = AugmentSettings(*[0.0] * 12)
RANDOM = np.random.default_rng(0)
FACES = RANDOM.integers(60, 200, (8, 48, 48, 1)).astype(np.float32)
SMOOTH = np.broadcast_to(np.linspace(40, 210, 48, dtype=np.float32), (8, 48, 48))[..., None]


def only(**changes: float) -> Augment:
    values = {name: getattr(OFF, name) for name in AugmentSettings.__slots__} | changes
    return Augment(AugmentSettings(**values), seed=1)


def run(layer: Augment, images: np.ndarray, training: bool = True) -> np.ndarray:
    return np.asarray(keras.ops.convert_to_numpy(layer(images, training=training)))


def test_identity_outside_training() -> None:
    np.testing.assert_array_equal(run(Augment(AugmentSettings()), FACES, training=False), FACES)


def test_all_off_is_the_identity() -> None:
    np.testing.assert_allclose(run(only(), FACES), FACES, atol=0.05)


def test_everything_on_stays_a_picture_and_differs_by_image_and_call() -> None:
    layer = Augment(AugmentSettings(), seed=3)
    same = np.repeat(FACES[:1], 8, axis=0)
    first, second = run(layer, same), run(layer, same)
    assert first.shape == FACES.shape
    assert np.isfinite(first).all()
    assert first.min() >= 0
    assert first.max() <= 255
    assert np.abs(first[0] - first[1]).mean() > 1
    assert np.abs(first - second).mean() > 1


def test_flip_mirrors_exactly() -> None:
    np.testing.assert_allclose(run(only(flip=1.0), FACES), FACES[:, :, ::-1], atol=0.05)


def test_shift_stays_within_its_share() -> None:
    spot = np.zeros((64, 48, 48, 1), np.float32)
    spot[:, 22:26, 22:26] = 255
    moved = run(only(shift=0.1), spot)[..., 0]
    columns = (moved.sum(axis=1) * np.arange(48)).sum(axis=1) / moved.sum(axis=(1, 2))
    assert np.abs(columns - 23.5).max() <= 4.9
    assert np.abs(columns - 23.5).max() > 2


def test_rotation_and_zoom_keep_the_centre() -> None:
    spot = np.zeros((32, 48, 48, 1), np.float32)
    spot[:, 21:27, 21:27] = 255
    turned = run(only(rotation_deg=15.0, zoom=0.18), spot)[..., 0]
    rows = (turned.sum(axis=2) * np.arange(48)).sum(axis=1) / turned.sum(axis=(1, 2))
    np.testing.assert_allclose(rows, 23.5, atol=0.3)
    assert turned.sum(axis=(1, 2)).std() > 0


@pytest.mark.parametrize("change", [{"blur": 1.0}, {"half_size": 1.0}])
def test_softening_lowers_detail_and_keeps_brightness(change: dict[str, float]) -> None:
    soft = run(only(**change), FACES)
    assert np.abs(np.diff(soft, axis=2)).mean() < 0.7 * np.abs(np.diff(FACES, axis=2)).mean()
    np.testing.assert_allclose(
        soft[:, 4:-4, 4:-4].mean(axis=(1, 2, 3)), FACES[:, 4:-4, 4:-4].mean(axis=(1, 2, 3)), atol=3
    )


def test_jpeg_keeps_the_picture_and_drops_fine_grain() -> None:
    coded = run(only(jpeg=1.0), FACES)
    assert np.abs(coded - FACES).mean() > 2
    np.testing.assert_allclose(coded.mean(axis=(1, 2, 3)), FACES.mean(axis=(1, 2, 3)), atol=3)
    assert np.abs(run(only(jpeg=1.0), SMOOTH) - SMOOTH).mean() < 4


def test_erase_covers_a_rectangle_of_one_grey() -> None:
    covered = run(only(erase=1.0), FACES)
    changed = np.abs(covered - FACES)[..., 0] > 0.1
    share = changed.mean(axis=(1, 2))
    assert (share < 0.25).all()
    assert share.max() > 0.02
    first = covered[int(share.argmax()), ..., 0][changed[int(share.argmax())]]
    assert np.ptp(first) < 0.01


def test_light_changes_brightness_not_the_order_of_greys() -> None:
    lit = run(only(light=0.1, contrast=0.2, gamma=0.2), SMOOTH)
    assert (np.diff(lit, axis=2) >= -1e-3).all()
    assert np.abs(lit - SMOOTH).mean() > 2


def test_noise_is_as_strong_as_it_says() -> None:
    sigma = (run(only(noise=1.0), np.full_like(FACES, 128)) - 128).std(axis=(1, 2, 3))
    assert (sigma > 1.5).all()
    assert (sigma < 17).all()


@pytest.mark.parametrize("probability", [0.1, 0.3, 1.0])
def test_each_image_is_changed_as_often_as_asked_for(probability: float) -> None:
    layer, flat = only(noise=probability), np.full((9, 48, 48, 1), 128.0, np.float32)
    changed = [np.abs(run(layer, flat) - 128).max(axis=(1, 2, 3)) > 1 for _ in range(200)]
    assert np.mean(changed) == pytest.approx(probability, abs=0.03)
    assert np.mean(changed, axis=0) == pytest.approx(np.full(9, probability), abs=0.13)
    most = {int(row.sum()) for row in changed}
    assert max(most) <= np.ceil(9 * probability)


def test_a_rare_change_is_computed_for_a_part_of_the_batch(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    layer, seen = only(jpeg=0.15), list[int]()
    change = layer._jpeg

    def counted(images: np.ndarray) -> np.ndarray:
        seen.append(int(images.shape[0]))
        return np.asarray(change(images))

    monkeypatch.setattr(layer, "_jpeg", counted)
    run(layer, np.repeat(FACES, 8, axis=0))
    assert seen == [10]


def test_lower_precision_leaves_the_greys_as_they_are() -> None:
    before = keras.config.dtype_policy()
    try:
        keras.config.set_dtype_policy("mixed_bfloat16")
        layer = only()
    finally:
        keras.config.set_dtype_policy(before)
    changed = run(layer, FACES + 0.25)
    assert changed.dtype == np.float32
    np.testing.assert_allclose(changed, FACES + 0.25, atol=0.05)
