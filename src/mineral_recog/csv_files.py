"""CSV tables: those that a user wrote, with errors that tell the line, and cells safe to open."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from mineral_recog.errors import DataError
from mineral_recog.i18n import tr
from mineral_recog.text import printable

FORMULA = ("=", "+", "-", "@", "\t", "\r")  # what a spreadsheet would work out


def plain_cell(cell: str) -> str:
    """A cell that a spreadsheet shows and does not work out, on one line."""
    return printable(f"'{cell}" if cell.startswith(FORMULA) else cell)


class Table:
    """The rows of a CSV file in UTF-8 whose first line names the columns.

    Attributes:
        columns: their names, as written.

    Args:
        path: of the file.
        largest: bytes that it may have.
        delimiters: what may stand between cells; the one that the first line has most of does.

    Raises:
        DataError: no such file, too large, not UTF-8, or quotes that do not close.
    """

    def __init__(self, path: Path, largest: int, delimiters: str = ",") -> None:
        self.path = path
        text = read_text(path, largest)
        delimiter = max(delimiters, key=text.partition("\n")[0].count)
        self._rows = csv.DictReader(io.StringIO(text, newline=""), strict=True, delimiter=delimiter)
        with self._told():
            self.columns = list(self._rows.fieldnames or ())

    def __iter__(self) -> Iterator[tuple[int, dict[str, str]]]:
        """Rows, each with the number of its last line.

        Raises:
            DataError: a row with more or fewer cells than columns, or quotes that do not close.
        """
        with self._told():
            for row in self._rows:
                if None in row or None in row.values():
                    raise wrong_line(
                        self.path,
                        self._rows.line_num,
                        f"not as many cells as the first line, {len(self.columns)}: put a cell "
                        "that has a comma in double quotes.",
                        f"单元格数与第一行（{len(self.columns)}）不同：含逗号的单元格请加双引号。",
                    )
                yield self._rows.line_num, row

    @contextmanager
    def _told(self) -> Iterator[None]:
        try:
            yield
        except csv.Error as error:
            raise wrong_line(
                self.path,
                self._rows.reader.line_num,  # that of the rows is of the last that could be read
                f"not a line of CSV ({error}): mend its quotes.",
                f"不是有效的 CSV 行（{error}）：请检查引号。",
            ) from None


def read_rows(
    path: Path, columns: Sequence[str], largest: int
) -> Iterator[tuple[int, dict[str, str]]]:
    """The rows of a CSV file in UTF-8, each with the number of its last line.

    Args:
        path: of the file; its first line names the columns, in any order.
        columns: that must be there, each once.
        largest: bytes that the file may have.

    Raises:
        DataError: as for `Table`, or a column missing or twice.
    """
    table = Table(path, largest)
    if wrong := [column for column in columns if table.columns.count(column) != 1]:
        raise wrong_line(
            path,
            1,
            f"column missing or twice, {', '.join(wrong)}: the first line must be "
            f"{','.join(columns)}.",
            f"缺少或重复的列 {'、'.join(wrong)}：第一行应为 {','.join(columns)}。",
        )
    yield from table


def wrong_line(path: Path, line: int, english: str, chinese: str) -> DataError:
    """The error of a line of a file, told in the language that the user reads."""
    return DataError(tr(f"{path}, line {line}: {english}", f"{path} 第 {line} 行：{chinese}"))


def read_text(path: Path, largest: int, kind: str = "CSV") -> str:
    """The text of a file in UTF-8, with or without a mark at its start.

    Args:
        path: of the file.
        largest: bytes that it may have.
        kind: what it should be, for messages.

    Raises:
        DataError: no such file, too large, or not UTF-8.
    """
    try:
        with path.open("rb") as file:
            content = file.read(largest + 1)
    except OSError as error:
        raise DataError(
            tr(
                f"{path} cannot be read ({error.strerror}): give a {kind} file.",
                f"无法读取 {path}（{error.strerror}）：请给出 {kind} 文件。",
            )
        ) from None
    if len(content) > largest:
        raise DataError(
            tr(
                f"{path} is larger than {largest / 1e6:g} MB: give a smaller one.",
                f"{path} 大于 {largest / 1e6:g} MB：请给出较小的文件。",
            )
        )
    try:
        return content.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise wrong_line(
            path,
            content.count(b"\n", 0, error.start) + 1,
            f"not UTF-8: save it as {kind} UTF-8.",
            f"不是 UTF-8 编码：请另存为 {kind} UTF-8 格式。",
        ) from None
