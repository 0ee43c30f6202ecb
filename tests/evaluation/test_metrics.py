import math

import numpy as np
import pytest
from numpy.typing import NDArray

from emotion_core.evaluation import bootstrap, metrics

# Truth in the rows: class 0 has 5 images, class 1 has 4, class 2 has 1, class 3 none.
TABLE = np.array([[4, 1, 0, 0], [2, 2, 0, 0], [1, 0, 0, 0], [0, 0, 0, 0]])


def random_case(
    images: int = 300, classes: int = 7, seed: int = 3
) -> tuple[NDArray[np.int64], NDArray[np.float64]]:
    rng = np.random.default_rng(seed)
    truth = rng.integers(0, classes, images)
    logits = rng.normal(0, 1.5, (images, classes))
    logits[np.arange(images), truth] += 1.5
    probs = np.exp(logits) / np.exp(logits).sum(1, keepdims=True)
    return truth, probs


def test_confusion_matrix_counts_truth_in_rows() -> None:
    matrix = metrics.confusion_matrix([0, 0, 1, 2], [0, 1, 1, 0], 3)
    assert matrix.tolist() == [[1, 1, 0], [0, 1, 0], [1, 0, 0]]
    assert metrics.confusion_matrix([], [], 2).tolist() == [[0, 0], [0, 0]]


@pytest.mark.parametrize(("truth", "answers"), [([0], [0, 1]), ([3], [0]), ([0], [3]), ([-1], [0])])
def test_confusion_matrix_refuses_what_does_not_fit(truth: list[int], answers: list[int]) -> None:
    with pytest.raises(ValueError, match=r"truth and answers|class indices"):
        metrics.confusion_matrix(truth, answers, 3)


def test_scores_of_a_table_computed_by_hand() -> None:
    assert float(metrics.accuracy(TABLE)) == pytest.approx(6 / 10)
    assert metrics.recall(TABLE)[:3] == pytest.approx([4 / 5, 2 / 4, 0])
    assert metrics.precision(TABLE)[:3] == pytest.approx([4 / 7, 2 / 3, 0])
    f1 = [2 * 4 / (5 + 7), 2 * 2 / (4 + 3), 0]
    assert metrics.f1(TABLE)[:3] == pytest.approx(f1)
    assert float(metrics.macro_f1(TABLE)) == pytest.approx(sum(f1) / 3)
    assert float(metrics.balanced_accuracy(TABLE)) == pytest.approx((0.8 + 0.5 + 0) / 3)
    assert float(metrics.mean_recall(TABLE, [1, 2])) == pytest.approx(0.25)
    for score in (metrics.recall, metrics.precision, metrics.f1):
        assert math.isnan(score(TABLE)[3]), "a class neither there nor named has no score"


def test_no_image_has_no_score() -> None:
    nothing = np.zeros((2, 2))
    assert math.isnan(metrics.accuracy(nothing))
    assert math.isnan(metrics.macro_f1(nothing))
    empty = np.empty((0, 7))
    assert math.isnan(metrics.negative_log_likelihood(np.empty(0, int), empty))
    assert math.isnan(metrics.expected_calibration_error(np.empty(0, int), empty))
    assert math.isnan(metrics.accuracy_at_coverage(np.empty(0, int), empty, 0.9))
    with pytest.raises(ValueError, match="at least one"):
        bootstrap.scores_with_intervals(np.empty(0, int), empty)


def test_nll_is_the_mean_logarithm_and_finite_at_zero() -> None:
    probs = np.array([[0.5, 0.5], [0.9, 0.1]])
    expected = -(math.log(0.5) + math.log(0.1)) / 2
    assert metrics.negative_log_likelihood([0, 1], probs) == pytest.approx(expected)
    assert math.isfinite(metrics.negative_log_likelihood([0], [[0.0, 1.0]]))


def test_ece_of_two_bins_by_hand() -> None:
    probs = np.array([[0.9, 0.1], [0.9, 0.1], [0.4, 0.6], [0.45, 0.55]])
    # 15 bins: 0.9 falls into (13/15, 14/15]... twice, once right; 0.6 and 0.55 into (8/15, 9/15].
    expected = (2 * abs(0.5 - 0.9) + 2 * abs(1.0 - 0.575)) / 4
    assert metrics.expected_calibration_error([0, 1, 1, 1], probs) == pytest.approx(expected)


