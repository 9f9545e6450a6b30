"""The command `audit`: check photos before training."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from mineral_recog.cli.options import (
    AddOption,
    AliasesOption,
    ClassLevelOption,
    ColumnsOption,
    CopiesOption,
    ForceOption,
    RootOption,
    SourceArgument,
    source_options,
)
from mineral_recog.cli.terminal_progress import TerminalProgress
from mineral_recog.i18n import tr


def audit(
    source: SourceArgument,
    out: Annotated[Path, typer.Option(help=tr("folder for the findings", "存放检查结果的文件夹"))],
    model: Annotated[
        Path | None,
        typer.Option(
            help=tr(
                "run or model folder; also find photos whose class this model doubts",
                "运行或模型文件夹；并找出该模型认为类别可疑的照片",
            )
        ),
    ] = None,
    copies: CopiesOption = "near",
    aliases: AliasesOption = None,
    class_level: ClassLevelOption = None,
    columns: ColumnsOption = None,
    root: RootOption = None,
    add: AddOption = None,
    force: ForceOption = False,
) -> None:
    """Check photos."""
    from mineral_recog.cli.audit_summary import print_audit
    from mineral_recog.curation.auditor import audit as audit_photos

    options = source_options(class_level, columns, root)
    with TerminalProgress() as progress:
        result = audit_photos(
            source,
            out,
            model=model,
            copies=copies,
            aliases=aliases or (),
            options=options,
            added=add or (),
            force=force,
            progress=progress,
        )
    print_audit(result, out)
