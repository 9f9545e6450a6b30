"""Recipes: what a training run does, as typed data.

A recipe is a YAML file with a few settings of the run and its stages in order. The engine holds
no knowledge of any one method: a new method is a new recipe.
"""

from __future__ import annotations

import difflib
import re
from collections.abc import Iterable
from importlib import resources
from pathlib import Path
from typing import Annotated, Any, ClassVar, Literal

import yaml
from pydantic import BaseModel, ConfigDict, Field, ValidationError, model_validator

from mineral_recog.errors import UserError
from mineral_recog.language import tr

Positive = Annotated[float, Field(gt=0)]
NotNegative = Annotated[float, Field(ge=0)]
Share = Annotated[float, Field(ge=0, lt=1)]


class Settings(BaseModel):
    """Settings that refuse keys they do not know, and cannot change once read."""

    model_config = ConfigDict(extra="forbid", frozen=True, allow_inf_nan=False)


class CrossEntropy(Settings):
    """Cross-entropy of the logits as they are."""

    weight: NotNegative = 1.0


class FrequencyAware(Settings):
    """Cross-entropy of logits adjusted by tau times the log of the class prior.

    `prior` is that of the training photos (`natural`) or of the batches as the stage's sampler
    draws them (`sampled`); they differ in a stage that does not sample naturally.
    """

    weight: NotNegative = 1.0
    tau: NotNegative = 1.0
    prior: Literal["natural", "sampled"] = "natural"


class Center(Settings):
    """Pull of the features towards learned class centers, which move with a rate of their own."""

    weight: NotNegative = 0.0003
    lr: Positive = 0.5


class Losses(Settings):
    """The loss terms of a stage, by name; their weighted values add up."""

    cross_entropy: CrossEntropy | None = None
    frequency_aware: FrequencyAware | None = None
    center: Center | None = None

    @model_validator(mode="after")
    def _classifies(self) -> Losses:
        if self.cross_entropy is None and self.frequency_aware is None:
            raise ValueError(
                tr(
                    "needs cross_entropy or frequency_aware",
                    "需要 cross_entropy 或 frequency_aware",
                )
            )
        return self


class Stage(Settings):
    """One stage of training: how long, on which photos, by which losses, and what may move.

    A stage whose `schedule` is `continue` goes on with the learning-rate schedule and the
    optimiser of the stage before it; an `lr` of null takes that of the stage before. A sampler
    that draws by the model's probabilities looks at them anew every `refresh_epochs` epochs.
    """

    epochs: Annotated[int, Field(ge=1)]
    lr: Positive | None = None
    schedule: Literal["one_cycle", "cosine", "constant", "continue"] = "one_cycle"
    warmup: Share = 0.1
    sampler: Literal["natural", "class_balanced", "mixed_halves"] = "natural"
    refresh_epochs: Annotated[int, Field(ge=1)] = 5
    losses: Losses
    freeze_backbone: bool = False
    classifier: Literal["keep", "anew"] = "keep"
    weights: Literal["last", "best"] = "last"


