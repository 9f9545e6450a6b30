"""The gate: a score of how unlike any photo of a mineral a picture is.

It is computed from features that fine-tuning has not changed: a network that was taught to tell
minerals apart has lost what tells an animal from a stone. Each feature vector of a picture, that
of the last layer and those of its last stages, has a Mahalanobis distance to the nearest
class (Lee et al., "A Simple Unified Framework for Detecting Out-of-Distribution Samples and
Adversarial Attacks", NeurIPS 2018), here of features scaled to length 1. The score is the mean of
the distances in units of their spread on validation photos, or four fifths of the distance of
the earliest feature vector if that is more: a thin section of rock is like a mineral to all but the
texture that the early features see.

The earliest of the feature vectors also says whether a mineral is unknown: its relative distance
(see `ood`) is part of the OOD score. Textures of an unknown mineral differ from those of the known
ones even where a network that has not learned to tell it apart sees no difference in the end;
`benchmarks/novelty.py` measures it.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Annotated

import numpy as np
import numpy.typing as npt
from pydantic import BaseModel, ConfigDict, Field, model_validator

from mineral_recog.calibration import ood
from mineral_recog.calibration.limits import weighted_quantile
from mineral_recog.calibration.ood import (
    KEEP,
    RelativeDistance,
    fit_relative_distance,
    is_of_unit_features,
    scaled_directions,
    squared_distances,
    unit_length,
    weight_of_equal_spread,
)
from mineral_recog.calibration.temperature import AnyFloats, Floats, Ints, class_weights
from mineral_recog.i18n import tr

MAX_DIRECTIONS = 128  # of largest variance; 0.7 MB with 1,280 features
MAX_PARTS = 3
TEXTURE_WEIGHT = 0.8  # of the earliest distance alone, against the mean of all
NOVELTY_SPREAD = 2.0  # of the gate's part of the OOD score, in spreads of the distance there
MAX_DISTANCE = 2.0  # between features of length 1
MIN_SPREAD = 1e-3  # of distances, for photos that are all alike
MAX_SCORE = MAX_DISTANCE / MIN_SPREAD
MAX_NOVELTY = 1e12  # far beyond any weight or limit, and far below an overflow
Distance = Annotated[float, Field(strict=True, ge=0, le=MAX_DISTANCE)]
Spread = Annotated[float, Field(strict=True, ge=MIN_SPREAD, le=MAX_DISTANCE)]
Weight = Annotated[float, Field(strict=True, ge=0, le=MAX_NOVELTY)]
Share = Annotated[float, Field(strict=True, ge=0, le=1)]


class GateValues(BaseModel):
    """The schema of the small parts of a `Gate` in a JSON file."""

    model_config = ConfigDict(extra="forbid", frozen=True, allow_inf_nan=False)

    image_size: Annotated[int, Field(strict=True, ge=16, le=2048)]
    typical: Annotated[tuple[Distance, ...], Field(min_length=1, max_length=MAX_PARTS)]
    spread: tuple[Spread, ...]
    threshold: Annotated[float, Field(strict=True, ge=-MAX_SCORE, le=MAX_SCORE)]
    texture_weight: Share | None = None  # from version 8 of a bundle on
    novelty_overall: Weight | None = None  # as `novelty_weight`, from version 6 of a bundle on
    novelty_weight: Weight | None = None

    @model_validator(mode="after")
    def _check_fields(self) -> GateValues:
        if len(self.typical) != len(self.spread):
            raise ValueError(tr("its lists differ in length", "各列表长度不同"))
        if (self.novelty_overall is None) != (self.novelty_weight is None):
            raise ValueError(
                tr(
                    "needs both or none of novelty_overall and novelty_weight",
                    "novelty_overall 与 novelty_weight 须同时给出或同时省略",
                )
            )
        return self


@dataclass(frozen=True, eq=False)
class GatePart:
    """The distance of one feature vector to the nearest class.

    Attributes:
        means: Mean of the training features, scaled to length 1, of each class, float32 [C, D].
        directions: Directions of largest variance, scaled, float32 [R, D]. The closer the length
            of a direction is to 1, the less a distance along it counts.
        typical: Mean distance of validation photos.
        spread: Standard deviation of the distances of validation photos.
    """

    means: npt.NDArray[np.float32]
    directions: npt.NDArray[np.float32]
    typical: float
    spread: float

    def score(self, features: AnyFloats) -> Floats:
        """Return the standardised distances of features [M, D], [M]."""
        distance = _distance(self.means, self.directions, features)
        score: Floats = (distance - self.typical) / self.spread
        return score


@dataclass(frozen=True, eq=False)
class Novelty:
    """The gate's part of the OOD score.

    Attributes:
        distance: Distance of the last feature vector, that of the earliest layer.
        weight: Weight of the distance in the OOD score.
    """

    distance: RelativeDistance
    weight: float

    def score(self, features: AnyFloats) -> Floats:
        """Return the parts of the OOD scores of pictures, [M], from features [M, D]."""
        score: Floats = self.weight * self.distance.score(features)
        return score


@dataclass(frozen=True, eq=False)
class GateScores:
    """The scores of M pictures by a gate.

    Attributes:
        no_mineral: Scores of showing no mineral, [M].
        novelty: The gate's parts of the OOD scores, [M].
    """

    no_mineral: Floats
    novelty: Floats


@dataclass(frozen=True, eq=False)
class Gate:
    """A score that is higher for pictures that show no mineral, and its threshold.

    Attributes:
        image_size: Side of the views that the features are computed from, in pixels.
        parts: One for each feature vector.
        threshold: Pictures with a higher score show no mineral.
        novelty: The gate's part of the OOD score; None in models of older versions.
        texture_weight: Weight of the distance of the last part, that of the earliest layer, alone;
            None in models of older versions.
    """

    image_size: int
    parts: tuple[GatePart, ...]
    threshold: float
    novelty: Novelty | None = None
    texture_weight: float | None = None

    @property
    def widths(self) -> tuple[int, ...]:
        """The number of features of each part."""
        return tuple(part.means.shape[1] for part in self.parts)

    def scores(self, features: Sequence[AnyFloats]) -> GateScores:
        """Return the scores of M pictures from the features of each part, [M, D]."""
        pairs = zip(self.parts, features, strict=True)
        distances = np.stack([part.score(rows) for part, rows in pairs])
        no_mineral: Floats = distances.mean(axis=0)
        if self.texture_weight is not None:
            no_mineral = np.maximum(no_mineral, self.texture_weight * distances[-1])
        if self.novelty is None:
            return GateScores(no_mineral, np.zeros(len(no_mineral)))
        return GateScores(no_mineral, self.novelty.score(features[-1]))

    def values(self) -> GateValues:
        """Return the small parts, for a JSON file."""
        novelty = self.novelty
        return GateValues(
            image_size=self.image_size,
            typical=tuple(part.typical for part in self.parts),
            spread=tuple(part.spread for part in self.parts),
            threshold=self.threshold,
            texture_weight=self.texture_weight,
            novelty_overall=None if novelty is None else novelty.distance.overall_weight,
            novelty_weight=None if novelty is None else novelty.weight,
        )

    def arrays(self) -> dict[str, npt.NDArray[np.float32]]:
        """Return the large parts by name, for a file of tensors."""
        arrays = {f"gate_{k}_means": part.means for k, part in enumerate(self.parts)}
        arrays |= {f"gate_{k}_directions": p.directions for k, p in enumerate(self.parts)}
        novelty = {} if self.novelty is None else self.novelty.distance.arrays()
        return arrays | {_NOVELTY_PREFIX + name: array for name, array in novelty.items()}


def fit_gate(
    image_size: int,
    train_features: Sequence[AnyFloats],
    train_labels: Ints,
    val_features: Sequence[AnyFloats],
    val_labels: Ints,
    val_distances: Floats,
) -> Gate:
    """Fit the distances on the training photos and the threshold on the validation photos.

    In the covariances and in the accepted share, each class has a weight of the square root of
    its photo count, see `class_weights`.

    Args:
        image_size: Side of the views that the features were computed from.
        train_features: Features of the training photos for each part, [N, D].
        train_labels: Labels, [N]; every class occurs.
        val_features: Features of the validation photos for each part, [M, D].
        val_labels: Labels, [M].
        val_distances: Distances of the validation photos in the OOD score, [M]; the gate's part of
            that score varies twice as much.
    """
    parts = tuple(
        _fit_part(train, train_labels, val)
        for train, val in zip(train_features, val_features, strict=True)
    )
    relative = fit_relative_distance(train_features[-1], train_labels)
    distances = relative.score(val_features[-1])
    weight = NOVELTY_SPREAD * weight_of_equal_spread(val_distances, distances)
    gate = Gate(image_size, parts, 0.0, Novelty(relative, weight), TEXTURE_WEIGHT)
    score = gate.scores(val_features).no_mineral
    return replace(gate, threshold=weighted_quantile(score, class_weights(val_labels), KEEP))


def refit_gate(gate: Gate, train_features: Sequence[AnyFloats], train_labels: Ints) -> Gate:
    """Return a gate with the distances of other training photos, in the same units.

    Args:
        gate: Gate whose units, weight and threshold stay.
        train_features: Features of the photos for each part, [N, D].
        train_labels: Labels, [N]; every class occurs.
    """
    parts = []
    for part, features in zip(gate.parts, train_features, strict=True):
        means, directions = _fit_distance(features, train_labels)
        parts.append(replace(part, means=means, directions=directions))
    novelty = gate.novelty
    if novelty is not None:
        distance = fit_relative_distance(train_features[-1], train_labels)
        novelty = replace(novelty, distance=distance)
    return replace(gate, parts=tuple(parts), novelty=novelty)


def _fit_part(train_features: AnyFloats, labels: Ints, val_features: AnyFloats) -> GatePart:
    """Fit a part on training features [N, D], and its spread on validation features [M, D]."""
    means, directions = _fit_distance(train_features, labels)
    distance = _distance(means, directions, val_features)
    spread = max(float(distance.std()), MIN_SPREAD)
    return GatePart(means, directions, float(distance.mean()), spread)


def _fit_distance(
    features: AnyFloats, labels: Ints
) -> tuple[npt.NDArray[np.float32], npt.NDArray[np.float32]]:
    """Return the means [C, D] and directions [R, D] of features [N, D]."""
    unit, counts = unit_length(features), np.bincount(labels)
    means = np.zeros((len(counts), unit.shape[1]))
    np.add.at(means, labels, unit)
    means /= counts[:, None]
    weights = class_weights(labels)[:, None]
    residuals = (unit - means[labels]) * np.sqrt(weights / weights.mean())
    directions = scaled_directions(residuals, MAX_DIRECTIONS)[0]
    return means.astype(np.float32), directions.astype(np.float32)


def _distance(
    means: npt.NDArray[np.float32], directions: npt.NDArray[np.float32], features: AnyFloats
) -> Floats:
    """Return the distances of features [M, D] to the nearest of means [C, D], [M]."""
    distance: Floats = np.sqrt(squared_distances(means, directions, features).min(axis=1))
    return distance


def restore_gate(
    values: GateValues, arrays: Mapping[str, npt.NDArray[np.float32]], class_count: int
) -> Gate:
    """Return the gate that `values` and `arrays` come from.

    Raises:
        ValueError: The parts do not fit each other, or are not those of features of length 1.
    """
    names = {f"gate_{k}_{kind}" for k in range(len(values.typical)) for kind in _KINDS}
    if values.novelty_weight is not None:
        names |= {_NOVELTY_PREFIX + name for name in _NOVELTY_ARRAYS}
    if arrays.keys() != names:
        found = ", ".join(sorted(arrays))
        raise ValueError(tr(f"wrong set of arrays: {found}", f"数组不对：{found}"))
    parts = []
    for k, (typical, spread) in enumerate(zip(values.typical, values.spread, strict=True)):
        means, directions = (arrays[f"gate_{k}_{kind}"] for kind in _KINDS)
        if not _fit(means, directions, class_count, MAX_DIRECTIONS):
            raise ValueError(tr(f"the arrays of gate_{k} do not fit", f"gate_{k} 的数组不对"))
        parts.append(GatePart(means, directions, typical, spread))
    novelty = _restore_novelty(values, arrays, class_count)
    if novelty is not None and novelty.distance.means.shape != parts[-1].means.shape:
        raise _novelty_error()
    return Gate(values.image_size, tuple(parts), values.threshold, novelty, values.texture_weight)


def _restore_novelty(
    values: GateValues, arrays: Mapping[str, npt.NDArray[np.float32]], class_count: int
) -> Novelty | None:
    if values.novelty_weight is None or values.novelty_overall is None:
        return None
    means, directions, mean, overall = (arrays[_NOVELTY_PREFIX + name] for name in _NOVELTY_ARRAYS)
    most = ood.MAX_DIRECTIONS
    fits = _fit(means, directions, class_count, most) and _fit(mean, overall, 1, most)
    if not (fits and mean.shape[1] == means.shape[1]):
        raise _novelty_error()
    distance = RelativeDistance(means, directions, mean, overall, values.novelty_overall)
    return Novelty(distance, values.novelty_weight)


def _novelty_error() -> ValueError:
    return ValueError(tr("the arrays of gate_novelty do not fit", "gate_novelty 的数组不对"))


def _fit(
    means: npt.NDArray[np.float32], directions: npt.NDArray[np.float32], count: int, most: int
) -> bool:
    """Return whether arrays may be means [count, D] and at most so many directions [R, D]."""
    is_valid = all(map(is_of_unit_features, (means, directions)))
    fits = means.ndim == 2 and len(means) == count and means.shape[1] > 0
    return is_valid and fits and directions.shape[1:] == means.shape[1:] and len(directions) <= most


_KINDS = ("means", "directions")
_NOVELTY_PREFIX = "gate_novelty_"
_NOVELTY_ARRAYS = ("class_means", "directions", "overall_mean", "overall_directions")
