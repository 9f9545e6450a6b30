"""Plan the runs of a comparison, and report wrong input before torch is loaded."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

from mineral_recog.errors import RecipeError
from mineral_recog.i18n import tr
from mineral_recog.recipes.recipe import Recipe
from mineral_recog.recipes.recipe_file import read_recipe, shipped_recipes
from mineral_recog.text import command_line

ALL, FIRST = "all", "baseline"  # FIRST leads `all`, so that the others are compared with it


@dataclass(frozen=True)
class PlannedRun:
    """One run of a comparison.

    Attributes:
        name: Name of the recipe, as tables show it.
        recipe: Recipe with the seed set.
        data: Prepared folder.
        data_name: Name of that folder, as tables show it.
        seed: Seed of the run.
        folder: Run folder.
    """

    name: str
    recipe: Recipe
    data: Path
    data_name: str
    seed: int
    folder: Path

    def __str__(self) -> str:
        return f"{self.name}, {self.data_name}, {tr('seed', '种子')} {self.seed}"


@dataclass(frozen=True)
class Plan:
    """The runs of a comparison in their order, and the folder of the tables.

    Attributes:
        runs: Every recipe on every DATA with every seed.
        out: Folder of the comparison.
        split: Split to evaluate on.
        command: Command line that repeats the comparison.
    """

    runs: tuple[PlannedRun, ...]
    out: Path
    split: str
    command: str


def plan_comparison(
    data: Sequence[Path],
    recipes: str,
    seeds: str,
    settings: Sequence[str],
    out: Path,
    split: str,
) -> Plan:
    """Read every recipe with every seed, and plan the runs.

    All recipes are trained with one seed before the next seed, so that an interrupted comparison
    has complete rows, and shared stages need not be stored for long.

    Args:
        data: Prepared folders, such as several random splits of the same photos.
        recipes: Names and paths, separated by commas; `all` is all built-in recipes.
        seeds: Whole numbers, separated by commas.
        settings: `key=value` for every recipe.
        out: Folder of the comparison.
        split: Split to evaluate on.

    Raises:
        UserError: A recipe, seed or setting is wrong, or two of them have the same name.
    """
    paths = {Path(recipe).stem: recipe for recipe in _parse_recipes(recipes)}
    folders = {folder.resolve().name: folder for folder in data}
    _refuse_duplicate_names("DATA", [folder.resolve().name for folder in data])
    seed_values = _parse_seeds(seeds)
    _refuse_seed_setting(settings)
    read = {
        (name, seed): read_recipe(recipe, [*settings, f"seed={seed}"])
        for name, recipe in paths.items()
        for seed in seed_values
    }
    _refuse_different_groups([(name, read[name, seed_values[0]]) for name in paths])
    runs = tuple(
        PlannedRun(
            name, read[name, seed], folder, data_name, seed,
            out / "runs" / name / f"{data_name}-seed{seed}",
        )
        for seed in seed_values
        for data_name, folder in folders.items()
        for name in paths
    )  # fmt: skip
    words = ["mineral-recog", "compare", *data, "--recipes", recipes, "--seeds", seeds]
    for setting in settings:
        words += ["--set", setting]
    return Plan(runs, out, split, command_line(*words, "--split", split, "--out", out))


def _parse_recipes(text: str) -> list[str]:
    """Return the requested recipes, with `all` expanded."""
    shipped = sorted(shipped_recipes(), key=lambda name: (name != FIRST, name))
    recipes = []
    for part in _split_list("--recipes", text):
        recipes += shipped if part == ALL else [part]
    _refuse_duplicate_names("--recipes", [Path(recipe).stem for recipe in recipes])
    return recipes


def _parse_seeds(text: str) -> list[int]:
    parts = _split_list("--seeds", text)
    if not all(re.fullmatch("[0-9]{1,10}", part) for part in parts):
        raise RecipeError(
            tr(
                f"--seeds {text}: write whole numbers separated by commas, such as 0,1,2.",
                f"--seeds {text}：请写成用逗号隔开的整数，例如 0,1,2。",
            )
        )
    seeds = [int(part) for part in parts]
    _refuse_duplicate_names("--seeds", map(str, seeds))
    return seeds


def _split_list(option: str, text: str) -> list[str]:
    parts = [part.strip() for part in text.split(",")]
    if not all(parts):
        raise RecipeError(
            tr(
                f"{option} {text!r}: write names or numbers separated by single commas.",
                f"{option} {text!r}：请写成用单个逗号隔开的名称或数字。",
            )
        )
    return parts


def _refuse_duplicate_names(option: str, names: Iterable[str]) -> None:
    """Refuse equal names, which would share a folder and a row."""
    seen: set[str] = set()
    for name in names:
        if name in seen:
            raise RecipeError(
                tr(
                    f"{option} has {name} twice: remove or rename one of them.",
                    f"{option} 中有两个 {name}：请去掉或重命名其中一个。",
                )
            )
        seen.add(name)


def _refuse_seed_setting(settings: Iterable[str]) -> None:
    if any(setting.partition("=")[0].strip() == "seed" for setting in settings):
        raise RecipeError(
            tr(
                "--set seed: in a comparison, give the seeds by --seeds instead.",
                "--set seed：在比较中请改用 --seeds 指定种子。",
            )
        )


def _refuse_different_groups(recipes: Sequence[tuple[str, Recipe]]) -> None:
    """Refuse recipes with different class groups: their metrics cannot be compared."""
    first, first_recipe = recipes[0]
    for name, recipe in recipes:
        if recipe.groups != first_recipe.groups:
            raise RecipeError(
                tr(
                    f"{first} and {name} have different groups ({first_recipe.groups}, "
                    f"{recipe.groups}): set the same groups for all recipes, for example by "
                    "--set groups=thirds.",
                    f"{first} 与 {name} 的分组不同（{first_recipe.groups}、{recipe.groups}）："
                    "请为所有配方设置相同的分组，例如 --set groups=thirds。",
                )
            )
