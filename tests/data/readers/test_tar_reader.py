"""Tar files as other programs write them, and what tells the classes in them."""

from __future__ import annotations

import json
import tarfile
from pathlib import Path

import pytest

from mineral_recog.data import tar_samples
from mineral_recog.data.readers.factory import open_source
from mineral_recog.data.readers.folder_reader import FolderPhotos
from mineral_recog.data.readers.source import Source
from mineral_recog.data.readers.tar_reader import ShardPhotos
from mineral_recog.data.shard_writer import pack
from mineral_recog.errors import UserError
from tests.tars import write_tar


def contents(source: Source) -> dict[str, bytes]:
    found = {}
    for name in source.photos:
        with source.open(name) as file:
            found[name] = file.read()
    return found


@pytest.mark.parametrize("kind", [tarfile.USTAR_FORMAT, tarfile.GNU_FORMAT, tarfile.PAX_FORMAT])
def test_samples_of_the_webdataset_layout(tmp_path: Path, kind: int) -> None:
    members = {
        "000.cls": b"1", "000.jpg": b"a", "000.seg.png": b"mask",
        "001.seg.png": b"mask", "001.jpg": b"b", "001.cls": b"0\n",
        "002.PNG": b"c", "002.cls": b"agate", "002.npy": b"-",
        "003.jpg": b"d",
    }  # fmt: skip
    write_tar(tmp_path / "shards/000.tar", members, kind)
    (tmp_path / "shards/classes.txt").write_text("agate\nberyl\n")
    source = open_source(tmp_path / "shards")
    assert source.classes == ("agate", "beryl")
    assert contents(source) == {
        "agate/001.jpg": b"b", "agate/002.PNG": b"c", "beryl/000.jpg": b"a"
    }  # fmt: skip
    assert source.others == {".seg.png": 2, ".npy": 1}
    assert [(name, remark.kind) for name, remark in source.odd] == [("003.jpg", "no_class")]
    assert source.file("agate/001.jpg") is None
    with pytest.raises(OSError, match="gone"):
        source.open("agate/gone.jpg")
    assert sorted(path.name for path in (tmp_path / "shards").iterdir()) == [
        "000.tar", "classes.txt"
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("label", "names", "of"),
    [
        ({"cls": b"2"}, {}, "2"),
        ({"cls": b"opal"}, {}, "opal"),
        ({"txt": "钠长石\n".encode()}, {}, "钠长石"),
        ({"json": b'{"label": 1}'}, {"classes.json": ["a", "b"]}, "b"),
        ({"json": b'{"label": 1, "label_name": "x"}'}, {"classes.json": ["a", "b"]}, "x"),
        ({"json": b'{"class": "c"}', "txt": b"a caption"}, {}, "c"),
        ({"cls": b"1"}, {"classes.json": {"a": 0, "b": 1}}, "b"),
        ({"cls": b"1"}, {"classes.json": {"0": "a", "1": "b"}}, "b"),
        ({"cls": b"1"}, {"dataset.json": {"classes": ["a", "b"]}}, "b"),
        ({"json": b"[1"}, {}, "folder"),
        ({}, {}, "folder"),
    ],
)
def test_what_tells_a_class(
    tmp_path: Path, label: dict[str, bytes], names: dict[str, object], of: str
) -> None:
    beside = {f"folder/1.{suffix}": content for suffix, content in label.items()}
    write_tar(tmp_path / "a.tar", {**beside, "folder/1.jpg": b"x"})
    for name, content in names.items():
        (tmp_path / name).write_text(json.dumps(content))
    source = ShardPhotos(tmp_path / "a.tar")
    assert source.classes == (of,)
    assert len(source.photos) == 1
    assert source.photos[0].startswith(f"{of}/")


def test_photos_without_labels_are_files_in_folders(tmp_path: Path) -> None:
    files = ("x/opal/IMG.1.jpg", "x/opal/IMG.2.jpg", "x/gold/1.jpg", "0.jpg")
    members = {name: name.encode() for name in files}
    source = ShardPhotos(write_tar(tmp_path / "a.tar", members))
    assert source.classes == ("gold", "opal")
    assert {content.decode() for content in contents(source).values()} == set(files[:3])
    assert [name for name, _ in source.odd] == ["0.jpg"]


