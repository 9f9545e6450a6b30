"""The command `demo`: all steps on drawn minerals, without photos or a download."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from mineral_recog.cli.options import (
    DeviceOption,
    ForceOption,
    SeedOption,
    WorkersOption,
    worker_count,
)
from mineral_recog.cli.terminal_progress import TerminalProgress
from mineral_recog.i18n import tr

# Settings for runs of minutes on two cores: a small network trained from scratch on small images,
# fewer epochs in the proportions of the full recipes, and a learning rate for training from scratch
# that was chosen on the baseline.
SMALL = (
    "backbone=test_resnet",
    "pretrained=false",
    "image_size=64",
    "batch_size=64",
    "precision=float32",  # `auto` depends on timing and might differ between the two
)
DEMO_SETTINGS = {
    "baseline": (*SMALL, "stages.ce.epochs=32", "stages.ce.lr=0.1"),
    "multi_stage": (
        *SMALL,
        "stages.fea.epochs=18",
        "stages.fea.lr=0.1",
        "stages.cfl.epochs=11",
    ),
}


def demo(
    out: Annotated[Path, typer.Option(help=tr("folder for all output", "存放全部结果的文件夹"))] = (
        Path("demo")
    ),
    seed: SeedOption = 3407,
    device: DeviceOption = "auto",
    workers: WorkersOption = None,
    force: ForceOption = False,
) -> None:
    """Draw, train, evaluate and compare."""
    from mineral_recog.cli.epoch_lines import epoch_logger
    from mineral_recog.cli.figure_tables import print_metrics
    from mineral_recog.evaluation.evaluator import evaluate
    from mineral_recog.files import refuse_existing
    from mineral_recog.recipes.recipe_file import read_recipe
    from mineral_recog.synthetic.drawn_set import CONTACT_SHEET, DEMO_SET, MARKER, draw_minerals
    from mineral_recog.training.run import train
    from mineral_recog.training.run_folder import refuse_existing_run

    data, processes = out / "minerals", worker_count(workers)
    refuse_existing(out, force, made_by_us=(data / MARKER).is_file())
    for name in DEMO_SETTINGS:
        refuse_existing_run(data, out / "runs" / name, force)
    with TerminalProgress() as progress:
        draw_minerals(data, DEMO_SET, seed=seed, force=force, progress=progress)
        print(data / CONTACT_SHEET)
        runs = {name: out / "runs" / name for name in DEMO_SETTINGS}
        for name, settings in DEMO_SETTINGS.items():
            recipe = read_recipe(name, [*settings, f"seed={seed}"])
            with epoch_logger(runs[name], tensorboard=False) as on_epoch:
                train(
                    data,
                    recipe,
                    runs[name],
                    device=device,
                    workers=processes,
                    force=force,
                    on_epoch=on_epoch,
                    progress=progress,
                )
        evaluate(runs["baseline"], device=device, workers=processes, progress=progress)
        made = evaluate(
            runs["multi_stage"],
            against=runs["baseline"],
            device=device,
            workers=processes,
            progress=progress,
        )
    print_metrics(made.evaluation, made.against)
    print(made.folder / "report.html")
