"""Recipes: what they hold, and how wrong ones are told."""

from __future__ import annotations

from pathlib import Path

import pytest
import yaml

from mineral_recog.config import Recipe
from mineral_recog.errors import UserError
from mineral_recog.recipe_file import read_recipe, shipped_recipes


def test_the_method_is_three_declarations_with_the_published_settings() -> None:
    recipe = read_recipe("multi_stage")
    assert list(recipe.stages) == ["fea", "cfl", "crt"]
    fea, cfl, crt = recipe.stages.values()
    assert (fea.epochs, cfl.epochs, crt.epochs) == (60, 40, 10)
    assert (fea.lr, cfl.lr, crt.lr) == (0.002, 0.002, 0.001)
    assert (fea.sampler, cfl.sampler, crt.sampler) == ("natural", "mixed_halves", "class_balanced")
    assert fea.losses.frequency_aware is not None
    assert cfl.losses.center is not None
    assert (cfl.losses.center.weight, cfl.losses.center.lr) == (0.0003, 0.5)
    assert crt.losses.model_dump(exclude_none=True) == {"cross_entropy": {"weight": 1.0}}
    assert [stage.freeze_backbone for stage in (fea, cfl, crt)] == [False, False, True]
    assert (recipe.backbone, recipe.batch_size, recipe.image_size) == ("resnet50", 128, 224)
    assert (recipe.momentum, recipe.weight_decay, recipe.seed) == (0.9, 0.0005, 3407)


def test_the_baseline_runs_as_long() -> None:
    baseline = read_recipe("baseline")
    assert list(baseline.stages) == ["ce"]
    assert baseline.epochs == read_recipe("multi_stage").epochs == 110


def test_stage_at_finds_the_stage_of_each_epoch() -> None:
    recipe = read_recipe("multi_stage")
    found = [recipe.stage_at(epoch) for epoch in (0, 59, 60, 99, 100, 109)]
    assert found == [("fea", 0)] * 2 + [("cfl", 60)] * 2 + [("crt", 100)] * 2
    with pytest.raises(IndexError):
        recipe.stage_at(110)


def test_settings_are_typed_and_reach_every_depth() -> None:
    recipe = read_recipe(
        "multi_stage",
        ["stages.fea.epochs=5", "stages.cfl.losses.center.weight=1e-3", "pretrained=false"],
    )
    assert recipe.stages["fea"].epochs == 5
    assert recipe.stages["cfl"].losses.center is not None
    assert recipe.stages["cfl"].losses.center.weight == 0.001
    assert recipe.pretrained is False
    assert read_recipe("multi_stage", ["pretrained=w.pth"]).pretrained == "w.pth"


def test_a_continuing_stage_takes_the_lr_set_before_it() -> None:
    recipe = read_recipe("multi_stage", ["stages.fea.lr=0.01"])
    assert recipe.stages["cfl"].lr == 0.01
    assert recipe.stages["crt"].lr == 0.001


def test_a_loss_can_be_taken_out_and_put_in() -> None:
    recipe = read_recipe(
        "baseline", ["stages.ce.losses.cross_entropy=null", "stages.ce.losses.frequency_aware={}"]
    )
    assert recipe.stages["ce"].losses.model_dump(exclude_none=True) == {
        "frequency_aware": {"weight": 1.0, "tau": 1.0, "prior": "natural"}
    }


def test_the_resolved_recipe_reads_back_as_itself(tmp_path: Path) -> None:
    recipe = read_recipe("multi_stage", ["image_size=64"])
    file = tmp_path / "recipe.yaml"
    file.write_text(recipe.to_yaml(), encoding="utf-8")
    assert read_recipe(str(file)) == recipe
    assert yaml.safe_load(recipe.to_yaml())["stages"]["cfl"]["lr"] == 0.002


def test_wrong_keys_and_values_are_told_all_at_once_by_path() -> None:
    with pytest.raises(UserError) as told:
        read_recipe(
            "multi_stage",
            [
                "stages.cfl.losses.center.wieght=1",
                "stages.fea.epochs=many",
                "imagesize=3",
                "batch_size=1",
            ],
        )
    message = str(told.value)
    assert "stages.cfl.losses.center.wieght: unknown key (did you mean weight?)" in message
    assert "stages.fea.epochs: Input should be a valid integer" in message
    assert "imagesize: unknown key (did you mean image_size?)" in message
    assert "batch_size: Input should be greater than or equal to 2 (1)" in message
    assert "\n" not in message


@pytest.mark.parametrize(
    ("text", "value"), [("1e-3", 0.001), ("5", 5.0), (".5", 0.5), ("0.002", 0.002)]
)
def test_numbers_are_read_as_they_look(text: str, value: float) -> None:
    assert read_recipe("baseline", [f"stages.ce.lr={text}"]).stages["ce"].lr == value


@pytest.mark.parametrize("text", ["on", "yes", "1:30", "2024-01-01", "0x10", "many"])
def test_words_are_not_taken_for_numbers(text: str) -> None:
    with pytest.raises(UserError, match=r"stages\.ce\.lr: Input should be a valid number"):
        read_recipe("baseline", [f"stages.ce.lr={text}"])


@pytest.mark.parametrize(
    ("setting", "reason"),
    [
        ("stages.fea.epochs", "key=value"),
        ("stages.ce.epochs=5", "no stage ce; its stages are fea, cfl, crt"),
        ("=3", "key=value"),
        ("stages.crt.schedule=continue", "same freeze_backbone"),
        ("stages.fea.schedule=continue", "continue"),
        ("stages.fea.lr=null", "the first stage needs one"),
        ("stages.fea.losses={}", "needs cross_entropy or frequency_aware"),
        ("stages.fea.losses={center: {}}", "needs cross_entropy or frequency_aware"),
        ("stages={}", "stages"),
        ("stages.fea.lr=.nan", "finite"),
        ("stages.fea.sampler=loud", "natural"),
    ],
)
def test_settings_that_make_no_sense_are_refused(setting: str, reason: str) -> None:
    with pytest.raises(UserError, match=reason):
        read_recipe("multi_stage", [setting])


def test_an_unknown_recipe_names_those_there_are(tmp_path: Path) -> None:
    with pytest.raises(UserError, match="baseline, multi_stage"):
        read_recipe("multistage")
    with pytest.raises(UserError, match="No recipe"):
        read_recipe(str(tmp_path / "none.yaml"))


@pytest.mark.parametrize("text", ["stages: [", "- 1", "", "!!python/object:os.system {}"])
def test_a_file_that_is_no_recipe_is_told(tmp_path: Path, text: str) -> None:
    file = tmp_path / "mine.yaml"
    file.write_text(text, encoding="utf-8")
    with pytest.raises(UserError, match=r"mine\.yaml"):
        read_recipe(str(file))


def test_every_shipped_recipe_is_valid() -> None:
    assert set(shipped_recipes()) >= {"baseline", "multi_stage"}
    assert all(isinstance(read_recipe(name), Recipe) for name in shipped_recipes())
