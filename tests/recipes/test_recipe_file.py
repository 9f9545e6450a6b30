"""Recipes: their settings, and the errors of wrong ones."""

from __future__ import annotations

from pathlib import Path

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from mineral_recog.errors import UserError
from mineral_recog.recipes.loss_settings import Losses
from mineral_recog.recipes.recipe import Recipe
from mineral_recog.recipes.recipe_file import _split_in_proportion, read_recipe, shipped_recipes
from mineral_recog.recipes.stage import Stage


def test_multi_stage_has_the_published_settings() -> None:
    recipe = read_recipe("multi_stage")
    assert list(recipe.stages) == ["fea", "cfl", "crt"]
    fea, cfl, crt = recipe.stages.values()
    assert (fea.epochs, cfl.epochs, crt.epochs) == (60, 40, 10)
    assert (fea.lr, cfl.lr) == (0.002, 0.002)
    assert (fea.sampler, cfl.sampler, crt.sampler) == ("natural", "mixed_halves", "class_balanced")
    assert fea.losses.frequency_aware is not None
    assert cfl.losses.center is not None
    assert cfl.losses.center.lr == 0.5
    assert crt.losses.model_dump(exclude_none=True) == {"cross_entropy": {"weight": 1.0}}
    assert [stage.train for stage in (fea, cfl, crt)] == ["all", "all", "classifier"]
    assert (recipe.backbone, recipe.batch_size, recipe.image_size) == ("resnet50", 128, 224)
    assert (recipe.momentum, recipe.weight_decay, recipe.seed) == (0.9, 0.0005, 3407)


def test_released_settings_differ_where_the_scripts_are_reported_to() -> None:
    recipe = read_recipe("released_settings")
    _, cfl, crt = recipe.stages.values()
    assert (recipe.probabilities, recipe.cycle_momentum, recipe.weight_decay) == (
        "adjusted", True, 0.0007,
    )  # fmt: skip
    assert cfl.losses.center is not None
    assert (cfl.sampler, cfl.losses.center.scale, cfl.losses.center.weight) == (
        "mixed_batches", "absolute", 0.0003,
    )  # fmt: skip
    assert list(crt.losses.terms) == ["frequency_aware"]
    assert (crt.lr, crt.min_steps, crt.feature_views, crt.freeze_normalisation) == (
        0.001, 0, 0, False,
    )  # fmt: skip


def test_baseline_has_as_many_epochs() -> None:
    baseline = read_recipe("baseline")
    assert list(baseline.stages) == ["ce"]
    assert baseline.epochs == read_recipe("multi_stage").epochs == 110


def test_stage_at_returns_the_stage_of_each_epoch() -> None:
    recipe = read_recipe("multi_stage")
    placed = [recipe.stage_at(epoch) for epoch in (0, 59, 60, 99, 100, 109)]
    stages = [(stage.name, stage.first_epoch) for stage in placed]
    assert stages == [("fea", 0)] * 2 + [("cfl", 60)] * 2 + [("crt", 100)] * 2
    assert all(stage.stage is recipe.stages[stage.name] for stage in placed)
    with pytest.raises(IndexError):
        recipe.stage_at(110)


def test_settings_are_typed_and_may_be_nested() -> None:
    recipe = read_recipe(
        "multi_stage",
        ["stages.fea.epochs=5", "stages.cfl.losses.center.weight=1e-3", "pretrained=false"],
    )
    assert recipe.stages["fea"].epochs == 5
    assert recipe.stages["cfl"].losses.center is not None
    assert recipe.stages["cfl"].losses.center.weight == 0.001
    assert recipe.pretrained is False
    assert read_recipe("multi_stage", ["pretrained=w.pth"]).pretrained == "w.pth"


def test_continuing_stage_takes_the_lr_of_the_stage_before() -> None:
    recipe = read_recipe("multi_stage", ["stages.fea.lr=0.01"])
    assert recipe.stages["cfl"].lr == 0.01
    assert recipe.stages["crt"].lr == read_recipe("multi_stage").stages["crt"].lr