def test_ece_agrees_with_a_loop_over_the_bins() -> None:
    truth, probs = random_case()
    winning, right = probs.max(1), probs.argmax(1) == truth
    expected = 0.0
    for b in range(15):
        inside = (winning > b / 15) & (winning <= (b + 1) / 15)
        if inside.any():
            expected += inside.mean() * abs(right[inside].mean() - winning[inside].mean())
    assert metrics.expected_calibration_error(truth, probs) == pytest.approx(expected)
    table = metrics.reliability_table(truth, probs)
    assert table["count"].sum() == len(truth)
    gaps = np.abs(table["accuracy"] - table["confidence"]) * table["count"] / len(truth)
    assert np.nansum(gaps) == pytest.approx(expected)


def test_certain_answers_fall_into_the_last_bin() -> None:
    table = metrics.reliability_table([0, 1], [[1.0, 0.0], [1.0, 0.0]])
    assert table["count"][-1] == 2
    assert table["accuracy"][-1] == 0.5


def test_accuracy_at_coverage_keeps_the_surest() -> None:
    probs = np.array([[0.9, 0.1], [0.2, 0.8], [0.7, 0.3], [0.4, 0.6]])
    truth = [0, 1, 1, 0]  # the two surest are right, the others wrong
    assert metrics.accuracy_at_coverage(truth, probs, 0.5) == 1.0
    assert metrics.accuracy_at_coverage(truth, probs, 1.0) == 0.5
    assert metrics.accuracy_at_coverage(truth, probs, 0.75) == pytest.approx(2 / 3)
    assert metrics.accuracy_at_coverage(truth, probs, 0.01) == 1.0, "one answer is always kept"
    coverage, curve, confidence = metrics.coverage_curve(truth, probs)
    assert coverage.tolist() == [0.25, 0.5, 0.75, 1.0]
    assert curve == pytest.approx([1, 1, 2 / 3, 0.5])
    assert confidence.tolist() == [0.9, 0.8, 0.7, 0.6]


def test_precision_recall_by_hand_with_a_tie() -> None:
    precision, recall, threshold = metrics.precision_recall_curve(
        [True, False, True, False], [0.9, 0.5, 0.5, 0.1]
    )
    assert threshold.tolist() == [0.9, 0.5, 0.1]
    assert precision == pytest.approx([1, 2 / 3, 2 / 4])
    assert recall == pytest.approx([0.5, 1, 1])
    area = metrics.average_precision([True, False, True, False], [0.9, 0.5, 0.5, 0.1])
    assert area == pytest.approx(0.5 * 1 + 0.5 * 2 / 3)


def test_precision_recall_without_an_example_is_empty() -> None:
    assert metrics.precision_recall_curve([False], [0.5])[0].size == 0
    assert math.isnan(metrics.average_precision([False], [0.5]))


def brute_force_agreement(votes: list[list[int]]) -> float:
    """Every single voter, one by one, against the list of the others."""
    per_image = []
    for counts in votes:
        voters = [label for label, n in enumerate(counts) for _ in range(n)]
        score = 0.0
        for i, mine in enumerate(voters):
            others = voters[:i] + voters[i + 1 :]
            most = max(others.count(label) for label in others)
            winners = {label for label in others if others.count(label) == most}
            score += (mine in winners) / len(winners)
        per_image.append(score / len(voters))
    return sum(per_image) / len(per_image)


@pytest.mark.parametrize(
    ("votes", "expected"),
    [
        ([[10, 0, 0]], 1.0),
        ([[9, 1, 0]], 0.9),
        # Two against two: whoever leaves makes the other side the majority.
        ([[2, 2]], 0.0),
        # One of the two agrees with nobody; the other neither.
        ([[1, 1]], 0.0),
        # Each of the three sees a tie of the two others, and is in neither.
        ([[1, 1, 1]], 0.0),
        # A voter of the pair sees one against one: half.
        ([[2, 1]], 2 / 3 * 0.5),
    ],
)
def test_human_agreement_by_hand(votes: list[list[int]], expected: float) -> None:
    assert metrics.human_agreement(votes) == pytest.approx(expected)
    assert brute_force_agreement(votes) == pytest.approx(expected)


