"""The main job on drawn minerals: no photos and no download needed."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass
from pathlib import Path

from mineral_recog import training
from mineral_recog.data.synthetic import contact_sheet, draw_set
from mineral_recog.epoch_log import epoch_logger
from mineral_recog.evaluation.evaluate import evaluate
from mineral_recog.evaluation.tables import print_figures
from mineral_recog.files import refuse_existing, whole_folder
from mineral_recog.language import tr
from mineral_recog.progress import Bar
from mineral_recog.recipe_file import read_recipe

CONTACT_SHEET, MARK = "contact_sheet.png", "drawn.json"


@dataclass(frozen=True)
class DrawnSet:
    """How large a drawn set is: pixels a side, training photos of the largest class, imbalance
    factor, and photos a class to validate and to test on.
    """

    size: int = 64
    largest: int = 244
    imbalance: float = 81.4
    val: int = 5
    test: int = 15


DEMO_SET = DrawnSet()

# What makes a run of minutes on two cores: a small network from scratch on small images, fewer
# epochs in the proportions of the full recipes, and a learning rate for training from scratch that
# was chosen on the baseline. That of cRT is half of it, as it is in the published settings.
SMALL = (
    "backbone=test_resnet",
    "pretrained=false",
    "image_size=64",
    "batch_size=64",
    "precision=float32",  # the same for both, whatever else the machine is doing
)
DEMO_SETTINGS = {
    "baseline": (*SMALL, "stages.ce.epochs=32", "stages.ce.lr=0.1"),
    "multi_stage": (
        *SMALL,
        "stages.fea.epochs=18",
        "stages.fea.lr=0.1",
        "stages.cfl.epochs=11",
        "stages.crt.epochs=3",
        "stages.crt.lr=0.05",
    ),
}


def run_demo(out: Path, *, seed: int, device: str, workers: int, force: bool) -> None:
    """Draw a set, train the baseline and the method on it, and print the table of the paper.

    Args:
        out: folder for the set and the two runs.
        seed: of the drawing and of the training.
        device: see `hardware.choose_device`.
        workers: loader processes.
        force: do everything anew.

    Raises:
        UserError: anything that the user must change.
    """
    data = out / "minerals"
    refuse_existing(out, force, made_by_us=(data / MARK).is_file())
    draw_minerals(data, DEMO_SET, seed=seed, force=force)
    runs = {name: out / "runs" / name for name in DEMO_SETTINGS}
    for name, settings in DEMO_SETTINGS.items():
        recipe = read_recipe(name, [*settings, f"seed={seed}"])
        with epoch_logger(runs[name], tensorboard=False) as on_epoch:
            training.train(
                data,
                recipe,
                runs[name],
                device=device,
                workers=workers,
                force=force,
                on_epoch=on_epoch,
            )
    evaluate(runs["baseline"], device=device, workers=workers)
    ours, baseline, folder = evaluate(
        runs["multi_stage"], against=runs["baseline"], device=device, workers=workers
    )
    print_figures(ours, baseline)
    print(folder / "report.html")


def draw_minerals(data: Path, drawn: DrawnSet, *, seed: int, force: bool) -> None:
    """Draw a long-tailed set as a prepared folder, with a contact sheet of the minerals.

    Args:
        data: folder to make.
        drawn: how large.
        seed: the same seed gives the same pixels.
        force: replace a set that is there.

    Raises:
        UserError: `data` exists and may not be replaced.
    """
    refuse_existing(data, force, made_by_us=(data / MARK).is_file())
    with whole_folder(data) as partial, Bar(tr("drawing minerals", "绘制矿物"), 1) as bar:
        draw_set(partial, **asdict(drawn), seed=seed, on_drawn=bar.of)
        contact_sheet(seed=seed).save(partial / CONTACT_SHEET)
        (partial / MARK).write_text(json.dumps({**asdict(drawn), "seed": seed}), encoding="utf-8")
    print(data / CONTACT_SHEET)