class Recipe(Settings):
    """A whole training run; see the shipped recipe files for what each key means."""

    backbone: str = "resnet50"
    pretrained: bool | str = True
    normalisation: Literal["auto", "imagenet", "half"] = "auto"
    image_size: Annotated[int, Field(ge=16, le=2048)] = 224
    crop_scale: Annotated[float, Field(gt=0, le=1)] = 0.08
    batch_size: Annotated[int, Field(ge=2)] = 128
    momentum: Share = 0.9
    weight_decay: NotNegative = 0.0005
    precision: Literal["auto", "float32", "bfloat16"] = "auto"
    probabilities: Literal["plain", "adjusted"] = "plain"
    groups: str = "thirds"
    seed: Annotated[int, Field(ge=0, lt=2**32)] = 3407
    stages: Annotated[dict[str, Stage], Field(min_length=1)]

    @model_validator(mode="before")
    @classmethod
    def _inherit_lr(cls, values: Any) -> Any:
        """Write out the learning rates that stages take from the one before."""
        stages = values.get("stages") if isinstance(values, dict) else None
        if not isinstance(stages, dict):
            return values
        lr, resolved = None, {}
        for name, stage in stages.items():
            if isinstance(stage, dict):
                lr = lr if stage.get("lr") is None else stage["lr"]
                stage = {**stage, "lr": lr}
            resolved[name] = stage
        return {**values, "stages": resolved}

    @model_validator(mode="after")
    def _stages_follow(self) -> Recipe:
        before: Stage | None = None
        for name, stage in self.stages.items():
            if stage.lr is None:
                raise ValueError(
                    tr(
                        f"stages.{name}.lr is missing: the first stage needs one",
                        f"缺少 stages.{name}.lr：第一个阶段需要它",
                    )
                )
            if stage.schedule == "continue" and (
                before is None or before.freeze_backbone != stage.freeze_backbone
            ):
                raise ValueError(
                    tr(
                        f"stages.{name}.schedule: 'continue' needs a stage before it with the "
                        "same freeze_backbone",
                        f"stages.{name}.schedule：'continue' 之前须有 freeze_backbone 相同的阶段",
                    )
                )
            before = stage
        return self

    @property
    def epochs(self) -> int:
        """Epochs of all stages together."""
        return sum(stage.epochs for stage in self.stages.values())

    def stage_at(self, epoch: int) -> tuple[str, int]:
        """Name of the stage that holds an epoch of the run (from 0), and that stage's first."""
        first = 0
        for name, stage in self.stages.items():
            if epoch < first + stage.epochs:
                return name, first
            first += stage.epochs
        raise IndexError(epoch)

    def cycle_of(self, name: str) -> tuple[int, int, Stage]:
        """First epoch and epochs of the schedule a stage is part of, and the stage it began in."""
        first = cycle_first = cycle_epochs = 0
        head, found = next(iter(self.stages.values())), False
        for other, stage in self.stages.items():
            if stage.schedule != "continue":
                if found:
                    break
                cycle_first, cycle_epochs, head = first, 0, stage
            cycle_epochs += stage.epochs
            first += stage.epochs
            found = found or other == name
        return cycle_first, cycle_epochs, head

    def to_yaml(self) -> str:
        """The recipe with every default written out."""
        return yaml.safe_dump(self.model_dump(), sort_keys=False, allow_unicode=True)


def shipped_recipes() -> tuple[str, ...]:
    """Names of the recipes that come with the package."""
    files = resources.files("mineral_recog").joinpath("recipes").iterdir()
    return tuple(sorted(Path(f.name).stem for f in files if f.name.endswith(".yaml")))


def read_recipe(recipe: str, settings: Iterable[str] = ()) -> Recipe:
    """Read a shipped recipe by name, or any by its path, and apply `key.path=value` settings.

    Raises:
        UserError: no such recipe, not YAML, or wrong keys and values (all told at once).
    """
    text = _recipe_text(recipe)
    try:
        values = _read_yaml(text)
    except (yaml.YAMLError, ValueError, RecursionError) as error:
        raise UserError(
            tr(
                f"The recipe {recipe} is not YAML: {error}.",
                f"配方 {recipe} 不是有效的 YAML：{error}。",
            )
        ) from None
    if not isinstance(values, dict):
        raise UserError(
            tr(f"The recipe {recipe} holds no settings.", f"配方 {recipe} 里没有任何设置。")
        )
    for setting in settings:
        _apply(values, setting)
    try:
        return Recipe.model_validate(values)
    except ValidationError as error:
        told = "; ".join(_told(e) for e in error.errors())
        raise UserError(tr(f"Recipe {recipe}: {told}", f"配方 {recipe}：{told}")) from None


