"""A calibration and predictions of two classes, with metrics that can be computed by hand."""

from __future__ import annotations

from pathlib import Path
from types import SimpleNamespace
from typing import cast

import numpy as np

from mineral_recog.calibration.calibration import Calibration
from mineral_recog.calibration.conformal import ConformalScores
from mineral_recog.calibration.ood import OodDetector
from mineral_recog.evaluation.calibration_evaluation import evaluate_calibration
from mineral_recog.evaluation.calibration_results import CalibrationResults
from mineral_recog.evaluation.results import Evaluation, Predictions
from tests.conftest import make_dataset

CLASSES, GROUPS = ("Quartz", "Opal"), ("head", "tail")

# The threshold of Quartz is a probability of 0.7, from its own nine photos. Opal has two photos,
# which are too few, as are those of all classes with too few, so its threshold comes from the
# largest score of all: 0.6.
SCORES = ConformalScores(np.array([0.3] * 9 + [0.5, 0.6], dtype=np.float32), (9, 2), GROUPS)
# The first feature of a picture is its OOD score, so that no metric depends on the formula of the
# score; pictures above 0.5 are rejected.
OOD = SimpleNamespace(
    score=lambda features, logits: features[:, 0].astype(np.float64),
    threshold=0.5,
    msp_threshold=0.2,
)
CALIBRATION = Calibration(2.0, SCORES, cast(OodDetector, OOD))


def make_predictions(labels: list[int], scores: list[float], odds: float = 9) -> Predictions:
    """Return photos predicted as Quartz with `odds` to 1; with its square root if calibrated."""
    logits = np.array([[np.log(odds), 0]] * len(labels), dtype=np.float32)
    features = np.array(scores, dtype=np.float32)[:, None]
    return Predictions(
        np.array(labels), logits, features, make_dataset(Path("gone"), [""] * len(labels))
    )


# Three photos of Quartz and one of Opal, none rejected: confidence 0.9 plain, 0.75 calibrated.
PHOTOS = make_predictions([0, 0, 0, 1], [0] * 4)
# A picture with the score of the photos, and three with a higher one; plain, all are higher.
OOD_PICTURES = make_predictions([0, 1, 1, 1], [0, 1, 1, 1], odds=2)


def calibration_results(
    with_ood: bool = True, folders: tuple[str, ...] = ("leaves", "noise")
) -> CalibrationResults:
    return evaluate_calibration(
        CALIBRATION, PHOTOS, GROUPS, OOD_PICTURES if with_ood else None, folders
    )


def make_evaluation(results: CalibrationResults | None) -> Evaluation:
    return Evaluation(
        name="run", split="test", classes=CLASSES, train_counts=(300, 20), groups=GROUPS,
        predictions=None, figures={"mean_accuracy": 0.5, "lowest_accuracy": 0.0}, intervals={},
        class_accuracy=np.array([1.0, 0.0]), test_counts=np.array([3, 1]), history=[], recipe="",
        provenance={}, calibration=results,
    )  # fmt: skip
