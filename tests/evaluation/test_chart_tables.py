import numpy as np
import pandas as pd
import pytest

from emotion_core.evaluation import chart_tables
from emotion_core.evaluation.predictions import Predictions
from emotion_core.labels import EXPRESSIONS
from emotion_core.model.calibrate import softmax

LOGITS = np.random.default_rng(0).normal(0, 2, (60, 7))
TEMPERATURE = 1.7


def rows() -> Predictions:
    truth = np.arange(60) % 7
    logits = LOGITS + 3 * np.eye(7)[truth]
    ferplus = np.where(np.arange(60) % 10 == 0, -1, truth)
    fer2013 = np.where(np.arange(60) % 4 == 0, (truth + 1) % 7, truth)
    names = np.array([f"fer{i}.png" for i in range(60)])
    labels = {"ferplus": ferplus, "fer2013": fer2013}
    served = softmax(logits, TEMPERATURE).astype(np.float64)
    return Predictions(names, labels, softmax(logits).astype(np.float64), served)


@pytest.fixture
def images() -> chart_tables.Scored:
    pairs = pd.DataFrame(
        {"split": ["test", "test", "validation"], "image": ["fer1.png", "fer10.png", "fer2.png"]}
    )
    return chart_tables.scored(rows(), "ferplus", "test", TEMPERATURE, pairs)


def test_only_labelled_images_count_and_near_duplicates_are_of_this_split(
    images: chart_tables.Scored,
) -> None:
    assert len(images.truth) == 54
    assert "fer10.png" not in images.names, "it has no FER+ label"
    assert images.names[images.near_duplicate].tolist() == ["fer1.png"]
    blocks = chart_tables.score_blocks(images, resamples=20)
    assert blocks["full"]["images"] == 54
    assert blocks["without_near_duplicates"]["images"] == 53
    unknown = chart_tables.scored(rows(), "ferplus", "test", TEMPERATURE, None)
    assert set(chart_tables.score_blocks(unknown, resamples=20)) == {"full"}


def test_calibration_can_be_undone(images: chart_tables.Scored) -> None:
    kept = np.arange(60) % 10 != 0
    before = rows().float_probs
    assert before is not None
    assert np.abs(images.raw - before[kept]).max() < 1e-5


def test_confusion_table_adds_up_both_ways(images: chart_tables.Scored) -> None:
    table = chart_tables.confusion_table(chart_tables.score_blocks(images, resamples=5)["full"])
    assert len(table) == 49
    assert table["count"].sum() == 54
    assert table.groupby("truth")["of_truth"].sum().to_numpy() == pytest.approx(np.ones(7))
    named = table.groupby("answer")["count"].transform("sum") > 0
    sums = table[named].groupby("answer")["of_answer"].sum()
    assert sums.to_numpy() == pytest.approx(np.ones(len(sums)))


def test_a_cell_lists_its_images_the_surest_first(images: chart_tables.Scored) -> None:
    confusion = chart_tables.confusion_table(chart_tables.score_blocks(images, resamples=5)["full"])
    for truth, answer, count in confusion[["truth", "answer", "count"]].values:
        cell = chart_tables.cell_table(images, truth, answer)
        assert len(cell) == count
        assert cell["confidence"].is_monotonic_decreasing


def test_reliability_has_both_states_and_every_image(images: chart_tables.Scored) -> None:
    table = chart_tables.reliability_table(images)
    sums = table.groupby("state")["images"].sum()
    assert sums.to_dict() == {"before calibration": 54, "after calibration": 54}


def test_coverage_ends_with_all_answers(images: chart_tables.Scored) -> None:
    table = chart_tables.coverage_table(images)
    assert table["coverage"].iloc[-1] == 1.0
    right = (images.answers == images.truth).mean()
    assert table["accuracy"].iloc[-1] == pytest.approx(right)


