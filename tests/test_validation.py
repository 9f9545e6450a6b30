"""Reasons of pydantic in Chinese."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any, get_args

import pytest
from pydantic import ValidationError
from pydantic_core import core_schema

from mineral_recog.curation.decisions import Decisions, read_decisions
from mineral_recog.errors import UserError
from mineral_recog.i18n import use_language
from mineral_recog.models.bundle_config import Config
from mineral_recog.models.gallery import _GalleryIndex
from mineral_recog.recipes.recipe import Recipe
from mineral_recog.recipes.recipe_file import read_recipe
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
        (Recipe, {"stages": {"ce": STAGE}, "backbone": 3, "seed": 2**40, "crop": {"scale": 0}}),
        (Decisions, {"keep": 3, "drop": [1], "move": {"a": 1}, "classes": [], "more": 1}),
        (Decisions, []),
        (Decisions, {"keep": ["{a}"], "drop": ["{a}"]}),
        (Decisions, {"classes": {"a": "b", "b": "c"}}),
        (Config, {"version": 3, "classes": ["a"], "groups": ["no"], "train_counts": [0]}),
        (Config, {"backbone": 1, "preprocessing": {"mean": [1], "std": "x", "image_size": 1}}),
        (_GalleryIndex, {"photos": [{"label": "x"}]}),
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
        if error["type"] == "value_error":  # written in the user's language by our validators
            continue
        with use_language("zh"):
            chinese = reason(error)
        assert not chinese.isascii(), error
        assert "{" not in chinese
        with use_language("en"):
            assert reason(error) == error["msg"]


def test_all_types_exist() -> None:
    assert set(CHINESE_REASONS) <= set(get_args(core_schema.ErrorType))


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ('{"keep": 3}', "keep: 须为列表"),
        ('{"keep": ["{a}"], "drop": ["{a}"]}', "（{a} 有两个决定）"),
        ('{"more": 3}', "more: 未知的键"),
        ('{"keep"}', "缺少 :：第 1 行第 8 列"),
        ("\xff", "不是 UTF-8 文本"),
    ],
)
def test_decisions_are_refused_in_chinese(tmp_path: Path, text: str, shown: str) -> None:
    path = tmp_path / "decisions.json"
    path.write_bytes(text.encode("latin-1"))
    with use_language("zh"), pytest.raises(UserError, match=re.escape(shown)):
        read_decisions(path)
    path.unlink()
    with use_language("zh"), pytest.raises(UserError, match="文件或文件夹不存在"):
        read_decisions(path)


@pytest.mark.parametrize(
    ("setting", "shown"),
    [
        ("stages.ce.lr=x", "stages.ce.lr: 须为数"),
        ("batch_size=0", "batch_size: 须不小于 "),
        ("precision=x", "precision: 须为 "),
        ("lr=3", "lr：未知的键"),
    ],
)
def test_recipes_are_refused_in_chinese(setting: str, shown: str) -> None:
    with use_language("zh"), pytest.raises(UserError, match=re.escape(shown)):
        read_recipe("baseline", [setting])
