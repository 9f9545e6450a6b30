"""Reading recipes: shipped ones by name and any by path, with settings on top.

A recipe file is YAML. It may begin from another recipe, `base: NAME`, and say only what differs:
settings merge key by key, and a null takes a stage or a loss away. Two keys set others in
proportion: `epochs` (of all stages together) and `lr_scale` (times every learning rate).
"""

from __future__ import annotations

import difflib
import re
from collections.abc import Iterable
from importlib import resources
from pathlib import Path
from typing import Any, ClassVar

import yaml
from pydantic import BaseModel, ValidationError

from mineral_recog.errors import RecipeError
from mineral_recog.i18n import tr
from mineral_recog.recipes.recipe import (
    Adjustment,
    Center,
    CrossEntropy,
    Focal,
    FrequencyAware,
    LabelAwareSmoothing,
    Ldam,
    Losses,
    Recipe,
    Stage,
)

IN_PROPORTION = ("epochs", "lr_scale")


def shipped_recipes() -> tuple[str, ...]:
    """Names of the recipes that come with the package."""
    files = resources.files("mineral_recog.recipes").iterdir()
    return tuple(sorted(Path(f.name).stem for f in files if f.name.endswith(".yaml")))


def read_recipe(recipe: str, settings: Iterable[str] = ()) -> Recipe:
    """Read a shipped recipe by name, or any by its path, and apply `key.path=value` settings.

    Raises:
        UserError: no such recipe, not YAML, or wrong keys and values (all told at once).
    """
    values = _values(recipe, Path())
    for setting in settings:
        _apply(values, setting)
    try:
        _rescale(values)
        return Recipe.model_validate(values)
    except ValidationError as error:
        told = "; ".join(_told(e) for e in error.errors())
    except ValueError as error:
        told = str(error)
    raise RecipeError(tr(f"Recipe {recipe}: {told}", f"配方 {recipe}：{told}"))


def _values(recipe: str, beside: Path, begun: tuple[str, ...] = ()) -> dict[str, Any]:
    """The settings of a recipe on those of its base; `beside` is where relative paths start."""
    if recipe in begun:
        circle = " > ".join((*begun, recipe))
        raise RecipeError(
            tr(f"Recipes whose bases go round: {circle}.", f"配方的 base 成环：{circle}。")
        )
    text = _recipe_text(recipe, beside)
    try:
        values = _read_yaml(text)
    except (yaml.YAMLError, ValueError, RecursionError) as error:
        raise RecipeError(
            tr(
                f"The recipe {recipe} is not YAML: {error}.",
                f"配方 {recipe} 不是有效的 YAML：{error}。",
            )
        ) from None
    if not isinstance(values, dict):
        raise RecipeError(
            tr(f"The recipe {recipe} holds no settings.", f"配方 {recipe} 里没有任何设置。")
        )
    base = values.pop("base", None)
    if base is None:
        return values
    folder = beside if recipe in shipped_recipes() else (beside / recipe).parent
    return _merged(_values(str(base), folder, (*begun, recipe)), values)


def _merged(base: dict[str, Any], changes: dict[str, Any]) -> dict[str, Any]:
    """Settings with changes on top; a null takes away what is a group of settings."""
    merged = dict(base)
    for key, value in changes.items():
        below = merged.get(key)
        if isinstance(below, dict) and value is None:
            del merged[key]
        elif isinstance(below, dict) and isinstance(value, dict):
            merged[key] = _merged(below, value)
        else:
            merged[key] = value
    return merged


def _rescale(values: dict[str, Any]) -> None:
    """Resolve the settings that set others in proportion."""
    epochs, lr_scale = (values.pop(key, None) for key in IN_PROPORTION)
    stages = values.get("stages")
    stages = list(stages.values()) if isinstance(stages, dict) else []
    if not all(isinstance(stage, dict) for stage in stages):
        return  # told by the validation that follows
    if lr_scale is not None:
        if not isinstance(lr_scale, int | float) or not lr_scale > 0:
            raise ValueError(tr("lr_scale: must be a number above 0", "lr_scale：须为大于 0 的数"))
        for stage in stages:
            if isinstance(stage.get("lr"), int | float):
                stage["lr"] *= lr_scale
    if epochs is not None:
        if not isinstance(epochs, int) or epochs < len(stages):
            raise ValueError(
                tr(
                    f"epochs: must be a whole number, at least one a stage ({len(stages)})",
                    f"epochs：须为整数，每个阶段至少一轮（{len(stages)}）",
                )
            )
        shares = [stage.get("epochs") for stage in stages]
        if all(isinstance(share, int) and share > 0 for share in shares):
            for stage, share in zip(stages, _in_proportion(epochs, shares), strict=True):
                stage["epochs"] = share


def _in_proportion(total: int, shares: list[int]) -> list[int]:
    """Whole numbers of at least 1 that add up to `total`, as near to the shares as can be."""
    exact = [total * share / sum(shares) for share in shares]
    parts = [max(1, int(part)) for part in exact]
    while (short := total - sum(parts)) != 0:
        step = 1 if short > 0 else -1
        movable = [i for i in range(len(parts)) if parts[i] + step >= 1]
        furthest = max(movable, key=lambda i: step * (exact[i] - parts[i]))
        parts[furthest] += step
    return parts


def _recipe_text(recipe: str, beside: Path) -> str:
    path = beside / recipe
    if recipe in shipped_recipes():
        file = resources.files("mineral_recog.recipes").joinpath(f"{recipe}.yaml")
        return file.read_text(encoding="utf-8")
    if path.suffix in (".yaml", ".yml") and path.is_file():
        try:
            return path.read_text(encoding="utf-8")
        except UnicodeDecodeError:
            raise RecipeError(
                tr(f"{path} is not a text file in UTF-8.", f"{path} 不是 UTF-8 文本文件。")
            ) from None
    names = ", ".join(shipped_recipes())
    raise RecipeError(
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
        raise RecipeError(
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
        raise RecipeError(
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
    losses = (CrossEntropy, FrequencyAware, Focal, Ldam, LabelAwareSmoothing, Center)
    parts = (model, Stage, Losses, *losses, Adjustment)
    return sorted({*IN_PROPORTION, *(key for part in parts for key in part.model_fields)})
