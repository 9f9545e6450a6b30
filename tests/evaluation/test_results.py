"""The results of an evaluation must be consistent."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from mineral_recog.evaluation.results import Answers, Predictions
from tests.conftest import make_dataset
from tests.evaluation.calibrated_evaluation import PHOTOS, make_evaluation


@pytest.mark.parametrize("field", ["labels", "logits", "features"])
def test_predictions_must_have_equal_lengths(field: str) -> None:
    with pytest.raises(ValueError, match="differ in length"):
        replace(PHOTOS, **{field: getattr(PHOTOS, field)[:-1]})
    with pytest.raises(ValueError, match="differ in length"):
        Predictions(PHOTOS.labels, PHOTOS.logits, PHOTOS.features, make_dataset(Path("gone"), [""]))


@pytest.mark.parametrize("field", ["paths", "labels", "ranks", "confidence"])
def test_answers_must_have_equal_lengths(field: str) -> None:
    answers = Answers(("a", "b"), np.array([0, 1]), np.array([1, 2]), np.array([0.9, 0.4]))
    with pytest.raises(ValueError, match="differ in length"):
        replace(answers, **{field: getattr(answers, field)[:-1]})


@pytest.mark.parametrize("field", ["train_counts", "groups", "class_accuracy", "test_counts"])
def test_fields_per_class_must_cover_every_class(field: str) -> None:
    complete = make_evaluation(None)
    with pytest.raises(ValueError, match=f"{field} must have one entry"):
        replace(complete, **{field: getattr(complete, field)[:-1]})
