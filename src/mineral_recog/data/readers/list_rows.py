"""Reads the rows of a list of photos: tables, JSON and JSONL, `path index` lines, and exports."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, NamedTuple

from mineral_recog.csv_files import CsvTable, line_error, read_text, read_text_and_encoding
from mineral_recog.data.readers.annotation_exports import export_entries
from mineral_recog.data.readers.index_lists import index_entries
from mineral_recog.data.readers.list_columns import Place, match_columns, names_path
from mineral_recog.errors import DataError, translate_reason
from mineral_recog.i18n import tr
from mineral_recog.text import parse_json

MAX_BYTES = 100 * 10**6  # enough for a million photos
SUFFIXES = (".csv", ".tsv", ".json", ".jsonl", ".txt")
DELIMITERS = ",;\t"


class Row(NamedTuple):
    """The entry of one photo in a list; its texts have no surrounding whitespace.

    Attributes:
        place: Where it is.
        path: Path of the photo as written.
        label: Name of its class.
        split: The split as written; "" if none is given.
        specimen: Name of its specimen; "" if none is given.
        attribute: Its attribute, such as a variety; "" if none is given.
    """

    place: Place
    path: str
    label: str
    split: str = ""
    specimen: str = ""
    attribute: str = ""


@dataclass
class ListContents:
    """The rows of a list.

    Attributes:
        rows: One for each photo, or several if it has several labels.
        notes: What was assumed or left out, in the user's language.
    """

    rows: list[Row] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)


def read_list(file: Path, columns: Mapping[str, str]) -> ListContents:
    """Read a list of photos.

    A table (CSV, or text with names of columns) may separate cells by commas, semicolons or tabs. A
    JSON file is a list of objects, an object with one such list, or an export in COCO's format or
    of Label Studio. Other text has lines of a path and a class.

    Args:
        file: The list.
        columns: Names of columns that the user gives; see `match_columns`.

    Raises:
        UserError: The file is not such a list, is too large, is in an unknown encoding or lacks a
            column, or a cell is not text.
    """
    contents = ListContents()
    suffix = file.suffix.lower()
    if suffix == ".jsonl":
        _add_objects(contents, file, _read_jsonl(file), columns)
    elif suffix == ".json":
        content = _parse(file, 1, read_text(file, MAX_BYTES, "JSON"))
        export = export_entries(file, content)
        if export is None:
            _add_objects(contents, file, _objects(file, content), columns)
        else:
            contents.notes += export.notes
            for number, path, label in export.entries:
                contents.rows.append(Row(Place(file, number), path, label))
    elif suffix == ".txt" and not _is_table(file, columns):
        entries, contents.notes = index_entries(file, MAX_BYTES)
        for number, path, label in entries:
            contents.rows.append(Row(Place(file, number), path, label))
    else:
        _add_table(contents, file, columns)
    return contents


def _add_table(contents: ListContents, file: Path, columns: Mapping[str, str]) -> None:
    table = CsvTable(file, MAX_BYTES, DELIMITERS)
    if table.encoding == "GB18030":
        contents.notes.append(
            tr(f"{file} is not UTF-8: read as GB18030", f"{file} 不是 UTF-8：按 GB18030 读取")
        )
    keys = match_columns(Place(file, 1), table.columns, columns)
    for number, entry in table:
        if any(cell.strip() for cell in entry.values()):  # spreadsheets leave empty rows
            contents.rows.append(_row(Place(file, number), entry, keys))


def _add_objects(
    contents: ListContents,
    file: Path,
    objects: Iterator[tuple[int, Mapping[str, Any]]],
    columns: Mapping[str, str],
) -> None:
    for number, entry in objects:
        place = Place(file, number)
        keys = match_columns(place, list(entry), columns)
        contents.rows.append(_row(place, entry, keys))


def _row(place: Place, entry: Mapping[str, Any], keys: Mapping[str, str]) -> Row:
    cells = {role: _cell(place, entry, key) for role, key in keys.items()}
    return Row(place, **cells)


def _cell(place: Place, entry: Mapping[str, Any], key: str) -> str:
    value = entry[key]
    if value is None:
        return ""
    if isinstance(value, bool) or not isinstance(value, str | int):
        raise place.error(f"{key} is not text: enter text.", f"{key} 不是文字：请填写文字。")
    return str(value).strip()


def _is_table(file: Path, columns: Mapping[str, str]) -> bool:
    """Return whether the first line of a text names columns."""
    line = read_text_and_encoding(file, MAX_BYTES, "TXT")[0].partition("\n")[0]
    return any(names_path(line.split(delimiter), columns) for delimiter in DELIMITERS)


def _objects(file: Path, content: Any) -> Iterator[tuple[int, Mapping[str, Any]]]:
    """Yield the objects of a JSON file, counted from 1."""
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
