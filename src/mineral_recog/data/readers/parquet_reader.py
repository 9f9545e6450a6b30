"""Reads photos from parquet files as Hugging Face's `datasets` writes them."""

from __future__ import annotations

from bisect import bisect_left
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import Any, BinaryIO, NamedTuple

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from mineral_recog.data.images import is_any_photo_name
from mineral_recog.data.readers.row_groups import RowGroups
from mineral_recog.data.readers.source import Remark, Source
from mineral_recog.data.readers.split_names import (
    can_be_folder,
    refuse_class_names,
    split_of_file,
)
from mineral_recog.data.system_files import is_system_name, is_visible
from mineral_recog.errors import DataError, UserError, reason_of
from mineral_recog.i18n import tr
from mineral_recog.text import parse_json

# Column names, for files whose metadata names no columns.
IMAGES = ("image", "img", "photo", "picture")
LABELS = ("label", "labels", "class", "species", "mineral", "name", "label_name", "class_name")


class _Row(NamedTuple):
    """A photo: its class, its original file name ("" if unknown), and its position.

    `number` is the row in the file, `file` the index of the file, `group` its row group, and `row`
    the row in that group.
    """

    class_name: str
    file_name: str
    number: int
    file: int
    group: int
    row: int


@dataclass(frozen=True)
class _Columns:
    """The columns of a file.

    Attributes:
        image: Path of the image bytes in the schema.
        file_name: Path of the original file names of the photos; None if there are none.
        label: Name of the column of classes.
        class_names: Names of numbered classes; empty if there are none.
    """

    image: str
    file_name: str | None
    label: str
    class_names: tuple[str, ...]


class ParquetSource(Source):
    """Photos in one parquet file, or in all parquet files of a folder.

    The image column is a structure of bytes and path, or bytes only. The class column has text, or
    numbers, which the metadata of `datasets` may name. The name of a photo is `<class>/<file name>`
    if the file name is known and unique in the class, else `<class>/<parquet file>-<row>`. Splits
    come from file names such as `train-00000-of-00003.parquet`, or from folder names.

    Args:
        root: The file or the folder.

    Raises:
        UserError: A file is damaged or lacks such columns, or a class name is not a valid folder
            name.
    """

    def __init__(self, root: Path) -> None:
        matches = sorted(root.rglob("*.parquet")) if root.is_dir() else [root]
        files = [path for path in matches if _is_visible(path, root) and path.is_file()]
        columns = [_find_columns(path) for path in files]
        rows = [row for i, path in enumerate(files) for row in _rows(path, i, columns[i])]
        labelled = [row for row in rows if row.class_name]
        classes = {row.class_name for row in labelled}
        refuse_class_names(
            root,
            classes,
            tr(
                "rename it with `datasets`, and write the files again.",
                "请用 `datasets` 改名后重新写出。",
            ),
        )
        if not classes:
            raise DataError(
                tr(
                    f"{root} has no photos with a class in its parquet files: fill in the class "
                    "column.",
                    f"{root} 的 parquet 文件里没有带类别的照片：请填写类别列。",
                )
            )
        stems = _stems(files, root)
        named = sorted(zip(_names(labelled, stems), labelled, strict=True))
        splits = [split_of_file(path, root) for path in files]
        super().__init__(
            root,
            classes,
            (name for name, _ in named),
            {name: split for name, row in named if (split := splits[row.file])},
            {},
            (
                (f"{stems[row.file]}-{row.number}", Remark("no_class", ""))
                for row in rows
                if not row.class_name
            ),
        )
        self._positions = np.array([row[3:] for _, row in named], dtype=np.int64)
        self._cells = RowGroups(files, [file.image for file in columns])

    def open(self, path: str) -> BinaryIO:
        """Open a photo.

        Raises:
            OSError: Its file is damaged or cannot be read, or its row has no bytes.
        """
        index = bisect_left(self.paths, path)
        if self.paths[index : index + 1] != (path,):
            raise FileNotFoundError(path)
        return self._cells.open(*self._positions[index].tolist())


def _is_visible(path: Path, root: Path) -> bool:
    """Return whether a file below the root is not hidden and not in a folder that systems made."""
    folders = path.relative_to(root).parts[:-1]
    return is_visible(path.name) and not any(map(is_system_name, folders))


