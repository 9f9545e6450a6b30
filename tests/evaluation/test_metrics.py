"""Metrics checked by hand and against scikit-learn."""

import numpy as np
import numpy.typing as npt
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.metrics import accuracy_score, recall_score

from mineral_recog.evaluation import metrics, resampling

GROUPS = ("head", "medium", "tail")
# Of 4, 2 and 2 photos per class, 3, 1 and 0 are correct.
LABELS = np.array([0, 0, 0, 0, 1, 1, 2, 2])
GUESSES = np.array([0, 0, 0, 1, 1, 2, 0, 1])


def logits_of(guesses: npt.NDArray[np.int64], classes: int = 3) -> npt.NDArray[np.float32]:
    return np.eye(classes, dtype=np.float32)[guesses] * 5


def test_confusion_matrix_has_true_classes_in_rows() -> None:
    confusion = metrics.confusion_matrix(LABELS, GUESSES, 3)
    assert confusion.tolist() == [[3, 1, 0], [0, 1, 1], [1, 1, 0]]
    assert confusion.dtype == np.int64


def test_confusion_matrix_refuses_wrong_input() -> None:
    with pytest.raises(ValueError, match=r"0 \.\. 1"):
        metrics.confusion_matrix(LABELS, GUESSES, 2)
    with pytest.raises(ValueError, match="predictions"):
        metrics.confusion_matrix(LABELS, GUESSES[:-1], 3)


def test_mean_of_a_cell_without_values_is_nan() -> None:
    means = metrics.mean_by_cell(LABELS, GUESSES == LABELS, 4)
    np.testing.assert_array_equal(means, [0.75, 0.5, 0, np.nan])


def test_precision_and_f1_by_hand() -> None:
    labels, guesses = np.array([0, 0, 0, 1, 1, 2]), np.array([0, 0, 1, 1, 3, 0])
    precision, f1 = metrics.precision_and_f1(labels, guesses, 5)
    # Class 2 is never predicted, 3 and 4 have no photos.
    np.testing.assert_allclose(precision, [2 / 3, 1 / 2, np.nan, np.nan, np.nan])
    np.testing.assert_allclose(f1, [2 / 3, 1 / 2, 0, np.nan, np.nan])


def test_worst_classes_are_not_those_with_few_photos() -> None:
    accuracy, counts = np.array([0.0, 0.2, np.nan, 1.0, 0.1]), np.array([1, 30, 0, 9, 30])
    # One wrong photo of one says less than 24 of 30; a class without photos is not listed.
    assert metrics.worst_first(accuracy, counts).tolist() == [4, 1, 0, 3]


def test_metrics_by_hand() -> None:
    values = metrics.compute_metrics(LABELS, logits_of(GUESSES), GROUPS)
    mean = (0.75 + 0.5 + 0) / 3
    assert values.pop("ece") > 0
    assert values == pytest.approx(
        {
            "accuracy": 4 / 8,
            "mean_accuracy": mean,
            "mean_accuracy_head": 0.75,
            "mean_accuracy_medium": 0.5,
            "mean_accuracy_tail": 0.0,
            "cw_asd": (((0.75 - mean) ** 2 + (0.5 - mean) ** 2 + mean**2) / 3) ** 0.5,
            "cw_arange": 0.75,
            "lowest_accuracy": 0.0,
            "harmonic_mean_accuracy": 0.0,  # a class is never recognised
            "top5_accuracy": 1.0,  # of three guesses at most
        }
    )


def test_harmonic_mean_of_a_half_and_one() -> None:
    values = metrics.compute_metrics(
        np.array([0, 0, 1]), logits_of(np.array([0, 1, 1]), 2), GROUPS[:2]
    )
    assert values["harmonic_mean_accuracy"] == pytest.approx(2 / (2 + 1))


def test_group_means_weight_classes_equally() -> None:
    values = metrics.compute_metrics(LABELS, logits_of(GUESSES), ("head", "head", "tail"))
    assert values["mean_accuracy_head"] == pytest.approx((0.75 + 0.5) / 2)
    assert "mean_accuracy_medium" not in values


def test_classes_without_photos_are_left_out() -> None:
    logits = logits_of(np.array([0, 1, 1]))
    values = metrics.compute_metrics(np.array([0, 0, 1]), logits, GROUPS)
    assert "mean_accuracy_tail" not in values
    assert values["mean_accuracy"] == pytest.approx(0.75)
    assert values["lowest_accuracy"] == pytest.approx(0.5)
    intervals = resampling.bootstrap_intervals(np.array([0, 0, 1]), logits, GROUPS, 9)
    assert intervals.keys() == values.keys()


