"""Train the runs of docs/results.md that are not stored yet, and store them.

    python benchmarks/train_results.py SET OUT [PHOTOS] [--rows baseline,best] [--splits 0,1]

SET is a key of SETS. PHOTOS has one folder per class, or for CIFAR train/, val/ and test/; drawn
minerals need none. Prepared folders and run folders are made in OUT; what is there is used again,
so a stopped call may be repeated.
"""

from __future__ import annotations

import argparse
import os
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path

import yaml
from cifar_network import cifar_resnet32
from rates import chosen_rates
from stored_runs import Store, repository_commit

from mineral_recog.cli.main import main as run_command
from mineral_recog.cli.terminal_progress import TerminalProgress
from mineral_recog.comparison.plan import Plan, PlannedRun, plan_comparison
from mineral_recog.comparison.runner import refuse_failures, run_comparison
from mineral_recog.data.dataset import read_split
from mineral_recog.errors import DataError, UserError
from mineral_recog.training.signals import Stopped

FIVE, THREE = (0, 1, 2, 3, 4), (0, 1, 2)
# The extras of `best`, which a row NAME+ has too; the adjustment needs a linear classifier.
PLUS = {"crop": {"scale": 0.3}, "weight_average_epochs": 2.0, "test_views": 2}
ADJUSTMENT = {"after": {"kind": "logit_adjustment"}}
WITHOUT_ADJUSTMENT = ("ldam_drw",)
# Of pretrained networks, these have a classifier that can see the pretrained features too.
ON_FROZEN_BACKBONE: dict[str, dict[str, object]] = {
    "crt": {"pretrained_features": True, "stages": {"crt": {"lr": 0.1, "feature_norm": 64}}},
    "fea_crt": {"pretrained_features": True, "stages": {"crt": {"lr": 0.1, "feature_norm": 64}}},
    "mislas": {"pretrained_features": True},
}
# Recipes with their splits.
ROWS = {
    "baseline": FIVE, "fea_crt": FIVE, "multi_stage": FIVE, "best": FIVE,
    "logit_adjusted_loss": THREE, "crt": THREE, "mislas": THREE, "ldam_drw": THREE,
    "logit_adjusted_after": THREE, "baseline+": THREE, "logit_adjusted_loss+": THREE, "crt+": THREE,
    "mislas+": THREE, "ldam_drw+": THREE, "fea_crt+": THREE,
}  # fmt: skip
# Rows of sets with a pretrained network.
PRETRAINED = {"frozen_features": THREE, "frozen_features+": THREE, "best_without_pretrained": THREE}
ABLATION = {"fea_cfl": FIVE, "without_adjustment": FIVE}
# The three stages without the adjustment at their end, `best` and `mislas`, with one point decided
# the other way.
VARIANTS: dict[str, tuple[str, str]] = {
    "without_adjustment": ("multi_stage", "after: null"),
    "class_mass_balanced": ("multi_stage", "stages: {cfl: {class_mass: balanced}}"),
    "prior_of_photos": ("multi_stage", "stages: {cfl: {class_mass: balanced, losses: "
                        "{frequency_aware: {prior: natural}}}}"),
    "p_of_training_views": ("multi_stage", "probability_view: training"),
    "p_adjusted": ("multi_stage", "probabilities: adjusted"),
    "two_full_batches": ("multi_stage", "stages: {cfl: {sampler: mixed_batches}}"),
    "no_center_loss": ("multi_stage", "stages: {cfl: {losses: {center: null}}}"),
    "center_loss_as_published": ("multi_stage", "stages: {cfl: {losses: {center: "
                                 "{weight: 0.0003, scale: absolute}}}}"),
    "momentum_cycles": ("multi_stage", "cycle_momentum: true"),
    "classifier_anew": ("multi_stage", "stages: {crt: {classifier: anew}}"),
    "one_view": ("multi_stage", "stages: {crt: {feature_views: 1}}"),
    "crt_as_published": ("multi_stage", "stages: {crt: {lr: 0.001, weight_decay: null, "
                         "min_steps: 0}}"),
    "released_settings": ("released_settings", "{}"),
    "mislas_beta_1": ("mislas", "stages: {ce: {mixup: 1.0}}"),
    "best_mixup_beta_1": ("best", "stages: {fea: {mixup: 1.0}, cfl: {mixup: 1.0, "
                          "losses: {center: null}}}"),
    "baseline_beta_1+": ("mixup", "stages: {ce: {mixup: 1.0}}"),
    "logit_adjusted_loss_beta_1+": ("logit_adjusted_loss", "stages: {ce: {mixup: 1.0}}"),
    "crt_beta_1+": ("crt", "stages: {ce: {mixup: 1.0}}"),
    "mislas_beta_1+": ("mislas", "stages: {ce: {mixup: 1.0}}"),
    "best_without_crops": ("best", "crop: {scale: 0.08}"),
    "best_without_average": ("best", "weight_average_epochs: 0"),
    "best_without_mirror": ("best", "test_views: 1"),
    "best_loss_of_fea": ("best", "stages: {crt: {sampler: natural, losses: {cross_entropy: null, "
                         "frequency_aware: {tau: 1.0}}}}"),
    "best_without_adjustment": ("best", "after: null"),
    "best_without_pretrained": ("best", "pretrained_features: false"),
    "best_without_cfl": ("best", "stages: {fea: {epochs: 100}, cfl: null}"),
}  # fmt: skip
# With the mixup that the literature uses on CIFAR.
BETA_1 = ("mislas_beta_1", "best_mixup_beta_1", "baseline_beta_1+", "logit_adjusted_loss_beta_1+",
          "crt_beta_1+", "mislas_beta_1+")  # fmt: skip
