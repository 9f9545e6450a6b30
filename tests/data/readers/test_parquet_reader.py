"""Parquet files as Hugging Face's `datasets` writes them, and as others do."""

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
from mineral_recog.data.readers.parquet_reader import ParquetPhotos
from mineral_recog.errors import UserError

IMAGE = pa.struct([("bytes", pa.binary()), ("path", pa.string())])
NAMES = ["agate", "beryl", "copper"]
FEATURES = {
    "picture of it": {"_type": "Image"},
    "label": {"names": NAMES, "_type": "ClassLabel"},
    "size": {"dtype": "int64", "_type": "Value"},
}


def photo(number: int) -> bytes:
    return f"photo {number}".encode() * 20


def as_datasets_does(
    path: Path, labels: Sequence[int], paths: Sequence[str | None], first: int = 0, rows: int = 4
) -> None:
    """A file of photos `first`, `first` + 1, ..., `rows` of them a row group."""
    images = [{"bytes": photo(first + at), "path": name} for at, name in enumerate(paths)]
    table = pa.table({"picture of it": pa.array(images, IMAGE), "label": pa.array(labels)})
    metadata = {"huggingface": json.dumps({"info": {"features": FEATURES}})}
    path.parent.mkdir(parents=True, exist_ok=True)
    pq.write_table(table.replace_schema_metadata(metadata), path, row_group_size=rows)


def contents(source: ParquetPhotos) -> dict[str, bytes]:
    found = {}
    for name in source.photos:
        with source.open(name) as file:
            found[name] = file.read()
    return found


def test_what_datasets_writes(tmp_path: Path) -> None:
    labels, paths = [2, 0, 0, -1, 1, 0], ["a.jpg", "b.png", "x/b.png", "d.jpg", None, "../e.webp"]
    as_datasets_does(tmp_path / "data/train-00000-of-00002.parquet", labels, paths)
    as_datasets_does(tmp_path / "data/train-00001-of-00002.parquet", [1], [".jpg"], first=6)
    as_datasets_does(tmp_path / "data/validation-00000-of-00001.parquet", [1], ["f"], first=7)
    source = open_source(tmp_path)
    assert isinstance(source, ParquetPhotos)
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
    assert source.photos == tuple(sorted(source.photos))
    assert {name for name, split in source.splits.items() if split == "val"} == {"beryl/f"}
    assert set(source.splits.values()) == {"train", "val"}
    assert [(name, one.kind) for name, one in source.odd] == [
        ("train-00000-of-00002-3", "no_class")
    ]


@pytest.mark.parametrize(
    ("label", "told", "classes"),
    [
        ("label", [0, 12, 0], ("0", "12")),
        ("species", ["opal", "gold ", None], ("gold", "opal")),
        ("class", pa.array(["opal", "gold", "opal"]).dictionary_encode(), ("gold", "opal")),
        ("name", pa.array(["a", "b", "c"], pa.large_string()), ("a", "b", "c")),
    ],
)
def test_columns_by_their_names(
    tmp_path: Path, label: str, told: Any, classes: tuple[str, ...]
) -> None:
    images = pa.array([photo(0), photo(1), photo(2)], pa.large_binary())
    pq.write_table(pa.table({label: told, "image": images}), tmp_path / "mine.parquet")
    source = ParquetPhotos(tmp_path / "mine.parquet")
    assert source.classes == classes
    assert sorted(contents(source).values()) == [photo(n) for n in range(len(source.photos))]
    assert source.splits == {}


def test_files_of_one_name_in_folders_of_splits(tmp_path: Path) -> None:
    for first, split in enumerate(("train", "test")):
        as_datasets_does(tmp_path / split / "0000.parquet", [0], ["0.jpg"], first)
    source = ParquetPhotos(tmp_path)
    assert source.splits == {"agate/test/0000-0.jpg": "test", "agate/train/0000-0.jpg": "train"}
    assert list(contents(source).values()) == [photo(1), photo(0)]


@pytest.fixture
def shuffled(tmp_path: Path) -> ParquetPhotos:
    """60 photos in 15 row groups of about 2.3 KB, classes in turn."""
    labels, paths = [n % 3 for n in range(60)], [f"{n:02}.jpg" for n in range(60)]
    as_datasets_does(tmp_path / "a.parquet", labels, paths)
    return ParquetPhotos(tmp_path / "a.parquet")


