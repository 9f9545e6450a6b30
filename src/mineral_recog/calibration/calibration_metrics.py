"""Metrics of how reliable a model's calibration is on a split, for the report.

All metrics are shares in [0, 1], except `set_size...`, which counts classes. The keys of a class
group without photos are left out, since JSON has no NaN.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
from scipy.stats import rankdata

from mineral_recog.calibration.calibration import Calibration
from mineral_recog.calibration.ood import msp_score
from mineral_recog.calibration.temperature import (
    AnyFloats,
    Floats,
    Ints,
    calibration_error,
    softmax,
)


def calibration_metrics(
    calibration: Calibration,
    labels: Ints,
    logits: AnyFloats,
    features: AnyFloats,
    groups: tuple[str, ...],
    coverage: float = 0.9,
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
        calibration: Calibration of the model.
        labels: Labels, [M], M at least 1.
        logits: Logits, [M, C].
        features: Features, [M, D].
        groups: Class group of each class, [C].
        coverage: Nominal coverage of the sets.
    """
    before, after = softmax(logits), calibration.probabilities(logits)
    sets = calibration.conformal.prediction_set(after, coverage)
    covered = sets[np.arange(len(labels)), labels]
    sizes = sets.sum(axis=1)
    kept = calibration.ood.score(features, logits) <= calibration.ood.threshold
    group_of_photo = np.array(groups)[labels]
    result: dict[str, float] = {}
    for suffix in ("", "_head", "_medium", "_tail"):
        mask = group_of_photo == suffix[1:] if suffix else np.ones(len(labels), dtype=np.bool_)
        if mask.any():
            result |= {
                f"ece_before{suffix}": calibration_error(labels[mask], before[mask]),
                f"ece_after{suffix}": calibration_error(labels[mask], after[mask]),
                f"coverage{suffix}": float(covered[mask].mean()),
                f"set_size{suffix}": float(sizes[mask].mean()),
                f"kept{suffix}": float(kept[mask].mean()),
            }
    result["lowest_coverage"] = min(float(covered[labels == c].mean()) for c in np.unique(labels))
    return result


def ood_metrics(
    calibration: Calibration,
    logits: AnyFloats,
    features: AnyFloats,
    other_logits: AnyFloats,
    other_features: AnyFloats,
) -> dict[str, float]:
    """Compute how well OOD pictures are separated from the photos of a split.

    The keys are:
        auroc: Probability that a random OOD picture has a higher score than a random photo.
        false_accepts: Share of OOD pictures that are not called "none of these".
        kept: Share of photos that are not called "none of these".
        plain_auroc, plain_false_accepts, plain_kept: The same for maximum softmax probability,
            with a threshold fitted to keep the same share of validation photos.

    Args:
        calibration: Calibration of the model.
        logits: Logits of the photos, [M, C].
        features: Features of the photos, [M, D].
        other_logits: Logits of the OOD pictures, [K, C].
        other_features: Features of the OOD pictures, [K, D].
    """
    ood = calibration.ood
    scores, other_scores = ood.score(features, logits), ood.score(other_features, other_logits)
    msp_scores, other_msp_scores = msp_score(logits), msp_score(other_logits)
    return {
        "auroc": _auroc(scores, other_scores),
        "false_accepts": _share(other_scores <= ood.threshold),
        "kept": _share(scores <= ood.threshold),
        "plain_auroc": _auroc(msp_scores, other_msp_scores),
        "plain_false_accepts": _share(other_msp_scores <= ood.msp_threshold),
        "plain_kept": _share(msp_scores <= ood.msp_threshold),
    }


def _share(mask: npt.NDArray[np.bool_]) -> float:
    return float(mask.mean())


def _auroc(scores: Floats, other_scores: Floats) -> float:
    """Return the probability that one of the other scores is larger; ties count half."""
    ranks = rankdata(np.concatenate([scores, other_scores]))[len(scores) :]
    return float((ranks.mean() - (len(other_scores) + 1) / 2) / len(scores))
