"""Which runs a comparison is made of. What is wrong with them is told without loading torch."""

from __future__ import annotations

import re
import shlex
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

from mineral_recog.errors import RecipeError
from mineral_recog.i18n import tr
from mineral_recog.recipes.recipe import Recipe
from mineral_recog.recipes.recipe_file import read_recipe, shipped_recipes

ALL, FIRST = "all", "baseline"  # `all` recipes begin with the one that others are measured by


@dataclass(frozen=True)
class PlannedRun:
    """One run of a comparison.

    Attributes:
        name: of the recipe, as tables show it.
        recipe: with the seed set.
        data: prepared folder.
        data_name: of that folder, as tables show it.
        seed: of the run.
        folder: where the run lies.
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
    """The runs of a comparison in the order they are made, and where the tables go.

    Attributes:
        runs: every recipe on every DATA with every seed.
        out: folder of the comparison.
        split: photos to measure on.
        command: what repeats it, as text.
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
    """Read every recipe with every seed, and lay out the runs.

    All recipes are trained with one seed before the next seed's turn, so that a comparison that
    is stopped has whole rows, and what recipes share need not be kept for long.

    Args:
        data: prepared folders, such as several random splits of the same photos.
        recipes: names and paths, separated by commas; `all` stands for all shipped ones.
        seeds: whole numbers, separated by commas.
        settings: `key=value` for every recipe.
        out: folder of the comparison.
        split: photos to measure on.

    Raises:
        UserError: a recipe, seed or setting is wrong, or two things have one name.
    """
    names = {Path(recipe).stem: recipe for recipe in _recipes(recipes)}
    folders = {folder.resolve().name: folder for folder in data}
    _refuse_twice("DATA", [folder.resolve().name for folder in data])
    numbers = _seeds(seeds)
    _refuse_seed_setting(settings)
    read = {
        (name, seed): read_recipe(recipe, [*settings, f"seed={seed}"])
        for name, recipe in names.items()
        for seed in numbers
    }
    _refuse_other_groups([(name, read[name, numbers[0]]) for name in names])
    runs = tuple(
        PlannedRun(
            name, read[name, seed], folder, data_name, seed,
            out / "runs" / name / f"{data_name}-seed{seed}",
        )
        for seed in numbers
        for data_name, folder in folders.items()
        for name in names
    )  # fmt: skip
    return Plan(runs, out, split, _command(data, recipes, seeds, settings, out, split))


def _recipes(text: str) -> list[str]:
    """The recipes that are asked for, `all` written out."""
    shipped = sorted(shipped_recipes(), key=lambda name: (name != FIRST, name))
    found = []
    for part in _parts("--recipes", text):
        found += shipped if part == ALL else [part]
    _refuse_twice("--recipes", [Path(recipe).stem for recipe in found])
    return found


def _seeds(text: str) -> list[int]:
    parts = _parts("--seeds", text)
    if not all(re.fullmatch("[0-9]{1,10}", part) for part in parts):
        raise RecipeError(
            tr(
                f"--seeds {text}: write whole numbers separated by commas, such as 0,1,2.",
                f"--seeds {text}：请写成用逗号隔开的整数，例如 0,1,2。",
            )
        )
    seeds = [int(part) for part in parts]
    _refuse_twice("--seeds", map(str, seeds))
    return seeds


def _parts(option: str, text: str) -> list[str]:
    parts = [part.strip() for part in text.split(",")]
    if not all(parts):
        raise RecipeError(
            tr(
                f"{option} {text!r}: write names or numbers separated by single commas.",
                f"{option} {text!r}：请写成用单个逗号隔开的名称或数字。",
            )
        )
    return parts


def _refuse_twice(option: str, names: Iterable[str]) -> None:
    """Refuse what would lie in one folder and stand in one row."""
    seen: set[str] = set()
    for name in names:
        if name in seen:
            raise RecipeError(
                tr(
                    f"{option} has {name} twice: leave one out, or give it another name.",
                    f"{option} 里 {name} 出现了两次：请去掉一个，或改名。",
                )
            )
        seen.add(name)


def _refuse_seed_setting(settings: Iterable[str]) -> None:
    if any(setting.partition("=")[0].strip() == "seed" for setting in settings):
        raise RecipeError(
            tr(
                "--set seed: a comparison has several seeds; give them by --seeds.",
                "--set seed：比较用多个种子；请用 --seeds 给出。",
            )
        )


def _refuse_other_groups(recipes: Sequence[tuple[str, Recipe]]) -> None:
    """Refuse recipes that call other classes rare: their figures cannot stand side by side."""
    first, of_first = recipes[0]
    for name, recipe in recipes:
        if recipe.groups != of_first.groups:
            raise RecipeError(
                tr(
                    f"{first} and {name} have other groups ({of_first.groups}, {recipe.groups}): "
                    "make them alike, for instance by --set groups=thirds.",
                    f"{first} 与 {name} 的分组不同（{of_first.groups}、{recipe.groups}）："
                    "请统一，例如 --set groups=thirds。",
                )
            )


def _command(
    data: Sequence[Path],
    recipes: str,
    seeds: str,
    settings: Sequence[str],
    out: Path,
    split: str,
) -> str:
    words = ["mineral-recog", "compare", *map(str, data), "--recipes", recipes, "--seeds", seeds]
    for setting in settings:
        words += ["--set", setting]
    return shlex.join([*words, "--split", split, "--out", str(out)])