def _recipe_text(recipe: str) -> str:
    path = Path(recipe)
    if recipe in shipped_recipes():
        file = resources.files("mineral_recog").joinpath("recipes").joinpath(f"{recipe}.yaml")
        return file.read_text(encoding="utf-8")
    if path.suffix in (".yaml", ".yml") and path.is_file():
        try:
            return path.read_text(encoding="utf-8")
        except UnicodeDecodeError:
            raise UserError(
                tr(f"{path} is not a text file in UTF-8.", f"{path} 不是 UTF-8 文本文件。")
            ) from None
    names = ", ".join(shipped_recipes())
    raise UserError(
        tr(
            f"No recipe {recipe}: give one of {names}, or the path of a .yaml file.",
            f"没有配方 {recipe}：请用 {names} 之一，或一个 .yaml 文件的路径。",
        )
    )


def _apply(values: dict[str, Any], setting: str) -> None:
    """Set one `key.path=value` in the nested settings of a recipe."""
    key, equals, text = setting.partition("=")
    *parents, last = key.strip().split(".")
    if not equals or not last or not all(parents):
        raise UserError(
            tr(
                f"--set {setting}: write it as key=value, for instance stages.fea.epochs=5.",
                f"--set {setting}：请写成 key=value，例如 stages.fea.epochs=5。",
            )
        )
    try:
        value = _read_yaml(text)
    except (yaml.YAMLError, ValueError, RecursionError):
        value = text
    if parents[:1] == ["stages"] and len(parents) > 1:
        _refuse_other_stage(setting, parents[1], values)
    for parent in parents:
        if not isinstance(values.get(parent), dict):
            values[parent] = {}
        values = values[parent]
    values[last] = value


def _refuse_other_stage(setting: str, stage: str, values: dict[str, Any]) -> None:
    stages = values.get("stages")
    if isinstance(stages, dict) and stage not in stages:
        names = ", ".join(map(str, stages))
        raise UserError(
            tr(
                f"--set {setting}: the recipe has no stage {stage}; its stages are {names}.",
                f"--set {setting}：配方里没有阶段 {stage}；它的阶段是 {names}。",
            )
        )


class _PlainLoader(yaml.SafeLoader):
    """YAML whose plain words mean what they look like: YAML 1.1 reads `on` as true, 1:30 as 90."""

    yaml_implicit_resolvers: ClassVar[dict[str, Any]] = {}  # type: ignore[misc]


for _tag, _pattern, _first in (
    ("null", r"^(?:~|null|)$", ["~", "n", ""]),
    ("bool", r"^(?:true|false)$", ["t", "f"]),
    ("int", r"^[-+]?(?:0|[1-9][0-9]*)$", list("-+0123456789")),
    ("float", r"^[-+]?(?:[0-9]+\.?[0-9]*|\.[0-9]+)(?:[eE][-+]?[0-9]+)?$", list("-+.0123456789")),
    ("float", r"^[-+]?\.(?:inf|nan)$", list("-+.")),
):
    _PlainLoader.add_implicit_resolver(f"tag:yaml.org,2002:{_tag}", re.compile(_pattern), _first)


def _read_yaml(text: str) -> Any:
    return _PlainLoader(text).get_single_data()


def _told(error: Any) -> str:
    """One wrong key or value, with its path and, for an unknown key, the likely right one."""
    path = [str(part) for part in error["loc"]]
    name = ".".join(path)
    if error["type"] == "extra_forbidden":
        close = difflib.get_close_matches(path[-1], _all_keys(Recipe), 1)
        hint = tr(f" (did you mean {close[0]}?)", f"（是否指 {close[0]}？）") if close else ""
        return tr(f"{name}: unknown key{hint}", f"{name}：未知的键{hint}")
    message = error["msg"].removeprefix("Value error, ")
    if error["type"] in ("missing", "value_error"):
        return f"{name}: {message}" if name else message
    return f"{name}: {message} ({error['input']!r})"


def _all_keys(model: type[BaseModel]) -> list[str]:
    """Every key that some part of a recipe knows."""
    parts = (Stage, Losses, CrossEntropy, FrequencyAware, Center)
    return sorted({key for part in (model, *parts) for key in part.model_fields})
