"""The command `prepare`: split photos into train, val and test."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Literal

import typer

from mineral_recog.cli.options import (
    AliasesOption,
    ForceOption,
    MadeFolder,
    SeedOption,
    SourceArgument,
)
from mineral_recog.cli.terminal_progress import TerminalProgress
from mineral_recog.i18n import tr


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
    from mineral_recog.cli.class_name_lines import alias_hint_lines, renamed_lines
    from mineral_recog.cli.preparation_summary import print_preparation
    from mineral_recog.curation.decisions import read_decisions
    from mineral_recog.curation.preparation import parse_shares
    from mineral_recog.curation.preparation import prepare as prepare_data
    from mineral_recog.data.readers.naming import open_named

    shares = parse_shares(split) if split is not None else None
    decided = read_decisions(decisions) if decisions else None
    with TerminalProgress() as progress:
        photos, renamed = open_named(source, aliases, progress)
        made = prepare_data(
            photos,
            data,
            shares=shares,
            imbalance=imbalance,
            seed=seed,
            place=place,
            decisions=decided,
            force=force,
            progress=progress,
        )
    class_lines = renamed_lines(renamed) if aliases else alias_hint_lines(photos.classes)
    print_preparation(made, data, class_lines)
