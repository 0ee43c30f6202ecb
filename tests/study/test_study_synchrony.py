"""Synchrony of two people."""

import numpy as np
import pytest

from emotion_core.errors import InputError
from emotion_core.study.statistics import lagged_correlation as module
from emotion_core.study.statistics.synchrony import aligned, synchrony, synchrony_of_pairs

RATE = 10.0


def smooth(seed: int, length: int = 1500) -> np.ndarray:
    """A signal with a memory of about a second."""
    noise = np.random.default_rng(seed).normal(size=length + 29)
    return np.convolve(noise, np.hanning(30), "valid")


def follower(x: np.ndarray, samples: int, noise: float = 0.5) -> np.ndarray:
    """The same, `samples` later, with noise of its own."""
    return np.roll(x, samples) + noise * smooth(99, len(x))


def test_one_window_is_the_plain_correlation() -> None:
    x, y = smooth(1, 90), smooth(2, 90)
    starts = np.array([0])
    grid = module.windows_of(RATE, 7.0, 1.0, 2.0, 0.7)
    for lag, (shift_x, shift_y) in zip(range(-20, 21), module.lag_shifts(grid), strict=True):
        a, known_a = module.cut(x, starts, grid, shift_x)
        b, known_b = module.cut(y, starts, grid, shift_y)
        r = module.all_correlations(a, known_a, b, known_b, 49)
        here = slice(max(-lag, 0), max(-lag, 0) + 70), slice(max(lag, 0), max(lag, 0) + 70)
        assert r[0, 0] == pytest.approx(np.corrcoef(x[here[0]], y[here[1]])[0, 1])


def test_the_peak_nearest_to_no_lag_is_picked() -> None:
    r = np.array([0.1, 0.9, 0.2, 0.3, 0.5, 0.1, 0.0, 0.4, 0.9])[:, None]
    z, lag = module.pick(r)
    # Lags −4 to 4: peaks at −3 and 0; at +4 the correlation still rises.
    assert (np.tanh(z[0]), lag[0]) == pytest.approx((0.5, 0))
    assert np.isnan(module.pick(np.linspace(0, 1, 9)[:, None])[0][0])
    assert np.isnan(module.pick(np.full((9, 1), np.nan))[0][0])


@pytest.mark.parametrize(("shift", "leader"), [(6, "first"), (-6, "second")])
def test_who_follows_is_found_with_the_delay(shift: int, leader: str) -> None:
    x = smooth(1)
    found = synchrony(x, follower(x, shift), RATE, surrogates=199)
    assert found.p == pytest.approx(1 / 200)
    assert found.r > 0.7 > found.surrogate_r
    assert found.leader == leader
    assert np.nanmedian(found.window_lag_s) == pytest.approx(shift / RATE, abs=0.11)
    assert found.lag_s.low < found.lag_s.value < found.lag_s.high


def test_exchanging_the_two_turns_the_lag_round() -> None:
    x = smooth(1)
    y = follower(x, 6)
    one, other = (synchrony(a, b, RATE, surrogates=19) for a, b in ((x, y), (y, x)))
    assert one.r == pytest.approx(other.r)
    assert one.lag_s.value == pytest.approx(-other.lag_s.value)


def test_strangers_are_not_in_synchrony() -> None:
    found = [synchrony(smooth(i), smooth(100 + i), RATE, surrogates=39, seed=i) for i in range(30)]
    assert sum(f.p <= 0.05 for f in found) <= 5
    assert sum(f.leader is not None for f in found) <= 5


def test_absences_are_tolerated() -> None:
    x = smooth(1)
    y = follower(x, 6)
    x[200:260], y[700:1000] = np.nan, np.nan
    found = synchrony(x, y, RATE, surrogates=99)
    assert found.p == pytest.approx(1 / 100)
    starts = found.window_start_s
    assert np.isnan(found.window_r[(starts >= 70) & (starts <= 90)]).all()
    assert np.isfinite(found.window_r[starts < 10]).all()


def test_nan_gives_what_leaving_out_gives() -> None:
    x, y = smooth(1, 93), smooth(2, 93)
    x[10:20] = np.nan
    grid = module.windows_of(RATE, 7.0, 1.0, 2.0, 0.7)
    cut = [module.cut(s, np.array([0]), grid, 0) for s in (x, y)]
    r = module.all_correlations(*cut[0], *cut[1], 49)[0, 0]
    kept = np.isfinite(x[:70])
    assert r == pytest.approx(np.corrcoef(x[:70][kept], y[:70][kept])[0, 1])
    matched = module.matched_peaks(x, y, np.array([0, 3]), grid, 0.7)
    every = module.peaks(x, y, np.array([0, 3]), np.array([0, 3]), grid, 0.7)
    for one, all_of_them in zip(matched, every, strict=True):
        assert one == pytest.approx(all_of_them.diagonal(), nan_ok=True)


