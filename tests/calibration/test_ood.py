"""OOD scores: distances by hand and from the full inverse covariance, and the threshold."""

from dataclasses import replace

import numpy as np
import numpy.typing as npt
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mineral_recog.calibration.ood import (
    ENTROPY_SPREAD,
    SHRINKAGE,
    OodDetector,
    RelativeDistance,
    fit_ood,
    msp_score,
)

Floats = npt.NDArray[np.float64]


def features_and_labels(
    rng: np.random.Generator, counts: tuple[int, ...], width: int = 12
) -> tuple[Floats, npt.NDArray[np.int64]]:
    """Draw features around one axis per class; all vary most along the first axis."""
    labels = np.repeat(np.arange(len(counts)), counts)
    centres = 4 * np.eye(width)[: len(counts) + 1][1:]
    spread = np.where(np.arange(width) == 0, 1.0, 0.2)
    return centres[labels] + spread * rng.normal(size=(len(labels), width)), labels


def logits_from(features: Floats, classes: int) -> Floats:
    return features[:, 1 : classes + 1]


def fit_detector(rng: np.random.Generator, counts: tuple[int, ...] = (60, 20, 4)) -> OodDetector:
    train, labels = features_and_labels(rng, counts)
    val, val_labels = features_and_labels(rng, counts)
    return fit_ood(train, labels, val, logits_from(val, len(counts)), val_labels)


def test_score_by_hand() -> None:
    means, none = np.eye(2, dtype=np.float32), np.zeros((0, 2), np.float32)
    centre = np.array([[0.5, 0.5]], np.float32)
    detector = OodDetector(RelativeDistance(means, none, centre, none, 0.5), 0.0, 1.0, 1.0)
    features = np.array([[3.0, 4.0], [0.0, 2.0], [0.0, 0.0]])  # scaled to length 1: (0.6, 0.8)
    expected = np.array([0.36 + 0.04 - 0.5 * (0.01 + 0.09), -0.5 * 0.5, 1 - 0.5 * 0.5])
    np.testing.assert_allclose(detector.score(features, np.eye(3, 2)), expected, atol=1e-7)
    logits = np.log([[1.0, 1.0], [1.0, 3.0], [1e-300, 1.0]])
    added = replace(detector, entropy_weight=2.0).score(features, logits)
    entropies = [np.log(2), np.log(4) - 0.75 * np.log(3), 0]
    np.testing.assert_allclose(added, expected + 2 * np.array(entropies), atol=1e-7)


def test_distances_use_the_shrunken_covariances() -> None:
    rng = np.random.default_rng(0)
    train, labels = features_and_labels(rng, (30, 30))  # equal counts give equal weights
    ood = fit_ood(train, labels, train, np.zeros((60, 2)), labels)
    unit = train / np.linalg.norm(train, axis=1, keepdims=True)
    means = np.stack([unit[labels == c].mean(axis=0) for c in range(2)])

    def squared(centres: Floats, residuals: Floats) -> tuple[Floats, float]:
        covariance = residuals.T @ residuals / 60
        variance = np.trace(covariance) / 12
        shrunken = (1 - SHRINKAGE) * covariance + SHRINKAGE * variance * np.eye(12)
        offsets = unit[:, None] - centres
        result = np.einsum("mcd,de,mce->mc", offsets, np.linalg.inv(shrunken), offsets)
        return result.min(axis=1), variance

    of_classes, variance = squared(means, unit - means[labels])
    of_all, _ = squared(unit.mean(axis=0)[None], unit - unit.mean(axis=0))
    expected = SHRINKAGE * variance * (of_classes - of_all)  # the factor changes no order
    np.testing.assert_allclose(ood.score(train, np.zeros((60, 2))), expected, atol=1e-5)


def test_entropy_varies_in_proportion_to_the_distance_on_validation_photos() -> None:
    rng = np.random.default_rng(3)
    (train, labels), (val, val_labels) = (features_and_labels(rng, (30, 9)) for _ in range(2))
    logits = logits_from(val, 2)
    ood = fit_ood(train, labels, val, logits, val_labels)
    distance = replace(ood, entropy_weight=0.0).score(val, logits)
    entropy_part = ood.score(val, logits) - distance
    assert entropy_part.std() == pytest.approx(ENTROPY_SPREAD * distance.std())


def test_offset_along_a_direction_of_low_variance_is_ood() -> None:
    ood = replace(fit_detector(np.random.default_rng(1)), entropy_weight=0.0)
    features = np.eye(12)[[1, 1, 1]] * 4
    features[1, 0], features[2, 9] = 1.5, 1.5  # along directions of high and of low variance
    typical, along_high, along_low = ood.score(features, logits_from(features, 3))
    assert typical <= along_high < along_low
    train, _ = features_and_labels(np.random.default_rng(1), (60, 20, 4))
    assert along_low > ood.score(train, logits_from(train, 3)).max()


@settings(max_examples=20)
@given(st.integers(0, 2**32 - 1), st.sampled_from([0.5, 0.8, 0.95]))
def test_accepted_share_weights_classes_by_the_root_of_their_photo_counts(
    seed: int, keep: float
) -> None:
    rng = np.random.default_rng(seed)
    counts = (49, 16, 4)
    train, labels = features_and_labels(rng, counts)
    logits = logits_from(train, 3)
    ood = fit_ood(train, labels, train, logits, labels, keep)
    weights = (1 / np.sqrt(counts))[labels]
    for score, threshold in (
        (ood.score(train, logits), ood.threshold),
        (msp_score(logits), ood.msp_threshold),
    ):
        assert weights[score <= threshold].sum() / weights.sum() >= keep - 1e-9
        assert weights[score < threshold].sum() / weights.sum() < keep


def test_photos_of_a_rare_class_are_accepted() -> None:
    rng = np.random.default_rng(2)
    ood = fit_detector(rng, (200, 40, 5))
    features, _ = features_and_labels(rng, (1, 1, 200))
    kept = ood.score(features[2:], logits_from(features[2:], 3)) <= ood.threshold
    assert kept.mean() > 0.85


@pytest.mark.parametrize(
    "features", [np.ones((4, 3)), np.zeros((4, 3)), np.array([[1.0, 1], [1, -1], [1, 1], [1, -1]])]
)
def test_features_of_almost_no_variance_give_finite_scores(features: Floats) -> None:
    labels = np.array([0, 0, 1, 1])
    ood = fit_ood(features, labels, features, np.zeros((4, 2)), labels)
    assert np.isfinite(ood.score(features, np.zeros((4, 2)))).all()
    assert (ood.score(features, np.zeros((4, 2))) <= ood.threshold).all()


def test_msp_score_by_hand() -> None:
    np.testing.assert_allclose(msp_score(np.log([[1.0, 3.0]])), [0.25])
