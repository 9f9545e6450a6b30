"""Reads the rows of a list of photos: path, class label and split, under several column names."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

from mineral_recog.csv_files import CsvTable, line_error, read_text
from mineral_recog.errors import DataError, translate_reason
from mineral_recog.i18n import tr
from mineral_recog.text import parse_json

MAX_BYTES = 100 * 10**6  # enough for a million photos
SUFFIXES = (".csv", ".tsv", ".json", ".jsonl")
COLUMNS = {
    "path": ("path", "file_name", "filename", "image"),
    "label": ("label", "class", "species", "mineral"),
    "split": ("split",),
}


class Place(NamedTuple):
    """A place in a list: the file, and the line or the entry of a JSON file."""

    file: Path
    number: int

    def __str__(self) -> str:
        if self.file.suffix.lower() == ".json":
            return tr(f"{self.file}, entry {self.number}", f"{self.file} 第 {self.number} 项")
        return tr(f"{self.file}, line {self.number}", f"{self.file} 第 {self.number} 行")

    def error(self, english: str, chinese: str) -> DataError:
        """Return an error that names the place."""
        return DataError(tr(f"{self}: {english}", f"{self}：{chinese}"))


class Row(NamedTuple):
    """The entry of one photo in a list; its texts have no surrounding whitespace.

    Attributes:
        place: Where it is.
        path: Path of the photo, absolute or relative to the folder of the list.
        label: Name of its class.
        split: The split as written; "" if none is given.
    """

    place: Place
    path: str
    label: str
    split: str


def read_list(file: Path) -> Iterator[Row]:
    """Yield the rows of a CSV, JSON or JSONL file.

    Column names are those in COLUMNS, in any case. A CSV file may separate cells by commas,
    semicolons or tabs; a JSON file is a list of objects, or an object with one such list.

    Raises:
        UserError: The file is not such a list, is too large, is not UTF-8 or lacks a column, or a
            cell is not text.
    """
    if file.suffix.lower() in (".csv", ".tsv"):
        table = CsvTable(file, MAX_BYTES, ",;\t")
        csv_keys = _match_columns(Place(file, 1), table.columns)
        entries: Iterator[tuple[int, Mapping[str, Any]]] = iter(table)
    else:
        csv_keys = None
        entries = _read_jsonl(file) if file.suffix.lower() == ".jsonl" else _read_json(file)
    for number, entry in entries:
        place = Place(file, number)
        keys = csv_keys or _match_columns(place, list(entry))
        cells = {column: _cell(place, entry, key) for column, key in keys.items()}
        yield Row(place, cells["path"], cells["label"], cells.get("split", ""))


def _match_columns(place: Place, keys: Sequence[str]) -> dict[str, str]:
    """Return which key of a file holds each column of COLUMNS."""
    matched = {}
    for column, names in COLUMNS.items():
        matches = [key for key in keys if key.strip().casefold() in names]
        if len(matches) > 1:
            raise place.error(
                f"{' and '.join(matches)} may both be the {column}: rename all but one.",
                f"{'、'.join(matches)} 都可能是 {column}：请只留一个，其余改名。",
            )
        if matches:
            matched[column] = matches[0]
        elif column != "split":
            raise place.error(
                f"no column for the {column} ({', '.join(names)}): add one, or, if the photos are "
                "in class folders, move this file to another folder.",
                f"没有 {column} 列（{'、'.join(names)}）：请加上；若照片已按类别分文件夹存放，"
                "请将此文件移到别处。",
            )
    return matched


def _cell(place: Place, entry: Mapping[str, Any], key: str) -> str:
    value = entry[key]
    if value is None:
        return ""
    if isinstance(value, bool) or not isinstance(value, str | int):
        raise place.error(f"{key} is not text: enter text.", f"{key} 不是文字：请填写文字。")
    return str(value).strip()


def _read_json(file: Path) -> Iterator[tuple[int, Mapping[str, Any]]]:
    """Yield the objects of a JSON file, counted from 1."""
    content = _parse(file, 1, read_text(file, MAX_BYTES, "JSON"))
    values = content.values() if isinstance(content, dict) else [content]
    lists = [value for value in values if isinstance(value, list)]
    if len(lists) != 1:
        raise DataError(
            tr(
                f"{file} has {len(lists)} lists of photos: write one list of objects with path "
                "and label.",
                f"{file} 里有 {len(lists)} 个照片列表：请写成一个列表，每项含 path 与 label。",
            )
        )
    for number, entry in enumerate(lists[0], start=1):
        yield number, _check_object(Place(file, number), entry)


def _read_jsonl(file: Path) -> Iterator[tuple[int, Mapping[str, Any]]]:
    for number, line in enumerate(read_text(file, MAX_BYTES, "JSONL").split("\n"), start=1):
        if line.strip():
            yield number, _check_object(Place(file, number), _parse(file, number, line))


def _check_object(place: Place, entry: Any) -> Mapping[str, Any]:
    if not isinstance(entry, dict):
        raise place.error(
            'not an object: write {"path": ..., "label": ...}.',
            '不是对象：请写成 {"path": ..., "label": ...}。',
        )
    return entry


def _parse(file: Path, line: int, text: str) -> Any:
    try:
        return parse_json(text)
    except json.JSONDecodeError as error:
        line, reason = line + error.lineno - 1, translate_reason(error.msg)
    except ValueError as error:  # nested too deeply, or a number with thousands of digits
        reason = str(error)
    raise line_error(
        file, line, f"not JSON ({reason}): correct it.", f"不是 JSON（{reason}）：请修正。"
    )
