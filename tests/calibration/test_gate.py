"""The gate: its score by hand, its threshold, and what is refused when it is read."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import numpy as np
import pytest
from pydantic import ValidationError

from mineral_recog.calibration.calibration import Arrays
from mineral_recog.calibration.gate import (
    NOVELTY_SPREAD,
    TEXTURE_WEIGHT,
    Gate,
    GateValues,
    fit_gate,
    restore_gate,
)
from mineral_recog.calibration.ood import KEEP, fit_relative_distance
from mineral_recog.calibration.temperature import AnyFloats, Floats, class_weights

LABELS = np.repeat([0, 1, 2], [40, 20, 5])
DISTANCES = np.random.default_rng(9).normal(size=len(LABELS))  # in the OOD score
Parts = list[AnyFloats]


def draw_parts(seed: int, count: int = len(LABELS)) -> Parts:
    """Return two parts of features that lie around one direction each."""
    rng = np.random.default_rng(seed)
    spreads = np.linspace(0.05, 0.5, 6), np.linspace(0.5, 0.1, 4)
    return [1 + rng.normal(size=(count, spread.size)) * spread for spread in spreads]


@pytest.fixture
def gate() -> Gate:
    return fit_gate(160, draw_parts(0), LABELS, draw_parts(1), LABELS, DISTANCES)


def unit(rows: AnyFloats) -> Floats:
    result: Floats = rows / np.linalg.norm(rows, axis=1, keepdims=True)
    return result


def mahalanobis(train: AnyFloats, rows: AnyFloats) -> Floats:
    """Return the distances by the definition, with the inverse of the shrunken covariance."""
    weights = class_weights(LABELS) / class_weights(LABELS).sum()
    means = np.stack([unit(train)[label == LABELS].mean(axis=0) for label in range(3)])
    residuals = unit(train) - means[LABELS]
    covariance = (residuals * weights[:, None]).T @ residuals
    width = len(covariance)
    shrunken = 0.7 * covariance + 0.3 * np.trace(covariance) / width * np.eye(width)
    away = unit(rows)[:, None] - means
    squared = np.einsum("mcd,de,mce->mc", away, np.linalg.inv(shrunken), away)
    distance: Floats = np.sqrt(squared.min(axis=1))
    return distance


@pytest.mark.parametrize("texture_weight", [TEXTURE_WEIGHT, None])
def test_score_is_the_mean_of_standardised_distances_or_most_of_the_last_one(
    gate: Gate, texture_weight: float | None
) -> None:
    pictures = draw_parts(2, 7)
    pictures[1][:2] *= -1  # strange to the last part alone
    expected = []
    for train, val, rows in zip(draw_parts(0), draw_parts(1), pictures, strict=True):
        typical = mahalanobis(train, val)
        expected.append((mahalanobis(train, rows) - typical.mean()) / typical.std())
    mean, of_last = np.mean(expected, axis=0), TEXTURE_WEIGHT * expected[-1]
    assert {True, False} == set(of_last > mean)  # both cases occur
    scores = replace(gate, texture_weight=texture_weight).scores(pictures).no_mineral
    largest = mean if texture_weight is None else np.maximum(mean, of_last)
    np.testing.assert_allclose(scores, largest, rtol=1e-4)


def test_length_of_features_does_not_count(gate: Gate) -> None:
    pictures = draw_parts(2, 7)
    scaled = gate.scores([7 * part for part in pictures]).no_mineral
    np.testing.assert_allclose(scaled, gate.scores(pictures).no_mineral, rtol=1e-6)


def test_threshold_keeps_the_share_and_refuses_what_is_far(gate: Gate) -> None:
    scores, weights = gate.scores(draw_parts(1)).no_mineral, class_weights(LABELS)
    kept = scores <= gate.threshold
    assert weights[kept].sum() >= KEEP * weights.sum()
    assert weights[scores < gate.threshold].sum() < KEEP * weights.sum()
    far = [-part for part in draw_parts(2)]
    assert (gate.scores(far).no_mineral > gate.threshold).all()


def test_equal_photos_and_features_of_zero_have_finite_scores() -> None:
    same = [np.ones((len(LABELS), 4)), np.zeros((len(LABELS), 3))]
    gate = fit_gate(160, same, LABELS, same, LABELS, DISTANCES)
    scores = gate.scores([np.eye(2, 4), np.eye(2, 3)])
    assert np.isfinite([scores.no_mineral, scores.novelty]).all()
    assert (gate.scores(same).no_mineral <= gate.threshold).all()


def test_gate_is_restored(gate: Gate) -> None:
    values = GateValues.model_validate_json(gate.values().model_dump_json())
    restored = restore_gate(values, gate.arrays(), 3)
    assert restored.widths == (6, 4)
    assert restored.threshold == gate.threshold
    assert restored.texture_weight == TEXTURE_WEIGHT
    mine, theirs = (vars(one.scores(draw_parts(2))) for one in (restored, gate))
    for name, scores in mine.items():
        np.testing.assert_array_equal(scores, theirs[name])


def test_novelty_is_the_relative_distance_of_the_last_part_in_proportion_to_the_others(
    gate: Gate,
) -> None:
    (_, train), (_, val), (_, pictures) = (draw_parts(seed) for seed in range(3))
    distance = fit_relative_distance(train, LABELS)
    weight = NOVELTY_SPREAD * DISTANCES.std() / distance.score(val).std()
    novelty = gate.scores(draw_parts(2)).novelty
    np.testing.assert_allclose(novelty, weight * distance.score(pictures), rtol=1e-6)


def test_gates_of_older_versions_add_nothing_to_the_ood_score(gate: Gate) -> None:
    old = replace(gate, novelty=None)
    values = GateValues.model_validate_json(old.values().model_dump_json(exclude_none=True))
    restored = restore_gate(values, old.arrays(), 3)
    assert not restored.scores(draw_parts(2)).novelty.any()


@pytest.mark.parametrize(
    "edit",
    [
        lambda a: a.pop("gate_1_means"),
        lambda a: a.update(gate_2_means=a["gate_1_means"]),
        lambda a: a.update(gate_0_means=a["gate_0_means"][1:].copy()),
        lambda a: a.update(gate_0_means=a["gate_0_means"].astype(np.float64)),
        lambda a: a.update(gate_0_means=np.full((3, 6), np.nan, np.float32)),
        lambda a: a.update(gate_0_directions=np.zeros((129, 6), np.float32)),
        lambda a: a.update(gate_0_means=np.full((3, 6), 1e30, np.float32)),
        lambda a: a.update(gate_0_directions=np.full((1, 6), -1e30, np.float32)),
        lambda a: a.pop("gate_novelty_class_means"),
        lambda a: a.update(gate_novelty_class_means=a["gate_0_means"]),
        lambda a: a.update(gate_novelty_directions=np.zeros((65, 4), np.float32)),
        lambda a: a.update(gate_novelty_overall_mean=np.zeros((1, 6), np.float32)),
        lambda a: a.update(gate_novelty_overall_directions=np.full((1, 4), 2, np.float32)),
    ],
)
def test_arrays_that_do_not_fit_are_refused(gate: Gate, edit: Callable[[Arrays], object]) -> None:
    arrays = gate.arrays()
    edit(arrays)
    with pytest.raises(ValueError, match="gate_"):
        restore_gate(gate.values(), arrays, 3)


@pytest.mark.parametrize(
    "change",
    [
        {"spread": [1.0]},
        {"spread": [1.0, 0.0]},
        {"spread": [1.0, 5e-324]},  # which would make all scores infinite
        {"typical": [0.1, 1e308]},
        {"threshold": 1e308},
        {"typical": []},
        {"threshold": float("nan")},
        {"image_size": 10**6},
        {"texture_weight": 1.5},
        {"novelty_weight": None},
        {"novelty_weight": -1.0},
        {"novelty_overall": 1e308},
    ],
)
def test_values_out_of_bounds_are_refused(gate: Gate, change: dict[str, object]) -> None:
    with pytest.raises(ValidationError):
        GateValues.model_validate(gate.values().model_dump() | change)
