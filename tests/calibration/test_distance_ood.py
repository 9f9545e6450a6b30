"""The OOD score of older bundles, by hand."""

import numpy as np

from mineral_recog.calibration.distance_ood import DistanceOodDetector


def test_distance_without_directions_is_to_the_nearest_mean() -> None:
    means = np.array([[1, 0], [0, 1]], dtype=np.float32)
    detector = DistanceOodDetector(means, np.zeros((0, 2), np.float32), 0.0, 0.0, 1.0, 1.0)
    features = np.array([[3.0, 4.0], [0.0, 2.0], [0.0, 0.0]])  # scaled to length 1: (0.6, 0.8)
    expected = [np.sqrt(0.36 + 0.04), 0, 1]
    np.testing.assert_allclose(detector.score(features, np.zeros((3, 2))), expected, atol=1e-7)


def test_directions_shorten_the_distance_along_them() -> None:
    means = np.array([[1, 0]], dtype=np.float32)
    directions = np.array([[0, np.sqrt(0.75)]], dtype=np.float32)
    detector = DistanceOodDetector(means, directions, 0.0, 0.0, 1.0, 1.0)
    score = detector.score(np.array([[0.6, 0.8]]), np.zeros((1, 2)))
    np.testing.assert_allclose(score, np.sqrt(0.16 + 0.25 * 0.64), atol=1e-7)


def test_uncertain_logits_raise_the_score_and_confident_ones_never_lower_it() -> None:
    means = np.eye(2, dtype=np.float32)
    ood = DistanceOodDetector(means, np.zeros((0, 2), np.float32), 0.5, np.log(8), 1.0, 1.0)
    logits = np.log([[1.0, 1.0], [4.0, 4.0], [1.0, 999.0]])
    scores = ood.score(np.tile([1.0, 0.0], (3, 1)), logits)
    np.testing.assert_allclose(scores, [0.5 * np.log(8 / 2), 0, 0], atol=1e-7)
