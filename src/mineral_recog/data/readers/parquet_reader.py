"""Photos in parquet files as Hugging Face's `datasets` writes them."""

from __future__ import annotations

from bisect import bisect_left
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import Any, BinaryIO, NamedTuple

import numpy as np

from mineral_recog.data.images import may_be_photo
from mineral_recog.data.readers.source import Remark
from mineral_recog.data.readers.split_names import can_be_folder, split_called, split_in
from mineral_recog.errors import DataError, UserError
from mineral_recog.i18n import tr
from mineral_recog.text import parse_json

IMAGES = ("image", "img", "photo", "picture")  # columns, when the metadata names none
LABELS = ("label", "labels", "class", "species", "mineral", "name", "label_name", "class_name")


class _Row(NamedTuple):
    """A photo: its class, its file's name ("" if unknown), its row in all and where that is."""

    label: str
    called: str
    number: int
    file: int
    group: int
    row: int


@dataclass(frozen=True)
class _Columns:
    """Which columns of a file hold what.

    Attributes:
        image: path of the bytes in the schema.
        called: path of the names that the photos' files had; None without.
        label: name of the column of classes.
        names: of numbered classes; empty without.
    """

    image: str
    called: str | None
    label: str
    names: tuple[str, ...]


class ParquetPhotos:
    """Photos in one parquet file, or in all of a folder.

    The column of images is a structure of bytes and path, or bytes alone; the column of classes
    has numbers, with names in the metadata of `datasets` or without, or texts. A photo is named
    `<class>/<file name>`, where that is known and no other photo of the class has it, else
    `<class>/<parquet file>-<row>`. Splits are told by names such as `train-00000-of-00003.parquet`
    or by folders.

    Args:
        root: the file or the folder.

    Raises:
        UserError: pyarrow is not there, a file is damaged or without such columns, or a class has
            a name that is none for a folder.
    """

    def __init__(self, root: Path) -> None:
        try:
            from mineral_recog.data.readers.row_groups import RowGroups
        except ModuleNotFoundError:
            raise DataError(
                tr(
                    f"{root} needs pyarrow to be read: pip install 'mineral-recog[datasets]'",
                    f"读取 {root} 需要 pyarrow：pip install 'mineral-recog[datasets]'",
                )
            ) from None
        self.root = root
        found = sorted(root.rglob("*.parquet")) if root.is_dir() else [root]
        files = [path for path in found if not path.name.startswith(".") and path.is_file()]
        columns = [_columns(path) for path in files]
        rows = [row for at, path in enumerate(files) for row in _rows(path, at, columns[at])]
        self._refuse_unusable({row.label for row in rows})
        labelled = [row for row in rows if row.label]
        stems = _stems(files, root)
        named = sorted(zip(_names(labelled, stems), labelled, strict=True))
        self.photos = tuple(name for name, _ in named)
        self.classes = tuple(sorted({row.label for row in labelled}))
        self._places = np.array([row[3:] for _, row in named], dtype=np.int64).reshape(-1, 3)
        splits = [_split(path, root) for path in files]
        self.splits = {name: split for name, row in named if (split := splits[row.file])}
        self.others: dict[str, int] = {}
        self.odd = tuple(
            (f"{stems[row.file]}-{row.number}", Remark("no_class", ""))
            for row in rows
            if not row.label
        )
        by_column = {of.image: RowGroups(files, of.image) for of in columns}
        self._cells: list[RowGroups] = [by_column[of.image] for of in columns]

    def open(self, photo: str) -> BinaryIO:
        """The bytes of a photo.

        Raises:
            OSError: its file is damaged or cannot be reached, or has no bytes of it.
        """
        at = bisect_left(self.photos, photo)
        if self.photos[at : at + 1] != (photo,):
            raise FileNotFoundError(photo)
        file, group, row = map(int, self._places[at])
        return self._cells[file].open(file, group, row)

    def file(self, photo: str) -> None:
        """None: every photo is inside a parquet file."""

    def _refuse_unusable(self, labels: set[str]) -> None:
        wrong = next((name for name in sorted(labels) if name and not can_be_folder(name)), None)
        if wrong is not None:
            raise DataError(
                tr(
                    f"{self.root} has a class {wrong!a}, which cannot name a folder: rename it "
                    "with `datasets`, and write the files again.",
                    f"{self.root} 里的类别 {wrong!r} 不能作文件夹名：请用 `datasets` 改名后"
                    "重新写出。",
                )
            )
        if not labels - {""}:
            raise DataError(
                tr(
                    f"{self.root} has no photos with a class in its parquet files.",
                    f"{self.root} 的 parquet 文件里没有带类别的照片。",
                )
            )


