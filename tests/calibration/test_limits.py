"""Limits of scores: by hand, and the share of new values that they keep."""

import numpy as np
import pytest
from scipy.stats import t as student

from mineral_recog.calibration.limits import AuxiliaryScores, prediction_limit


def test_prediction_limit_by_hand() -> None:
    # Mean 2.5, standard deviation sqrt(5/3), and 3.182 of Student's t with 3 degrees of freedom.
    values = np.array([1.0, 2, 3, 4])
    limit = prediction_limit(values, np.ones(4), 0.975)
    assert limit == pytest.approx(2.5 + 3.18245 * np.sqrt(5 / 3 * (1 + 1 / 4)), abs=1e-4)
    # Two photos of half the weight count as much as one; the effective number is 16 / 6 then.
    weights = np.array([2.0, 1, 1])
    mean, number = 1.75, 16 / 6
    variance = (2 * 0.5625 + 0.0625 + 1.5625) / 4 * number / (number - 1)
    expected = mean + student.ppf(0.9, number - 1) * np.sqrt(variance * (1 + 1 / number))
    assert prediction_limit(np.array([1.0, 2, 3]), weights, 0.9) == pytest.approx(expected)
    assert prediction_limit(np.array([3.0]), np.ones(1), 0.9) == 3
    for value in (0.1, -0.7):
        limit = prediction_limit(np.full(7, value), np.full(7, 0.3), 0.9)
        assert limit == pytest.approx(value)
        assert limit >= value


@pytest.mark.parametrize("count", [5, 20, 100])
def test_new_values_stay_below_the_prediction_limit_in_that_share(count: int) -> None:
    draws = np.random.default_rng(0).normal(3, 2, (4000, count + 1))
    below = [row[-1] <= prediction_limit(row[:-1], np.ones(count), 0.96) for row in draws]
    assert np.mean(below) == pytest.approx(0.96, abs=0.01)  # three standard errors


def test_auxiliary_scores_shift_the_limit_by_hand() -> None:
    # The values are 1 + 2x, and x is 0 to 3 for the four photos, but 0 to 5 for all of them.
    some, everyone = np.arange(4.0)[:, None], np.arange(6.0)[:, None]
    auxiliary = AuxiliaryScores(some, everyone, np.ones(6))
    limit = prediction_limit(1 + 2 * some[:, 0], np.ones(4), 0.975, auxiliary)
    spread = np.sqrt(4 * 35 / 12 * (1 + 1 / 4))
    assert limit == pytest.approx(1 + 2 * 2.5 + student.ppf(0.975, 3) * spread)
    # What the scores do not explain stays in the variance, here all of it: (1 + 1 + 1 + 1) / 4,
    # of four values with two parameters.
    values = np.array([1.0, -1, -1, 1])
    limit = prediction_limit(values, np.ones(4), 0.975, auxiliary)
    spread = np.sqrt(4 / 4 * 4 / 2 * (1 + 1 / 4))
    assert limit == pytest.approx(student.ppf(0.975, 3) * spread)
    # Too few photos for a slope, and scores that are all alike, change nothing.
    constant = AuxiliaryScores(np.ones((4, 2)), np.ones((6, 2)), np.ones(6))
    few = AuxiliaryScores(some[:3], everyone, np.ones(6))
    for count, given in ((3, few), (4, constant)):
        alone = prediction_limit(values[:count], np.ones(count), 0.9)
        assert prediction_limit(values[:count], np.ones(count), 0.9, given) == alone


def test_limits_with_auxiliary_scores_keep_the_share_and_depend_less_on_luck() -> None:
    rng = np.random.default_rng(0)
    shared = rng.normal(size=(2000, 331))  # 30 photos, 300 others and a new one
    values = shared + 0.5 * rng.normal(size=shared.shape)
    limits = np.empty((2000, 2))
    for row, (x, y) in enumerate(zip(shared[..., None], values, strict=True)):
        auxiliary = AuxiliaryScores(x[:30], x[:330], np.ones(330))
        for column, given in enumerate((None, auxiliary)):
            limits[row, column] = prediction_limit(y[:30], np.ones(30), 0.96, given)
    kept = (values[:, -1:] <= limits).mean(axis=0)
    np.testing.assert_allclose(kept, 0.96, atol=0.015)  # three standard errors
    plain, with_others = limits.std(axis=0)
    assert with_others < 0.6 * plain
