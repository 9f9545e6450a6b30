"""Recipe files: shipped ones by name, others by path, with further settings applied.

A recipe file is YAML. It may be based on another recipe, `base: NAME`, and give only what differs:
settings merge key by key, and a null removes a stage or a loss. Two keys rescale others: `epochs`
(of all stages together, in proportion) and `lr_scale` (a factor for the learning rates). A stage
that trains on features computed before costs next to nothing, so `epochs` leaves it out unless
there is no other; the rate of a classifier on a frozen backbone suits any network, so `lr_scale`
leaves it as it is.

Recipes written for version 1.0 and before may say `freeze_backbone: true` for `train: classifier`.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from importlib import resources
from pathlib import Path
from typing import Any, ClassVar

import yaml
from pydantic import ValidationError

from mineral_recog.errors import RecipeError
from mineral_recog.i18n import tr
from mineral_recog.recipes.key_hints import SCALING_KEYS, hint_for
from mineral_recog.recipes.recipe import Recipe
from mineral_recog.recipes.stage import MAX_EPOCHS
from mineral_recog.validation import reason


def shipped_recipes() -> tuple[str, ...]:
    """Return the names of the recipes in the package."""
    files = resources.files("mineral_recog.recipes").iterdir()
    return tuple(sorted(Path(f.name).stem for f in files if f.name.endswith(".yaml")))


def read_recipe(recipe: str, settings: Iterable[str] = ()) -> Recipe:
    """Read a recipe and apply settings to it.

    Args:
        recipe: Name of a shipped recipe, or path of a file.
        settings: Settings as `key.path=value`.

    Raises:
        RecipeError: The recipe does not exist, is not YAML, or has wrong keys or values, which are
            reported together.
    """
    values = _read_values(recipe, Path())
    for setting in settings:
        _apply_setting(values, setting)
    try:
        _rescale(values)
        return Recipe.model_validate(values)
    except ValidationError as error:
        stages = values.get("stages")
        stages = stages if isinstance(stages, dict) else {}
        problem = "; ".join(_describe_error(details, stages) for details in error.errors())
    except ValueError as error:
        problem = str(error)
    raise RecipeError(tr(f"Recipe {recipe}: {problem}", f"配方 {recipe}：{problem}"))


def with_epochs(recipe: Recipe, epochs: int) -> Recipe:
    """Return a recipe with another length, as the key `epochs` gives it."""
    values = {**recipe.model_dump(), "epochs": epochs}
    _rescale(values)
    return Recipe.model_validate(values)


def scalable_epochs(recipe: Recipe) -> range:
    """Return the values of the key `epochs` that shorten a recipe, up to its own length."""
    stages = recipe.stages.values()
    lengths = [stage.epochs for stage in stages if not stage.feature_views]
    lengths = lengths or [stage.epochs for stage in stages]
    return range(len(lengths), sum(lengths) + 1)


def _read_values(recipe: str, folder: Path, derived: tuple[str, ...] = ()) -> dict[str, Any]:
    """Read the settings of a recipe, merged with those of its base.

    Args:
        recipe: Name or path.
        folder: Folder that relative paths start from.
        derived: Recipes based on this one, in the order in which they were read.
    """
    if recipe in derived:
        circle = " > ".join((*derived, recipe))
        raise RecipeError(
            tr(
                f"Recipes are based on each other in a circle: {circle}.",
                f"配方的 base 循环引用：{circle}。",
            )
        )
    text = _read_recipe_text(recipe, folder)
    try:
        values = _parse_yaml(text)
    except (yaml.YAMLError, ValueError, RecursionError) as error:
        mark = getattr(error, "problem_mark", None)
        place = f"第 {mark.line + 1} 行第 {mark.column + 1} 列有语法错误" if mark else str(error)
        raise RecipeError(
            tr(
                f"The recipe {recipe} is not YAML: {error}.",
                f"配方 {recipe} 不是有效的 YAML：{place}。",
            )
        ) from None
    if not isinstance(values, dict):
        raise RecipeError(
            tr(f"The recipe {recipe} has no settings.", f"配方 {recipe} 中没有任何设置。")
        )
    stages = values.get("stages")
    for stage in stages.values() if isinstance(stages, dict) else ():
        _replace_freeze_backbone(stage)
    base = values.pop("base", None)
    if base is None:
        return values
    base_folder = folder if recipe in shipped_recipes() else (folder / recipe).parent
    return _merge(_read_values(str(base), base_folder, (*derived, recipe)), values)


def _replace_freeze_backbone(stage: Any) -> None:
    """Replace the former key `freeze_backbone` in the settings of a stage."""
    frozen = stage.get("freeze_backbone") if isinstance(stage, dict) else None
    if isinstance(frozen, bool) and "train" not in stage:
        del stage["freeze_backbone"]
        stage["train"] = "classifier" if frozen else "all"


def _merge(base: dict[str, Any], changes: dict[str, Any]) -> dict[str, Any]:
    """Return settings with changes applied; a null removes a nested group of settings."""
    merged = dict(base)
    for key, value in changes.items():
        nested = merged.get(key)
        if isinstance(nested, dict) and value is None:
            del merged[key]
        elif isinstance(nested, dict) and isinstance(value, dict):
            merged[key] = _merge(nested, value)
        else:
            merged[key] = value
    return merged


def _rescale(values: dict[str, Any]) -> None:
    """Apply the settings that rescale others."""
    epochs, lr_scale = (values.pop(key, None) for key in SCALING_KEYS)
    stages = values.get("stages")
    stages = list(stages.values()) if isinstance(stages, dict) else []
    if not stages or not all(isinstance(stage, dict) for stage in stages):
        return  # the validation that follows reports it
    if lr_scale is not None:
        if not isinstance(lr_scale, int | float) or not lr_scale > 0:
            raise ValueError(tr("lr_scale: must be a number above 0", "lr_scale：须为大于 0 的数"))
        for stage in stages:
            if isinstance(stage.get("lr"), int | float) and stage.get("train") != "classifier":
                stage["lr"] *= lr_scale
    if epochs is not None:
        stages = [stage for stage in stages if not stage.get("feature_views")] or stages
        if not isinstance(epochs, int) or not len(stages) <= epochs <= MAX_EPOCHS:
            raise ValueError(
                tr(
                    f"epochs: must be a whole number, at least one per stage ({len(stages)}) and "
                    f"at most {MAX_EPOCHS:,}",
                    f"epochs：须为整数，每个阶段至少一轮（{len(stages)}），至多 {MAX_EPOCHS:,}",
                )
            )
        stage_epochs = [stage.get("epochs") for stage in stages]
        if all(isinstance(count, int) and count > 0 for count in stage_epochs):
            for stage, count in zip(
                stages, _split_in_proportion(epochs, stage_epochs), strict=True
            ):
                stage["epochs"] = count


def _split_in_proportion(total: int, weights: list[int]) -> list[int]:
    """Split a total into integers of at least 1, as close to the weights as possible."""
    exact = [total * weight / sum(weights) for weight in weights]
    parts = [max(1, int(part)) for part in exact]
    while (missing := total - sum(parts)) != 0:
        step = 1 if missing > 0 else -1
        movable = [i for i in range(len(parts)) if parts[i] + step >= 1]
        furthest = max(movable, key=lambda i: step * (exact[i] - parts[i]))
        parts[furthest] += step
    return parts


def _read_recipe_text(recipe: str, folder: Path) -> str:
    path = folder / recipe
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
            f"没有配方 {recipe}：请用 {names} 之一，或给出 .yaml 文件的路径。",
        )
    )


def _apply_setting(values: dict[str, Any], setting: str) -> None:
    """Set `key.path=value` in the nested settings of a recipe."""
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
        value = _parse_yaml(text)
    except (yaml.YAMLError, ValueError, RecursionError):
        value = text
    if parents[:1] == ["stages"] and len(parents) > 1:
        _refuse_unknown_stage(setting, parents[1], values)
    if parents[:1] == ["stages"]:
        changed = {last: value}
        _replace_freeze_backbone(changed)
        _replace_freeze_backbone(value)  # of a setting that gives a whole stage
        ((last, value),) = changed.items()
    for parent in parents:
        if not isinstance(values.get(parent), dict):
            values[parent] = {}
        values = values[parent]
    if value is None and isinstance(values.get(last), dict):
        del values[last]  # as a null in a file does
    else:
        values[last] = value


def _refuse_unknown_stage(setting: str, stage: str, values: dict[str, Any]) -> None:
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
    """YAML without the surprises of YAML 1.1, which parses `on` as true and 1:30 as 90."""

    yaml_implicit_resolvers: ClassVar[dict[str, Any]] = {}  # type: ignore[misc]


for _tag, _pattern, _first in (
    ("null", r"^(?:~|null|)$", ["~", "n", ""]),
    ("bool", r"^(?:true|false)$", ["t", "f"]),
    ("int", r"^[-+]?(?:0|[1-9][0-9]*)$", list("-+0123456789")),
    ("float", r"^[-+]?(?:[0-9]+\.?[0-9]*|\.[0-9]+)(?:[eE][-+]?[0-9]+)?$", list("-+.0123456789")),
    ("float", r"^[-+]?\.(?:inf|nan)$", list("-+.")),
):
    _PlainLoader.add_implicit_resolver(f"tag:yaml.org,2002:{_tag}", re.compile(_pattern), _first)


def _parse_yaml(text: str) -> Any:
    return _PlainLoader(text).get_single_data()


def _describe_error(error: Any, stages: dict[str, Any]) -> str:
    """Describe a wrong key or value by its path; for an unknown key, add a hint."""
    path = [str(part) for part in error["loc"]]
    name = ".".join(path)
    if error["type"] == "extra_forbidden":
        hint = hint_for(path, stages)
        return tr(f"{name}: unknown key{hint}", f"{name}：未知的键{hint}")
    if path == ["stages"] and error["type"] == "missing":
        return tr(
            "stages is missing: begin the recipe with `base: baseline`, or list its stages",
            "缺少 stages：请让配方以 `base: baseline` 开头，或列出各阶段",
        )
    message = reason(error)
    if error["type"] in ("missing", "value_error"):
        return f"{name}: {message}" if name else message
    if len(path) == 2 and path[0] == "stages":  # a key of a stage instead of a stage
        others = {key: stage for key, stage in stages.items() if isinstance(stage, dict)}
        message += hint_for(path, others)
    return f"{name}: {message} ({error['input']!r})"
