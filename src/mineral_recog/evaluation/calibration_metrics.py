"""Metrics of how reliable a model's calibration is on a split, for the report.

All metrics are shares in [0, 1], except `set_size...`, which counts classes. The keys of a class
group without photos are left out, since JSON has no NaN.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from mineral_recog.calibration.calibration import Calibration
from mineral_recog.calibration.ood import msp_score
from mineral_recog.calibration.temperature import Floats, Ints, calibration_error
from mineral_recog.evaluation.results import Predictions

Bools = npt.NDArray[np.bool_]


def calibration_metrics(
    labels: Ints, groups: tuple[str, ...], before: Floats, after: Floats, sets: Bools, kept: Bools
) -> dict[str, float]:
    """Compute the calibration metrics of a model on the photos of a split.

    Each key but the last also comes with `_head`, `_medium` and `_tail`, for the photos of those
    classes only:
        ece_before, ece_after: Expected calibration error without and with the temperature.
        coverage: Share of photos whose set contains the right class.
        set_size: Mean number of classes in a set.
        kept: Share of photos that are not called "none of these".
        lowest_coverage: Coverage of the class with the lowest one.

    Args:
        labels: Labels, [M], M at least 1.
        groups: Class group of each class, [C].
        before: Probabilities without the temperature, [M, C].
        after: Probabilities with the temperature, [M, C].
        sets: Whether the set of a photo contains a class, [M, C].
        kept: Whether a photo is not called "none of these", [M].
    """
    covered = sets[np.arange(len(labels)), labels]
    group_of_photo = np.array(groups)[labels]
    result: dict[str, float] = {}
    for suffix in ("", "_head", "_medium", "_tail"):
        mask = group_of_photo == suffix[1:] if suffix else np.ones(len(labels), dtype=np.bool_)
        if mask.any():
            result |= {
                f"ece_before{suffix}": calibration_error(labels[mask], before[mask]),
                f"ece_after{suffix}": calibration_error(labels[mask], after[mask]),
                f"coverage{suffix}": float(covered[mask].mean()),
                f"set_size{suffix}": float(sets[mask].sum(axis=1).mean()),
                f"kept{suffix}": float(kept[mask].mean()),
            }
    result["lowest_coverage"] = min(float(covered[labels == c].mean()) for c in np.unique(labels))
    return result


def kept_photos(calibration: Calibration, predictions: Predictions) -> Bools:
    """Return whether each photo is not called "none of these", [M]."""
    gate = predictions.gate_scores
    no_mineral = None if gate is None else gate.no_mineral
    return calibration.accepts(ood_scores(calibration, predictions), no_mineral)


def ood_scores(calibration: Calibration, predictions: Predictions) -> Floats:
    """Return the OOD scores of photos, [M]."""
    return calibration.ood_scores(predictions.features, predictions.logits, predictions.gate_scores)


def ood_metrics(
    calibration: Calibration, predictions: Predictions, ood: Predictions, selected: Bools
) -> dict[str, float]:
    """Compute how well OOD pictures are separated from the photos of a split.

    The keys are:
        auroc: Probability that a random OOD picture has a higher OOD score than a random photo.
        false_accepts: Share of OOD pictures that are not called "none of these".
        kept: Share of photos that are not called "none of these".
        no_mineral_auroc, no_mineral_false_accepts, no_mineral_kept: The same for the gate alone,
            if the model has one.
        unknown_mineral_false_accepts, unknown_mineral_kept: Shares for the OOD score alone.
        plain_auroc, plain_false_accepts, plain_kept: The same for maximum softmax probability,
            with a threshold fitted to keep the same share of validation photos.

    Args:
        calibration: Calibration of the model.
        predictions: Predictions of the photos.
        ood: Predictions of K OOD pictures.
        selected: Which of these to measure, [K].
    """
    detector, gate = calibration.ood, calibration.gate
    unknown = _separation(
        ood_scores(calibration, predictions),
        ood_scores(calibration, ood)[selected],
        detector.threshold,
    )
    plain = _separation(
        msp_score(predictions.logits), msp_score(ood.logits[selected]), detector.msp_threshold
    )
    result = {
        "auroc": unknown.pop("auroc"),
        "false_accepts": float(kept_photos(calibration, ood)[selected].mean()),
        "kept": float(kept_photos(calibration, predictions).mean()),
    }
    result |= {f"unknown_mineral_{key}": value for key, value in unknown.items()}
    if gate is not None and predictions.gate_scores is not None and ood.gate_scores is not None:
        separation = _separation(
            predictions.gate_scores.no_mineral,
            ood.gate_scores.no_mineral[selected],
            gate.threshold,
        )
        result |= {f"no_mineral_{key}": value for key, value in separation.items()}
    return result | {f"plain_{key}": value for key, value in plain.items()}


def _separation(scores: Floats, ood_scores: Floats, threshold: float) -> dict[str, float]:
    """Return how well a score and its threshold separate OOD pictures from photos."""
    from sklearn.metrics import roc_auc_score  # slow to import, and needed only with pictures

    is_ood = np.repeat([False, True], [len(scores), len(ood_scores)])
    return {
        "auroc": float(roc_auc_score(is_ood, np.concatenate([scores, ood_scores]))),
        "false_accepts": float((ood_scores <= threshold).mean()),
        "kept": float((scores <= threshold).mean()),
    }
