"""Run the measurements of docs/results.md and write that page.

    python benchmarks/results.py PHOTOS OUT

PHOTOS has one folder per mineral; the figures in the docs are for the public MiNet photos. Draws
the minerals, splits the photos three times and reduces them to imbalance 20, trains and compares
all recipes on both, compares the open points of the method on validation photos, and writes
OUT/results.md. Completed runs are reused. Takes some hours on two cores.
"""

from __future__ import annotations

import argparse
import os
from pathlib import Path

from mineral_recog.cli.main import main as run_command

SEEDS = "0,1,2"
ABLATION = ("fea_crt", "fea_cfl", "cfl_sampling_alone", "cfl_center_alone")
PEERS = (
    "logit_adjusted_after", "tau_normalised", "crt", "lws", "logit_adjusted_loss", "focal",
    "class_balanced_loss", "ldam_drw", "mixup", "mislas",
)  # fmt: skip
COMMON = ("precision=float32",)
DRAWN = (*COMMON, "backbone=test_resnet", "pretrained=false", "image_size=64",
         "batch_size=64", "epochs=20", "lr_scale=50")  # fmt: skip
PHOTOS = (*COMMON, "backbone=efficientnet_lite0", "image_size=96", "batch_size=32",
          "epochs=16", "lr_scale=15")  # fmt: skip
SPLITS = ("data-0", "data-1", "data-2")
VALIDATION_SET = "minerals-val30"  # the same training photos, more validation photos
# `best` without one part, and without one more; without the stages: ordinary training with extras.
PARTS = {
    "best_without_smoothing": "base: best\nstages: {crt: {losses: {label_aware_smoothing: null, "
    "cross_entropy: {}}}}",
    "also_without_larger_crops": "base: best_without_smoothing.yaml\ncrop_scale: 0.08",
    "also_without_average": "base: best_without_smoothing.yaml\nweight_average: 0.0",
    "also_without_mirror": "base: best_without_smoothing.yaml\ntest_views: 1",
    "best_without_stages": "base: baseline\ncrop_scale: 0.3\nweight_average: 0.98\ntest_views: 2",
}
# The three stages with one open point of the published description decided the other way.
OPEN_POINTS = {
    "prior_of_batches": "stages: {cfl: {losses: {frequency_aware: {prior: sampled}}}}",
    "classifier_anew": "stages: {crt: {classifier: anew, lr: 0.02}}",
    "center_ten_times": "stages: {cfl: {losses: {center: {weight: 0.003}}}}",
    "normalisation_moves": "stages: {crt: {freeze_normalisation: false, feature_views: 0}}",
    "center_in_fea_too": "stages: {fea: {losses: {center: {weight: 0.0003, lr: 0.5}}}}",
    "probabilities_adjusted": "probabilities: adjusted",
    "best_weights": "stages: {cfl: {weights: best}, crt: {weights: best}}",
}


def command(*arguments: str) -> None:
    """Run a command of the program; exit with its status if it fails."""
    if status := run_command(list(arguments)):
        raise SystemExit(status)


def comparison(
    data: tuple[str, ...], recipes: tuple[str, ...], settings: tuple[str, ...],
    out: str, split: str = "test", seeds: str = SEEDS,
) -> str:  # fmt: skip
    """Compare recipes and return the Markdown that the command writes."""
    options = [part for setting in settings for part in ("--set", setting)]
    selection = ["--recipes", ",".join(recipes), "--seeds", seeds, "--out", out, "--split", split]
    command("compare", *data, *selection, *options, "--cache", "off")
    return Path(out, split, "comparison.md").read_text("utf-8")


def write_recipes(changes: dict[str, str], base: str = "") -> tuple[str, ...]:
    """Write recipes that extend another and return their files."""
    for name, text in changes.items():
        Path(f"{name}.yaml").write_text(f"{base}{text}\n", "utf-8")
    return tuple(f"{name}.yaml" for name in changes)


def measure(photos: Path) -> dict[str, str]:
    """Return every table of the page, by its placeholder."""
    if not Path("minerals").exists():
        command("draw", "minerals")
    if not Path(VALIDATION_SET).exists():
        command("draw", VALIDATION_SET, "--val", "30")
    for seed, data in enumerate(SPLITS):
        if not Path(data).exists():
            cut = ("--split", "60/15/25", "--imbalance", "20", "--seed", str(seed))
            command("prepare", str(photos), data, *cut)
    main_recipes = ("baseline", "multi_stage", "best")
    variants = ("multi_stage", *write_recipes(OPEN_POINTS, "base: multi_stage\n"))
    parts = ("multi_stage", "best", *write_recipes(PARTS))
    return {
        "ablation": comparison(("minerals",), (*main_recipes[:2], *ABLATION), DRAWN, "drawn"),
        "drawn": comparison(("minerals",), (*main_recipes, *PEERS), DRAWN, "drawn"),
        "photos": comparison(SPLITS, (*main_recipes, *PEERS, "frozen_features"), PHOTOS, "photos",
                             seeds="0"),
        "open": comparison((VALIDATION_SET,), variants, DRAWN, "open", "val"),
        "open_photos": comparison(SPLITS, variants, PHOTOS, "photos", "val", seeds="0"),
        "parts": comparison((VALIDATION_SET,), parts, DRAWN, "open", "val", seeds="0"),
        "parts_photos": comparison(SPLITS, parts, PHOTOS, "photos", "val", seeds="0"),
    }  # fmt: skip


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("photos", type=Path)
    parser.add_argument("out", type=Path)
    options = parser.parse_args()
    photos, template = options.photos.resolve(), Path(__file__).with_name("results.md")
    page = template.read_text("utf-8")
    options.out.mkdir(parents=True, exist_ok=True)
    os.chdir(options.out)  # so that the commands on the page show no path of this machine
    for placeholder, table in measure(photos).items():
        page = page.replace(f"[{placeholder}]", table.strip())
    Path("results.md").write_text(page, "utf-8")
