"""The command `audit`: look photos over before training."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from mineral_recog.cli.options import AliasesOption, ForceOption, SourceArgument
from mineral_recog.cli.terminal_progress import TerminalProgress
from mineral_recog.i18n import tr


def audit(
    source: SourceArgument,
    out: Annotated[Path, typer.Option(help=tr("folder of the findings", "存放检查结果的文件夹"))],
    model: Annotated[
        Path | None,
        typer.Option(
            help=tr(
                "run or model folder; find photos that this model doubts",
                "运行或模型文件夹；找出该模型有疑问的照片",
            )
        ),
    ] = None,
    aliases: AliasesOption = None,
    force: ForceOption = False,
) -> None:
    """Look photos over."""
    from mineral_recog.cli.audit_summary import print_audit
    from mineral_recog.curation.auditor import audit as audit_photos

    with TerminalProgress() as progress:
        found = audit_photos(
            source, out, model=model, aliases=aliases, force=force, progress=progress
        )
    print_audit(found, out)
