"""The command `prepare`: split photos into train, val and test."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Literal

import typer

from mineral_recog.cli.options import (
    AliasesOption,
    ClassLevelOption,
    ColumnsOption,
    ForceOption,
    NewFolderArgument,
    RootOption,
    SeedOption,
    SourceArgument,
    source_options,
)
from mineral_recog.cli.terminal_progress import TerminalProgress
from mineral_recog.i18n import tr


def prepare(
    source: SourceArgument,
    data: NewFolderArgument,
    split: Annotated[
        str | None,
        typer.Option(
            show_default="80/10/10",
            help=tr(
                "shares of train/val/test, unless SRC is split already",
                "train/val/test 的比例；SRC 已划分时不用",
            ),
        ),
    ] = None,
    imbalance: Annotated[
        float | None,
        typer.Option(
            help=tr(
                "reduce the training photos to a long tail with this imbalance factor",
                "把训练照片减少为具有此不平衡系数的长尾",
            )
        ),
    ] = None,
    seed: SeedOption = 0,
    place: Annotated[
        Literal["hardlink", "copy", "symlink"],
        typer.Option(help=tr("how to place photos in DATA", "照片放入 DATA 的方式")),
    ] = "hardlink",
    decisions: Annotated[
        Path | None,
        typer.Option(
            help=tr("decisions saved by the page of `audit`", "`audit` 的网页所保存的决定文件")
        ),
    ] = None,
    aliases: AliasesOption = None,
    class_level: ClassLevelOption = None,
    columns: ColumnsOption = None,
    root: RootOption = None,
    force: ForceOption = False,
) -> None:
    """Split photos."""
    from mineral_recog.cli.class_name_lines import alias_hint_lines, renamed_lines
    from mineral_recog.cli.preparation_summary import print_preparation
    from mineral_recog.curation.decisions import read_decisions
    from mineral_recog.curation.preparation import parse_shares
    from mineral_recog.curation.preparation import prepare as prepare_data
    from mineral_recog.data.readers.aliases import open_with_aliases

    shares = parse_shares(split) if split is not None else None
    user_decisions = read_decisions(decisions) if decisions else None
    options = source_options(class_level, columns, root)
    with TerminalProgress() as progress:
        photo_source, renamed = open_with_aliases(source, aliases, progress, options)
        result = prepare_data(
            photo_source,
            data,
            shares=shares,
            imbalance=imbalance,
            seed=seed,
            place=place,
            decisions=user_decisions,
            force=force,
            progress=progress,
        )
    class_lines = renamed_lines(renamed) if aliases else alias_hint_lines(photo_source.classes)
    print_preparation(result, data, [*photo_source.notes, *class_lines])
