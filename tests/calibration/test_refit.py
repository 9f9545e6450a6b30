"""A calibration is fitted again on photos of another place: what changes, and what stays."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import numpy.typing as npt
import pytest

from mineral_recog.calibration.calibration import Calibration, fit_calibration
from mineral_recog.calibration.gate import Gate, GatePart
from mineral_recog.calibration.held_out import FOLDS
from mineral_recog.calibration.limits import prediction_limit
from mineral_recog.calibration.refit import cross_fit, refit_calibration
from mineral_recog.calibration.temperature import AnyFloats, Ints, class_weights

GROUPS = ("head", "medium", "tail")

Photos = tuple[npt.NDArray[np.float32], npt.NDArray[np.float32], npt.NDArray[np.int64]]


def draw(seed: int, counts: tuple[int, ...], distance: float) -> Photos:
    """Draw features, logits and labels; the smaller the distance, the harder the photos."""
    rng = np.random.default_rng(seed)
    labels = np.repeat(np.arange(len(counts)), counts)
    features = rng.normal(size=(len(labels), 8)) + distance * np.eye(8)[labels]
    return features.astype(np.float32), (3 * features[:, :3]).astype(np.float32), labels


def scored(calibration: Calibration, photos: Photos) -> tuple[AnyFloats, Ints, AnyFloats]:
    """Return logits, labels and OOD scores."""
    features, logits, labels = photos
    return logits, labels, calibration.ood_scores(features, logits)


@pytest.fixture(scope="module")
def old() -> Calibration:
    train, val = draw(0, (60, 60, 60), 4), draw(1, (40, 40, 40), 4)
    return fit_calibration(train[0], train[2], *val, GROUPS)


def coverage(calibration: Calibration, photos: Photos) -> float:
    _, logits, labels = photos
    sets = calibration.conformal.prediction_set(calibration.probabilities(logits))
    return float(sets[np.arange(len(labels)), labels].mean())


def kept(calibration: Calibration, photos: Photos) -> float:
    return float((calibration.ood.score(*photos[:2]) <= calibration.ood.threshold).mean())


def test_sets_and_limits_hold_again_at_the_other_place(old: Calibration) -> None:
    given, new = draw(2, (50, 50, 50), 1.2), draw(3, (300, 300, 300), 1.2)
    assert coverage(old, new) < 0.75
    assert kept(old, new) < 0.8
    calibration = refit_calibration(old, *scored(old, given))
    assert calibration.temperature > 1.3 * old.temperature
    assert 0.86 < coverage(calibration, new) < 0.97
    assert 0.9 < kept(calibration, new) < 0.99
    assert calibration.ood.msp_threshold > old.ood.msp_threshold
    assert calibration.conformal.counts == (50, 50, 50)
    # The score itself is part of the network's features.
    np.testing.assert_array_equal(calibration.ood.score(*new[:2]), old.ood.score(*new[:2]))


def test_class_without_photos_shares_those_of_the_place(old: Calibration) -> None:
    calibration = refit_calibration(old, *scored(old, draw(2, (50, 50, 0), 1.2)))
    assert calibration.conformal.threshold_basis() == ("own", "own", "all")
    thresholds = calibration.conformal.thresholds()
    assert thresholds[2] > old.conformal.thresholds()[2]
    assert thresholds[:2].min() <= thresholds[2] <= thresholds[:2].max()


def test_each_photo_is_held_out_once_and_specimens_together(old: Calibration) -> None:
    photos = draw(2, (30, 12, 3), 2)
    specimens = [f"s{index // 3}" for index in range(45)]
    folds = cross_fit(old, *scored(old, photos), specimens=specimens)
    held_out = np.concatenate([fold.held_out for fold in folds])
    assert sorted(held_out.tolist()) == list(range(45))
    for fold in folds:
        rest = set(range(45)) - set(fold.held_out.tolist())
        assert not {specimens[i] for i in fold.held_out} & {specimens[i] for i in rest}
        counts = np.bincount(photos[2][sorted(rest)], minlength=3)
        assert fold.calibration.conformal.counts == tuple(counts.tolist())
    # Without specimens, each fold has a tenth of the photos of each class.
    for fold in cross_fit(old, *scored(old, draw(2, (30, 20, 10), 2))):
        assert np.bincount(np.repeat([0, 1, 2], (30, 20, 10))[fold.held_out]).tolist() == [3, 2, 1]
    assert len(folds) == FOLDS


def test_limits_are_those_of_new_photos(old: Calibration) -> None:
    features, logits, labels = draw(3, (40, 20, 10), 1)
    gate_scores = np.random.default_rng(4).normal(size=len(labels))
    parts = (GatePart(np.ones((3, 4), np.float32), np.zeros((0, 4), np.float32), 0.0, 1.0),)
    scores = old.ood_scores(features, logits)
    gated = replace(old, gate=Gate(32, parts, 99.0))
    new = refit_calibration(gated, logits, labels, scores, gate_scores)
    assert new.gate is not None
    weights = class_weights(labels)
    assert new.ood.threshold == prediction_limit(scores, weights, 0.97)
    assert new.gate.threshold == prediction_limit(gate_scores, weights, 0.985)
    alone = refit_calibration(old, logits, labels, scores)
    assert alone.ood.threshold == new.ood.threshold
