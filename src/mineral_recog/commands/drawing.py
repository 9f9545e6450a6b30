"""Drawn minerals: `demo` and `draw`."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from mineral_recog.commands.options import (
    DeviceOption,
    ForceOption,
    MadeFolder,
    SeedOption,
    WorkersOption,
)
from mineral_recog.language import tr


def demo(
    out: Annotated[Path, typer.Option(help=tr("folder for all of it", "存放全部结果的文件夹"))] = (
        Path("demo")
    ),
    seed: SeedOption = 3407,
    device: DeviceOption = "auto",
    workers: WorkersOption = None,
    force: ForceOption = False,
) -> None:
    """Draw, train, evaluate and compare."""
    from mineral_recog.data.loading import default_workers
    from mineral_recog.demo import run_demo

    run_demo(
        out,
        seed=seed,
        device=device,
        workers=default_workers() if workers is None else workers,
        force=force,
    )


def draw(
    data: MadeFolder,
    size: Annotated[int, typer.Option(min=16, max=2048, help=tr("pixels a side", "边长像素"))] = 64,
    largest: Annotated[
        int,
        typer.Option(min=2, help=tr("training photos of the largest class", "最大类的训练张数")),
    ] = 244,
    imbalance: Annotated[
        float, typer.Option(min=1, help=tr("largest over smallest class", "最大类与最小类之比"))
    ] = 81.4,
    val: Annotated[
        int, typer.Option(min=1, help=tr("validation photos a class", "每类验证张数"))
    ] = 5,
    test: Annotated[int, typer.Option(min=1, help=tr("test photos a class", "每类测试张数"))] = 15,
    seed: SeedOption = 3407,
    force: ForceOption = False,
) -> None:
    """Draw a long-tailed set."""
    from mineral_recog.demo import DrawnSet, draw_minerals

    drawn = DrawnSet(size=size, largest=largest, imbalance=imbalance, val=val, test=test)
    draw_minerals(data, drawn, seed=seed, force=force)