def test_losses_can_be_removed_and_added() -> None:
    recipe = read_recipe(
        "baseline", ["stages.ce.losses.cross_entropy=null", "stages.ce.losses.frequency_aware={}"]
    )
    assert recipe.stages["ce"].losses.model_dump(exclude_none=True) == {
        "frequency_aware": {"weight": 1.0, "tau": 1.0, "prior": "sampled"}
    }


def test_resolved_recipe_reads_back_as_equal(tmp_path: Path) -> None:
    recipe = read_recipe("multi_stage", ["image_size=64"])
    file = tmp_path / "recipe.yaml"
    file.write_text(recipe.to_yaml(), encoding="utf-8")
    assert read_recipe(str(file)) == recipe
    assert yaml.safe_load(recipe.to_yaml())["stages"]["cfl"]["lr"] == 0.002


def test_wrong_keys_and_values_are_reported_together_with_their_paths() -> None:
    with pytest.raises(UserError) as caught:
        read_recipe(
            "multi_stage",
            [
                "stages.cfl.losses.center.wieght=1",
                "stages.fea.epochs=many",
                "imagesize=3",
                "batch_size=1",
            ],
        )
    message = str(caught.value)
    assert "stages.cfl.losses.center.wieght: unknown key (did you mean stages.cfl" in message
    assert "stages.fea.epochs: Input should be a valid integer" in message
    assert "imagesize: unknown key (did you mean image_size?)" in message
    assert "batch_size: Input should be greater than or equal to 2 (1)" in message
    assert "\n" not in message


@pytest.mark.parametrize(
    ("text", "value"), [("1e-3", 0.001), ("5", 5.0), (".5", 0.5), ("0.002", 0.002)]
)
def test_numbers_are_parsed_as_written(text: str, value: float) -> None:
    assert read_recipe("baseline", [f"stages.ce.lr={text}"]).stages["ce"].lr == value


def test_null_removes_a_stage() -> None:
    assert list(read_recipe("multi_stage", ["stages.crt=null"]).stages) == ["fea", "cfl"]


@pytest.mark.parametrize("text", ["on", "yes", "1:30", "2024-01-01", "0x10", "many"])
def test_words_are_not_parsed_as_numbers(text: str) -> None:
    with pytest.raises(UserError, match=r"stages\.ce\.lr: Input should be a valid number"):
        read_recipe("baseline", [f"stages.ce.lr={text}"])


