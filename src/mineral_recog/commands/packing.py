"""A prepared folder in another layout: `pack`."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from mineral_recog.commands.options import ForceOption, SeedOption
from mineral_recog.language import tr


def pack(
    data: Annotated[
        Path,
        typer.Argument(metavar="DATA", help=tr("with train, val and test", "含 train、val、test")),
    ],
    out: Annotated[
        Path, typer.Argument(metavar="OUT", help=tr("folder to make", "要生成的文件夹"))
    ],
    shard_size: Annotated[
        int, typer.Option(min=1, help=tr("MB of a tar file at most", "每个 tar 文件的最大 MB 数"))
    ] = 1000,
    seed: SeedOption = 0,
    force: ForceOption = False,
) -> None:
    """Write a prepared folder as tar shards."""
    from mineral_recog.packing import pack_and_show

    pack_and_show(data, out, shard_size=shard_size, seed=seed, force=force)
