"""A calibration and answers of two classes whose figures can be worked out by hand."""

from __future__ import annotations

from pathlib import Path
from types import SimpleNamespace
from typing import cast

import numpy as np

from mineral_recog.calibration.calibration import Calibration
from mineral_recog.calibration.conformal import ConformalScores
from mineral_recog.calibration.ood import OodDetector
from mineral_recog.evaluation.calibration_evaluation import evaluate_calibration
from mineral_recog.evaluation.results import CalibrationResults, Evaluation, Predictions
from tests.conftest import dataset_of

CLASSES, GROUPS = ("Quartz", "Opal"), ("head", "tail")

# Quartz is in a set from 0.7 upwards, by its own nine photos. Opal has two, which are too few, as
# are those of all classes with too few, so that its limit is the largest score of all: 0.6.
SCORES = ConformalScores(np.array([0.3] * 9 + [0.5, 0.6], dtype=np.float32), (9, 2), GROUPS)
# How strange a picture is stands in its first feature, so that no figure rests on the score's
# formula; strange begins above 0.5.
OOD = SimpleNamespace(
    score=lambda features, logits: features[:, 0].astype(np.float64),
    threshold=0.5,
    plain_threshold=0.2,
)
CALIBRATION = Calibration(2.0, SCORES, cast(OodDetector, OOD))


def answers(labels: list[int], strange: list[float], certain: float = 9) -> Predictions:
    """Photos taken for Quartz with odds of `certain` to 1; calibrated, with those of its root."""
    logits = np.array([[np.log(certain), 0]] * len(labels), dtype=np.float32)
    features = np.array(strange, dtype=np.float32)[:, None]
    return Predictions(
        np.array(labels), logits, features, dataset_of(Path("gone"), [""] * len(labels))
    )


# Three photos of Quartz and one of Opal, none strange: 0.9 told plainly, 0.75 calibrated.
PHOTOS = answers([0, 0, 0, 1], [0] * 4)
# A picture no stranger than the photos, and three of a strange kind; plainly all look strange.
OTHERS = answers([0, 1, 1, 1], [0, 1, 1, 1], certain=2)


def believed(
    with_others: bool = True, kinds: tuple[str, ...] = ("leaves", "noise")
) -> CalibrationResults:
    return evaluate_calibration(CALIBRATION, PHOTOS, GROUPS, OTHERS if with_others else None, kinds)


def evaluation(found: CalibrationResults | None) -> Evaluation:
    return Evaluation(
        name="run", split="test", classes=CLASSES, train_counts=(300, 20), groups=GROUPS,
        predictions=None, figures={"mean_accuracy": 0.5, "lowest_accuracy": 0.0}, intervals={},
        class_accuracy=np.array([1.0, 0.0]), test_counts=np.array([3, 1]), history=[], recipe="",
        provenance={}, calibration=found,
    )  # fmt: skip
