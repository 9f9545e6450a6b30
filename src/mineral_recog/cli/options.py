"""Arguments and options that several commands share."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Annotated, Literal

import typer

from mineral_recog.i18n import tr

NewFolderArgument = Annotated[
    Path, typer.Argument(metavar="DATA", help=tr("folder to create", "要创建的文件夹"))
]
SourceArgument = Annotated[
    Path,
    typer.Argument(
        metavar="SRC",
        help=tr(
            "photos: one folder per class, optionally in train, val and test; or a file that lists "
            "photos (.csv, .json, .jsonl); or .parquet or .tar files",
            "照片：每类一个文件夹，可已分为 train、val、test；或照片列表文件（.csv、.json、"
            ".jsonl）；或 .parquet、.tar 文件",
        ),
    ),
]
AliasesOption = Annotated[
    list[str] | None,
    typer.Option(
        metavar="minerals|FILE",
        help=tr(
            "merge classes by aliases: `minerals` for the shipped table of names, or a CSV file "
            "(alias,name) of your own; give both options to use both",
            "按别名合并类别：`minerals` 为自带的名称表，也可给出自己的 CSV 文件（alias,name）；"
            "两者都要用时，写两次该选项",
        ),
    ),
]
CopiesOption = Annotated[
    Literal["near", "exact", "off"],
    typer.Option(
        help=tr(
            "copies to look for: near (also resized, cropped, mirrored ...), exact (the same "
            "bytes) or off",
            "要查找的重复：near（包括缩放、裁剪、镜像等）、exact（内容相同的文件）或 off",
        )
    ),
]
DeviceOption = Annotated[
    str,
    typer.Option(help=tr("auto, cpu, cuda, cuda:1 or mps", "auto、cpu、cuda、cuda:1 或 mps")),
]
WorkersOption = Annotated[
    int | None,
    typer.Option(
        min=0,
        help=tr(
            "processes that read photos; default one per core", "读取照片的进程数；默认每核一个"
        ),
    ),
]
CacheOption = Annotated[
    Literal["auto", "on", "off"] | None,
    typer.Option(
        help=tr(
            "store reduced photos in DATA/.cache for faster loading; auto (default): if photos "
            "are large",
            "在 DATA/.cache 保存缩小的照片以加快读取；auto（默认）：仅当照片较大时",
        )
    ),
]
MineralsOption = Annotated[
    Path | None,
    typer.Option(
        help=tr("CSV file that extends minerals.csv", "补充 minerals.csv 的 CSV 文件，格式相同")
    ),
]
ForceOption = Annotated[
    bool, typer.Option("--force", help=tr("replace existing output", "替换已有的输出"))
]
SeedOption = Annotated[int, typer.Option(min=0, help=tr("random seed", "随机种子"))]


def worker_count(workers: int | None) -> int:
    """Return --workers, or its default."""
    from mineral_recog.data.loaders import default_workers  # loads torch

    return default_workers() if workers is None else workers


def with_cache(settings: Sequence[str] | None, cache: str | None) -> list[str]:
    """Return the settings of a recipe, extended by --cache if it was given."""
    return [*(settings or ()), *(() if cache is None else (f"cache={cache}",))]