@pytest.mark.parametrize(
    ("setting", "reason"),
    [
        ("stages.fea.epochs", "key=value"),
        ("stages.ce.epochs=5", "no stage ce; its stages are fea, cfl, crt"),
        ("=3", "key=value"),
        ("stages.crt.schedule=continue", "same train"),
        ("stages.fea.schedule=continue", "continue"),
        ("stages.fea.lr=null", "the first stage needs one"),
        ("stages.fea.losses={}", "needs one of cross_entropy"),
        ("stages.fea.losses={center: {}}", "needs one of cross_entropy"),
        ("stages={}", "stages"),
        ("stages.fea.lr=.nan", "finite"),
        ("stages.fea.sampler=loud", "natural"),
        ("outliers.weight=0", r"outliers\.weight: .*greater than 0"),
        ("outliers.photos=0", r"outliers\.photos: .*greater than or equal to 1"),
        ("outliers.photos=1025", r"outliers\.photos: .*less than or equal to 1024"),
        ("outliers=0.5", "outliers: .*dictionary"),
        (
            "stages.fea.outliers.photos=3",
            r"stages\.fea\.outliers: unknown key \(did you mean outliers",
        ),
        ("stages.fea.feature_views=2", "feature_views needs train: classifier"),
        ("stages.crt={epochs: 1, losses: {ldam: {}}}", "ldam needs head: cosine"),
        ("stages.fea.classifier=rescale", "rescale needs train: classifier"),
        ("stages.fea.train=some", r"stages\.fea\.train: .*'last_blocks'"),
        ("stages.fea.blocks=2", "blocks needs train: last_blocks"),
        ("stages.fea.blocks=0", "greater than or equal to 1"),
        ("stages.fea.lora.rank=4", "lora needs train: lora"),
        ("stages.fea.lora.rank=0", r"lora\.rank: .*greater than or equal to 1"),
        ("stages.fea.freeze_backbone=maybe", r"unknown key \(did you mean stages\.fea\.train"),
        ("stages.cfl.train=norm_and_bias", "same train"),
        ("head_scale=20", "head_scale needs head: cosine"),
        ("head_scale=0", r"head_scale: .*greater than 0"),
        ("stages.cfl.mixup=0.2", "center needs photos of one class"),
        ("stages.cfl.cutmix=1", "center needs photos of one class"),
        ("stages.crt.cutmix=1", "no mixup or cutmix"),
        ("stages.fea.cutmix=-1", "greater than or equal to 0"),
        ("augmentation.colour=1.5", r"augmentation\.colour: .*less than or equal to 1"),
        ("augmentation.hue=0.6", r"augmentation\.hue: .*less than or equal to 0.5"),
        ("augmentation.erasing=-1", r"augmentation\.erasing: .*greater"),
        ("augmentation.keep_colour=true", "keep_colour needs colour or hue"),
        ("augmentation.color=0.4", "did you mean augmentation.colour"),
        ("center_share=0.3", "center_share: must be auto or a number from 0.5 to 1"),
        ("center_share=best", "center_share: must be auto or a number"),
        ("interpolation=nearest", "interpolation: .*bicubic"),
        ("test_views=3", "test_views: .*1, 2 or 5"),
        ("color_jitter=0.4", "did you mean augmentation.colour"),
        ("after={kind: logit_adjustment, taus: []}", "after.taus"),
        ("epochs=1", "at least one per stage"),
        ("epochs=1000000000000000000", "at most 1,000,000"),
        ("stages.fea.epochs=1000000000000000000", "stages.fea.epochs"),
        ("epochs=many", "whole number"),
        ("lr_scale=0", "above 0"),
        ("optimiser=adam", "'sgd' or 'adamw'"),
        ("backbone_lr_factor=0", r"backbone_lr_factor: .*greater than 0"),
        ("layer_decay=1.5", r"layer_decay: .*less than or equal to 1"),
        ("clip_norm=0", r"clip_norm: .*greater than 0"),
        ("accumulate=0", r"accumulate: .*greater than or equal to 1"),
        ("accumulate=65", "65 parts of a batch of 128.*at most half of batch_size"),
        ("precision=float8", "'bfloat16' or 'float16'"),
    ],
)
def test_invalid_settings_are_refused(setting: str, reason: str) -> None:
    with pytest.raises(UserError, match=reason):
        read_recipe("multi_stage", [setting])


@pytest.mark.parametrize(
    ("settings", "reason"),
    [
        (["stages.fea=3", "epochs=30"], "stages.fea: .*dictionary"),
        (["stages.fea=3", "lr_scale=2"], "stages.fea: .*dictionary"),
        (["stages.fea.epochs=many", "epochs=30"], "stages.fea.epochs: .*integer.*'many'"),
        (["stages.fea.epochs=0", "epochs=30"], "stages.fea.epochs: .*greater"),
        (
            ["head=cosine", "after=null", "stages.crt.classifier=rescale"],
            "rescale needs head: linear",
        ),
        (["stages.fea.mixup=1", "stages.fea.cutmix=1"], "mixup and cutmix exclude each other"),
        (
            [f"augmentation.{key}" for key in ("keep_colour=1", "hue=0.1", "trivial_augment=1")],
            "leave out one of them",
        ),
        (["head=cosine"], "^[^,]*after needs head: linear"),
    ],
)
def test_conflicting_settings_are_refused(settings: list[str], reason: str) -> None:
    with pytest.raises(UserError, match=reason):
        read_recipe("multi_stage", settings)