def _find_columns(path: Path) -> _Columns:
    """Return the columns of a file, by the metadata of `datasets` or else by their names."""
    try:
        schema = pq.read_schema(path)
    except (OSError, pa.ArrowException) as error:
        raise _damaged_file_error(path, error) from None
    features = _features(schema.metadata or {})
    types = {name: features.get(name, {}).get("_type") for name in schema.names}
    images = [name for name in schema.names if types[name] == "Image"]
    labels = [name for name in schema.names if types[name] == "ClassLabel"]
    image = next((name for name in (*images, *IMAGES) if name in schema.names), None)
    label = next((name for name in LABELS if name in labels), None) or next(
        (name for name in (*labels, *LABELS) if name in schema.names), None
    )
    if image is None or label is None:
        raise _missing_column_error(path, schema.names, "image" if image is None else "label")
    image_type = schema.field(image).type
    fields = [field.name for field in image_type] if pa.types.is_struct(image_type) else []
    bytes_type = image_type.field("bytes").type if "bytes" in fields else image_type
    if not (pa.types.is_binary(bytes_type) or pa.types.is_large_binary(bytes_type)):
        raise _missing_column_error(path, schema.names, "image")
    label_type = schema.field(label).type
    if pa.types.is_dictionary(label_type):
        label_type = label_type.value_type
    type_checks = (pa.types.is_integer, pa.types.is_string, pa.types.is_large_string)
    if not any(is_type(label_type) for is_type in type_checks):
        raise _missing_column_error(path, schema.names, "label")
    class_names = features.get(label, {}).get("names") if label in labels else None
    return _Columns(
        f"{image}.bytes" if fields else image,
        f"{image}.path" if "path" in fields else None,
        label,
        tuple(map(str, class_names)) if isinstance(class_names, list) else (),
    )


def _features(metadata: dict[bytes, bytes]) -> dict[str, dict[str, Any]]:
    """Return the description of each column by `datasets`; empty if there is none."""
    try:
        features = parse_json(metadata[b"huggingface"])["info"]["features"].items()
    except (KeyError, ValueError, TypeError, AttributeError):
        return {}
    return {name: feature for name, feature in features if isinstance(feature, dict)}


def _rows(path: Path, file: int, columns: _Columns) -> Iterator[_Row]:
    """Yield the photos of a file, reading only classes and file names, one row group at a time."""
    wanted = [columns.label, *([columns.file_name] if columns.file_name else [])]
    number = 0
    try:
        with pq.ParquetFile(path) as parquet:
            for group in range(parquet.num_row_groups):
                table = parquet.read_row_group(group, columns=wanted).flatten()
                labels = table[columns.label].to_pylist()
                file_names = [""] * len(labels)
                if columns.file_name:
                    file_names = table[columns.file_name].to_pylist()
                for row, (label, file_name) in enumerate(zip(labels, file_names, strict=True)):
                    class_name = _class_name(label, columns.class_names, path)
                    yield _Row(class_name, str(file_name or ""), number, file, group, row)
                    number += 1
    except (OSError, pa.ArrowException, UnicodeDecodeError) as error:
        raise _damaged_file_error(path, error) from None


def _class_name(label: object, names: tuple[str, ...], path: Path) -> str:
    """Return the class name of a label; "" if a row has none, which `datasets` writes as -1."""
    if label is None or label == -1:
        return ""
    if isinstance(label, int) and names:
        if not 0 <= label < len(names):
            raise DataError(
                tr(
                    f"{path} has a photo of class {label}, but names for {len(names)} classes "
                    "only: write it again with `datasets`.",
                    f"{path} 里有类别为 {label} 的照片，但只有 {len(names)} 个类别名："
                    "请用 `datasets` 重新写出。",
                )
            )
        return names[label]
    return str(label).strip()


def _names(rows: list[_Row], stems: list[str]) -> list[str]:
    """Return the names of the photos, with file names where valid and unique in the class."""
    file_names = [f"{row.class_name}/{_file_name(row.file_name)}" for row in rows]
    counts = Counter(file_names)
    return [
        name
        if counts[name] == 1 and not name.endswith("/")
        else f"{row.class_name}/{stems[row.file]}-{row.number}{_suffix(row.file_name)}"
        for name, row in zip(file_names, rows, strict=True)
    ]


def _file_name(path: str) -> str:
    """Return the last part of a path if it is a valid name of a photo, else ""."""
    name = path.replace("\\", "/").rpartition("/")[2]
    return name if can_be_folder(name) and is_any_photo_name(name) else ""


def _suffix(path: str) -> str:
    suffix = PurePosixPath(path.replace("\\", "/")).suffix
    return suffix if suffix.isprintable() and is_any_photo_name(f"_{suffix}") else ""


def _stems(files: list[Path], root: Path) -> list[str]:
    """Return unique names of the files: their stems, or their paths if stems are not unique."""
    if len({path.stem for path in files}) == len(files):
        return [path.stem for path in files]
    return [path.relative_to(root).with_suffix("").as_posix() for path in files]


def _damaged_file_error(path: Path, error: Exception) -> UserError:
    reason = reason_of(error)
    return DataError(
        tr(
            f"{path} cannot be read ({reason}): download or write it again.",
            f"{path} 无法读取（{reason}）：请重新下载或写出。",
        )
    )


def _missing_column_error(path: Path, columns: list[str], column: str) -> UserError:
    names = ", ".join(IMAGES if column == "image" else LABELS)
    content = tr("bytes", "字节") if column == "image" else tr("numbers or text", "整数或文字")
    return DataError(
        tr(
            f"{path} has no usable {column} column (its columns: {', '.join(columns)[:200]}): name "
            f"it one of {names}, and store {content} in it.",
            f"{path} 没有可用的 {column} 列（现有列：{'、'.join(columns)[:200]}）："
            f"列名应为 {names} 之一，内容为{content}。",
        )
    )
