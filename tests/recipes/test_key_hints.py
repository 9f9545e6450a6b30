"""Hints for wrong keys: what was meant, by paths that are valid."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from mineral_recog.errors import UserError
from mineral_recog.recipes.key_hints import _OTHER_WORDS, hint_for
from mineral_recog.recipes.loss_settings import Losses, Settings
from mineral_recog.recipes.recipe import Recipe
from mineral_recog.recipes.recipe_file import read_recipe, shipped_recipes
from mineral_recog.recipes.stage import Stage

BALANCED = "stages.ce.losses.cross_entropy.effective_number or stages.ce.sampler"
OPTIMISER = "optimiser?"


def error_for(recipe: str, setting: str) -> str:
    with pytest.raises(UserError) as caught:
        read_recipe(recipe, [setting])
    return str(caught.value)


@pytest.mark.parametrize(
    ("key", "hint"),
    [
        ("lr", "stages.ce.lr"),
        ("learning_rate", "stages.ce.lr"),
        ("stages.ce.learning_rate", "stages.ce.lr"),
        ("stages.ce.losses.cross_entropy.lr", "stages.ce.lr"),
        ("stages.lr", "stages.ce.lr"),
        ("class_weights", BALANCED),
        ("stages.ce.class_weights", BALANCED),
        ("stages.ce.losses.cross_entropy.class_weights", BALANCED),
        ("weights", "pretrained, stages.ce.weights or stages.ce.losses.cross_entropy.effective"),
        ("optimizer", OPTIMISER),
        ("stages.ce.optimizer", OPTIMISER),
        ("betas", "momentum"),
        ("gradient_accumulation_steps", "accumulate"),
        ("stages.ce.max_grad_norm", "clip_norm"),
        ("backbone_lr_mult", "backbone_lr_factor"),
        ("llrd", "layer_decay"),
        ("stages.ce.momentum", "momentum"),
        ("num_epochs", "epochs"),
        ("epohcs", "epochs"),
        ("stages.epochs", "epochs"),
        ("stages.ce.losses.epochs", "epochs"),
        ("stages.ce.num_epochs", "stages.ce.epochs"),
        ("batchsize", "batch_size"),
        ("BatchSize", "batch_size"),
        ("stages.ce.batch_size", "batch_size"),
        ("imgsz", "image_size"),
        ("model", "backbone"),
        ("mixup", "stages.ce.mixup"),
        ("sampler", "stages.ce.sampler"),
        ("gamma", "stages.ce.losses.focal.gamma"),
        ("stages.ce.losses.focal_loss", "stages.ce.losses.focal"),
        ("stages.ce.losses.cross_entropy.wieght", "stages.ce.losses.cross_entropy.weight"),
        ("after.tau", "after.taus"),
        ("outlier_exposure", "outliers"),
        ("stages.ce.oe_lambda", "outliers"),
        ("outliers.wieght", "outliers.weight"),
    ],
)
def test_wrong_key_gets_the_path_of_the_right_one(key: str, hint: str) -> None:
    assert f"did you mean {hint}" in error_for("baseline", f"{key}=1")


def test_key_of_a_stage_is_offered_in_every_stage() -> None:
    every_stage = "stages.fea.lr, stages.cfl.lr or stages.crt.lr?"
    assert f"lr: unknown key (did you mean {every_stage})" in error_for("multi_stage", "lr=1")


@pytest.mark.parametrize(
    ("key", "text"),
    [
        ("workers", "(use --workers)"),
        ("num_classes", "class folders of DATA"),
        ("dropout", "(its keys are backbone, pretrained,"),
        ("stages.ce.nothing", "(its keys are epochs, min_steps, lr,"),
    ],
)
def test_key_without_an_equal_gets_other_help(key: str, text: str) -> None:
    assert text in error_for("baseline", f"{key}=1")


@pytest.mark.parametrize("recipe", ["baseline", "multi_stage", "ldam_drw", "mislas"])
def test_every_path_in_a_hint_is_valid(recipe: str) -> None:
    stages = read_recipe(recipe).model_dump()["stages"]
    words = {word for words, *_ in _OTHER_WORDS for word in words.split()}
    parts: list[type[Settings]] = [Recipe, Stage, Losses, *Losses.kinds().values()]
    for settings in parts:
        words |= set(settings.model_fields)
    first = next(iter(stages))
    prefixes = ("", f"stages.{first}.", f"stages.{first}.losses.",
                f"stages.{first}.losses.focal.", "stages.", "after.")  # fmt: skip
    paths = set()
    for prefix in prefixes:
        for word in words:
            hint = hint_for(f"{prefix}{word}".split("."), stages)
            named = re.search(r"did you mean (.*?)\?", hint)
            paths |= set(re.split(", | or ", named[1])) if named else set()
    assert len(paths) > 30
    for path in paths:
        try:
            read_recipe(recipe, [f"{path}=0"])
        except UserError as error:  # about the value 0
            assert "unknown key" not in str(error)


@pytest.mark.parametrize("settings", [[], ["epochs=5"], ["lr_scale=2"]])
def test_recipe_without_stages_is_reported(tmp_path: Path, settings: list[str]) -> None:
    file = tmp_path / "mine.yaml"
    file.write_text("model:\n", encoding="utf-8")
    with pytest.raises(UserError, match=r"stages is missing: begin .* `base: baseline`.*backbone"):
        read_recipe(str(file), settings)
    with pytest.raises(UserError, match=r"learning_rate: .*did you mean stages\.STAGE\.lr"):
        read_recipe(str(file), [*settings, "learning_rate=1"])


def test_class_weights_name_a_shipped_recipe() -> None:
    assert "recipe class_balanced_loss" in error_for("baseline", "class_weights=1")
    assert "class_balanced_loss" in shipped_recipes()


def test_hint_in_chinese(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MINERAL_RECOG_LANG", "zh")
    assert "lr：未知的键（是否指 stages.ce.lr？）" in error_for("baseline", "lr=1")
