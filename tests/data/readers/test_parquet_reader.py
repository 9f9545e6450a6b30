"""Tests of parquet files from Hugging Face's `datasets` and from other programs."""

from __future__ import annotations

import json
import random
import sys
from collections import Counter
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from mineral_recog.data.readers import row_groups
from mineral_recog.data.readers.factory import open_source
from mineral_recog.data.readers.parquet_reader import ParquetSource
from mineral_recog.errors import UserError
from tests.data.readers.source_files import contents

IMAGE = pa.struct([("bytes", pa.binary()), ("path", pa.string())])
NAMES = ["agate", "beryl", "copper"]
FEATURES = {
    "picture of it": {"_type": "Image"},
    "label": {"names": NAMES, "_type": "ClassLabel"},
    "size": {"dtype": "int64", "_type": "Value"},
}


def photo(number: int) -> bytes:
    return f"photo {number}".encode() * 20


def write_like_datasets(
    path: Path, labels: Sequence[int], paths: Sequence[str | None], first: int = 0, rows: int = 4
) -> None:
    """Write a file of photos `first`, `first` + 1, ..., with `rows` photos per row group."""
    images = [{"bytes": photo(first + index), "path": name} for index, name in enumerate(paths)]
    table = pa.table({"picture of it": pa.array(images, IMAGE), "label": pa.array(labels)})
    metadata = {"huggingface": json.dumps({"info": {"features": FEATURES}})}
    path.parent.mkdir(parents=True, exist_ok=True)
    pq.write_table(table.replace_schema_metadata(metadata), path, row_group_size=rows)


def test_files_written_by_datasets(tmp_path: Path) -> None:
    labels, paths = [2, 0, 0, -1, 1, 0], ["a.jpg", "b.png", "x/b.png", "d.jpg", None, "../e.webp"]
    write_like_datasets(tmp_path / "data/train-00000-of-00002.parquet", labels, paths)
    write_like_datasets(tmp_path / "data/train-00001-of-00002.parquet", [1], [".jpg"], first=6)
    write_like_datasets(tmp_path / "data/validation-00000-of-00001.parquet", [1], ["f"], first=7)
    source = open_source(tmp_path)
    assert isinstance(source, ParquetSource)
    assert source.classes == ("agate", "beryl", "copper")
    assert contents(source) == {
        "agate/e.webp": photo(5),
        "agate/train-00000-of-00002-1.png": photo(1),
        "agate/train-00000-of-00002-2.png": photo(2),
        "beryl/f": photo(7),
        "beryl/train-00000-of-00002-4": photo(4),
        "beryl/train-00001-of-00002-0": photo(6),
        "copper/a.jpg": photo(0),
    }
    assert source.paths == tuple(sorted(source.paths))
    assert {name for name, split in source.splits.items() if split == "val"} == {"beryl/f"}
    assert set(source.splits.values()) == {"train", "val"}
    assert [(name, remark.kind) for name, remark in source.remarks] == [
        ("train-00000-of-00002-3", "no_class")
    ]


@pytest.mark.parametrize(
    ("column", "labels", "classes"),
    [
        ("label", [0, 12, 0], ("0", "12")),
        ("species", ["opal", "gold ", None], ("gold", "opal")),
        ("class", pa.array(["opal", "gold", "opal"]).dictionary_encode(), ("gold", "opal")),
        ("name", pa.array(["a", "b", "c"], pa.large_string()), ("a", "b", "c")),
    ],
)
def test_columns_are_recognised_by_name(
    tmp_path: Path, column: str, labels: Any, classes: tuple[str, ...]
) -> None:
    images = pa.array([photo(0), photo(1), photo(2)], pa.large_binary())
    pq.write_table(pa.table({column: labels, "image": images}), tmp_path / "mine.parquet")
    source = ParquetSource(tmp_path / "mine.parquet")
    assert source.classes == classes
    assert sorted(contents(source).values()) == [photo(n) for n in range(len(source.paths))]
    assert source.splits == {}


def test_files_with_the_same_name_in_split_folders(tmp_path: Path) -> None:
    for first, split in enumerate(("train", "test")):
        write_like_datasets(tmp_path / split / "0000.parquet", [0], ["0.jpg"], first)
    source = ParquetSource(tmp_path)
    assert source.splits == {"agate/test/0000-0.jpg": "test", "agate/train/0000-0.jpg": "train"}
    assert list(contents(source).values()) == [photo(1), photo(0)]


@pytest.fixture
def shuffled(tmp_path: Path) -> ParquetSource:
    """Return 60 photos in 15 row groups of about 2.3 KB, with alternating classes."""
    labels, paths = [n % 3 for n in range(60)], [f"{n:02}.jpg" for n in range(60)]
    write_like_datasets(tmp_path / "a.parquet", labels, paths)
    return ParquetSource(tmp_path / "a.parquet")


