"""Arguments and options that several commands share."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from mineral_recog.language import tr

MadeFolder = Annotated[
    Path, typer.Argument(metavar="DATA", help=tr("folder to make", "要生成的文件夹"))
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
ForceOption = Annotated[
    bool, typer.Option("--force", help=tr("replace what is there", "替换已有的结果"))
]
SeedOption = Annotated[int, typer.Option(min=0, help=tr("of the draw", "随机种子"))]
