"""Reads the names of numbered classes from a file beside a list or tar files."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

from mineral_recog.csv_files import read_text
from mineral_recog.errors import DataError, reason_of
from mineral_recog.i18n import tr
from mineral_recog.text import parse_json

MAX_BYTES = 2**24


def read_class_names(
    folders: Sequence[Path], file_names: Sequence[str]
) -> tuple[dict[int, str], Path | None]:
    """Return the names of numbered classes, and the file that they are in; None without a file.

    A `.txt` file has one class per line, each with its number before it or none; a JSON file is a
    list, or an object of names and numbers; `dataset.json` has either under `classes`.

    Args:
        folders: Where to look, the first one first.
        file_names: Names of files, the most reliable first.

    Raises:
        UserError: The file does not give names.
    """
    for folder in folders:
        for name in file_names:
            path = folder / name
            if path.is_file() and (names := _class_names_in(path)) is not None:
                return names, path
    return {}, None


def _class_names_in(path: Path) -> dict[int, str] | None:
    text = read_text(path, MAX_BYTES, path.suffix[1:].upper())
    try:
        if path.suffix == ".txt":
            return _names_in_lines(text)
        parsed = parse_json(text)
        if path.name == "dataset.json":
            if not isinstance(parsed, dict) or "classes" not in parsed:
                return None
            parsed = parsed["classes"]
        return dict(_numbered(parsed))
    except ValueError as error:
        reason = reason_of(error)
        raise DataError(
            tr(
                f"{path} does not give the names of the classes ({reason}): write a list of them.",
                f"{path} 未给出类别名（{reason}）：请写成名字的列表。",
            )
        ) from None


def _names_in_lines(text: str) -> dict[int, str]:
    """Return names of one line each; every line has a number, or none has."""
    lines = [line.strip() for line in text.strip().splitlines()]
    numbered = [re.fullmatch(r"(\d{1,9})[\s,:]+(\S.*)", line) for line in lines]
    if lines and all(numbered):
        return {int(match[1]): match[2] for match in numbered if match}
    return dict(enumerate(lines))


def _numbered(parsed: Any) -> Iterator[tuple[int, str]]:
    """Yield numbers and names from a list of names, or from an object in either direction."""
    if not isinstance(parsed, list | dict):
        raise ValueError("not a list")
    pairs = enumerate(parsed) if isinstance(parsed, list) else parsed.items()
    for key, value in pairs:
        number, name = (value, key) if isinstance(value, int) else (key, value)
        if not isinstance(name, str) or not name.isprintable():
            raise ValueError("a name is not printable text")
        yield int(number), name