def test_top5_counts_the_fifth_guess_but_not_the_sixth() -> None:
    logits = np.tile(np.arange(6, 0, -1, dtype=np.float32), (2, 1))
    values = metrics.compute_metrics(np.array([4, 5]), logits, ("head",) * 6)
    assert values["top5_accuracy"] == 0.5


def test_ece_by_hand() -> None:
    # With 15 bins, 0.9 twice (one correct) share a bin; 0.62 (correct) and 0.68 (wrong) do not.
    confidence = np.array([0.9, 0.9, 0.62, 0.68])
    logits = np.stack([np.log(confidence), np.log(1 - confidence)], axis=1)
    values = metrics.compute_metrics(np.array([0, 1, 0, 1]), logits, GROUPS[:2])
    assert values["ece"] == pytest.approx((abs(1 - 1.8) + (1 - 0.62) + 0.68) / 4)


def test_ece_accepts_a_confidence_of_one() -> None:
    values = metrics.compute_metrics(np.array([0]), np.array([[1000.0, 0.0]]), GROUPS[:2])
    assert values["ece"] == 0


@pytest.mark.parametrize(
    ("labels", "logits", "message"),
    [
        ([], np.zeros((0, 3)), "no photos"),
        ([0], np.zeros((1, 2)), "3 classes"),
        ([3], np.zeros((1, 3)), r"0 \.\. 2"),
        ([0], np.full((1, 3), np.nan), "finite"),
    ],
)
def test_wrong_input_is_reported(
    labels: list[int], logits: npt.NDArray[np.float64], message: str
) -> None:
    with pytest.raises(ValueError, match=message):
        metrics.compute_metrics(np.array(labels, dtype=np.int64), logits, GROUPS)


@settings(max_examples=40)
@given(st.integers(1, 40), st.integers(1, 7), st.integers(0, 2**32 - 1))
def test_metrics_are_shares_within_their_intervals(photos: int, classes: int, seed: int) -> None:
    rng = np.random.default_rng(seed)
    labels = rng.integers(classes, size=photos)
    logits = rng.normal(size=(photos, classes))
    groups = [GROUPS[c % 3] for c in range(classes)]
    values = metrics.compute_metrics(labels, logits, groups)
    intervals = resampling.bootstrap_intervals(labels, logits, groups, resamples=20, seed=seed)
    assert intervals.keys() == values.keys()
    for key, (low, high) in intervals.items():
        assert 0 <= low <= values[key] <= high <= 1 + 1e-9
    assert values["lowest_accuracy"] <= values["harmonic_mean_accuracy"] + 1e-9
    assert values["harmonic_mean_accuracy"] <= values["mean_accuracy"] + 1e-9
    assert values["cw_asd"] <= values["cw_arange"] / 2 + 1e-9  # Popoviciu's inequality


@settings(max_examples=30)
@given(st.integers(0, 2**32 - 1))
def test_metrics_do_not_depend_on_the_order_of_photos(seed: int) -> None:
    rng = np.random.default_rng(seed)
    labels, logits = rng.integers(3, size=20), rng.normal(size=(20, 3))
    order = rng.permutation(20)
    values = metrics.compute_metrics(labels[order], logits[order], GROUPS)
    assert values == pytest.approx(metrics.compute_metrics(labels, logits, GROUPS))


@settings(max_examples=40)
@given(st.integers(1, 60), st.integers(2, 7), st.integers(0, 2**32 - 1))
def test_accuracies_match_scikit_learn(photos: int, classes: int, seed: int) -> None:
    rng = np.random.default_rng(seed)
    labels, logits = rng.integers(classes, size=photos), rng.normal(size=(photos, classes))
    values = metrics.compute_metrics(labels, logits, ["head"] * classes)
    guesses = logits.argmax(axis=1)
    assert values["accuracy"] == pytest.approx(accuracy_score(labels, guesses))
    recalls = recall_score(labels, guesses, labels=np.unique(labels), average=None, zero_division=0)
    assert values["mean_accuracy"] == pytest.approx(recalls.mean())
    assert values["lowest_accuracy"] == pytest.approx(recalls.min())
    assert values["cw_asd"] == pytest.approx(recalls.std())


def test_wilson_interval_against_published_values() -> None:
    # Newcombe (1998), table I: 81 of 263, 15 of 148, 0 of 20, 1 of 29
    correct, counts = np.array([81, 15, 0, 1, 0]), np.array([263, 148, 20, 29, 0])
    shares = np.divide(correct, counts, out=np.full(5, np.nan), where=counts > 0)
    low, high = metrics.wilson_interval(shares, counts)
    np.testing.assert_allclose(low, [0.2553, 0.0624, 0, 0.0061, np.nan], atol=5e-5)
    np.testing.assert_allclose(high, [0.3662, 0.1605, 0.1611, 0.1718, np.nan], atol=5e-5)
