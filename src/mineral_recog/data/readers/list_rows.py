"""The rows of a file that lists photos: path, label and split, under whatever names they have."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from mineral_recog.csv_files import Table, read_text, wrong_line
from mineral_recog.errors import DataError, UserError
from mineral_recog.i18n import tr
from mineral_recog.text import parse_json

LARGEST = 100 * 10**6  # bytes; a million photos
SUFFIXES = (".csv", ".tsv", ".json", ".jsonl")
COLUMNS = {
    "path": ("path", "file_name", "filename", "image"),
    "label": ("label", "class", "species", "mineral"),
    "split": ("split",),
}


@dataclass(frozen=True)
class Row:
    """What a file says of one photo; texts without space around them.

    Attributes:
        file: that says it.
        number: of the line, or of the entry of a JSON file.
        path: of the photo, absolute or below the file's folder.
        label: of its class.
        split: as written; "" when none is.
    """

    file: Path
    number: int
    path: str
    label: str
    split: str

    @property
    def where(self) -> str:
        """File and line."""
        return _where(self.file, self.number)

    def wrong(self, english: str, chinese: str) -> UserError:
        """An error that tells where the row stands."""
        return _wrong(self.file, self.number, english, chinese)


def read_manifest(file: Path) -> Iterator[Row]:
    """The rows of a CSV, JSON or JSONL file.

    Columns go by the names in COLUMNS, whatever their case; a CSV file may have commas, semicolons
    or tabs between cells; a JSON file is a list of objects, or an object with one such list.

    Raises:
        UserError: not such a file, too large, not UTF-8, without the columns, or a cell that is no
            text.
    """
    if file.suffix.lower() in (".csv", ".tsv"):
        table = Table(file, LARGEST, ",;\t")
        used = _columns(file, 1, table.columns)
        entries: Iterator[tuple[int, Mapping[str, Any]]] = iter(table)
    else:
        used = None
        entries = _lines(file) if file.suffix.lower() == ".jsonl" else _objects(file)
    for number, entry in entries:
        columns = used or _columns(file, number, list(entry))
        cells = {column: _cell(file, number, entry, key) for column, key in columns.items()}
        yield Row(file, number, cells["path"], cells["label"], cells.get("split", ""))


def _columns(file: Path, number: int, there: Sequence[str]) -> dict[str, str]:
    """Which of the columns of a file holds what."""
    used = {}
    for column, names in COLUMNS.items():
        called = [one for one in there if one.strip().casefold() in names]
        if len(called) > 1:
            raise _wrong(
                file,
                number,
                f"{' and '.join(called)} may both be the {column}: rename all but one.",
                f"{'、'.join(called)} 都可能是 {column}：请只留一个，其余改名。",
            )
        if called:
            used[column] = called[0]
        elif column != "split":
            raise _wrong(
                file,
                number,
                f"no column for the {column} ({', '.join(names)}): add one, or move the file away "
                "if its folder has a folder a class.",
                f"没有 {column} 列（{'、'.join(names)}）：请加上；若所在文件夹已是一类一个文件夹，"
                "请移走此文件。",
            )
    return used


def _cell(file: Path, number: int, entry: Mapping[str, Any], key: str) -> str:
    value = entry[key]
    if value is None:
        return ""
    if isinstance(value, bool) or not isinstance(value, str | int):
        raise _wrong(file, number, f"{key} is no text: give one.", f"{key} 不是文字：请填写文字。")
    return str(value).strip()


def _objects(file: Path) -> Iterator[tuple[int, Mapping[str, Any]]]:
    """The objects of a JSON file, counted from 1."""
    whole = _parsed(file, 1, read_text(file, LARGEST, "JSON"))
    lists = [whole] if isinstance(whole, list) else []
    if isinstance(whole, dict):
        lists = [value for value in whole.values() if isinstance(value, list)]
    if len(lists) != 1:
        raise DataError(
            tr(
                f"{file} has {len(lists)} lists of photos: write one list of objects with path "
                "and label.",
                f"{file} 里有 {len(lists)} 个照片列表：请写成一个列表，每项含 path 与 label。",
            )
        )
    for number, entry in enumerate(lists[0], start=1):
        yield number, _object(file, number, entry)


def _lines(file: Path) -> Iterator[tuple[int, Mapping[str, Any]]]:
    for number, line in enumerate(read_text(file, LARGEST, "JSONL").split("\n"), start=1):
        if line.strip():
            yield number, _object(file, number, _parsed(file, number, line))


def _object(file: Path, number: int, entry: Any) -> Mapping[str, Any]:
    if not isinstance(entry, dict):
        raise _wrong(
            file,
            number,
            'not an object: write {"path": ..., "label": ...}.',
            '不是对象：请写成 {"path": ..., "label": ...}。',
        )
    return entry


def _parsed(file: Path, line: int, text: str) -> Any:
    try:
        return parse_json(text)
    except json.JSONDecodeError as error:
        line, told = line + error.lineno - 1, error.msg
    except ValueError as error:  # nested too deeply, or a number of thousands of digits
        told = str(error)
    raise wrong_line(file, line, f"no JSON ({told}): mend it.", f"不是 JSON（{told}）：请修正。")


def _where(file: Path, number: int) -> str:
    if file.suffix.lower() == ".json":
        return tr(f"{file}, entry {number}", f"{file} 第 {number} 项")
    return tr(f"{file}, line {number}", f"{file} 第 {number} 行")


def _wrong(file: Path, number: int, english: str, chinese: str) -> UserError:
    where = _where(file, number)
    return DataError(tr(f"{where}: {english}", f"{where}：{chinese}"))
