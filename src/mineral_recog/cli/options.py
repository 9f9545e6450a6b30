"""Arguments and options that several commands share."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

import typer

from mineral_recog.cores import loader_processes
from mineral_recog.i18n import tr

if TYPE_CHECKING:
    from mineral_recog.data.readers.source_options import SourceOptions

NewFolderArgument = Annotated[
    Path, typer.Argument(metavar="DATA", help=tr("folder to create", "要创建的文件夹"))
]
SourceArgument = Annotated[
    Path,
    typer.Argument(
        metavar="SRC",
        help=tr(
            "photos: one folder per class, optionally in train, val and test; or a file that lists "
            "photos (.csv, .tsv, .json, .jsonl, .txt); or .parquet or .tar files",
            "照片：每类一个文件夹，可已分为 train、val、test；或照片列表文件（.csv、.tsv、.json、"
            ".jsonl、.txt）；或 .parquet、.tar 文件",
        ),
    ),
]
ClassLevelOption = Annotated[
    int | None,
    typer.Option(
        min=1,
        metavar="N",
        help=tr(
            "the class of a photo is its Nth folder below SRC, 1 for the first; found by default",
            "照片的类别是 SRC 之下第 N 层文件夹，1 为第一层；默认自动判断",
        ),
    ),
]
ColumnsOption = Annotated[
    str | None,
    typer.Option(
        metavar="ROLE=NAME,...",
        help=tr(
            "columns of a list, such as path=image_id,label=Class; also split, specimen and "
            "attribute",
            "列表中的列，例如 path=image_id,label=Class；还可指定 split、specimen 与 attribute",
        ),
    ),
]
RootOption = Annotated[
    Path | None,
    typer.Option(
        help=tr(
            "folder that the paths of a list begin from; default: that of the list",
            "列表中的路径从哪个文件夹算起；默认为列表所在文件夹",
        )
    ),
]
AddOption = Annotated[
    list[Path] | None,
    typer.Option(
        metavar="SRC",
        help=tr(
            "more photos, such as corrections.csv of the page's field book; training photos if SRC "
            "is split already",
            "再加入的照片，如网页野外记录本的 corrections.csv；若 SRC 已划分，则作为训练照片",
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


def source_options(
    class_level: int | None, columns: str | None, root: Path | None
) -> SourceOptions:
    """Return how to read photos by --class-level, --columns and --root.

    Raises:
        UserError: The text of --columns is not valid.
    """
    from mineral_recog.data.readers.source_options import SourceOptions, parse_columns

    return SourceOptions(class_level, parse_columns(columns) if columns else {}, root)


def worker_count(workers: int | None) -> int:
    """Return --workers, or its default."""
    return loader_processes() if workers is None else workers


def with_cache(settings: Sequence[str] | None, cache: str | None) -> list[str]:
    """Return the settings of a recipe, extended by --cache if it was given."""
    return [*(settings or ()), *(() if cache is None else (f"cache={cache}",))]
