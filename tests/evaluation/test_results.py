"""What an evaluation found must fit together."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from mineral_recog.evaluation.results import Answers, Predictions
from tests.conftest import dataset_of
from tests.evaluation.believed import PHOTOS, evaluation


@pytest.mark.parametrize("field", ["labels", "logits", "features"])
def test_predictions_are_of_the_same_photos(field: str) -> None:
    with pytest.raises(ValueError, match="differ in length"):
        replace(PHOTOS, **{field: getattr(PHOTOS, field)[:-1]})
    with pytest.raises(ValueError, match="differ in length"):
        Predictions(PHOTOS.labels, PHOTOS.logits, PHOTOS.features, dataset_of(Path("gone"), [""]))


@pytest.mark.parametrize("field", ["photos", "labels", "ranks", "confidence"])
def test_answers_are_of_the_same_photos(field: str) -> None:
    answers = Answers(("a", "b"), np.array([0, 1]), np.array([1, 2]), np.array([0.9, 0.4]))
    with pytest.raises(ValueError, match="differ in length"):
        replace(answers, **{field: getattr(answers, field)[:-1]})


@pytest.mark.parametrize("field", ["train_counts", "groups", "class_accuracy", "test_counts"])
def test_what_goes_by_class_is_of_every_class(field: str) -> None:
    whole = evaluation(None)
    with pytest.raises(ValueError, match=f"{field} must have one entry"):
        replace(whole, **{field: getattr(whole, field)[:-1]})