@pytest.mark.parametrize(
    ("cache", "large"),
    [(2**28, 2**26), (3000, 2**26), (2**28, 0)],
    ids=["cached", "again", "large"],
)
def test_photos_are_read_in_any_order_from_any_thread(
    shuffled: ParquetSource, monkeypatch: pytest.MonkeyPatch, cache: int, large: int
) -> None:
    monkeypatch.setattr(row_groups, "CACHE_BYTES", cache)
    monkeypatch.setattr(row_groups, "LARGE_BYTES", large)
    loaded: list[tuple[int, int]] = []
    load = row_groups.RowGroups._load

    def counted(self: row_groups.RowGroups, key: tuple[int, int]) -> None:
        loaded.append(key)
        load(self, key)

    monkeypatch.setattr(row_groups.RowGroups, "_load", counted)
    order = list(shuffled.paths) * 3
    random.Random(0).shuffle(order)

    def read(name: str) -> bytes:
        with shuffled.open(name) as file:
            return file.read()

    with ThreadPoolExecutor(4) as pool:
        for name, content in zip(order, pool.map(read, order), strict=True):
            assert content == photo(int(name[-6:-4]))
    # Once each; at most twice when the cache is small, in any order.
    assert max(Counter(loaded).values()) == (1 if cache > 3000 else 2)


def test_missing_pyarrow_is_reported(
    shuffled: ParquetSource, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in [module for module in sys.modules if module.partition(".")[0] == "pyarrow"]:
        monkeypatch.delitem(sys.modules, name)
    for module in ("parquet_reader", "row_groups"):
        monkeypatch.delitem(sys.modules, f"mineral_recog.data.readers.{module}")
    monkeypatch.setitem(sys.modules, "pyarrow", None)
    with pytest.raises(UserError, match=r"pip install 'mineral-recog\[datasets\]'"):
        open_source(shuffled.root)


@pytest.mark.parametrize(
    ("columns", "message"),
    [
        ({"image": [b"x"]}, "no usable label column"),
        ({"label": [1]}, "no usable image column"),
        ({"label": [1], "image": ["a.jpg"]}, "no usable image column"),
        ({"label": [[1]], "image": [b"x"]}, "no usable label column"),
        ({"label": [1.5], "image": [b"x"]}, "no usable label column"),
        ({"label": ["a/b"], "image": [b"x"]}, "cannot be a folder name"),
        ({"label": [None], "species": [""], "image": [b"x"]}, "no usable label column"),
        ({"species": [""], "image": [b"x"]}, "no photos with a class"),
    ],
)
def test_unusable_file_is_reported(
    tmp_path: Path, columns: dict[str, list[object]], message: str
) -> None:
    pq.write_table(pa.table(columns), tmp_path / "a.parquet")
    with pytest.raises(UserError, match=message) as error:
        ParquetSource(tmp_path)
    assert "\n" not in str(error.value)


def test_class_number_without_a_name_is_reported(tmp_path: Path) -> None:
    for number in (3, -2):
        write_like_datasets(tmp_path / "a.parquet", [0, number], ["0.jpg", "1.jpg"])
        message = f"a photo of class {number}, but names for 3 classes"
        with pytest.raises(UserError, match=message):
            ParquetSource(tmp_path / "a.parquet")


@pytest.mark.parametrize("name", ["agate/none.jpg", "zzz", "0"])
def test_opening_an_unknown_photo_fails(shuffled: ParquetSource, name: str) -> None:
    with pytest.raises(FileNotFoundError, match=name):
        shuffled.open(name)


def test_damaged_file_is_reported_in_one_line(shuffled: ParquetSource) -> None:
    content = shuffled.root.read_bytes()
    shuffled.root.write_bytes(content[:4] + bytes(1000) + content[1004:])
    with pytest.raises(OSError, match=r"\S") as error:
        contents(shuffled)
    assert "\n" not in str(error.value).strip()
    for broken in (b"", b"PAR1", content[:-200], content[:-100] + bytes(50) + content[-50:]):
        shuffled.root.write_bytes(broken)
        with pytest.raises(UserError, match="cannot be read"):
            ParquetSource(shuffled.root)


def test_opening_a_row_without_bytes_fails(tmp_path: Path) -> None:
    images = pa.array([{"bytes": None, "path": "/elsewhere.jpg"}, None], IMAGE)
    pq.write_table(pa.table({"image": images, "label": ["a", "a"]}), tmp_path / "a.parquet")
    source = ParquetSource(tmp_path)
    assert source.paths == ("a/a-1", "a/elsewhere.jpg")
    for name in source.paths:
        with pytest.raises(OSError, match="no bytes"):
            source.open(name)
