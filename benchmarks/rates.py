"""Choose the learning rates of docs/results.md on validation photos, the same way for every recipe.

    python benchmarks/rates.py SET OUT [PHOTOS]

Each recipe is trained with three factors of its learning rates (`lr_scale`) for half of the epochs
on the first split of a set, and measured on its validation photos. The figures are written to
benchmarks/rates.csv; a recipe has the factor with the best mean accuracy. Recipes that start with
the same stage share its factor: that of the recipe that has this stage alone.
"""

from __future__ import annotations

import argparse
import csv
import json
import os
from pathlib import Path

from mineral_recog.errors import DataError

RATES = Path(__file__).with_name("rates.csv")
# Rows that take the factor of another one, whose first stage they share.
SHARED = {"crt": "baseline", "lws": "baseline", "logit_adjusted_after": "baseline",
          "tau_normalised": "baseline", "fea_crt": "logit_adjusted_loss",
          "fea_cfl": "multi_stage", "released_settings": "multi_stage"}  # fmt: skip
# Sets with the factors of another: the same network, and the same photos or as many.
SAME = {"rocks": "minet", "open": "drawn"}
WITHOUT = ("frozen_features",)  # whose rate is that of a classifier on a frozen backbone


def chosen_rates(set_name: str) -> dict[str, float]:
    """Return the chosen factor of every row of a set."""
    best: dict[str, tuple[float, float]] = {}
    if not RATES.exists():
        raise DataError(f"{RATES.name} does not exist yet: run benchmarks/rates.py first.")
    with RATES.open(encoding="utf-8", newline="") as file:
        for line in csv.DictReader(file):
            if line["set"] == SAME.get(set_name, set_name):
                tried = (float(line["val_mean_accuracy"]), float(line["lr_scale"]))
                best[line["recipe"]] = max(tried, best.get(line["recipe"], (0.0, 0.0)))
    return RowRates({recipe: rate for recipe, (_, rate) in best.items()})


class RowRates(dict[str, float]):
    """Factors by row: a row with extras, or with a shared stage, has that of its recipe."""

    def __missing__(self, row: str) -> float:
        name = row.removesuffix("+")
        if name in WITHOUT:
            return 1.0
        rate = self.get(SHARED.get(name, name))
        if rate is None:
            raise DataError(f"No learning rate is chosen for {row}: run benchmarks/rates.py first.")
        return rate


def main() -> None:
    """Train every recipe with every factor, and write the validation figures."""
    from train_results import SETS, make_data, plan_rows, run_plan, settings_of, write_row

    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("set", choices=SETS)
    parser.add_argument("out", type=Path)
    parser.add_argument("photos", type=Path, nargs="?")
    options = parser.parse_args()
    photos = options.photos and options.photos.resolve()
    options.out.mkdir(parents=True, exist_ok=True)
    os.chdir(options.out)
    benchmark = SETS[options.set]
    data = make_data(benchmark, photos, 0)
    recipes = [row for row in benchmark.rows
               if not row.endswith("+") and row not in SHARED and row not in WITHOUT]  # fmt: skip
    epochs = next(int(s.partition("=")[2]) for s in benchmark.settings if s.startswith("epochs="))
    folder, lines = Path(options.set, "rates"), []
    for rate in benchmark.rates:
        files = [write_row(recipe, rate, folder / f"{rate}") for recipe in recipes]
        out = f"{folder}/{rate}/out"
        settings = [*settings_of(benchmark), f"epochs={epochs // 2}"]
        run_plan(plan_rows(data, files, 0, "val", out, settings))
        for recipe in recipes:
            evaluation = Path(out, "runs", recipe, f"{data}-seed0", "evaluation", "val")
            metrics = json.loads((evaluation / "metrics.json").read_text("utf-8"))
            accuracy = metrics["mean_accuracy"]
            lines.append([options.set, recipe, f"{rate}", f"{accuracy:.4f}"])
    write_lines(options.set, lines)


def write_lines(set_name: str, lines: list[list[str]]) -> None:
    """Write the lines of a set to rates.csv, in place of earlier ones."""
    header, others = ["set", "recipe", "lr_scale", "val_mean_accuracy"], []
    if RATES.exists():
        with RATES.open(encoding="utf-8", newline="") as file:
            others = [line for line in csv.reader(file) if line[0] not in ("set", set_name)]
    with RATES.open("w", encoding="utf-8", newline="") as file:
        csv.writer(file, lineterminator="\n").writerows([header, *others, *lines])


if __name__ == "__main__":
    main()