@pytest.mark.parametrize("value", [0.3, np.nan])
def test_a_constant_or_absent_signal_has_no_synchrony(value: float) -> None:
    found = synchrony(np.full(1500, value), smooth(1), RATE, surrogates=19)
    assert np.isnan([found.r, found.p, found.lag_s.value]).all()
    assert found.leader is None


def test_a_short_recording_has_no_surrogates() -> None:
    x = smooth(1, 300)
    found = synchrony(x, follower(x, 3), RATE)
    assert found.r > 0.5
    assert np.isnan(found.p)
    assert len(found.surrogate_z) == 0


def test_the_seed_repeats_it() -> None:
    x, y = smooth(1), smooth(2)
    runs = [synchrony(x, y, RATE, surrogates=99, seed=s).surrogate_z for s in (1, 1, 2)]
    assert np.array_equal(runs[0], runs[1])
    assert not np.array_equal(runs[0], runs[2])


def test_long_recordings_are_taken_in_parts(monkeypatch: pytest.MonkeyPatch) -> None:
    x, y = smooth(1), smooth(2)
    whole = synchrony(x, y, RATE, surrogates=19)
    monkeypatch.setattr(module, "_MOST_NUMBERS", 30_000)
    assert synchrony(x, y, RATE, surrogates=19).surrogate_z == pytest.approx(whole.surrogate_z)


@pytest.mark.parametrize(
    ("change", "says"),
    [
        ({"window_s": 0}, "above zero"),
        ({"window_s": 0.3}, "fewer than five samples"),
        ({"max_lag_s": float("nan")}, "above zero"),
        ({"min_valid": 0}, "above zero"),
        ({"window_s": 200}, "needs 202 s, and the signals have 150 s"),
    ],
)
def test_settings_that_make_no_window(change: dict[str, float], says: str) -> None:
    with pytest.raises(InputError, match=says):
        synchrony(smooth(1), smooth(2), RATE, **change)  # type: ignore[arg-type]


def test_signals_must_fit() -> None:
    with pytest.raises(InputError, match="same moments"):
        synchrony(smooth(1), smooth(2)[:-1], RATE)
    with pytest.raises(InputError, match="one value for each moment"):
        synchrony(np.zeros((2, 200)), np.zeros((2, 200)), RATE)


def test_real_pairs_beat_shuffled_partners() -> None:
    firsts = [smooth(i, 300) for i in range(8)]
    pairs = [(x, follower(x, 4)) for x in firsts]
    found = synchrony_of_pairs(pairs, RATE, surrogates=499)
    assert found.p == pytest.approx(1 / 500, abs=0.002)
    assert found.d_z.low > 0
    assert found.r.low > 0.5
    assert found.leader == "first"
    assert (found.z > found.shuffled_z).all()
    assert found.pairs == 8


def test_a_shared_task_is_not_taken_for_synchrony() -> None:
    """Everybody follows the same film: within a pair no more than between pairs."""
    film = smooth(7, 300)
    people = [film + 0.7 * smooth(i, 300) for i in range(16)]
    found = synchrony_of_pairs(list(zip(people[:8], people[8:], strict=True)), RATE)
    assert found.p > 0.05
    assert found.r.value > 0.3


def test_pairs_without_values_are_left_out() -> None:
    firsts = [smooth(i, 300) for i in range(4)]
    pairs = [(x, follower(x, 4)) for x in firsts]
    pairs[0] = (np.full(300, np.nan), firsts[0])
    found = synchrony_of_pairs(pairs, RATE, surrogates=49)
    assert np.isnan(found.z[0])
    assert found.pairs == 3
    with pytest.raises(InputError, match="two pairs"):
        synchrony_of_pairs(pairs[:1], RATE)
    with pytest.raises(InputError, match="same moments"):
        synchrony_of_pairs([*pairs, (firsts[0], firsts[1][:200])], RATE)


def test_two_recordings_are_aligned() -> None:
    clock = np.arange(100.0)
    x, y = aligned(clock, clock[:60], 10.0, 2.0)
    assert (x[0], y[0], len(x)) == (20, 0, 60)
    x, y = aligned(clock, clock, 10.0, -3.0)
    assert (x[0], y[0], len(x), len(y)) == (0, 30, 70, 70)
    with pytest.raises(InputError, match="do not overlap"):
        aligned(clock, clock, 10.0, 20.0)
