"""Reasons of pydantic in Chinese."""

from __future__ import annotations

from typing import Any, get_args

import pytest
from pydantic import ValidationError
from pydantic_core import core_schema

from mineral_recog.i18n import use_language
from mineral_recog.recipes.recipe import Recipe
from mineral_recog.serve.request_schemas import AnswerParameters, Question
from mineral_recog.validation import CHINESE_REASONS, reason

STAGE: dict[str, Any] = {"epochs": 1, "lr": 0.1, "losses": {"cross_entropy": {}}}
SIGHTING: dict[str, Any] = {"logits": [0.0], "strangeness": 0.0}


@pytest.mark.parametrize(
    ("model", "values"),
    [
        (Recipe, {"stages": {}}),
        (Recipe, {"stages": []}),
        (Recipe, {"stages": {"ce": STAGE | {"epochs": 0}}}),
        (Recipe, {"stages": {"ce": STAGE | {"epochs": 1.5, "lr": "x", "losses": 3}}}),
        (Recipe, {"stages": {"ce": STAGE | {"schedule": "no", "warmup": 1, "mixup": -1}}}),
        (Recipe, {"stages": {"ce": STAGE}, "cache": "no", "batch_size": None, "more": 1}),
        (Recipe, {"stages": {"ce": STAGE}, "after": {"taus": []}, "momentum": float("nan")}),
        (Recipe, {"stages": {"ce": STAGE}, "backbone": 3, "seed": 2**40, "crop_scale": 0}),
        (AnswerParameters, {"top": "x", "heat_map": "x", "coverage": 2, "hardness": "6" * 201}),
        (Question, {"sightings": []}),
        (Question, {"sightings": [SIGHTING] * 17, "top": True}),
        (Question, {"sightings": [{"logits": 3, "strangeness": "x"}], "evidence": 3}),
        (Question, {"sightings": [{"logits": ["x"]}]}),
    ],
)
def test_reasons_are_chinese(model: Any, values: dict[str, Any]) -> None:
    with pytest.raises(ValidationError) as caught:
        model.model_validate(values)
    for error in caught.value.errors():
        with use_language("zh"):
            chinese = reason(error)
        assert not chinese.isascii(), error
        assert "{" not in chinese
        with use_language("en"):
            assert reason(error) == error["msg"]


def test_all_types_exist() -> None:
    assert set(CHINESE_REASONS) <= set(get_args(core_schema.ErrorType))
