"""How believable the answers of a model are on a split: the figures of the report.

All figures are shares in [0, 1], except `set_size...`, which are classes. A group without photos
has no figure, and its key is left out (JSON has no nan).
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
from scipy.stats import rankdata

from mineral_recog.calibration.calibration import Calibration
from mineral_recog.calibration.ood import plain_score
from mineral_recog.calibration.temperature import Floats, Ints, Logits, calibration_error, softmax


def calibration_figures(
    calibration: Calibration,
    labels: Ints,
    logits: Logits,
    features: Logits,
    groups: tuple[str, ...],
    coverage: float = 0.9,
) -> dict[str, float]:
    """What the calibration of a model is worth on the photos of a split.

    Keys, each also with `_head`, `_medium` and `_tail` for the photos of those classes alone:
    ece_before and ece_after (expected calibration error without and with the temperature),
    coverage (share of photos whose set holds the right class), set_size (mean classes in a set),
    kept (share of photos that are not called none of these). And lowest_coverage, that of the
    class whose photos are covered least.

    Args:
        labels: [M], M at least 1.
        logits: [M, C].
        features: [M, D].
        groups: of each class, C.
        coverage: that is asked for.
    """
    before, after = softmax(logits), calibration.probabilities(logits)
    sets = calibration.conformal.prediction_set(after, coverage)
    covered = sets[np.arange(len(labels)), labels]
    sizes = sets.sum(axis=1)
    kept = calibration.ood.score(features, logits) <= calibration.ood.threshold
    group_of = np.array(groups)[labels]
    found: dict[str, float] = {}
    for suffix in ("", "_head", "_medium", "_tail"):
        photos = group_of == suffix[1:] if suffix else np.ones(len(labels), dtype=np.bool_)
        if photos.any():
            found |= {
                f"ece_before{suffix}": calibration_error(labels[photos], before[photos]),
                f"ece_after{suffix}": calibration_error(labels[photos], after[photos]),
                f"coverage{suffix}": float(covered[photos].mean()),
                f"set_size{suffix}": float(sizes[photos].mean()),
                f"kept{suffix}": float(kept[photos].mean()),
            }
    found["lowest_coverage"] = min(float(covered[labels == c].mean()) for c in np.unique(labels))
    return found


def ood_figures(
    calibration: Calibration,
    logits: Logits,
    features: Logits,
    other_logits: Logits,
    other_features: Logits,
) -> dict[str, float]:
    """How well pictures of something else are told from the photos of a split.

    Keys: auroc (the probability that one of the other pictures is stranger than one of the
    photos), false_accepts (the share of other pictures that are not called none of these),
    kept (the share of photos that are not); and plain_auroc, plain_false_accepts and plain_kept,
    the same by maximum softmax probability with its own threshold, fitted for the same share of
    validation photos kept.

    Args:
        logits: of the photos, [M, C].
        features: of the photos, [M, D].
        other_logits: of the other pictures, [K, C].
        other_features: of the other pictures, [K, D].
    """
    ood = calibration.ood
    own, others = ood.score(features, logits), ood.score(other_features, other_logits)
    plain, plain_others = plain_score(logits), plain_score(other_logits)
    return {
        "auroc": _auroc(own, others),
        "false_accepts": _share(others <= ood.threshold),
        "kept": _share(own <= ood.threshold),
        "plain_auroc": _auroc(plain, plain_others),
        "plain_false_accepts": _share(plain_others <= ood.plain_threshold),
        "plain_kept": _share(plain <= ood.plain_threshold),
    }


def _share(which: npt.NDArray[np.bool_]) -> float:
    return float(which.mean())


def _auroc(own: Floats, others: Floats) -> float:
    """The probability that one of the others is larger than one of our own; equal ones half."""
    ranks = rankdata(np.concatenate([own, others]))[len(own) :]
    return float((ranks.mean() - (len(others) + 1) / 2) / len(own))
