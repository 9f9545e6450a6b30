"""Tables and lines that all commands print on the terminal."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

from rich.console import Console
from rich.table import Table
from rich.text import Text

from mineral_recog.i18n import tr

MAX_CLASS_ROWS = 50  # of more classes, SHOWN_CLASSES of either end are printed
SHOWN_CLASSES = 10
PIPE_WIDTH = 120  # characters; a pipe has no width


def new_console() -> Console:
    """Return a console on standard output."""
    console = Console()
    if not console.is_terminal:
        console.width = PIPE_WIDTH
    return console


def new_table(*headings: str | Text, numbers_from: int) -> Table:
    """Return a table without borders, whose columns from `numbers_from` on hold numbers."""
    table = Table(box=None, header_style="bold")
    for position, heading in enumerate(headings):
        table.add_column(heading, justify="right" if position >= numbers_from else "left")
    return table


def add_class_rows(table: Table, rows: Sequence[Sequence[str | Text]]) -> None:
    """Add the row of each class; of more than MAX_CLASS_ROWS only the first and the last ones."""
    is_long = len(rows) > MAX_CLASS_ROWS
    for row in rows[:SHOWN_CLASSES] if is_long else rows:
        table.add_row(*row)
    if is_long:
        count = f"{len(rows) - 2 * SHOWN_CLASSES:,}"
        table.add_row(tr(f"... {count} more classes", f"……其余 {count} 个类别"))
        for row in rows[-SHOWN_CLASSES:]:
            table.add_row(*row)


def first_of(names: Iterable[str], most: int, separator: str = ", ", more: str = " ...") -> str:
    """Return at most `most` names, followed by `more` if there are others."""
    names = list(names)
    return separator.join(names[:most]) + (more if len(names) > most else "")


def suffix_counts(counts: Mapping[str, int]) -> str:
    """Return the number of files with each suffix, such as "2 .pdf, 1 .txt"."""
    return ", ".join(f"{count} {suffix}" for suffix, count in sorted(counts.items()))


def print_lines(console: Console, lines: Iterable[str]) -> None:
    """Print lines unchanged: without markup, and without line breaks in paths."""
    for line in lines:
        console.print(line, markup=False, emoji=False, highlight=False, soft_wrap=True)