@pytest.mark.parametrize(
    ("held", "large"), [(2**28, 2**26), (3000, 2**26), (2**28, 0)], ids=["held", "again", "large"]
)
def test_photos_in_any_order_from_any_thread(
    shuffled: ParquetPhotos, monkeypatch: pytest.MonkeyPatch, held: int, large: int
) -> None:
    monkeypatch.setattr(row_groups, "HELD", held)
    monkeypatch.setattr(row_groups, "LARGE", large)
    taken: list[tuple[int, int]] = []
    take_in = row_groups.RowGroups._take_in

    def counted(self: row_groups.RowGroups, at: tuple[int, int]) -> None:
        taken.append(at)
        take_in(self, at)

    monkeypatch.setattr(row_groups.RowGroups, "_take_in", counted)
    order = list(shuffled.photos) * 3
    random.Random(0).shuffle(order)

    def read(name: str) -> bytes:
        with shuffled.open(name) as file:
            return file.read()

    with ThreadPoolExecutor(4) as pool:
        for name, content in zip(order, pool.map(read, order), strict=True):
            assert content == photo(int(name[-6:-4]))
    # Once each; twice at most where little is held in memory, whatever the order.
    assert max(Counter(taken).values()) == (1 if held > 3000 else 2)


def test_pyarrow_that_is_not_there_is_told(
    shuffled: ParquetPhotos, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in [one for one in sys.modules if one.partition(".")[0] == "pyarrow"]:
        monkeypatch.delitem(sys.modules, name)
    monkeypatch.delitem(sys.modules, "mineral_recog.data.readers.row_groups")
    monkeypatch.setitem(sys.modules, "pyarrow", None)
    with pytest.raises(UserError, match=r"pip install 'mineral-recog\[datasets\]'"):
        ParquetPhotos(shuffled.root)


@pytest.mark.parametrize(
    ("columns", "told"),
    [
        ({"image": [b"x"]}, "none of them is the label"),
        ({"label": [1]}, "none of them is the image"),
        ({"label": [1], "image": ["a.jpg"]}, "none of them is the image"),
        ({"label": [[1]], "image": [b"x"]}, "none of them is the label"),
        ({"label": [1.5], "image": [b"x"]}, "none of them is the label"),
        ({"label": ["a/b"], "image": [b"x"]}, "cannot name a folder"),
        ({"label": [None], "species": [""], "image": [b"x"]}, "none of them is the label"),
        ({"species": [""], "image": [b"x"]}, "no photos with a class"),
    ],
)
def test_what_cannot_be_used_is_told(
    tmp_path: Path, columns: dict[str, list[object]], told: str
) -> None:
    pq.write_table(pa.table(columns), tmp_path / "a.parquet")
    with pytest.raises(UserError, match=told) as error:
        ParquetPhotos(tmp_path)
    assert "\n" not in str(error.value)


def test_a_number_without_a_name_is_told(tmp_path: Path) -> None:
    for number in (3, -2):
        as_datasets_does(tmp_path / "a.parquet", [0, number], ["0.jpg", "1.jpg"])
        told = f"a photo of class {number}, and names for 3 classes"
        with pytest.raises(UserError, match=told):
            ParquetPhotos(tmp_path / "a.parquet")


@pytest.mark.parametrize("name", ["agate/none.jpg", "zzz", "0"])
def test_a_photo_that_is_not_there(shuffled: ParquetPhotos, name: str) -> None:
    with pytest.raises(FileNotFoundError, match=name):
        shuffled.open(name)


def test_damage_is_told_in_one_line(shuffled: ParquetPhotos) -> None:
    whole = shuffled.root.read_bytes()
    shuffled.root.write_bytes(whole[:4] + bytes(1000) + whole[1004:])
    with pytest.raises(OSError, match=r"\S") as told:
        contents(shuffled)
    assert "\n" not in str(told.value).strip()
    for broken in (b"", b"PAR1", whole[:-200], whole[:-100] + bytes(50) + whole[-50:]):
        shuffled.root.write_bytes(broken)
        with pytest.raises(UserError, match="cannot be read"):
            ParquetPhotos(shuffled.root)


def test_a_row_without_bytes_is_no_file(tmp_path: Path) -> None:
    images = pa.array([{"bytes": None, "path": "/elsewhere.jpg"}, None], IMAGE)
    pq.write_table(pa.table({"image": images, "label": ["a", "a"]}), tmp_path / "a.parquet")
    source = ParquetPhotos(tmp_path)
    assert source.photos == ("a/a-1", "a/elsewhere.jpg")
    for name in source.photos:
        with pytest.raises(OSError, match="no bytes"):
            source.open(name)
