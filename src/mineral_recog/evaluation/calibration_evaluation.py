"""How far the answers of a model can be believed on a split, from its calibration; no torch."""

from __future__ import annotations

import json
import math
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from mineral_recog.calibration.calibration import Calibration
from mineral_recog.calibration.calibration_metrics import calibration_figures, ood_figures
from mineral_recog.calibration.temperature import ECE_BINS, Floats, Ints, confidence_bins, softmax
from mineral_recog.evaluation.results import (
    Bin,
    CalibrationResults,
    Evaluation,
    OtherKind,
    Predictions,
    Reliability,
)

COVERAGE = 0.9  # that the sets are asked for


def evaluate_calibration(
    calibration: Calibration,
    predictions: Predictions,
    groups: tuple[str, ...],
    others: Predictions | None = None,
    kinds: Sequence[str] = (),
) -> CalibrationResults:
    """Work out all that the report tells of the calibration.

    Args:
        calibration: of the bundle.
        predictions: of the photos of the split.
        groups: of each class, C.
        others: of pictures of something else, their labels being indices of `kinds`.
        kinds: names of the kinds of the others, each with at least one picture.
    """
    labels, logits = predictions.labels, predictions.logits
    before, after = softmax(logits), calibration.probabilities(logits)
    sets = calibration.conformal.prediction_set(after, COVERAGE)
    covered = sets[np.arange(len(labels)), labels]
    reliability = {"all": Reliability(_bins(labels, before), _bins(labels, after))}
    tail = (np.array(groups) == "tail")[labels]
    if tail.any():
        of_tail = (_bins(labels[tail], shares[tail]) for shares in (before, after))
        reliability["tail"] = Reliability(*of_tail)
    return CalibrationResults(
        temperature=calibration.temperature,
        asked=COVERAGE,
        figures=calibration_figures(
            calibration, labels, logits, predictions.features, groups, COVERAGE
        ),
        val_counts=calibration.conformal.counts,
        rests_on=calibration.conformal.rests_on(COVERAGE),
        class_coverage=_mean_by(labels, covered, len(groups)),
        reliability=reliability,
        others=() if others is None else _of_others(calibration, predictions, others, kinds),
    )


def write_calibration(path: Path, evaluation: Evaluation) -> None:
    """Write what is known of the calibration of an evaluation as JSON, without nan."""
    found = evaluation.calibration
    assert found is not None
    classes = zip(
        evaluation.classes, found.val_counts, found.rests_on, found.class_coverage, strict=True
    )
    written: dict[str, Any] = {
        "temperature": found.temperature,
        "coverage_asked": found.asked,
        "figures": found.figures,
        "classes": [
            {"class": name, "n_val": count, "rests_on": basis, "coverage": _or_none(coverage)}
            for name, count, basis, coverage in classes
        ],
        "reliability": {
            photos: {
                when: [{k: _or_none(v) for k, v in one._asdict().items()} for one in bins]
                for when, bins in both._asdict().items()
            }
            for photos, both in found.reliability.items()
        },
        "others": [kind._asdict() for kind in found.others],
    }
    path.write_text(json.dumps(written, indent=1, allow_nan=False), encoding="utf-8")


def _bins(labels: Ints, probabilities: Floats) -> tuple[Bin, ...]:
    """The 15 bins of the calibration error, see `metrics.figures`."""
    confidence = probabilities.max(axis=1)
    cells = confidence_bins(confidence)
    photos = np.bincount(cells, minlength=ECE_BINS)
    told = _mean_by(cells, confidence, ECE_BINS)
    right = _mean_by(cells, probabilities.argmax(axis=1) == labels, ECE_BINS)
    return tuple(map(Bin, photos.tolist(), told.tolist(), right.tolist()))


def _mean_by(cells: Ints, values: Floats | npt.NDArray[np.bool_], size: int) -> Floats:
    """The mean of the values in each of the cells 0 .. size - 1; nan where there are none."""
    counts = np.bincount(cells, minlength=size)
    means = np.full(size, np.nan)
    np.divide(np.bincount(cells, values, size), counts, out=means, where=counts > 0)
    return means


def _of_others(
    calibration: Calibration, photos: Predictions, others: Predictions, kinds: Sequence[str]
) -> tuple[OtherKind, ...]:
    """The figures of all other pictures, then of each kind if there are several."""

    def of(name: str, chosen: npt.NDArray[np.bool_]) -> OtherKind:
        figures = ood_figures(
            calibration,
            photos.logits,
            photos.features,
            others.logits[chosen],
            others.features[chosen],
        )
        return OtherKind(name, int(chosen.sum()), figures)

    every = of("", np.ones(len(others.labels), dtype=np.bool_))
    if len(kinds) < 2:
        return (every,)
    return every, *(of(name, others.labels == number) for number, name in enumerate(kinds))


def _or_none(value: float) -> float | None:
    return None if math.isnan(value) else value
