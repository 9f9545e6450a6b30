"""Fits the calibration of a model with a gate."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

from mineral_recog.calibration.calibration import Calibration, fit_calibration, with_limits
from mineral_recog.calibration.gate import fit_gate
from mineral_recog.calibration.held_out import auxiliary_scores
from mineral_recog.calibration.ood import OodDetector
from mineral_recog.calibration.temperature import AnyFloats, Ints
from mineral_recog.progress import SILENT, Progress


@dataclass(frozen=True, eq=False)
class FittingPhotos:
    """Outputs of a network and of its gate for M photos in the evaluation view.

    Attributes:
        features: Features, [M, D].
        logits: Logits, [M, C].
        labels: Labels, [M].
        gate: Features of each part of the gate, [M, D'].
    """

    features: AnyFloats
    logits: AnyFloats
    labels: Ints
    gate: Sequence[AnyFloats]


def fit_with_gate(
    train: FittingPhotos,
    val: FittingPhotos,
    groups: Sequence[str],
    image_size: int,
    specimens: Sequence[str] | None,
    progress: Progress = SILENT,
) -> Calibration:
    """Fit all parts of a calibration, its gate among them.

    Args:
        train: Training photos; every class occurs.
        val: Validation photos.
        groups: Class group of each class, [C]; "" without groups.
        image_size: Side of the gate's views.
        specimens: Specimen of each training photo, if the network of the gate was not trained on
            these photos: the limits of "none of these" then rest on them too. None otherwise.
        progress: Receives the progress.
    """
    calibration = fit_calibration(
        train.features, train.labels, val.features, val.logits, val.labels, groups
    )
    assert isinstance(calibration.ood, OodDetector)  # of this version, as it is fitted here
    distances = calibration.ood.distance.score(val.features)
    gate = fit_gate(image_size, train.gate, train.labels, val.gate, val.labels, distances)
    calibration, scores = replace(calibration, gate=gate), gate.scores(val.gate)
    auxiliary = None
    if specimens is not None:
        auxiliary = auxiliary_scores(
            gate, train.gate, train.labels, val.gate, val.labels, specimens, progress
        )
    ood_scores = calibration.ood_scores(val.features, val.logits, scores)
    return with_limits(
        calibration, val.logits, val.labels, ood_scores, scores.no_mineral, auxiliary
    )
