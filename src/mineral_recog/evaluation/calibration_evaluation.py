"""Calibration of a model on a split, measured without torch."""

from __future__ import annotations

import json
import math
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from mineral_recog.calibration.calibration import Calibration
from mineral_recog.calibration.temperature import ECE_BINS, Floats, Ints, confidence_bins, softmax
from mineral_recog.evaluation.calibration_metrics import (
    Bools,
    calibration_metrics,
    kept_photos,
    ood_metrics,
)
from mineral_recog.evaluation.calibration_results import (
    Bin,
    CalibrationResults,
    OodPictures,
    Reliability,
)
from mineral_recog.evaluation.metrics import mean_by_cell
from mineral_recog.evaluation.results import Evaluation, Predictions

COVERAGE_TARGET = 0.9  # of the prediction sets


def evaluate_calibration(
    calibration: Calibration,
    predictions: Predictions,
    groups: tuple[str, ...],
    ood: Predictions | None = None,
    ood_folders: Sequence[str] = (),
) -> CalibrationResults:
    """Compute everything that the report shows of the calibration.

    Args:
        calibration: Calibration of the bundle.
        predictions: Predictions of the photos of the split.
        groups: Group of each class, C.
        ood: Predictions of out-of-distribution pictures, labelled with indices of `ood_folders`.
        ood_folders: Names of the folders of these pictures, each with at least one picture.
    """
    labels, logits = predictions.labels, predictions.logits
    before, after = softmax(logits), calibration.probabilities(logits)
    sets = calibration.conformal.prediction_set(after, COVERAGE_TARGET)
    covered = sets[np.arange(len(labels)), labels]
    kept = kept_photos(calibration, predictions)
    reliability = {"all": Reliability(_bins(labels, before), _bins(labels, after))}
    tail = (np.array(groups) == "tail")[labels]
    if tail.any():
        reliability["tail"] = Reliability(
            _bins(labels[tail], before[tail]), _bins(labels[tail], after[tail])
        )
    return CalibrationResults(
        temperature=calibration.temperature,
        coverage_target=COVERAGE_TARGET,
        metrics=calibration_metrics(labels, groups, before, after, sets, kept),
        val_counts=calibration.conformal.counts,
        bases=calibration.conformal.threshold_basis(COVERAGE_TARGET),
        class_coverage=mean_by_cell(labels, covered, len(groups)),
        reliability=reliability,
        ood_pictures=(
            () if ood is None else _measure_ood(calibration, predictions, ood, ood_folders)
        ),
    )


def write_calibration(path: Path, evaluation: Evaluation) -> None:
    """Write the calibration of an evaluation as JSON, with null instead of nan."""
    results = evaluation.calibration
    assert results is not None
    classes = zip(
        evaluation.classes, results.val_counts, results.bases, results.class_coverage, strict=True
    )
    document: dict[str, Any] = {
        "own_photos": evaluation.shift is None,
        "photos": int(evaluation.test_counts.sum()),
        "temperature": results.temperature,
        "coverage_asked": results.coverage_target,
        "figures": results.metrics,
        "classes": [
            {"class": name, "n_val": count, "rests_on": basis, "coverage": _or_none(coverage)}
            for name, count, basis, coverage in classes
        ],
        "reliability": {
            photos: {
                stage: [{k: _or_none(v) for k, v in bin_._asdict().items()} for bin_ in bins]
                for stage, bins in reliability._asdict().items()
            }
            for photos, reliability in results.reliability.items()
        },
        "others": [pictures._asdict() for pictures in results.ood_pictures],
    }
    path.write_text(json.dumps(document, indent=1, allow_nan=False), encoding="utf-8")


def _bins(labels: Ints, probabilities: Floats) -> tuple[Bin, ...]:
    """Return the 15 bins of the calibration error, see `metrics.compute_metrics`."""
    confidence = probabilities.max(axis=1)
    cells = confidence_bins(confidence)
    counts = np.bincount(cells, minlength=ECE_BINS)
    mean_confidence = mean_by_cell(cells, confidence, ECE_BINS)
    accuracy = mean_by_cell(cells, probabilities.argmax(axis=1) == labels, ECE_BINS)
    return tuple(map(Bin, counts.tolist(), mean_confidence.tolist(), accuracy.tolist()))


def _measure_ood(
    calibration: Calibration, predictions: Predictions, ood: Predictions, folders: Sequence[str]
) -> tuple[OodPictures, ...]:
    """Return the metrics of all out-of-distribution pictures, then per folder if several."""

    def measure(name: str, selected: Bools) -> OodPictures:
        metrics = ood_metrics(calibration, predictions, ood, selected)
        return OodPictures(name, int(selected.sum()), metrics)

    total = measure("", np.ones(len(ood.labels), dtype=np.bool_))
    if len(folders) < 2:
        return (total,)
    return total, *(measure(name, ood.labels == label) for label, name in enumerate(folders))


def _or_none(value: float) -> float | None:
    return None if math.isnan(value) else value
