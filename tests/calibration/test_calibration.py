"""A calibration is fitted, saved, restored, and rejected when its parts do not fit together."""

import json
from typing import Any

import numpy as np
import numpy.typing as npt
import pytest
from pydantic import ValidationError

from mineral_recog.calibration.calibration import (
    Calibration,
    CalibrationValues,
    fit_calibration,
    restore_calibration,
)
from mineral_recog.calibration.distance_ood import DistanceOodDetector

GROUPS = ("head", "medium", "tail")
COUNTS = (30, 12, 3)


def features_and_labels(
    rng: np.random.Generator, width: int = 8
) -> tuple[npt.NDArray[np.float32], Any]:
    labels = np.repeat(np.arange(3), COUNTS)
    features = rng.normal(size=(len(labels), width)) + 3 * np.eye(width)[labels]
    return features.astype(np.float32), labels


@pytest.fixture(scope="module")
def calibration() -> Calibration:
    rng = np.random.default_rng(0)
    (train, train_labels), (val, val_labels) = features_and_labels(rng), features_and_labels(rng)
    return fit_calibration(train, train_labels, val, val[:, :3], val_labels, GROUPS)


def test_saved_calibration_is_restored(calibration: Calibration) -> None:
    text = calibration.values().model_dump_json()
    values = CalibrationValues.model_validate(json.loads(text))
    restored = restore_calibration(values, calibration.arrays(), GROUPS, 8)
    features, _ = features_and_labels(np.random.default_rng(1))
    logits = features[:, :3]
    np.testing.assert_array_equal(restored.probabilities(logits), calibration.probabilities(logits))
    np.testing.assert_array_equal(
        restored.ood.score(features, logits), calibration.ood.score(features, logits)
    )
    assert restored.ood.threshold == calibration.ood.threshold
    for coverage in (0.5, 0.9):
        np.testing.assert_array_equal(
            restored.conformal.thresholds(coverage), calibration.conformal.thresholds(coverage)
        )


def test_probabilities_use_the_temperature(calibration: Calibration) -> None:
    probabilities = calibration.probabilities(np.array([[calibration.temperature, 0.0, 0.0]]))[0]
    assert probabilities[0] / probabilities[1] == pytest.approx(np.e)


def test_arrays_are_small_and_float32(calibration: Calibration) -> None:
    assert {name: array.shape for name, array in calibration.arrays().items()} == {
        "conformal_scores": (45,),
        "class_means": (3, 8),
        "directions": (8, 8),
        "overall_mean": (1, 8),
        "overall_directions": (8, 8),
    }
    assert all(array.dtype == np.float32 for array in calibration.arrays().values())


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("temperature", 0.0),
        ("temperature", float("nan")),
        ("temperature", "1.5"),
        ("val_counts", [1, -1, 2]),
        ("novelty_weight", -1.0),
        ("novelty_overall", None),
        ("novelty_ordinary", 1.0),
        ("novelty_threshold", float("inf")),
        ("novelty_threshold", 1e308),
        ("novelty_weight", 1e308),
        ("novelty_overall", 1e308),
        ("plain_threshold", 1.5),
        ("unknown", 1),
    ],
)
def test_invalid_values_are_rejected(calibration: Calibration, field: str, value: object) -> None:
    values = calibration.values().model_dump() | {field: value}
    with pytest.raises(ValidationError, match=field):
        CalibrationValues.model_validate(values)


@pytest.mark.parametrize(
    ("name", "array", "message"),
    [
        ("conformal_scores", np.zeros(44, np.float32), r"\(45,\)"),
        ("conformal_scores", np.linspace(1, 0, 45, dtype=np.float32), "sorted"),
        ("conformal_scores", np.full(45, 2, np.float32), "between 0 and 1"),
        ("class_means", np.zeros((3, 9), np.float32), r"\(3, 8\)"),
        ("class_means", np.zeros((3, 8)), "float32"),
        ("class_means", np.full((3, 8), np.nan, np.float32), "finite"),
        ("class_means", np.full((3, 8), 1e30, np.float32), "class_means is not between -1 and 1"),
        ("directions", np.full((8, 8), -1e30, np.float32), "directions is not between -1 and 1"),
        ("directions", np.zeros((65, 8), np.float32), r"\(64, 8\)"),
        ("directions", np.float32(1), "directions"),
        ("overall_mean", np.zeros((3, 8), np.float32), r"\(1, 8\)"),
        ("overall_directions", np.zeros((65, 8), np.float32), r"\(64, 8\)"),
        ("more", np.zeros(1, np.float32), "more"),
    ],
)
def test_invalid_arrays_are_rejected(
    calibration: Calibration, name: str, array: npt.NDArray[np.float32], message: str
) -> None:
    with pytest.raises(ValueError, match=message):
        restore_calibration(calibration.values(), calibration.arrays() | {name: array}, GROUPS, 8)


def test_values_of_another_model_are_rejected(calibration: Calibration) -> None:
    with pytest.raises(ValueError, match="3 classes, not 2"):
        restore_calibration(calibration.values(), calibration.arrays(), GROUPS[:2], 8)


def test_calibration_of_an_older_bundle_keeps_its_ood_score(calibration: Calibration) -> None:
    arrays, values = calibration.arrays(), calibration.values().model_dump()
    del arrays["overall_mean"], arrays["overall_directions"], values["novelty_overall"]
    values |= {"novelty_weight": 0.5, "novelty_ordinary": 2.0, "novelty_threshold": 0.7}
    older = restore_calibration(CalibrationValues(**values), arrays, GROUPS, 8)
    features, _ = features_and_labels(np.random.default_rng(1))
    parts = arrays["class_means"], arrays["directions"]
    expected = DistanceOodDetector(*parts, 0.5, 2.0, 0.7, values["plain_threshold"])
    np.testing.assert_array_equal(
        older.ood.score(features, features[:, :3]), expected.score(features, features[:, :3])
    )
    assert restore_calibration(older.values(), older.arrays(), GROUPS, 8).values() == older.values()
