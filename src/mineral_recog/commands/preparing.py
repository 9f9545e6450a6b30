"""Photos of one's own: `audit` and `prepare`."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Literal

import typer

from mineral_recog.commands.options import ForceOption, MadeFolder, SeedOption
from mineral_recog.language import tr

SourceArgument = Annotated[
    Path,
    typer.Argument(
        metavar="SRC",
        help=tr(
            "photos: a folder a class, with or without train, val and test; or a file that lists "
            "them (.csv, .json, .jsonl); or .parquet or .tar files",
            "照片：一类一个文件夹，可已分为 train、val、test；或照片列表文件（.csv、.json、"
            ".jsonl）；或 .parquet、.tar 文件",
        ),
    ),
]
AliasesOption = Annotated[
    str | None,
    typer.Option(
        metavar="minerals|FILE",
        help=tr(
            "bring class names to one: `minerals` by the shipped table of names, or a CSV file "
            "alias,name on top of it",
            "统一类名：`minerals` 用自带的名称表，或再加一个 CSV 文件（alias,name）",
        ),
    ),
]


def audit(
    source: SourceArgument,
    out: Annotated[Path, typer.Option(help=tr("folder of the findings", "存放检查结果的文件夹"))],
    aliases: AliasesOption = None,
    force: ForceOption = False,
) -> None:
    """Look photos over."""
    from mineral_recog.auditing import audit_and_show

    audit_and_show(source, out, aliases=aliases, force=force)


def prepare(
    source: SourceArgument,
    data: MadeFolder,
    split: Annotated[
        str | None,
        typer.Option(
            show_default="80/10/10",
            help=tr(
                "shares of train/val/test, unless SRC gives the splits",
                "train/val/test 的比例；SRC 已给出划分时不用",
            ),
        ),
    ] = None,
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
    aliases: AliasesOption = None,
    force: ForceOption = False,
) -> None:
    """Split photos."""
    from mineral_recog.preparing import prepare_and_show

    prepare_and_show(
        source,
        data,
        split=split,
        imbalance=imbalance,
        seed=seed,
        place=place,
        decisions=decisions,
        aliases=aliases,
        force=force,
    )
