"""Calibration and OOD metrics compared with values calculated by hand."""

from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from scipy.stats import rankdata

from mineral_recog.calibration.calibration import Calibration
from mineral_recog.calibration.conformal import ConformalScores
from mineral_recog.calibration.gate import Gate, GateScores
from mineral_recog.calibration.ood import OodDetector, RelativeDistance
from mineral_recog.evaluation.calibration_evaluation import evaluate_calibration
from mineral_recog.evaluation.calibration_metrics import _separation, ood_metrics
from mineral_recog.evaluation.results import Predictions
from tests.conftest import make_dataset

GROUPS = ("head", "medium", "tail")
# sets: every class with a probability of at least 0.4; OOD: 0.5 or more from both axes
AXES, NONE = np.eye(2, dtype=np.float32), np.zeros((0, 2), np.float32)
CALIBRATION = Calibration(
    2.0,
    ConformalScores(np.full(27, 0.6, np.float32), (9, 9, 9), GROUPS),
    OodDetector(
        RelativeDistance(AXES, NONE, np.zeros((1, 2), np.float32), NONE, 0.0), 0.0, 0.25, 0.25
    ),
)


def make_predictions(logits: Any, features: Any, labels: list[int]) -> Predictions:
    photos = make_dataset(Path("gone"), [""] * len(labels))
    return Predictions(np.array(labels), np.array(logits), np.array(features), photos)


def test_calibration_metrics_by_hand() -> None:
    # at temperature 2: (0.5, 0.4, 0.1), (0.1, 0.8, 0.1), (0.2, 0.2, 0.6), (0.9, 0.05, 0.05)
    after = np.array([[0.5, 0.4, 0.1], [0.1, 0.8, 0.1], [0.2, 0.2, 0.6], [0.9, 0.05, 0.05]])
    features = [[1.0, 0.0], [2.0, 0.1], [3.0, 3.0], [0.0, 1.0]]
    predictions = make_predictions(2 * np.log(after + 1e-9), features, [0, 0, 2, 2])
    result = evaluate_calibration(CALIBRATION, predictions, GROUPS).metrics
    before = after**2 / (after**2).sum(axis=1, keepdims=True)
    gaps = np.abs(np.array([1, 0, 1, 0]) - before.max(axis=1))  # each in a separate bin
    assert result == pytest.approx(
        {
            "ece_before": gaps.mean(),
            "ece_before_head": gaps[:2].mean(),
            "ece_before_tail": gaps[2:].mean(),
            "ece_after": (0.5 + 0.8 + 0.4 + 0.9) / 4,
            "ece_after_head": (0.5 + 0.8) / 2,
            "ece_after_tail": (0.4 + 0.9) / 2,
            "coverage": 0.5,
            "coverage_head": 0.5,
            "coverage_tail": 0.5,
            "set_size": 5 / 4,
            "set_size_head": 3 / 2,
            "set_size_tail": 1.0,
            "kept": 0.75,
            "kept_head": 1.0,
            "kept_tail": 0.5,
            "lowest_coverage": 0.5,
        },
        abs=1e-6,
    )


def test_ood_metrics_by_hand() -> None:
    # distances of the photos: 0 and 0.77; of the OOD pictures: 0, 1.41 and 1.41
    confident, uncertain = [4.0, 0.0], [0.1, 0.0]
    photos = make_predictions([confident, uncertain], [[1.0, 0], [1, 1]], [0, 0])
    pictures = make_predictions(
        [confident, confident, uncertain, confident], [[0, 1.0], [-1, 0], [0, -1], [1, 1]], [0] * 4
    )
    selected = np.array([True, True, True, False])
    alone = {
        "auroc": pytest.approx((0.5 + 0 + 2 + 2) / 6),
        "false_accepts": 1 / 3,
        "kept": 0.5,
        "unknown_mineral_false_accepts": 1 / 3,
        "unknown_mineral_kept": 0.5,
        "plain_auroc": pytest.approx((2 * 0.5 + 0 + 0 + 1 + 0.5) / 6),
        "plain_false_accepts": 2 / 3,
        "plain_kept": 0.5,
    }
    assert ood_metrics(CALIBRATION, photos, pictures, selected) == alone
    with_gate = replace(CALIBRATION, gate=Gate(160, (), 0.0))
    photos = replace(photos, gate_scores=GateScores(np.array([-1.0, -2.0]), np.zeros(2)))
    pictures = replace(
        pictures, gate_scores=GateScores(np.array([1.0, -1.5, 0.0, 9.0]), np.zeros(4))
    )
    assert ood_metrics(with_gate, photos, pictures, selected) == alone | {
        "false_accepts": 0.0,  # the OOD score alone accepts the first picture
        "no_mineral_auroc": pytest.approx(5 / 6),
        "no_mineral_false_accepts": 2 / 3,
        "no_mineral_kept": 1.0,
    }


@pytest.mark.parametrize("seed", range(20))
def test_auroc_is_the_probability_of_a_higher_score_with_ties_as_half(seed: int) -> None:
    rng = np.random.default_rng(seed)
    scores = rng.integers(0, 2 + seed, rng.integers(1, 40)) / 7
    other_scores = rng.integers(0, 3 + seed, rng.integers(1, 40)) / 7
    ranks = rankdata([*scores, *other_scores])[len(scores) :]
    mann_whitney = (ranks.mean() - (len(other_scores) + 1) / 2) / len(scores)
    measured = _separation(scores, other_scores, 0.5)["auroc"]
    assert measured == pytest.approx(mann_whitney, rel=1e-12)