def test_precision_recall_has_a_curve_for_every_expression_with_images(
    images: chart_tables.Scored,
) -> None:
    table = chart_tables.precision_recall_table(images)
    assert set(table["expression"]) == set(EXPRESSIONS)
    assert (table.groupby("expression")["recall"].max() == 1.0).all()


def test_roc_goes_from_nothing_to_everything_for_every_expression(
    images: chart_tables.Scored,
) -> None:
    table = chart_tables.roc_table(images)
    assert set(table["expression"]) == set(EXPRESSIONS)
    for expression, part in table.groupby("expression"):
        ends = part[["false_positive_rate", "true_positive_rate"]]
        assert ends.iloc[0].tolist() == [0, 0]
        assert ends.iloc[-1].tolist() == [1, 1]
        assert ends.diff().dropna().to_numpy().min() >= 0
        area = np.trapezoid(part["true_positive_rate"], part["false_positive_rate"])
        assert area == pytest.approx(part["auc"].iloc[0], abs=0.02), expression


def test_areas_of_an_expression_without_an_image_are_unknown(images: chart_tables.Scored) -> None:
    here = images.truth != 1
    fewer = chart_tables.Scored(
        *("ferplus", images.names[here], images.truth[here]),
        *(images.probs[here], images.raw[here], None),
    )
    table = chart_tables.area_table(fewer).set_index("expression")
    assert table.loc["disgust"].isna().to_numpy().tolist() == [False, False, True, True]
    mean = "mean of the 6 that occur"
    known = table.drop(mean).dropna()
    assert table.loc[mean, "auc"] == pytest.approx(known["auc"].mean())
    assert known["share"].sum() == pytest.approx(1)


def test_what_damage_leaves_is_a_share_of_the_undamaged() -> None:
    damage = pd.DataFrame({"damage": ["none", "blur"], "accuracy": [0.8, 0.6]})
    assert chart_tables.with_share_left(damage)["left"].tolist() == pytest.approx([1, 0.75])


def test_published_figures_stand_beside_test_scores_alone(images: chart_tables.Scored) -> None:
    blocks = {"mine": chart_tables.score_blocks(images, resamples=20)}
    people = {"value": 0.77, "low": 0.76, "high": 0.78}
    report = {"scores": {"ferplus": {"human_agreement": people}}}
    test = chart_tables.comparison_table(blocks, "ferplus", report, with_peers=True)
    assert {"mine", "mine, without near-duplicates", "people", "chance"} < set(test["who"])
    assert "FER+ VGG13" in set(test["who"])
    assert (test["source"].str.len() > 10).all(), "each figure says where it comes from"
    measured = test.set_index("who")["group"]
    assert measured["fer 25.10 (mini-Xception)"] == chart_tables.MEASURED_HERE
    assert measured["FER+ VGG13"] == chart_tables.PUBLISHED
    validation = chart_tables.comparison_table(blocks, "ferplus", None, with_peers=False)
    expected = ["mine", "mine, without near-duplicates", "chance"]
    assert validation["who"].tolist() == expected


def test_label_sets_are_compared_where_both_have_a_label() -> None:
    table, same, count = chart_tables.label_agreement(rows())
    both = np.arange(60)[np.arange(60) % 10 != 0]
    assert count == len(both) == table["count"].sum()
    assert same == pytest.approx((both % 4 != 0).mean())


def test_the_kept_epoch_is_the_noted_one_or_the_best() -> None:
    history = pd.DataFrame(
        {"epoch": [1, 2, 3], "loss": [3, 2, 1], "val_loss": [1, 1, 1], "val_accuracy": [0, 2, 1]}
    )
    assert chart_tables.best_epoch(history, {"training": {"best_epoch": 3}}) == 3
    assert chart_tables.best_epoch(history, {"training": {"best_epoch": 9}}) == 2
    assert chart_tables.best_epoch(history, {}) == 2
    long = chart_tables.history_long(
        history, {"loss": "training", "val_loss": "validation", "x": "y"}
    )
    assert long["curve"].tolist() == ["training"] * 3 + ["validation"] * 3
