"""Reads and writes specimens.csv and attributes.csv, which say something about each photo."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

from mineral_recog.csv_files import escape_formula, line_error, read_rows, write_rows
from mineral_recog.data.dataset import ATTRIBUTES_FILE, Dataset
from mineral_recog.text import encodable

_MAX_BYTES = 500_000_000


def read_photo_column(path: Path, column: str) -> dict[str, str] | None:
    """Return what a file says about each photo that it lists.

    Args:
        path: The file; it has the columns `photo`, a path in the prepared folder, and `column`.
        column: Name of the other column.

    Returns:
        The cells of the column by photo; None if there is no such file.

    Raises:
        DataError: The file is damaged, lacks a column, or lists a photo twice.
    """
    if not path.exists():
        return None
    values: dict[str, str] = {}
    for line, row in read_rows(path, ("photo", column), _MAX_BYTES):
        if row["photo"] in values:
            raise line_error(
                path,
                line,
                f"{row['photo']} is listed twice: remove one of the lines.",
                f"{row['photo']} 出现两次：请删去其中一行。",
            )
        values[row["photo"]] = row[column].strip()
    return values


def write_photo_column(path: Path, column: str, cells: Iterable[tuple[str, str]]) -> None:
    """Write what is known about photos.

    Args:
        path: The file.
        column: Name of the column.
        cells: Paths of photos in the prepared folder, each with its cell.
    """
    rows = sorted((encodable(photo), encodable(cell)) for photo, cell in cells)
    write_rows(path, [("photo", column), *rows])


def listed_names(dataset: Dataset) -> list[str]:
    """Return the photos of a split as such files, which `prepare` writes, name them."""
    return [escape_formula(encodable(f"{dataset.root.name}/{photo}")) for photo in dataset.paths]


def read_attributes(dataset: Dataset) -> tuple[str, ...] | None:
    """Return the attribute of each photo of a split from attributes.csv beside the split.

    Returns:
        Names of attributes, [M], "" for a photo without one; None if there is no such file.

    Raises:
        DataError: As for `read_photo_column`.
    """
    attributes = read_photo_column(dataset.root.parent / ATTRIBUTES_FILE, "attribute")
    if attributes is None:
        return None
    return tuple(attributes.get(name, "") for name in listed_names(dataset))
