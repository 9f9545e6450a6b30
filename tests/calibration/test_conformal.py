"""Thresholds by hand, and coverage against a simulation."""

import numpy as np
import numpy.typing as npt
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mineral_recog.calibration.conformal import ConformalScores, fit_conformal
from mineral_recog.calibration.temperature import softmax

GROUPS = ("head", "medium", "tail", "tail")


def scores_of(*by_class: list[float], groups: tuple[str, ...] = GROUPS) -> ConformalScores:
    flat = [score for scores in by_class for score in sorted(scores)]
    return ConformalScores(
        np.array(flat, dtype=np.float32), tuple(len(scores) for scores in by_class), groups
    )


NINE = [0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 0.9]


def test_scores_are_sorted_by_class_and_then_by_size() -> None:
    probabilities = np.array([[0.5, 0.5], [0.25, 0.75], [0.125, 0.875], [0.75, 0.25]])
    found = fit_conformal(probabilities, np.array([0, 1, 1, 0]), ("head", "tail"))
    assert found.scores.tolist() == [0.25, 0.5, 0.125, 0.25]
    assert found.counts == (2, 2)


def test_nine_photos_of_its_own_just_hold_ninety_percent() -> None:
    found = scores_of(NINE, NINE * 11, [], [])
    assert found.rests_on(0.9)[:2] == ("own", "own")
    # the 9th of 9, the 90th of 99
    np.testing.assert_allclose(found.thresholds(0.9)[:2], [0.9, 0.9], rtol=1e-6)
    # the 8th of 9, the 80th of 99
    np.testing.assert_allclose(found.thresholds(0.8)[:2], [0.8, 0.8], rtol=1e-6)
    assert found.rests_on(0.91)[:2] == ("all", "own")


def test_classes_of_few_photos_borrow_within_their_group() -> None:
    tail = [0.0, 0.1, 0.2, 0.3, 0.4], [0.05, 0.15, 0.5, 0.96]
    found = scores_of(NINE, NINE, *tail)
    assert found.rests_on(0.9) == ("own", "own", "group", "group")
    np.testing.assert_allclose(found.thresholds(0.9), [0.9, 0.9, 0.96, 0.96], rtol=1e-6)
    # at 70 % four photos are enough, as ceil(5 * 0.7) = 4
    assert found.rests_on(0.7) == ("own",) * 4


def test_a_class_that_borrows_is_never_held_below_its_own_largest_score() -> None:
    own = [0.0, 0.1, 0.2], [0.1, 0.2, 0.3], [0.2, 0.3, 0.4], [0.3, 0.5, 0.96]
    found = scores_of(*own, groups=("tail",) * 4)
    assert found.rests_on(0.8) == ("group",) * 4
    # the 11th of the 12 is 0.5
    np.testing.assert_allclose(found.thresholds(0.8), [0.5, 0.5, 0.5, 0.96], rtol=1e-6)


def test_groups_of_few_photos_borrow_from_other_groups() -> None:
    found = scores_of(NINE, [0.2] * 5, [0.1] * 4, [])
    assert found.rests_on(0.9) == ("own", "all", "all", "all")
    np.testing.assert_allclose(found.thresholds(0.9), [0.9, 0.2, 0.2, 0.2], rtol=1e-6)


def test_too_few_photos_altogether_put_every_class_in() -> None:
    found = scores_of([0.1], [0.2], [0.3], [])
    assert found.rests_on(0.9) == ("all",) * 4
    assert found.prediction_set(np.array([[1.0, 0, 0, 0]]), 0.9).all()


def test_sets_by_hand() -> None:
    found = scores_of([0.3] * 9, [0.6] * 9, [0.0] * 9, [0.9] * 9)
    probabilities = np.array([[0.75, 0.05, 0.1, 0.1], [0.1, 0.3, 0.55, 0.05]])
    assert found.prediction_set(probabilities, 0.9).tolist() == [
        [True, False, False, True],
        [False, False, True, False],  # the first guess is in though its score is not
    ]


@pytest.mark.parametrize("coverage", [0.0, 1.0, float("nan")])
def test_a_coverage_that_is_none_is_refused(coverage: float) -> None:
    with pytest.raises(ValueError, match="coverage"):
        scores_of(NINE, NINE, NINE, NINE).thresholds(coverage)


@settings(max_examples=30)
@given(st.integers(0, 2**32 - 1), st.integers(1, 60))
def test_sets_hold_the_first_guess_and_grow_with_coverage(seed: int, photos: int) -> None:
    rng = np.random.default_rng(seed)
    labels = rng.choice(4, size=photos, p=(0.6, 0.3, 0.07, 0.03))
    found = fit_conformal(rng.dirichlet(np.ones(4), size=photos), labels, GROUPS)
    asked = rng.dirichlet(np.ones(4), size=20)
    narrow, wide = (found.prediction_set(asked, coverage) for coverage in (0.6, 0.9))
    assert narrow[np.arange(20), asked.argmax(axis=1)].all()
    own = np.array(found.rests_on(0.9)) == "own"  # one that begins to borrow may be held less
    assert not (narrow & ~wide)[:, own].any()


def test_classes_are_covered_as_often_as_promised() -> None:
    rng = np.random.default_rng(3407)
    counts, sure = (40, 12, 6, 4), np.array([1.5, 0.5, 1.0, 0.0])
    labels, fresh = np.repeat(np.arange(4), counts), np.repeat(np.arange(4), 50)

    def draw(of: npt.NDArray[np.int64]) -> npt.NDArray[np.float64]:
        return softmax(rng.normal(size=(len(of), 4)) + sure[of, None] * np.eye(4)[of])

    covered = np.zeros(4)
    for _ in range(400):
        found = fit_conformal(draw(labels), labels, GROUPS)
        sets = found.prediction_set(draw(fresh), 0.9)
        covered += np.bincount(fresh, sets[np.arange(200), fresh]) / 50 / 400
    assert 0.89 <= covered[0] <= 0.94
    assert 0.89 <= covered[1] <= 0.96
    assert (6 * covered[2] + 4 * covered[3]) / 10 >= 0.89  # those that borrow, together
    assert covered[2] >= 6 / 7 - 0.01
    assert covered[3] >= 4 / 5 - 0.01
