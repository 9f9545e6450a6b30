"""The calibration of a model: temperature, conformal scores and OOD detector, fitted together."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Annotated

import numpy as np
import numpy.typing as npt
from pydantic import BaseModel, ConfigDict, Field, model_validator

from mineral_recog.calibration.conformal import ConformalScores, fit_conformal
from mineral_recog.calibration.distance_ood import DistanceOodDetector
from mineral_recog.calibration.gate import (
    MAX_NOVELTY,
    Gate,
    GateScores,
    GateValues,
    Weight,
    restore_gate,
)
from mineral_recog.calibration.limits import (
    AuxiliaryScores,
    prediction_limit,
    weighted_quantile,
)
from mineral_recog.calibration.ood import (
    KEEP,
    MAX_DIRECTIONS,
    OodDetector,
    RelativeDistance,
    fit_ood,
    is_of_unit_features,
    msp_score,
)
from mineral_recog.calibration.temperature import (
    MAX_TEMPERATURE,
    MIN_TEMPERATURE,
    AnyFloats,
    Floats,
    Ints,
    class_weights,
    fit_temperature,
    softmax,
)
from mineral_recog.i18n import tr

MAX_COUNT = 10_000_000  # validation photos per class
# Shares of new photos that the limits of the two questions accept, about 95 % together. The first
# one separates better, so the second may refuse more. Scores of training photos, each from a fit on
# fewer photos, are a little high, so they go with lower shares (docs/identify.md).
SHARES_ALONE, SHARES_WITH_AUXILIARY = (0.985, 0.97), (0.98, 0.965)

Novelty = Annotated[float, Field(strict=True, ge=-MAX_NOVELTY, le=MAX_NOVELTY)]
Arrays = dict[str, npt.NDArray[np.float32]]
AnyOodDetector = OodDetector | DistanceOodDetector


class CalibrationValues(BaseModel):
    """The schema of the small parts of a `Calibration` in a JSON file."""

    model_config = ConfigDict(extra="forbid", frozen=True, allow_inf_nan=False)

    temperature: Annotated[float, Field(strict=True, ge=MIN_TEMPERATURE, le=MAX_TEMPERATURE)]
    val_counts: tuple[Annotated[int, Field(strict=True, ge=0, le=MAX_COUNT)], ...]
    novelty_weight: Weight
    novelty_overall: Weight | None = None
    novelty_ordinary: Novelty | None = None  # up to version 4
    novelty_threshold: Novelty
    plain_threshold: Annotated[float, Field(strict=True, ge=0, le=1)]
    gate: GateValues | None = None

    @model_validator(mode="after")
    def _check_novelty(self) -> CalibrationValues:
        if (self.novelty_overall is None) == (self.novelty_ordinary is None):
            raise ValueError(
                tr(
                    "needs either novelty_overall or novelty_ordinary",
                    "需要 novelty_overall 与 novelty_ordinary 之一",
                )
            )
        return self


@dataclass(frozen=True, eq=False)
class Calibration:
    """Calibrated probabilities, prediction sets and OOD detection for a model.

    Attributes:
        temperature: Divisor of the logits.
        conformal: Conformal scores of calibrated probabilities, for prediction sets.
        ood: OOD detector, which takes features and uncalibrated logits.
        gate: Detector of pictures that show no mineral, which adds a part to the OOD score too;
            None in models of older versions.
    """

    temperature: float
    conformal: ConformalScores
    ood: AnyOodDetector
    gate: Gate | None = None

    def probabilities(self, logits: AnyFloats) -> Floats:
        """Return calibrated probabilities [M, C] from logits [M, C]."""
        return softmax(logits, self.temperature)

    def ood_scores(
        self, features: AnyFloats, logits: AnyFloats, gate_scores: GateScores | None = None
    ) -> Floats:
        """Return the OOD scores of photos, [M].

        Args:
            features: Features, [M, D].
            logits: Logits, [M, C].
            gate_scores: Scores of the gate, M; None without one.
        """
        scores = self.ood.score(features, logits)
        return scores if gate_scores is None else scores + gate_scores.novelty

    def accepts(
        self, ood_scores: AnyFloats, no_mineral: AnyFloats | None = None
    ) -> npt.NDArray[np.bool_]:
        """Return which photos are not called "none of these", [M].

        Args:
            ood_scores: OOD scores, [M].
            no_mineral: Scores of showing no mineral, [M]; None without a gate.
        """
        accepted: npt.NDArray[np.bool_] = ood_scores <= self.ood.threshold
        if self.gate is not None and no_mineral is not None:
            accepted &= no_mineral <= self.gate.threshold
        return accepted

    def values(self) -> CalibrationValues:
        """Return the small parts, for a JSON file."""
        return CalibrationValues(
            temperature=self.temperature,
            val_counts=self.conformal.counts,
            novelty_threshold=self.ood.threshold,
            plain_threshold=self.ood.msp_threshold,
            **self.ood.weights(),
            gate=None if self.gate is None else self.gate.values(),
        )

    def arrays(self) -> Arrays:
        """Return the large parts by name, float32, for a file of tensors."""
        gate = {} if self.gate is None else self.gate.arrays()
        return {"conformal_scores": self.conformal.scores, **self.ood.arrays(), **gate}


def specimen_logits(logits: AnyFloats, weights: AnyFloats | None = None) -> Floats:
    """Return the logits of a specimen, [C], from those of its K photos, [K, C].

    Photos of one specimen share its background and light and are not independent, so their
    logits are averaged, not summed: more photos make the answer more stable, not more certain.

    Args:
        logits: Logits of the photos.
        weights: Weights of the photos, [K], not all 0; equal by default.
    """
    combined: Floats = np.average(logits.astype(np.float64), axis=0, weights=weights)
    return combined


def fit_calibration(
    train_features: AnyFloats,
    train_labels: Ints,
    val_features: AnyFloats,
    val_logits: AnyFloats,
    val_labels: Ints,
    groups: Sequence[str],
) -> Calibration:
    """Fit all parts of a calibration.

    Args:
        train_features: Features of the training photos in the evaluation view, [N, D].
        train_labels: Labels, [N]; every class occurs.
        val_features: Features of the validation photos, [M, D].
        val_logits: Logits, [M, C].
        val_labels: Labels, [M].
        groups: Class group (`head`, `medium` or `tail`) of each class, [C]; "" without groups.
    """
    temperature = fit_temperature(val_logits, val_labels)
    return Calibration(
        temperature,
        fit_conformal(softmax(val_logits, temperature), val_labels, groups),
        fit_ood(train_features, train_labels, val_features, val_logits, val_labels),
    )


def with_limits(
    calibration: Calibration,
    logits: AnyFloats,
    labels: Ints,
    ood_scores: AnyFloats,
    no_mineral: AnyFloats | None = None,
    auxiliary: AuxiliaryScores | None = None,
) -> Calibration:
    """Return the calibration with limits of "none of these" that together accept 95 % of photos.

    That is about the share of new photos of the same kind, see `prediction_limit`. Each class has a
    weight of the square root of its photo count, see `class_weights`.

    Args:
        calibration: Calibration; its scores do not change.
        logits: Logits of the photos, [M, C].
        labels: Labels, [M]; classes may be missing.
        ood_scores: OOD scores, [M].
        no_mineral: Scores of showing no mineral, [M]; None without a gate.
        auxiliary: Scores of these photos and of more, which make the limits more certain.
    """
    weights, gate = class_weights(labels), calibration.gate
    of_minerals, of_known = SHARES_ALONE if auxiliary is None else SHARES_WITH_AUXILIARY
    ood = replace(
        calibration.ood,
        threshold=prediction_limit(ood_scores, weights, of_known, auxiliary),
        msp_threshold=weighted_quantile(msp_score(logits), weights, KEEP),
    )
    if gate is not None and no_mineral is not None:
        limit = prediction_limit(no_mineral, weights, of_minerals, auxiliary)
        gate = replace(gate, threshold=limit)
    return replace(calibration, ood=ood, gate=gate)


def restore_calibration(
    values: CalibrationValues,
    arrays: Mapping[str, npt.NDArray[np.float32]],
    groups: Sequence[str],
    width: int,
) -> Calibration:
    """Return the calibration that `values` and `arrays` come from.

    Args:
        values: Small parts, already validated by their schema.
        arrays: Large parts by name.
        groups: Class group of each class, [C].
        width: Number of features of the model, D.

    Raises:
        ValueError: The parts do not fit each other or the model, or are not finite.
    """
    gate_arrays = {name: array for name, array in arrays.items() if name.startswith("gate_")}
    class_count = len(groups)
    gate = None if values.gate is None else restore_gate(values.gate, gate_arrays, class_count)
    if gate is not None:
        arrays = {name: array for name, array in arrays.items() if name not in gate_arrays}
    if len(values.val_counts) != class_count:
        raise ValueError(
            tr(
                f"val_counts of {len(values.val_counts)} classes, not {class_count}",
                f"val_counts 有 {len(values.val_counts)} 个类别，应为 {class_count} 个",
            )
        )
    _check_arrays(values, arrays, width)
    scores = arrays["conformal_scores"]
    if scores.size and not (scores.min() >= 0 and scores.max() <= 1):
        raise ValueError(
            tr("conformal_scores are not between 0 and 1", "conformal_scores 不在 0 与 1 之间")
        )
    class_ends = np.cumsum(values.val_counts)[:-1]
    if any((np.diff(class_scores) < 0).any() for class_scores in np.split(scores, class_ends)):
        raise ValueError(
            tr("conformal_scores are not sorted within classes", "conformal_scores 未按类别排序")
        )
    return Calibration(
        values.temperature,
        ConformalScores(scores, values.val_counts, tuple(groups)),
        _restore_ood(values, arrays),
        gate,
    )


def _check_arrays(
    values: CalibrationValues, arrays: Mapping[str, npt.NDArray[np.float32]], width: int
) -> None:
    """Raise a ValueError for arrays that do not fit the values, or D features."""
    shapes: dict[str, tuple[int, ...]] = {"conformal_scores": (sum(values.val_counts),)}
    shapes["class_means"] = (len(values.val_counts), width)
    directions = ["directions"]
    if values.novelty_overall is not None:
        shapes["overall_mean"] = (1, width)
        directions.append("overall_directions")
    if arrays.keys() != {*shapes, *directions}:
        names = ", ".join(sorted(arrays))
        raise ValueError(tr(f"wrong set of arrays: {names}", f"数组不对：{names}"))
    for name in directions:
        shapes[name] = (min(arrays[name].size // width, MAX_DIRECTIONS), width)
    for name, shape in shapes.items():
        array = arrays[name]
        if array.shape != shape or array.dtype != np.float32 or not np.isfinite(array).all():
            raise ValueError(
                tr(
                    f"{name} is not a finite float32 array of shape {shape}",
                    f"{name} 不是形状为 {shape} 的有限 float32 数组",
                )
            )
        if name != "conformal_scores" and not is_of_unit_features(array):
            raise ValueError(tr(f"{name} is not between -1 and 1", f"{name} 不在 -1 与 1 之间"))


def _restore_ood(
    values: CalibrationValues, arrays: Mapping[str, npt.NDArray[np.float32]]
) -> AnyOodDetector:
    means, directions = arrays["class_means"], arrays["directions"]
    thresholds = values.novelty_threshold, values.plain_threshold
    if values.novelty_ordinary is not None:
        energy = values.novelty_weight, values.novelty_ordinary
        return DistanceOodDetector(means, directions, *energy, *thresholds)
    assert values.novelty_overall is not None  # checked by the schema
    overall = arrays["overall_mean"], arrays["overall_directions"]
    distance = RelativeDistance(means, directions, *overall, values.novelty_overall)
    return OodDetector(distance, values.novelty_weight, *thresholds)
