"""Train the runs of docs/results.md that are not stored yet, and store them.

    python benchmarks/train_results.py SET OUT [PHOTOS] [--rows baseline,best] [--splits 0,1]

SET is a key of SETS. PHOTOS has one folder per class; drawn minerals need none. Prepared folders and
run folders are made in OUT; what is there is used again, so a stopped call may be repeated.
"""

from __future__ import annotations

import argparse
import os
from dataclasses import dataclass
from pathlib import Path

import yaml
from rates import chosen_rates
from stored_runs import recipe_hash, store, stored_runs

from mineral_recog.cli.main import main as run_command

FIVE, THREE = (0, 1, 2, 3, 4), (0, 1, 2)
PLUS = {"crop": {"scale": 0.3}, "weight_average_epochs": 2.0, "test_views": 2}  # extras of `best`
# Recipes with their splits; a row NAME+ is the recipe with the extras of `best`.
ROWS = {
    "baseline": FIVE, "fea_crt": FIVE, "multi_stage": FIVE, "best": FIVE,
    "logit_adjusted_loss": THREE, "crt": THREE, "mislas": THREE, "ldam_drw": THREE,
    "logit_adjusted_after": THREE, "baseline+": THREE, "logit_adjusted_loss+": THREE, "crt+": THREE,
    "mislas+": THREE, "ldam_drw+": THREE, "fea_crt+": THREE,
}  # fmt: skip
FROZEN = {"frozen_features": THREE, "frozen_features+": THREE}
ABLATION = {"fea_cfl": FIVE}
PHOTOS = ("backbone=efficientnet_lite0", "image_size=160", "batch_size=32", "epochs=25")


@dataclass(frozen=True)
class BenchmarkSet:
    """Photos to compare recipes on.

    Attributes:
        command: Command that makes the prepared folder of a split, with {photos}, {data} and {seed}.
        settings: Settings of all recipes.
        rows: Names of the rows, with their splits; a split is trained with its number as the seed.
        rates: The three factors of the learning rates that every recipe is tried with.
        data: Name of the prepared folder of a split.
        tests: Splits to evaluate on.
    """

    command: str
    settings: tuple[str, ...]
    rows: dict[str, tuple[int, ...]]
    rates: tuple[float, float, float]
    data: str
    tests: tuple[str, ...] = ("test",)


SETS = {
    "drawn": BenchmarkSet(
        "draw {data} --attribute-test 40",
        ("backbone=test_resnet", "pretrained=false", "image_size=64", "batch_size=64", "epochs=20"),
        {**ROWS, **ABLATION},
        (17, 50, 150),
        "minerals",
        ("test", "test_balanced"),
    ),
    "minet": BenchmarkSet(
        "prepare {photos} {data} --split 60/15/25 --imbalance 20 --seed {seed}",
        PHOTOS,
        {**ROWS, **ABLATION, **FROZEN},
        (5, 15, 45),
        "minet-{seed}",
    ),
    "rocks": BenchmarkSet(
        "prepare {photos} {data} --split 30/15/55 --imbalance 20 --seed {seed}",
        PHOTOS,
        {**ROWS, **ABLATION, **FROZEN},
        (5, 15, 45),
        "rocks-{seed}",
    ),
}


def make_data(benchmark: BenchmarkSet, photos: Path | None, split: int) -> str:
    """Make the prepared folder of a split, if it is missing; return its name."""
    data = benchmark.data.format(seed=split)
    if not Path(data).exists():
        words = benchmark.command.format(photos=photos, data=data, seed=split)
        run(*words.split(" "))
    return data


def write_row(row: str, rate: float, folder: Path) -> Path:
    """Write the recipe of a row, with its factor of the learning rates."""
    name = row.removesuffix("+")
    content = {"base": name, "lr_scale": rate, **(PLUS if row.endswith("+") else {})}
    folder.mkdir(parents=True, exist_ok=True)
    file = folder / f"{row}.yaml"
    file.write_text(yaml.safe_dump(content), encoding="utf-8")
    return file


def compare(data: str, files: list[Path], seed: int, split: str, out: str, *options: str) -> None:
    """Train recipes on one prepared folder, and evaluate them."""
    recipes = ["--recipes", ",".join(map(str, files)), "--seeds", str(seed)]
    run("compare", data, *recipes, "--split", split, "--out", out, *options)


def options_of(benchmark: BenchmarkSet) -> list[str]:
    """Return the options of `compare` that all recipes share."""
    settings = (*benchmark.settings, "precision=float32")
    return [f"--set={setting}" for setting in settings] + ["--cache", "off", "--workers", "1"]


def run(*words: str) -> None:
    """Run a command of the program; exit with its status if it fails."""
    if status := run_command(list(words)):
        raise SystemExit(status)


def train_split(name: str, photos: Path | None, split: int, rows: list[str]) -> None:
    """Train the rows of a set on one of its splits, and store them."""
    benchmark, rates = SETS[name], chosen_rates(name)
    data = make_data(benchmark, photos, split)
    files = [write_row(row, rates[row], Path(name, "recipes")) for row in rows]
    for test in benchmark.tests:
        compare(data, files, split, test, name, *options_of(benchmark))
    for row in rows:
        folder = Path(name, "runs", row, f"{data}-seed{split}")
        known = {run.key: run for run in stored_runs(name).get(row, [])}.get((data, split))
        if known is None or known.about["recipe_sha256"] != recipe_hash(folder):
            print(store(folder, name, row, data, split))


def main() -> None:
    """Train and store the runs that were asked for."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("set", choices=SETS)
    parser.add_argument("out", type=Path)
    parser.add_argument("photos", type=Path, nargs="?")
    parser.add_argument("--rows", help="names, separated by commas; all if it is left out")
    parser.add_argument("--splits", default="0,1,2,3,4")
    options = parser.parse_args()
    photos = options.photos and options.photos.resolve()
    options.out.mkdir(parents=True, exist_ok=True)
    os.chdir(options.out)  # so that no stored file shows a path of this machine
    rows = SETS[options.set].rows
    asked = options.rows.split(",") if options.rows else list(rows)
    for split in map(int, options.splits.split(",")):
        if here := [row for row in asked if split in rows[row]]:
            train_split(options.set, photos, split, here)


if __name__ == "__main__":
    main()