def test_splits_are_told_by_folders_or_by_file_names(tmp_path: Path) -> None:
    for name in ("minerals-train-000.tar", "validation_00.tar", "test.tar", "extra.tar"):
        write_tar(tmp_path / "a" / name, {"0.cls": b"opal", "0.jpg": name.encode()})
    by_name = ShardPhotos(tmp_path / "a")
    assert by_name.splits == {
        "opal/minerals-train-000/0.jpg": "train",
        "opal/validation_00/0.jpg": "val",
        "opal/test/0.jpg": "test",
    }
    assert contents(by_name)["opal/extra/0.jpg"] == b"extra.tar"
    for folder in ("Train", "dev", "other"):
        write_tar(tmp_path / "b" / folder / "0.tar", {"0.cls": b"opal", "0.jpg": b""})
    source = open_source(tmp_path / "b")
    assert source.splits == {"opal/Train/0.jpg": "train", "opal/dev/0.jpg": "val"}
    assert source.photos == ("opal/Train/0.jpg", "opal/dev/0.jpg")


def test_what_pack_writes_is_what_the_folders_hold(prepared: Path, tmp_path: Path) -> None:
    pack(prepared, tmp_path / "out")
    folders, shards = FolderPhotos(prepared), open_source(tmp_path / "out")
    assert isinstance(shards, ShardPhotos)
    assert (shards.photos, shards.classes) == (folders.photos, folders.classes)
    assert contents(shards) == contents(folders)
    assert shards.splits == folders.splits
    assert shards.odd == ()


@pytest.mark.parametrize(
    ("members", "told"),
    [
        ({"0.cls": b"9", "0.jpg": b""}, "class 9.*does not name"),
        ({"0.cls": b"../x", "0.jpg": b""}, "cannot name a folder"),
        ({"0.txt": b"none"}, "no photos with a class"),
    ],
)
def test_what_cannot_be_used_is_told(tmp_path: Path, members: dict[str, bytes], told: str) -> None:
    write_tar(tmp_path / "a.tar", members)
    (tmp_path / "classes.json").write_text('["a"]')
    with pytest.raises(UserError, match=told) as error:
        ShardPhotos(tmp_path)
    assert "\n" not in str(error.value)


@pytest.mark.parametrize("text", ["7", '{"a": "b"}', "[1, 2]", "[" * 10**5, '["a\\n"]'])
def test_class_names_that_are_none_are_told(tmp_path: Path, text: str) -> None:
    write_tar(tmp_path / "a.tar", {"0.cls": b"0", "0.jpg": b""})
    (tmp_path / "classes.json").write_text(text)
    with pytest.raises(UserError, match=r"classes\.json does not give the names"):
        ShardPhotos(tmp_path)


def test_class_names_too_large_are_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    write_tar(tmp_path / "a.tar", {"0.cls": b"0", "0.jpg": b""})
    (tmp_path / "classes.json").write_text('["opal"]')
    monkeypatch.setattr(tar_samples, "_LARGEST", 8)
    assert ShardPhotos(tmp_path).classes == ("opal",)
    monkeypatch.setattr(tar_samples, "_LARGEST", 7)
    with pytest.raises(UserError, match=r"the names of the classes \(too large\)"):
        ShardPhotos(tmp_path)


@pytest.mark.parametrize("told", [{"name": "stones"}, ["stones"]])
def test_a_dataset_file_without_classes_is_none(tmp_path: Path, told: object) -> None:
    write_tar(tmp_path / "shards" / "a.tar", {"0.cls": b"0", "0.jpg": b""})
    (tmp_path / "shards" / "dataset.json").write_text(json.dumps(told))
    assert ShardPhotos(tmp_path / "shards").classes == ("0",)
    (tmp_path / "classes.txt").write_text("opal")  # so those of the folder above hold
    assert ShardPhotos(tmp_path / "shards").classes == ("opal",)


def test_compressed_shards_are_told(tmp_path: Path) -> None:
    write_tar(tmp_path / "a.tar", {"0.cls": b"0", "0.jpg": b""})
    (tmp_path / "b.tar.gz").touch()
    with pytest.raises(UserError, match=r"b\.tar\.gz is compressed"):
        ShardPhotos(tmp_path)
