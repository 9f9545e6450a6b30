"""Scores of the gate for training photos, each from a fit that was made without the photo.

A few dozen validation photos may all be typical of their minerals, or many of them strange, and
limits that rest on them alone are then too strict or too loose. The features of the gate have not
been changed by training, so training photos that are left out of its fit have scores like those of
new photos, and say whether the validation photos are as photos usually are; see
`limits.prediction_limit`.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

from mineral_recog.calibration.gate import Gate, refit_gate
from mineral_recog.calibration.limits import AuxiliaryScores, effective_number
from mineral_recog.calibration.temperature import AnyFloats, Floats, Ints, class_weights
from mineral_recog.i18n import tr
from mineral_recog.progress import SILENT, Progress

FOLDS = 10
MIN_PHOTOS = 3  # of a class: the mean of fewer says little without one of them
MAX_DIFFERENCE = 3.0  # standard errors between the means of training and validation photos
ENOUGH_PHOTOS = 500  # validation photos that need no help


def deal_folds(labels: Ints, specimens: Ints, seed: int) -> Ints:
    """Return the fold of each photo, [M]; those of one specimen are in one fold.

    Args:
        labels: Labels, [M].
        specimens: Number of each photo's specimen, [M].
        seed: Seed of the draw.
    """
    order = np.random.default_rng(seed).permutation(specimens.max() + 1)
    fold_of_specimen = np.full(len(order), -1)
    dealt = 0
    for label in np.unique(labels):
        for specimen in order[np.isin(order, specimens[labels == label])]:
            if fold_of_specimen[specimen] < 0:
                fold_of_specimen[specimen] = dealt % FOLDS
                dealt += 1
    return fold_of_specimen[specimens]


def auxiliary_scores(
    gate: Gate,
    train_features: Sequence[AnyFloats],
    train_labels: Ints,
    val_features: Sequence[AnyFloats],
    val_labels: Ints,
    specimens: Sequence[str],
    progress: Progress = SILENT,
) -> AuxiliaryScores | None:
    """Return the two scores of the gate for validation photos, and for them and training photos.

    Args:
        gate: Gate that was fitted on the training photos.
        train_features: Features of the training photos for each part of the gate, [N, D].
        train_labels: Labels, [N]; every class occurs.
        val_features: Features of the validation photos for each part, [M, D].
        val_labels: Labels, [M].
        specimens: Specimen of each training photo, N; those of one are left out together.
        progress: Receives the progress.

    Returns:
        The scores; None if the validation photos are of another kind than the training photos (the
        means differ by more than chance explains), or so many that they need no others.
    """
    if len(val_labels) >= ENOUGH_PHOTOS:
        return None
    scores = _left_out_scores(gate, train_features, train_labels, specimens, progress)
    known = np.isfinite(scores).all(axis=1)
    if not known.any():
        return None
    of_train, of_val, train_labels = scores[known], _scores(gate, val_features), train_labels[known]
    if _differ(of_train, class_weights(train_labels), of_val, class_weights(val_labels)):
        return None
    labels = np.concatenate([train_labels, val_labels])
    return AuxiliaryScores(of_val, np.concatenate([of_train, of_val]), class_weights(labels))


def _left_out_scores(
    gate: Gate,
    features: Sequence[AnyFloats],
    labels: Ints,
    specimens: Sequence[str],
    progress: Progress,
) -> Floats:
    """Return the scores of training photos, each by a fit without it, [N, 2].

    A photo has NaN if its class would be left with too few photos or none.
    """
    numbers = np.unique(np.array(specimens), return_inverse=True)[1].reshape(-1)
    fold_of = deal_folds(labels, numbers, seed=0)
    may_leave = np.bincount(labels)[labels] >= MIN_PHOTOS
    scores = np.full((len(labels), 2), np.nan)
    task = progress.start(tr("finding limits", "计算阈值"), FOLDS)
    for fold in range(FOLDS):
        rows = may_leave & (fold_of == fold)
        if rows.any() and _has_all_classes(labels, ~rows):
            refitted = refit_gate(gate, [part[~rows] for part in features], labels[~rows])
            scores[rows] = _scores(refitted, [part[rows] for part in features])
        task.step()
    return scores


def _has_all_classes(labels: Ints, rows: npt.NDArray[np.bool_]) -> bool:
    """Return whether some rows have photos of every class; a specimen may be all of one."""
    return bool(np.bincount(labels[rows], minlength=labels.max() + 1).all())


def _scores(gate: Gate, features: Sequence[AnyFloats]) -> Floats:
    """Return both scores of M photos, [M, 2]."""
    scores = gate.scores(features)
    return np.stack([scores.no_mineral, scores.novelty], axis=1)


def _differ(first: Floats, first_weights: Floats, others: Floats, other_weights: Floats) -> bool:
    """Return whether the means of scores [M, A] and [N, A] differ by more than chance explains."""
    means, squared_errors = [], []
    for scores, weights in ((first, first_weights), (others, other_weights)):
        mean = np.average(scores, axis=0, weights=weights)
        variance = np.average((scores - mean) ** 2, axis=0, weights=weights)
        means.append(mean)
        squared_errors.append(variance / effective_number(weights))
    limit = MAX_DIFFERENCE * np.sqrt(sum(squared_errors))
    return bool((np.abs(means[0] - means[1]) > limit).any())