def test_human_agreement_matches_every_single_voter() -> None:
    rng = np.random.default_rng(0)
    votes = np.array([rng.multinomial(10, rng.dirichlet(np.ones(10) * 0.4)) for _ in range(60)])
    assert metrics.human_agreement(votes) == pytest.approx(brute_force_agreement(votes.tolist()))


def test_human_agreement_needs_two_voters() -> None:
    assert math.isnan(metrics.human_agreement(np.zeros((4, 10), int)))
    assert metrics.human_agreement([[0, 0], [1, 0], [3, 0]]) == 1.0


def test_bootstrap_agrees_with_scoring_each_draw() -> None:
    truth, probs = random_case(images=80)
    draws = bootstrap.bootstrap_scores(truth, probs, rare=(1, 2), resamples=5, seed=7)
    order = np.argsort(-probs.max(1), kind="stable")
    rng = np.random.default_rng(7)
    for b in range(5):
        chosen = order[np.sort(rng.integers(0, 80, 80))]
        expected = metrics.point_scores(truth[chosen], probs[chosen], rare=(1, 2))
        for name, value in expected.items():
            assert draws[name][b] == pytest.approx(value, nan_ok=True), name


def test_intervals_hold_the_value_and_follow_the_seed() -> None:
    truth, probs = random_case()
    first = bootstrap.scores_with_intervals(truth, probs, resamples=200, seed=1)
    again = bootstrap.scores_with_intervals(truth, probs, resamples=200, seed=1)
    other = bootstrap.scores_with_intervals(truth, probs, resamples=200, seed=2)
    assert first == again
    assert first["accuracy"] != other["accuracy"]
    accuracy, f1 = first["accuracy"], first["f1"]
    assert isinstance(accuracy, bootstrap.Interval)
    assert isinstance(f1, list)
    assert accuracy.low < accuracy.value < accuracy.high
    # The normal approximation of a share: 1.96 standard errors on either side.
    half = 1.96 * math.sqrt(accuracy.value * (1 - accuracy.value) / len(truth))
    assert accuracy.high - accuracy.low == pytest.approx(2 * half, rel=0.25)
    assert len(f1) == 7


def test_mean_interval_and_chance() -> None:
    values = bootstrap.mean_interval([0.0, 1.0] * 50)
    assert values.value == 0.5
    assert 0.35 < values.low < 0.5 < values.high < 0.65
    assert math.isnan(bootstrap.mean_interval([]).value)
    assert metrics.chance_scores([0, 0, 1], 4) == {"uniform": 0.25, "largest": 2 / 3}


def test_roc_by_hand_with_a_tie() -> None:
    false_rate, true_rate, threshold = metrics.roc_curve(
        [True, False, True, False], [0.9, 0.5, 0.5, 0.1]
    )
    assert false_rate.tolist() == [0, 0, 0.5, 1]
    assert true_rate.tolist() == [0, 0.5, 1, 1]
    assert threshold.tolist() == [np.inf, 0.9, 0.5, 0.1]
    # Of the four pairs three are in order and one is a tie.
    assert metrics.roc_auc([True, False, True, False], [0.9, 0.5, 0.5, 0.1]) == 3.5 / 4


def test_roc_auc_is_how_often_a_pair_is_in_order() -> None:
    rng = np.random.default_rng(0)
    mine, score = rng.random(200) < 0.3, rng.integers(0, 12, 200) / 12
    first, second = score[mine][:, None], score[~mine][None, :]
    pairs = (first > second).mean() + (first == second).mean() / 2
    assert metrics.roc_auc(mine, score) == pytest.approx(pairs)


@pytest.mark.parametrize("kinds", [[False, False], [True, True], []])
def test_roc_needs_both_kinds(kinds: list[bool]) -> None:
    score = [0.5] * len(kinds)
    assert metrics.roc_curve(kinds, score)[0].size == 0
    assert math.isnan(metrics.roc_auc(kinds, score))
