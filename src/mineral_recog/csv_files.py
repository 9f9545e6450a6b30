"""CSV files: tables written by users, with errors that name the line, and cells safe to open."""

from __future__ import annotations

import codecs
import csv
import io
import re
from collections.abc import Collection, Iterable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from mineral_recog.errors import DataError, translate_reason
from mineral_recog.i18n import tr
from mineral_recog.text import printable

FORMULA_STARTS = ("=", "+", "-", "@", "\t", "\r")  # a spreadsheet evaluates such cells
_NEGATIVE_NUMBER = re.compile(r"-[0-9]+(\.[0-9]+)?(e[+-]?[0-9]+)?")


def escape_formula(cell: str) -> str:
    """Return a cell on one line that a spreadsheet does not evaluate; negative numbers stay."""
    is_formula = cell.startswith(FORMULA_STARTS) and not _NEGATIVE_NUMBER.fullmatch(cell)
    return printable(f"'{cell}" if is_formula else cell)


class CsvTable:
    """A CSV file whose first line names the columns; iterate it for the rows.

    Attributes:
        columns: Names of the columns, as written.
        encoding: Encoding of the file, as for `decode_text`.

    Args:
        path: The file.
        max_bytes: Largest size of the file.
        delimiters: Possible delimiters; the one most frequent in the first line is used.

    Raises:
        DataError: The file does not exist, is too large, is in an unknown encoding, or has an open
            quote.
    """

    def __init__(self, path: Path, max_bytes: int, delimiters: str = ",") -> None:
        self.path = path
        text, self.encoding = read_text_and_encoding(path, max_bytes)
        delimiter = max(delimiters, key=text.partition("\n")[0].count)
        self._rows = csv.DictReader(io.StringIO(text, newline=""), strict=True, delimiter=delimiter)
        with self._report_csv_errors():
            self.columns = list(self._rows.fieldnames or ())

    def __iter__(self) -> Iterator[tuple[int, dict[str, str]]]:
        """Yield rows, each with the number of its last line.

        Raises:
            DataError: A row has more or fewer cells than columns, or an open quote.
        """
        with self._report_csv_errors():
            for row in self._rows:
                if None in row or None in row.values():
                    raise line_error(
                        self.path,
                        self._rows.line_num,
                        f"not as many cells as the first line, {len(self.columns)}: put a cell "
                        "that has a comma in double quotes.",
                        f"单元格数与第一行（{len(self.columns)}）不同：含逗号的单元格请加双引号。",
                    )
                yield self._rows.line_num, row

    @contextmanager
    def _report_csv_errors(self) -> Iterator[None]:
        try:
            yield
        except csv.Error as error:
            raise line_error(
                self.path,
                self._rows.reader.line_num,  # self._rows counts only readable rows
                f"not a line of CSV ({error}): fix its quotes.",
                f"不是有效的 CSV 行（{error}）：请检查引号。",
            ) from None


def read_rows(
    path: Path, columns: Sequence[str], max_bytes: int, optional: Collection[str] = ()
) -> Iterator[tuple[int, dict[str, str]]]:
    """Yield the rows of a CSV file, each with the number of its last line.

    Args:
        path: The file; its first line names the columns, in any order.
        columns: Known columns, each exactly once; the file may have others.
        max_bytes: Largest size of the file.
        optional: Those of `columns` that the file may lack.

    Raises:
        DataError: As for `CsvTable`, or a column is missing or given twice.
    """
    table = CsvTable(path, max_bytes)
    counts = {column: table.columns.count(column) for column in columns}
    if wrong := [c for c, n in counts.items() if n > 1 or (n == 0 and c not in optional)]:
        raise line_error(
            path,
            1,
            f"column missing or twice, {', '.join(wrong)}: the first line must be "
            f"{','.join(columns)}.",
            f"缺少或重复的列 {'、'.join(wrong)}：第一行应为 {','.join(columns)}。",
        )
    yield from table


def write_rows(path: Path, rows: Iterable[Iterable[object]], encoding: str = "utf-8") -> None:
    """Write a CSV file; cells of text are made safe by `escape_formula`."""
    with path.open("w", encoding=encoding, newline="") as file:
        csv.writer(file).writerows(
            [escape_formula(cell) if isinstance(cell, str) else cell for cell in row]
            for row in rows
        )


def line_error(path: Path, line: int, english: str, chinese: str) -> DataError:
    """Return the error for a line of a file, in the user's language."""
    return DataError(tr(f"{path}, line {line}: {english}", f"{path} 第 {line} 行：{chinese}"))


def read_text(path: Path, max_bytes: int, kind: str = "CSV") -> str:
    """Read a text file; arguments and errors as for `read_text_and_encoding`."""
    return read_text_and_encoding(path, max_bytes, kind)[0]


def read_text_and_encoding(path: Path, max_bytes: int, kind: str = "CSV") -> tuple[str, str]:
    """Read a text file; return its text and its encoding, see `decode_text`.

    Args:
        path: The file.
        max_bytes: Largest size of the file.
        kind: Expected format, for messages.

    Raises:
        DataError: The file does not exist, is too large, or is in an unknown encoding.
    """
    try:
        with path.open("rb") as file:
            content = file.read(max_bytes + 1)
    except OSError as error:
        reason = translate_reason(error.strerror or "")
        raise DataError(
            tr(
                f"{path} cannot be read ({reason}): give a {kind} file.",
                f"无法读取 {path}（{reason}）：请给出 {kind} 文件。",
            )
        ) from None
    if len(content) > max_bytes:
        raise DataError(
            tr(
                f"{path} is larger than {max_bytes / 1e6:g} MB: give a smaller file.",
                f"{path} 大于 {max_bytes / 1e6:g} MB：请给出较小的文件。",
            )
        )
    try:
        return decode_text(content)
    except UnicodeDecodeError as error:
        raise line_error(
            path,
            content.count(b"\n", 0, error.start) + 1,
            f"not UTF-8: save it as {kind} UTF-8.",
            f"不是 UTF-8 编码：请另存为 {kind} UTF-8 格式。",
        ) from None


def decode_text(content: bytes) -> tuple[str, str]:
    """Return a text and its encoding: UTF-8, UTF-16 with a byte order mark, or GB18030.

    Chinese versions of Excel save CSV in GBK, a part of GB18030, and "Unicode text" in UTF-16.

    Raises:
        UnicodeDecodeError: It is none of these.
    """
    if content.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)):
        return content.decode("utf-16"), "UTF-16"
    try:
        return content.decode("utf-8-sig"), "UTF-8"
    except UnicodeDecodeError:
        text = content.decode("gb18030", "replace")
        foreign = "".join(char for char in text if not char.isascii())
        # Western letters with accents also decode as GB18030, but into rare characters.
        common = foreign.encode("gb2312", "ignore").decode("gb2312")
        if "\ufffd" in text or 2 * len(common) <= len(foreign):
            raise
    return text, "GB18030"
