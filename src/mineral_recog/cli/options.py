"""Arguments and options that several commands share."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Annotated, Literal

import typer

from mineral_recog.i18n import tr

MadeFolder = Annotated[
    Path, typer.Argument(metavar="DATA", help=tr("folder to make", "要生成的文件夹"))
]
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
DeviceOption = Annotated[
    str,
    typer.Option(help=tr("auto, cpu, cuda, cuda:1 or mps", "auto、cpu、cuda、cuda:1 或 mps")),
]
WorkersOption = Annotated[
    int | None,
    typer.Option(
        min=0, help=tr("processes that read photos; one a core", "读取照片的进程数；默认每核一个")
    ),
]
CacheOption = Annotated[
    Literal["auto", "on", "off"] | None,
    typer.Option(
        help=tr(
            "keep photos reduced in DATA/.cache, to load fast; auto (default): large ones",
            "在 DATA/.cache 存缩小的照片，读取更快；auto（默认）：照片大时",
        )
    ),
]
MineralsOption = Annotated[
    Path | None,
    typer.Option(
        help=tr("a table of your own on top of minerals.csv", "附加的矿物表，格式同 minerals.csv")
    ),
]
ForceOption = Annotated[
    bool, typer.Option("--force", help=tr("replace what is there", "替换已有的结果"))
]
SeedOption = Annotated[int, typer.Option(min=0, help=tr("of the draw", "随机种子"))]


def with_cache(settings: Sequence[str] | None, cache: str | None) -> list[str]:
    """Settings of a recipe, with that of --cache if it was given."""
    return [*(settings or ()), *(() if cache is None else (f"cache={cache}",))]
