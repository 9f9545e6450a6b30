"""The command `pack`: write DATA as tar shards."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from mineral_recog.cli.options import ForceOption, SeedOption
from mineral_recog.cli.terminal_progress import TerminalProgress
from mineral_recog.i18n import tr


def pack(
    data: Annotated[
        Path,
        typer.Argument(
            metavar="DATA",
            help=tr("folder with train, val and test", "含 train、val、test 的文件夹"),
        ),
    ],
    out: Annotated[
        Path, typer.Argument(metavar="OUT", help=tr("folder to create", "要创建的文件夹"))
    ],
    shard_size: Annotated[
        int,
        typer.Option(
            min=1, help=tr("largest size of a tar file in MB", "每个 tar 文件的最大 MB 数")
        ),
    ] = 1000,
    seed: SeedOption = 0,
    force: ForceOption = False,
) -> None:
    """Write a prepared folder as tar shards."""
    from mineral_recog.cli.tables import new_console, new_table, print_lines
    from mineral_recog.data.shard_writer import pack as pack_data

    with TerminalProgress() as progress:
        splits = pack_data(
            data, out, shard_size=shard_size, seed=seed, force=force, progress=progress
        )
    table = new_table(
        tr("split", "划分"), tr("photos", "照片数"), tr("shards", "分片数"), "MB", numbers_from=1
    )
    for name, split in splits.items():
        table.add_row(
            name, str(split.photo_count), str(split.shard_count), f"{split.byte_count / 1e6:.1f}"
        )
    console = new_console()
    console.print(table)
    next_step = f"mineral-recog train {out}"
    print_lines(console, [tr(f"Next: {next_step}", f"下一步：{next_step}")])