def test_error_of_an_unknown_recipe_lists_the_shipped_ones(tmp_path: Path) -> None:
    with pytest.raises(UserError, match=r"baseline, .*multi_stage"):
        read_recipe("multistage")
    with pytest.raises(UserError, match="No recipe"):
        read_recipe(str(tmp_path / "none.yaml"))


@pytest.mark.parametrize("text", ["stages: [", "- 1", "", "!!python/object:os.system {}"])
def test_file_that_is_no_recipe_is_reported(tmp_path: Path, text: str) -> None:
    file = tmp_path / "mine.yaml"
    file.write_text(text, encoding="utf-8")
    with pytest.raises(UserError, match=r"mine\.yaml"):
        read_recipe(str(file))


def test_every_shipped_recipe_is_valid() -> None:
    assert set(shipped_recipes()) >= {"baseline", "multi_stage"}
    assert all(isinstance(read_recipe(name), Recipe) for name in shipped_recipes())


def test_recipe_may_be_based_on_another(tmp_path: Path) -> None:
    (tmp_path / "base.yaml").write_text(
        "base: multi_stage\nbatch_size: 64\nstages: {cfl: null, crt: {lr: 0.5}}", "utf-8"
    )
    derived = tmp_path / "derived.yaml"
    derived.write_text(
        "base: base.yaml\nstages: {fea: {losses: {frequency_aware: null, focal: {}}}}", "utf-8"
    )
    recipe = read_recipe(str(derived), ["image_size=64"])
    assert list(recipe.stages) == ["fea", "crt"]
    assert recipe.batch_size == 64
    assert recipe.image_size == 64
    assert recipe.stages["crt"].lr == 0.5
    assert recipe.stages["crt"].train == "classifier"
    assert recipe.stages["fea"].losses.frequency_aware is None
    assert recipe.stages["fea"].losses.focal is not None


@pytest.mark.parametrize(
    ("text", "settings", "train"),
    [
        ("{freeze_backbone: true}", [], "classifier"),
        ("{freeze_backbone: false}", [], "all"),
        ("{freeze_backbone: false}", ["stages.ce.train=classifier"], "classifier"),
        ("{train: norm_and_bias}", ["stages.ce.freeze_backbone=true"], "classifier"),
        ("{}", ["stages.ce={epochs: 1, lr: 1, freeze_backbone: true, losses: {focal: {}}}"],
         "classifier"),
    ],
)  # fmt: skip
def test_former_key_of_a_frozen_backbone_is_understood(
    tmp_path: Path, text: str, settings: list[str], train: str
) -> None:
    file = tmp_path / "older.yaml"
    file.write_text(f"base: baseline\nstages: {{ce: {text}}}", "utf-8")
    assert read_recipe(str(file), settings).stages["ce"].train == train


def test_former_key_beside_the_new_one_is_refused(tmp_path: Path) -> None:
    file = tmp_path / "both.yaml"
    file.write_text("base: baseline\nstages: {ce: {freeze_backbone: true, train: lora}}", "utf-8")
    with pytest.raises(UserError, match=r"freeze_backbone: unknown key .*stages\.ce\.train"):
        read_recipe(str(file))


def test_recipes_of_older_runs_are_read() -> None:
    file = Path("benchmarks/runs/minet/crt/minet-0-seed0/recipe.yaml")
    assert [stage.train for stage in read_recipe(str(file)).stages.values()] == [
        "all", "classifier",
    ]  # fmt: skip


def test_circular_bases_are_reported(tmp_path: Path) -> None:
    for name, base in (("a", "b"), ("b", "a")):
        (tmp_path / f"{name}.yaml").write_text(f"base: {tmp_path / base}.yaml", "utf-8")
    with pytest.raises(UserError, match="in a circle"):
        read_recipe(str(tmp_path / "a.yaml"))


