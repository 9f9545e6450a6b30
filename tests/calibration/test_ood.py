"""Strangeness: distances by hand, against the full inverse, and where it begins."""

import numpy as np
import numpy.typing as npt
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.covariance import ledoit_wolf

from mineral_recog.calibration.ood import OodDetector, fit_ood, plain_score

Floats = npt.NDArray[np.float64]


def photos(
    rng: np.random.Generator, counts: tuple[int, ...], width: int = 12
) -> tuple[Floats, npt.NDArray[np.int64]]:
    """Features of classes around directions of their own, all spread most along the first axis."""
    labels = np.repeat(np.arange(len(counts)), counts)
    centres = 4 * np.eye(width)[: len(counts) + 1][1:]
    spread = np.where(np.arange(width) == 0, 1.0, 0.2)
    return centres[labels] + spread * rng.normal(size=(len(labels), width)), labels


def logits_of(features: Floats, classes: int) -> Floats:
    return features[:, 1 : classes + 1]


def fitted(rng: np.random.Generator, counts: tuple[int, ...] = (60, 20, 4)) -> OodDetector:
    train, labels = photos(rng, counts)
    val, val_labels = photos(rng, counts)
    return fit_ood(train, labels, val, logits_of(val, len(counts)), val_labels)


def test_distance_without_directions_is_that_to_the_nearest_mean() -> None:
    means = np.array([[1, 0], [0, 1]], dtype=np.float32)
    plain = OodDetector(means, np.zeros((0, 2), np.float32), 0.0, 0.0, 1.0, 1.0)
    features = np.array([[3.0, 4.0], [0.0, 2.0], [0.0, 0.0]])  # at lengths of 1: (0.6, 0.8)
    expected = [np.sqrt(0.36 + 0.04), 0, 1]
    np.testing.assert_allclose(plain.score(features, np.zeros((3, 2))), expected, atol=1e-7)


def test_unsure_logits_add_strangeness_and_sure_ones_excuse_nothing() -> None:
    means = np.eye(2, dtype=np.float32)
    ood = OodDetector(means, np.zeros((0, 2), np.float32), 0.5, np.log(8), 1.0, 1.0)
    logits = np.log([[1.0, 1.0], [4.0, 4.0], [1.0, 999.0]])
    found = ood.score(np.tile([1.0, 0.0], (3, 1)), logits)
    np.testing.assert_allclose(found, [0.5 * np.log(8 / 2), 0, 0], atol=1e-7)


def test_distances_are_those_of_the_shrunken_covariance() -> None:
    rng = np.random.default_rng(0)
    train, labels = photos(rng, (30, 30))  # alike, so that all photos weigh the same
    ood = fit_ood(train, labels, train, np.zeros((60, 2)), labels)
    unit = train / np.linalg.norm(train, axis=1, keepdims=True)
    means = np.stack([unit[labels == c].mean(axis=0) for c in range(2)])
    covariance, shrinkage = ledoit_wolf(unit - means[labels], assume_centered=True)
    apart = unit[:, None] - means
    squared = np.einsum("mcd,de,mce->mc", apart, np.linalg.inv(covariance), apart).min(axis=1)
    factor = shrinkage * np.trace(covariance) / 12  # in front of all, it changes no order
    found = ood.score(train, np.zeros((60, 2)))
    np.testing.assert_allclose(found, np.sqrt(squared * factor), rtol=1e-3)


def test_what_differs_where_classes_do_not_spread_is_strange() -> None:
    ood = fitted(np.random.default_rng(1))
    own = np.eye(12)[[1, 1, 1]] * 4
    own[1, 0], own[2, 9] = 1.5, 1.5  # as far, along the widest direction and along a narrow one
    ordinary, wide, narrow = ood.score(own, logits_of(own, 3))
    assert ordinary <= wide < narrow
    assert narrow > ood.threshold


@settings(max_examples=20)
@given(st.integers(0, 2**32 - 1), st.sampled_from([0.5, 0.8, 0.95]))
def test_the_share_that_is_kept_counts_classes_by_the_root_of_their_photos(
    seed: int, keep: float
) -> None:
    rng = np.random.default_rng(seed)
    counts = (49, 16, 4)
    train, labels = photos(rng, counts)
    logits = logits_of(train, 3)
    ood = fit_ood(train, labels, train, logits, labels, keep)
    weights = (1 / np.sqrt(counts))[labels]
    for score, threshold in (
        (ood.score(train, logits), ood.threshold),
        (plain_score(logits), ood.plain_threshold),
    ):
        assert weights[score <= threshold].sum() / weights.sum() >= keep - 1e-9
        assert weights[score < threshold].sum() / weights.sum() < keep


def test_photos_of_a_rare_class_are_no_stranger_than_they_should_be() -> None:
    rng = np.random.default_rng(2)
    ood = fitted(rng, (200, 40, 5))
    fresh, _ = photos(rng, (1, 1, 200))
    kept = ood.score(fresh[2:], logits_of(fresh[2:], 3)) <= ood.threshold
    assert kept.mean() > 0.85


@pytest.mark.parametrize(
    "features", [np.ones((4, 3)), np.zeros((4, 3)), np.array([[1.0, 1], [1, -1], [1, 1], [1, -1]])]
)
def test_features_that_hardly_spread_are_survived(features: Floats) -> None:
    labels = np.array([0, 0, 1, 1])
    ood = fit_ood(features, labels, features, np.zeros((4, 2)), labels)
    assert np.isfinite(ood.score(features, np.zeros((4, 2)))).all()
    assert (ood.score(features, np.zeros((4, 2))) <= ood.threshold).all()


def test_plain_score_by_hand() -> None:
    np.testing.assert_allclose(plain_score(np.log([[1.0, 3.0]])), [0.25])