OPEN = {row: THREE for row in ("multi_stage", "best", *VARIANTS)
        if row not in (*PRETRAINED, *BETA_1)}  # fmt: skip
CIFAR = dict.fromkeys(("baseline", "logit_adjusted_after", "tau_normalised", "crt", "fea_crt",
                       "logit_adjusted_loss", "multi_stage", "without_adjustment", "fea_cfl",
                       "ldam_drw", "mixup", "mislas", "best", *BETA_1), (0,))  # fmt: skip
DRAWN = ("backbone=test_resnet", "pretrained=false", "image_size=64", "batch_size=64", "epochs=20",
         "precision=float32")  # fmt: skip
PHOTOS = ("backbone=efficientnet_lite0", "image_size=160", "batch_size=32", "epochs=16",
          "precision=float32")  # fmt: skip
# As the literature has it.
CIFAR_NETWORK = (f"backbone={cifar_resnet32.__name__}", "pretrained=false", "image_size=32",
                 "batch_size=128", "epochs=200", "precision=bfloat16", "crop.pad=4",
                 "center_share=1.0")  # fmt: skip


@dataclass(frozen=True)
class BenchmarkSet:
    """Photos to compare recipes on.

    Attributes:
        command: Command that makes the prepared folder of a split; empty if the photos are one.
        settings: Settings of all recipes.
        rows: Names of the rows, with their splits; the number of a split is also the seed.
        rates: The factors of the learning rates that every recipe is tried with.
        data: Name of the prepared folder of a split.
        tests: Splits to evaluate on.
    """

    command: str
    settings: tuple[str, ...]
    rows: dict[str, tuple[int, ...]]
    rates: tuple[float, ...]
    data: str
    tests: tuple[str, ...] = ("test",)


SETS = {
    "drawn": BenchmarkSet(
        "draw {data} --attribute-test 40",
        DRAWN,
        {**ROWS, **ABLATION},
        (17, 50, 150),
        "minerals",
        ("test", "test_balanced"),
    ),
    "open": BenchmarkSet(
        "draw {data} --val 30", DRAWN, OPEN, (17, 50, 150), "minerals-val30", ("val",)
    ),
    "minet": BenchmarkSet(
        "prepare {photos} {data} --split 60/15/25 --imbalance 20 --seed {seed}",
        PHOTOS,
        {**ROWS, **ABLATION, **PRETRAINED},
        (5, 15, 45),
        "minet-{seed}",
    ),
    "rocks": BenchmarkSet(
        "prepare {photos} {data} --split 30/15/55 --imbalance 20 --seed {seed}",
        PHOTOS,
        {**ROWS, **ABLATION, **PRETRAINED},
        (5, 15, 45),
        "rocks-{seed}",
    ),
    # A rate of 0.1. The same images, from JPEG files and from lossless ones.
    "cifar": BenchmarkSet("", CIFAR_NETWORK, CIFAR, (50,), "cifar_lt"),
    "cifar_lossless": BenchmarkSet("", (*CIFAR_NETWORK, "epochs=100"), CIFAR, (50,), "cifar_png"),
}


def make_data(benchmark: BenchmarkSet, photos: Path | None, split: int) -> str:
    """Make the prepared folder of a split, if it is missing; return its name."""
    data = benchmark.data.format(seed=split)
    if Path(data).exists():
        return data
    if photos is None and not benchmark.command.startswith("draw"):
        raise DataError(f"{data} does not exist yet: give the folder of its photos.")
    words = benchmark.command.split()
    if not words and photos:
        Path(data).symlink_to(photos)
    elif status := run_command([w.format(photos=photos, data=data, seed=split) for w in words]):
        raise SystemExit(status)
    return data


