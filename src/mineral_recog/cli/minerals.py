"""The commands `minerals ...`: check a table of minerals."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from mineral_recog.cli.help_texts import Command, Group
from mineral_recog.cli.tables import new_console, print_lines
from mineral_recog.i18n import tr

PROBLEMS_FOUND = 2  # exit status: the table must be corrected

minerals = typer.Typer(
    cls=Group,
    help=tr("Check your own table of minerals.", "检查您自己的矿物表。"),
)


@minerals.callback(invoke_without_command=True)
def _minerals(context: typer.Context) -> None:
    if context.invoked_subcommand is None:
        print(context.get_help())


@minerals.command(
    cls=Command,
    help=tr(
        "Check a table of minerals for --minerals: words, ranges, names, places in the taxonomy, "
        "density against formula, and hazards.",
        "检查用于 --minerals 的矿物表：用词、范围、名称、分类位置、密度与化学式是否相符、危害。",
    ),
)
def check(
    table: Annotated[
        Path,
        typer.Argument(metavar="FILE", help=tr("CSV file of minerals", "矿物表（CSV 文件）")),
    ],
) -> None:
    """Check a table of minerals."""
    from mineral_recog.minerals.table_checks import check_table

    checked = check_table(table)
    rows, count = checked.row_count, len(checked.problems)
    lines = [str(problem) for problem in checked.problems]
    if columns := checked.unread_columns:
        lines.append(
            tr(
                f"Columns that are not read: {', '.join(columns)}. If one is a misspelled name, "
                "correct it.",
                f"不读取的列：{'、'.join(columns)}。若列名有误，请更正。",
            )
        )
    if count:
        lines.append(
            tr(f"Rows: {rows}, to correct: {count}.", f"{rows} 行，有 {count} 处需要更正。")
        )
    else:
        lines.append(tr(f"Rows: {rows}, no problem found.", f"{rows} 行，未发现问题。"))
    print_lines(new_console(), lines)
    if count:
        raise typer.Exit(PROBLEMS_FOUND)
