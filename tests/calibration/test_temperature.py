"""The temperature compared with a known truth, and the calibration error by hand."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mineral_recog.calibration.temperature import calibration_error, fit_temperature, softmax


def test_softmax_by_hand() -> None:
    logits = np.log([[1.0, 4.0]])
    np.testing.assert_allclose(softmax(logits), [[1 / 5, 4 / 5]])
    np.testing.assert_allclose(softmax(logits, 2), [[1 / 3, 2 / 3]])


@settings(max_examples=20)
@given(st.floats(0.3, 4), st.integers(0, 2**32 - 1))
def test_temperature_that_labels_were_drawn_with_is_recovered(truth: float, seed: int) -> None:
    rng = np.random.default_rng(seed)
    logits = rng.normal(0, 2 * truth, size=(4000, 5))
    drawn = softmax(logits, truth).cumsum(axis=1) > rng.random((4000, 1))
    assert fit_temperature(logits, drawn.argmax(axis=1)) == pytest.approx(truth, rel=0.15)


@pytest.mark.parametrize(("label", "bound"), [(0, 0.05), (1, 20.0)])
def test_temperature_without_optimum_stays_in_bounds(label: int, bound: float) -> None:
    temperature = fit_temperature(np.array([[1.0, 0.0]]), np.array([label]))
    assert 0.05 <= temperature <= 20
    assert temperature == pytest.approx(bound, rel=0.01)


def test_classes_are_weighted_by_the_square_root_of_their_photo_counts() -> None:
    # All photos have the same top-1 probability p = 1 / (1 + exp(-1 / T)), which is right for 12
    # of 16 and 1 of 4. With weights of sqrt(16) and sqrt(4), 4 * 12/16 + 2 * 1/4 = 6 p.
    labels = np.repeat([0, 1], [16, 4])
    correct = np.array([1] * 12 + [0] * 4 + [1] + [0] * 3)
    logits = np.eye(2)[np.where(correct, labels, 1 - labels)]
    share = (4 * 12 / 16 + 2 * 1 / 4) / 6
    expected = 1 / np.log(share / (1 - share))
    assert fit_temperature(logits, labels) == pytest.approx(expected, rel=1e-3)


def test_calibration_error_by_hand() -> None:
    # of 15 bins, 0.9 twice (one right) share one; 0.62 (right) and 0.68 (wrong) do not
    confidence = np.array([0.9, 0.9, 0.62, 0.68])
    probabilities = np.stack([confidence, 1 - confidence], axis=1)
    error = calibration_error(np.array([0, 1, 0, 1]), probabilities)
    assert error == pytest.approx((abs(1 - 1.8) + (1 - 0.62) + 0.68) / 4)
    assert calibration_error(np.array([0]), np.array([[1.0, 0.0]])) == 0