def write_row(row: str, rate: float, folder: Path, pretrained: bool = False) -> Path:
    """Write the recipe of a row, with its factor of the learning rates, for networks of a set."""
    name, changes = VARIANTS.get(row, (row.removesuffix("+"), "{}"))
    content: dict[str, object] = {"base": name, "lr_scale": rate, **yaml.safe_load(changes)}
    if row in VARIANTS and name == "multi_stage":
        content["after"] = None
    if row.endswith("+"):
        content |= PLUS if name in WITHOUT_ADJUSTMENT else PLUS | ADJUSTMENT
        content |= ON_FROZEN_BACKBONE.get(name, {}) if pretrained else {}
    folder.mkdir(parents=True, exist_ok=True)
    file = folder / f"{row}.yaml"
    file.write_text(yaml.safe_dump(content), encoding="utf-8")
    return file


def plan_rows(
    data: str, files: list[Path], seed: int, split: str, out: str, settings: list[str]
) -> Plan:
    """Plan the runs of recipes on one prepared folder with one seed."""
    recipes = ",".join(map(str, files))
    return plan_comparison([Path(data)], recipes, str(seed), settings, Path(out), split)


def settings_of(benchmark: BenchmarkSet) -> list[str]:
    """Return the settings that all recipes share."""
    return [*benchmark.settings, "cache=off"]


def run_plan(plan: Plan, on_run: Callable[[PlannedRun], None] = lambda run: None) -> None:
    """Make the missing runs of a plan; `on_run` is called with each run that is evaluated."""
    with TerminalProgress() as progress:
        refuse_failures(run_comparison(plan, workers=1, on_run=on_run, progress=progress))


def train_split(store: Store, photos: Path | None, split: int, rows: list[str]) -> None:
    """Train and store the rows of a set on one of its splits."""
    name = store.set_name
    benchmark = SETS[name]
    data = make_data(benchmark, photos, split)
    rate_of = dict.fromkeys(rows, benchmark.rates[0])
    if len(benchmark.rates) > 1:
        rates = chosen_rates(name)
        rate_of = {row: rates[VARIANTS[row][0] if row in VARIANTS else row] for row in rows}
    folder, pretrained = Path(name, "recipes"), "pretrained=false" not in benchmark.settings
    files = [write_row(row, rate_of[row], folder, pretrained) for row in rows]
    plan = plan_rows(data, files, split, benchmark.tests[0], name, settings_of(benchmark))
    train_missing(store, plan, benchmark.tests)


def train_missing(store: Store, plan: Plan, tests: tuple[str, ...]) -> None:
    """Make the runs of a plan on one folder that are not stored yet, and store each at once."""
    fingerprint = read_split(plan.runs[0].data, "train").fingerprint()
    missing = tuple(run for run in plan.runs if not store.has(run, fingerprint, tests))
    for test in tests if missing else ():
        run_plan(replace(plan, runs=missing, split=test), lambda run: print(store.add(run)))


def asked_rows(benchmark: BenchmarkSet, text: str | None) -> list[str]:
    """Return the rows of a list such as `baseline,best`; all without one.

    Raises:
        DataError: The set has no such row.
    """
    rows = text.split(",") if text else list(benchmark.rows)
    if unknown := [row for row in rows if row not in benchmark.rows]:
        names = ", ".join(benchmark.rows)
        raise DataError(f"No row {', '.join(unknown)} in this set: give some of {names}.")
    return rows


def numbers(text: str) -> list[int]:
    """Return whole numbers, separated by commas."""
    return [int(number) for number in text.split(",")]


def main() -> None:
    """Train and store the runs that were asked for."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("set", choices=SETS)
    parser.add_argument("out", type=Path)
    parser.add_argument("photos", type=Path, nargs="?")
    parser.add_argument("--rows", help="names, separated by commas; all if it is left out")
    parser.add_argument("--splits", type=numbers, default="0,1,2,3,4", help="0,1 and so on")
    parser.add_argument(
        "--force", action="store_true", help="replace stored runs of other recipes or photos"
    )
    options = parser.parse_args()
    photos = options.photos and options.photos.resolve()
    store = Store(options.set, repository_commit(), options.force)
    benchmark = SETS[options.set]
    options.out.mkdir(parents=True, exist_ok=True)
    os.chdir(options.out)  # so that no stored file shows a path of this machine
    try:
        asked = asked_rows(benchmark, options.rows)
        for split in options.splits:
            if here := [row for row in asked if split in benchmark.rows[row]]:
                train_split(store, photos, split, here)
    except UserError as error:
        parser.error(str(error))
    except Stopped as stopped:
        raise SystemExit(stopped.status) from None


if __name__ == "__main__":
    main()
