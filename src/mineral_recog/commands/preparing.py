"""Photos of one's own: `audit` and `prepare`."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Literal

import typer

from mineral_recog.commands.options import ForceOption, MadeFolder, SeedOption
from mineral_recog.language import tr

SourceFolder = Annotated[
    Path, typer.Argument(metavar="SRC", help=tr("photos, a folder a class", "照片，一类一个文件夹"))
]


def audit(
    source: SourceFolder,
    out: Annotated[Path, typer.Option(help=tr("folder of the findings", "存放检查结果的文件夹"))],
    model: Annotated[
        Path | None,
        typer.Option(
            help=tr(
                "run or model folder; find photos that this model doubts",
                "运行或模型文件夹；找出该模型有疑问的照片",
            )
        ),
    ] = None,
    force: ForceOption = False,
) -> None:
    """Look folders of photos over."""
    from mineral_recog.auditing import audit_and_show

    audit_and_show(source, out, model=model, force=force)


def prepare(
    source: SourceFolder,
    data: MadeFolder,
    split: Annotated[
        str, typer.Option(help=tr("shares of train/val/test", "train/val/test 的比例"))
    ] = "80/10/10",
    imbalance: Annotated[
        float | None,
        typer.Option(
            help=tr(
                "cut the training photos to a long tail with this factor",
                "把训练照片裁成此不平衡系数的长尾",
            )
        ),
    ] = None,
    seed: SeedOption = 0,
    place: Annotated[
        Literal["hardlink", "copy", "symlink"],
        typer.Option(help=tr("how photos come to DATA", "照片放入 DATA 的方式")),
    ] = "hardlink",
    decisions: Annotated[
        Path | None,
        typer.Option(
            help=tr("file that the page of `audit` saved", "`audit` 的网页所保存的决定文件")
        ),
    ] = None,
    force: ForceOption = False,
) -> None:
    """Split folders of photos."""
    from mineral_recog.preparing import prepare_and_show

    prepare_and_show(
        source,
        data,
        split=split,
        imbalance=imbalance,
        seed=seed,
        place=place,
        decisions=decisions,
        force=force,
    )