def test_epochs_and_lr_scale_rescale_the_stages_that_train_the_backbone() -> None:
    recipe = read_recipe("multi_stage", ["epochs=30", "lr_scale=50", "stages.crt.lr=0.02"])
    assert [stage.epochs for stage in recipe.stages.values()] == [18, 12, 10]
    assert [stage.lr for stage in recipe.stages.values()] == pytest.approx([0.1, 0.1, 0.02])
    every_step = read_recipe("multi_stage", ["epochs=33", "stages.crt.feature_views=0"])
    assert [stage.epochs for stage in every_step.stages.values()] == [18, 12, 3]
    assert read_recipe("frozen_features", ["epochs=20"]).epochs == 20


@pytest.mark.parametrize(
    ("min_steps", "steps", "passes"), [(0, 3, 1), (30, 3, 1), (31, 3, 2), (1000, 7, 15)]
)
def test_stage_passes_over_few_photos_several_times(
    min_steps: int, steps: int, passes: int
) -> None:
    settings = [f"stages.crt.min_steps={min_steps}"]  # in 10 epochs
    assert read_recipe("multi_stage", settings).stages["crt"].passes(steps) == passes


@given(st.lists(st.integers(1, 200), min_size=1, max_size=5), st.integers(5, 500))
def test_parts_in_proportion_add_up(weights: list[int], total: int) -> None:
    parts = _split_in_proportion(total, weights)
    assert sum(parts) == total
    assert min(parts) >= 1
    exact = [total * weight / sum(weights) for weight in weights]
    if min(exact) >= 1:
        assert all(abs(part - value) < 1 for part, value in zip(parts, exact, strict=True))


@pytest.mark.parametrize("name", sorted(set(shipped_recipes()) - {"frozen_features", "lift"}))
def test_every_recipe_that_trains_a_backbone_has_110_epochs(name: str) -> None:
    assert read_recipe(name).epochs == (100 if name == "fea_cfl" else 110)
    stages = read_recipe(name, ["epochs=20"]).stages.values()
    assert sum(stage.epochs for stage in stages if not stage.feature_views) == 20


SCALARS = st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=8)
KEYS = st.sampled_from(
    [*Recipe.model_fields, *Stage.model_fields, *Losses.model_fields, "base", "epochs", "lr_scale",
     "fea", "ce", "weight", "lr"]
) | st.text(max_size=5)  # fmt: skip
TREES = st.recursive(
    SCALARS,
    lambda nested: st.lists(nested, max_size=3) | st.dictionaries(KEYS, nested, max_size=5),
)


def check_recipe_or_error(recipe: str, settings: list[str]) -> None:
    try:
        resolved = read_recipe(recipe, settings)
    except UserError as error:
        assert str(error).isprintable()
    else:
        assert resolved.epochs >= 1
        assert Recipe.model_validate(yaml.safe_load(resolved.to_yaml())) == resolved


@given(tree=TREES, base=st.sampled_from([{}, {"base": "multi_stage"}, {"base": "best"}]))
def test_any_yaml_is_a_recipe_or_reported(
    tmp_path_factory: pytest.TempPathFactory, tree: object, base: dict[str, str]
) -> None:
    file = tmp_path_factory.mktemp("recipe") / "any.yaml"
    content = {**tree, **base} if isinstance(tree, dict) else tree
    file.write_text(yaml.safe_dump(content, allow_unicode=True), encoding="utf-8")
    check_recipe_or_error(str(file), [])


@given(path=st.lists(KEYS, min_size=1, max_size=4), value=st.text(max_size=12) | SCALARS.map(str))
def test_any_setting_is_applied_or_reported(path: list[str], value: str) -> None:
    check_recipe_or_error("multi_stage", [f"{'.'.join(path)}={value}"])
    check_recipe_or_error("multi_stage", [f"stages.cfl.{'.'.join(path)}={value}"])