def _columns(path: Path) -> _Columns:
    """The columns of a file: by the metadata that `datasets` leaves, else by their names."""
    import pyarrow as pa
    import pyarrow.parquet as pq

    try:
        schema = pq.read_schema(path)
    except (OSError, pa.ArrowException) as error:
        raise _damaged(path, error) from None
    features = _features(schema.metadata or {})
    pictures = [name for name in schema.names if _kind(features, name) == "Image"]
    classes = [name for name in schema.names if _kind(features, name) == "ClassLabel"]
    image = next((name for name in (*pictures, *IMAGES) if name in schema.names), None)
    label = next((name for name in LABELS if name in classes), None) or next(
        (name for name in (*classes, *LABELS) if name in schema.names), None
    )
    if image is None or label is None:
        raise _without(path, schema.names, "image" if image is None else "label")
    kind = schema.field(image).type
    fields = [field.name for field in kind] if pa.types.is_struct(kind) else []
    of_bytes = kind.field("bytes").type if "bytes" in fields else kind
    if not (pa.types.is_binary(of_bytes) or pa.types.is_large_binary(of_bytes)):
        raise _without(path, schema.names, "image")
    told = schema.field(label).type
    if pa.types.is_dictionary(told):
        told = told.value_type
    texts = (pa.types.is_integer, pa.types.is_string, pa.types.is_large_string)
    if not any(is_one(told) for is_one in texts):
        raise _without(path, schema.names, "label")
    names = features.get(label, {}).get("names") if label in classes else None
    return _Columns(
        f"{image}.bytes" if fields else image,
        f"{image}.path" if "path" in fields else None,
        label,
        tuple(map(str, names)) if isinstance(names, list) else (),
    )


def _features(metadata: dict[bytes, bytes]) -> dict[str, Any]:
    """What `datasets` says of each column; nothing when it says nothing."""
    try:
        features = parse_json(metadata[b"huggingface"])["info"]["features"]
    except (KeyError, ValueError, TypeError):
        return {}
    return features if isinstance(features, dict) else {}


def _kind(features: dict[str, Any], name: str) -> object:
    of = features.get(name)
    return of.get("_type") if isinstance(of, dict) else None


def _rows(path: Path, file: int, of: _Columns) -> Iterator[_Row]:
    """The photos of a file; only classes and names are read, a row group at a time."""
    import pyarrow as pa
    import pyarrow.parquet as pq

    wanted = [of.label, *([of.called] if of.called else [])]
    number = 0
    try:
        with pq.ParquetFile(path) as parquet:
            for group in range(parquet.num_row_groups):
                table = parquet.read_row_group(group, columns=wanted)
                labels = table.column(of.label).to_pylist()
                called: list[dict[str, Any] | None] = [None] * len(labels)
                if of.called:
                    called = table.column(of.called.split(".")[0]).to_pylist()
                for row, (label, name) in enumerate(zip(labels, called, strict=True)):
                    told = "" if name is None else name.get("path") or ""
                    of_row = _label(label, of.names, path)
                    yield _Row(of_row, str(told), number, file, group, row)
                    number += 1
    except (OSError, pa.ArrowException, UnicodeDecodeError) as error:
        raise _damaged(path, error) from None


def _label(told: object, names: tuple[str, ...], path: Path) -> str:
    """The name of a class; "" when a row has none, which `datasets` writes as -1."""
    if told is None or told == -1:
        return ""
    if isinstance(told, int) and names:
        if not 0 <= told < len(names):
            raise DataError(
                tr(
                    f"{path} has a photo of class {told}, and names for {len(names)} classes: "
                    "write it again with `datasets`.",
                    f"{path} 里有类别为 {told} 的照片，但只有 {len(names)} 个类别名："
                    "请用 `datasets` 重新写出。",
                )
            )
        return names[told]
    return str(told).strip()


def _names(rows: list[_Row], stems: list[str]) -> list[str]:
    """The name of each photo: by its file's name where that is one and nobody else's."""
    called = [f"{row.label}/{_file_name(row.called)}" for row in rows]
    times = Counter(called)
    return [
        name
        if times[name] == 1 and not name.endswith("/")
        else f"{row.label}/{stems[row.file]}-{row.number}{_suffix(row.called)}"
        for name, row in zip(called, rows, strict=True)
    ]


def _file_name(path: str) -> str:
    """The last part of a path, if a photo can be called so; else ""."""
    name = path.replace("\\", "/").rpartition("/")[2]
    return name if can_be_folder(name) and may_be_photo(name) else ""


def _suffix(path: str) -> str:
    suffix = PurePosixPath(path.replace("\\", "/")).suffix
    return suffix if suffix.isprintable() and may_be_photo(f"_{suffix}") else ""


def _stems(files: list[Path], root: Path) -> list[str]:
    """What tells the files apart: their names, or their paths if some are called the same."""
    if len({path.stem for path in files}) == len(files):
        return [path.stem for path in files]
    return [path.relative_to(root).with_suffix("").as_posix() for path in files]


def _split(path: Path, root: Path) -> str | None:
    """The split that a file is of: by its folder below the root, or else by its name."""
    folder = split_called(path.parent.name) if path.parent != root and path != root else None
    return folder or split_in(path.stem)


def _damaged(path: Path, error: Exception) -> UserError:
    return DataError(
        tr(
            f"{path} cannot be read ({error}): download or write it again.",
            f"{path} 无法读取（{error}）：请重新下载或写出。",
        )
    )


def _without(path: Path, columns: list[str], what: str) -> UserError:
    names = ", ".join(IMAGES if what == "image" else LABELS)
    kinds = tr("bytes", "字节") if what == "image" else tr("numbers or texts", "整数或文字")
    return DataError(
        tr(
            f"{path} has the columns {', '.join(columns)[:200]} and none of them is the {what}: "
            f"it must be called one of {names}, and hold {kinds}.",
            f"{path} 的列为 {'、'.join(columns)[:200]}，其中没有 {what}："
            f"列名应为 {names} 之一，内容为{kinds}。",
        )
    )
