"""Refits a calibration to photos of another place, without training.

The network, and with it the OOD score, stay as they are. What is fitted again is what depends on
the place: the temperature, the conformal scores and the limits of "none of these".
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np

from mineral_recog.calibration.calibration import Calibration, with_limits
from mineral_recog.calibration.conformal import fit_conformal
from mineral_recog.calibration.held_out import FOLDS, deal_folds
from mineral_recog.calibration.temperature import (
    AnyFloats,
    Ints,
    fit_temperature,
    softmax,
)

# Fewer photos give sets of 90 % to nearly no class, and limits of "none of these" that are luck.
MIN_PHOTOS = 20


@dataclass(frozen=True, eq=False)
class Fold:
    """A calibration that was fitted without some of the photos.

    Attributes:
        calibration: Fitted on all other photos.
        held_out: Indices of the photos.
    """

    calibration: Calibration
    held_out: Ints


def refit_calibration(
    old: Calibration,
    logits: AnyFloats,
    labels: Ints,
    ood_scores: AnyFloats,
    no_mineral: AnyFloats | None = None,
) -> Calibration:
    """Return a calibration for photos like those given.

    The conformal scores are those of the given photos alone. A class without photos shares those
    of other classes, as one with too few does (see `ConformalScores`): its old scores are of
    photos of another kind, and promise too much where photos are harder.

    Args:
        old: Calibration of the same network.
        logits: Logits of the photos, [M, C].
        labels: Labels, [M]; classes may be missing.
        ood_scores: OOD scores, [M].
        no_mineral: Scores of showing no mineral, [M]; None without a gate.
    """
    temperature = fit_temperature(logits, labels)
    probabilities = softmax(logits, temperature)
    conformal = fit_conformal(probabilities, labels, old.conformal.groups)
    refitted = replace(old, temperature=temperature, conformal=conformal)
    return with_limits(refitted, logits, labels, ood_scores, no_mineral)


def cross_fit(
    old: Calibration,
    logits: AnyFloats,
    labels: Ints,
    ood_scores: AnyFloats,
    no_mineral: AnyFloats | None = None,
    specimens: Sequence[str] | None = None,
    seed: int = 0,
) -> list[Fold]:
    """Return calibrations that were each fitted without a tenth of the photos of each class.

    Args:
        old: See `refit_calibration`.
        logits: See there.
        labels: See there.
        ood_scores: See there.
        no_mineral: See there.
        specimens: Specimen of each photo, whose photos are held out together; by default each
            photo is a specimen.
        seed: Seed of the draw.
    """
    names = list(range(len(labels))) if specimens is None else specimens
    fold_of = deal_folds(labels, np.unique(names, return_inverse=True)[1], seed)
    result = []
    for fold in range(FOLDS):
        held_out, rest = np.flatnonzero(fold_of == fold), np.flatnonzero(fold_of != fold)
        if len(held_out) and len(rest):
            scores = None if no_mineral is None else no_mineral[rest]
            fitted = refit_calibration(old, logits[rest], labels[rest], ood_scores[rest], scores)
            result.append(Fold(fitted, held_out))
    return result
