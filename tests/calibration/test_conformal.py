"""Thresholds calculated by hand, and coverage in a simulation."""

import numpy as np
import numpy.typing as npt
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mineral_recog.calibration.conformal import ConformalScores, fit_conformal
from mineral_recog.calibration.temperature import softmax

GROUPS = ("head", "medium", "tail", "tail")


def conformal_scores(*by_class: list[float], groups: tuple[str, ...] = GROUPS) -> ConformalScores:
    flat = [score for scores in by_class for score in sorted(scores)]
    return ConformalScores(
        np.array(flat, dtype=np.float32), tuple(len(scores) for scores in by_class), groups
    )


NINE = [0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 0.9]


def test_scores_are_sorted_by_class_and_then_by_value() -> None:
    probabilities = np.array([[0.5, 0.5], [0.25, 0.75], [0.125, 0.875], [0.75, 0.25]])
    conformal = fit_conformal(probabilities, np.array([0, 1, 1, 0]), ("head", "tail"))
    assert conformal.scores.tolist() == [0.25, 0.5, 0.125, 0.25]
    assert conformal.counts == (2, 2)


def test_nine_photos_of_a_class_just_suffice_for_ninety_percent() -> None:
    conformal = conformal_scores(NINE, NINE * 11, [], [])
    assert conformal.threshold_basis(0.9)[:2] == ("own", "own")
    # the 9th of 9, the 90th of 99
    np.testing.assert_allclose(conformal.thresholds(0.9)[:2], [0.9, 0.9], rtol=1e-6)
    # the 8th of 9, the 80th of 99
    np.testing.assert_allclose(conformal.thresholds(0.8)[:2], [0.8, 0.8], rtol=1e-6)
    assert conformal.threshold_basis(0.91)[:2] == ("all", "own")


def test_classes_of_few_photos_share_within_their_group() -> None:
    tail = [0.0, 0.1, 0.2, 0.3, 0.4], [0.05, 0.15, 0.5, 0.96]
    conformal = conformal_scores(NINE, NINE, *tail)
    assert conformal.threshold_basis(0.9) == ("own", "own", "group", "group")
    np.testing.assert_allclose(conformal.thresholds(0.9), [0.9, 0.9, 0.96, 0.96], rtol=1e-6)
    # at 70 % four photos are enough, as ceil(5 * 0.7) = 4
    assert conformal.threshold_basis(0.7) == ("own",) * 4


def test_shared_threshold_is_never_below_the_largest_score_of_the_class() -> None:
    by_class = [0.0, 0.1, 0.2], [0.1, 0.2, 0.3], [0.2, 0.3, 0.4], [0.3, 0.5, 0.96]
    conformal = conformal_scores(*by_class, groups=("tail",) * 4)
    assert conformal.threshold_basis(0.8) == ("group",) * 4
    # the 11th of the 12 is 0.5
    np.testing.assert_allclose(conformal.thresholds(0.8), [0.5, 0.5, 0.5, 0.96], rtol=1e-6)


def test_groups_of_few_photos_share_with_other_groups() -> None:
    conformal = conformal_scores(NINE, [0.2] * 5, [0.1] * 4, [])
    assert conformal.threshold_basis(0.9) == ("own", "all", "all", "all")
    np.testing.assert_allclose(conformal.thresholds(0.9), [0.9, 0.2, 0.2, 0.2], rtol=1e-6)


def test_too_few_photos_in_total_put_every_class_into_every_set() -> None:
    conformal = conformal_scores([0.1], [0.2], [0.3], [])
    assert conformal.threshold_basis(0.9) == ("all",) * 4
    assert conformal.prediction_set(np.array([[1.0, 0, 0, 0]]), 0.9).all()


def test_prediction_sets_by_hand() -> None:
    conformal = conformal_scores([0.3] * 9, [0.6] * 9, [0.0] * 9, [0.9] * 9)
    probabilities = np.array([[0.75, 0.05, 0.1, 0.1], [0.1, 0.3, 0.55, 0.05]])
    assert conformal.prediction_set(probabilities, 0.9).tolist() == [
        [True, False, False, True],
        [False, False, True, False],  # the top class is included although its score is too high
    ]


@pytest.mark.parametrize("coverage", [0.0, 1.0, float("nan")])
def test_coverage_outside_0_to_1_is_rejected(coverage: float) -> None:
    with pytest.raises(ValueError, match="coverage"):
        conformal_scores(NINE, NINE, NINE, NINE).thresholds(coverage)


@settings(max_examples=30)
@given(st.integers(0, 2**32 - 1), st.integers(1, 60))
def test_sets_contain_the_top_class_and_grow_with_coverage(seed: int, photo_count: int) -> None:
    rng = np.random.default_rng(seed)
    labels = rng.choice(4, size=photo_count, p=(0.6, 0.3, 0.07, 0.03))
    conformal = fit_conformal(rng.dirichlet(np.ones(4), size=photo_count), labels, GROUPS)
    probabilities = rng.dirichlet(np.ones(4), size=20)
    narrow, wide = (conformal.prediction_set(probabilities, coverage) for coverage in (0.6, 0.9))
    assert narrow[np.arange(20), probabilities.argmax(axis=1)].all()
    # a class that starts to share may get a lower threshold at a higher coverage
    unshared = np.array(conformal.threshold_basis(0.9)) == "own"
    assert not (narrow & ~wide)[:, unshared].any()


def test_classes_are_covered_as_often_as_guaranteed() -> None:
    rng = np.random.default_rng(3407)
    counts, margins = (40, 12, 6, 4), np.array([1.5, 0.5, 1.0, 0.0])
    labels, test_labels = np.repeat(np.arange(4), counts), np.repeat(np.arange(4), 50)

    def draw(classes: npt.NDArray[np.int64]) -> npt.NDArray[np.float64]:
        noise = rng.normal(size=(len(classes), 4))
        return softmax(noise + margins[classes, None] * np.eye(4)[classes])

    covered = np.zeros(4)
    for _ in range(400):
        conformal = fit_conformal(draw(labels), labels, GROUPS)
        sets = conformal.prediction_set(draw(test_labels), 0.9)
        covered += np.bincount(test_labels, sets[np.arange(200), test_labels]) / 50 / 400
    assert 0.89 <= covered[0] <= 0.94
    assert 0.89 <= covered[1] <= 0.96
    assert (6 * covered[2] + 4 * covered[3]) / 10 >= 0.89  # the classes that share, together
    assert covered[2] >= 6 / 7 - 0.01
    assert covered[3] >= 4 / 5 - 0.01


def test_lowest_coverage_admits_the_smallest_score_of_each_class() -> None:
    conformal = conformal_scores([0.3, 0.5], [0.2] * 3, [0.7], [])
    thresholds = conformal.thresholds(1e-12)
    np.testing.assert_allclose(thresholds[:3], [0.3, 0.2, 0.7], rtol=1e-6)
    assert conformal.threshold_basis(1e-12) == ("own", "own", "own", "all")
