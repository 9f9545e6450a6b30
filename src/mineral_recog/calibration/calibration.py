"""All that makes a model's answers believable, fitted once at the end of training."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Annotated

import numpy as np
import numpy.typing as npt
from pydantic import BaseModel, ConfigDict, Field

from mineral_recog.calibration.conformal import ConformalScores, fit_conformal
from mineral_recog.calibration.ood import DIRECTIONS, OodDetector, fit_ood
from mineral_recog.calibration.temperature import (
    COLDEST,
    HOTTEST,
    Floats,
    Ints,
    Logits,
    fit_temperature,
    softmax,
)

LARGEST_COUNT = 10_000_000  # validation photos of a class

Arrays = dict[str, npt.NDArray[np.float32]]


class CalibrationValues(BaseModel):
    """The schema of the small parts of a `Calibration`, as they stand in a JSON file."""

    model_config = ConfigDict(extra="forbid", frozen=True, allow_inf_nan=False)

    temperature: Annotated[float, Field(strict=True, ge=COLDEST, le=HOTTEST)]
    val_counts: tuple[Annotated[int, Field(strict=True, ge=0, le=LARGEST_COUNT)], ...]
    novelty_weight: Annotated[float, Field(strict=True, ge=0)]
    novelty_ordinary: Annotated[float, Field(strict=True)]
    novelty_threshold: Annotated[float, Field(strict=True, ge=0)]
    plain_threshold: Annotated[float, Field(strict=True, ge=0, le=1)]


@dataclass(frozen=True, eq=False)
class Calibration:
    """Calibrated probabilities, sets of minerals, and none of these.

    Attributes:
        temperature: what logits are divided by.
        conformal: for sets of minerals, of calibrated probabilities.
        ood: for photos of something else, of features and logits as they come.
    """

    temperature: float
    conformal: ConformalScores
    ood: OodDetector

    def probabilities(self, logits: Logits) -> Floats:
        """Calibrated probabilities [M, C] from logits [M, C]."""
        return softmax(logits, self.temperature)

    def values(self) -> CalibrationValues:
        """The small parts, for a JSON file."""
        return CalibrationValues(
            temperature=self.temperature,
            val_counts=self.conformal.counts,
            novelty_weight=self.ood.weight,
            novelty_ordinary=self.ood.ordinary,
            novelty_threshold=self.ood.threshold,
            plain_threshold=self.ood.plain_threshold,
        )

    def arrays(self) -> Arrays:
        """The large parts by name, float32, for a file of tensors."""
        return {
            "conformal_scores": self.conformal.scores,
            "class_means": self.ood.means,
            "directions": self.ood.directions,
        }


def fit_calibration(
    train_features: Logits,
    train_labels: Ints,
    val_features: Logits,
    val_logits: Logits,
    val_labels: Ints,
    groups: Sequence[str],
) -> Calibration:
    """Fit all parts.

    Args:
        train_features: of the training photos in the evaluation view, [N, D].
        train_labels: [N]; every class occurs.
        val_features: of the validation photos, [M, D].
        val_logits: [M, C].
        val_labels: [M].
        groups: `head`, `medium` or `tail` for each class, C.
    """
    temperature = fit_temperature(val_logits, val_labels)
    return Calibration(
        temperature,
        fit_conformal(softmax(val_logits, temperature), val_labels, groups),
        fit_ood(train_features, train_labels, val_features, val_logits, val_labels),
    )


def read_calibration(
    values: CalibrationValues,
    arrays: Mapping[str, npt.NDArray[np.float32]],
    groups: Sequence[str],
    width: int,
) -> Calibration:
    """Put together again what `values` and `arrays` gave.

    Args:
        values: validated by its schema already.
        arrays: by name.
        groups: of each class, C.
        width: features of the model, D.

    Raises:
        ValueError: parts that do not fit each other or the model, or are not finite.
    """
    classes, photos = len(groups), sum(values.val_counts)
    if len(values.val_counts) != classes:
        raise ValueError(f"val_counts of {len(values.val_counts)} classes, not {classes}")
    shapes = {"conformal_scores": (photos,), "class_means": (classes, width)}
    if arrays.keys() != {*shapes, "directions"}:
        raise ValueError(f"arrays {', '.join(sorted(arrays))}")
    shapes["directions"] = (min(arrays["directions"].size // width, DIRECTIONS), width)
    for name, shape in shapes.items():
        found = arrays[name]
        if found.shape != shape or found.dtype != np.float32 or not np.isfinite(found).all():
            raise ValueError(f"{name} is not {shape} finite float32 numbers")
    scores = arrays["conformal_scores"]
    if scores.size and not (scores.min() >= 0 and scores.max() <= 1):
        raise ValueError("conformal_scores do not lie between 0 and 1")
    last = np.cumsum(values.val_counts)[:-1]
    if any((np.diff(own) < 0).any() for own in np.split(scores, last)):
        raise ValueError("conformal_scores are not sorted within classes")
    return Calibration(
        values.temperature,
        ConformalScores(scores, values.val_counts, tuple(groups)),
        OodDetector(
            arrays["class_means"],
            arrays["directions"],
            values.novelty_weight,
            values.novelty_ordinary,
            values.novelty_threshold,
            values.plain_threshold,
        ),
    )
