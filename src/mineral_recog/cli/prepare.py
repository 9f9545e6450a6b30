"""The command `prepare`: split photos into train, val and test."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Literal

import typer

from mineral_recog.cli.options import (
    AddOption,
    AliasesOption,
    ClassLevelOption,
    ColumnsOption,
    CopiesOption,
    ForceOption,
    NewFolderArgument,
    RootOption,
    SeedOption,
    SourceArgument,
    source_options,
)
from mineral_recog.cli.terminal_progress import TerminalProgress
from mineral_recog.i18n import tr
from mineral_recog.text import command_line


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
    copies: CopiesOption = "near",
    aliases: AliasesOption = None,
    class_level: ClassLevelOption = None,
    columns: ColumnsOption = None,
    root: RootOption = None,
    add: AddOption = None,
    group_by: Annotated[
        str | None,
        typer.Option(
            metavar="PATTERN",
            help=tr(
                "keep the photos of one specimen in one split: a pattern for file names such as "
                "'{specimen}-*', or for paths below the class folder such as '{specimen}/*'",
                "同一标本的照片只放入一个划分：给出文件名的模式，如 '{specimen}-*'，"
                "或类别文件夹内路径的模式，如 '{specimen}/*'",
            ),
        ),
    ] = None,
    min_photos: Annotated[
        int | None,
        typer.Option(
            min=3,
            help=tr(
                "leave out classes with fewer photos (copies count as one) or with fewer than 3 "
                "specimens",
                "略去照片少于此数（互为副本的算一张）或标本少于 3 个的类别",
            ),
        ),
    ] = None,
    force: ForceOption = False,
) -> None:
    """Split photos."""
    from mineral_recog.cli.class_name_lines import alias_hint_lines, renamed_lines
    from mineral_recog.cli.preparation_summary import print_preparation
    from mineral_recog.cli.specimen_lines import proposal_lines
    from mineral_recog.curation.decisions import read_decisions
    from mineral_recog.curation.preparation import prepare as prepare_data
    from mineral_recog.curation.specimen_proposal import propose_pattern
    from mineral_recog.data.readers.aliases import open_with_aliases
    from mineral_recog.data.splits import parse_shares

    shares = parse_shares(split) if split is not None else None
    user_decisions = read_decisions(decisions) if decisions else None
    options = source_options(class_level, columns, root)
    with TerminalProgress() as progress:
        opened = open_with_aliases(source, aliases or (), progress, options, add or ())
        result = prepare_data(
            opened.source,
            data,
            shares=shares,
            imbalance=imbalance,
            seed=seed,
            place=place,
            decisions=user_decisions,
            group_by=group_by,
            min_photos=min_photos,
            copies=copies,
            force=force,
            progress=progress,
        )
    lines = [*opened.source.notes]
    lines += renamed_lines(opened) if aliases else alias_hint_lines(opened.source.classes)
    if result.specimens is None:
        lines += proposal_lines(propose_pattern(opened.source))
    words = options.words()
    words += [word for more in add or () for word in ("--add", str(more))]
    words += [word for table in aliases or () for word in ("--aliases", table)]
    words += ["--copies", copies] if copies != "near" else []
    audit_command = command_line("mineral-recog", "audit", source, *words, "--out", "DIR")
    print_preparation(result, data, audit_command, lines)
