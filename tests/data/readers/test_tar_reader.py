"""Tests of tar files from other programs, and of where their classes come from."""

from __future__ import annotations

import json
import tarfile
from pathlib import Path

import pytest

from mineral_recog.data.readers import numbered_classes
from mineral_recog.data.readers.factory import open_source
from mineral_recog.data.readers.tar_reader import TarSource
from mineral_recog.errors import UserError
from tests.data.readers.source_files import contents
from tests.tars import write_tar


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
    assert source.other_files == {".seg.png": 2, ".npy": 1}
    assert [(name, remark.kind) for name, remark in source.remarks] == [("003.jpg", "no_class")]
    assert source.file("agate/001.jpg") is None
    with pytest.raises(OSError, match="gone"):
        source.open("agate/gone.jpg")
    assert sorted(path.name for path in (tmp_path / "shards").iterdir()) == [
        "000.tar", "classes.txt"
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("label", "name_files", "class_name"),
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
def test_class_comes_from_label_file_or_folder(
    tmp_path: Path, label: dict[str, bytes], name_files: dict[str, object], class_name: str
) -> None:
    labels = {f"folder/1.{suffix}": content for suffix, content in label.items()}
    write_tar(tmp_path / "a.tar", {**labels, "folder/1.jpg": b"x"})
    for name, content in name_files.items():
        (tmp_path / name).write_text(json.dumps(content))
    source = TarSource(tmp_path / "a.tar")
    assert source.classes == (class_name,)
    assert len(source.paths) == 1
    assert source.paths[0].startswith(f"{class_name}/")


def test_photos_without_labels_belong_to_their_folders(tmp_path: Path) -> None:
    files = ("x/opal/IMG.1.jpg", "x/opal/IMG.2.jpg", "x/gold/1.jpg", "0.jpg")
    members = {name: name.encode() for name in files}
    source = TarSource(write_tar(tmp_path / "a.tar", members))
    assert source.classes == ("gold", "opal")
    assert {content.decode() for content in contents(source).values()} == set(files[:3])
    assert [name for name, _ in source.remarks] == ["0.jpg"]


def test_splits_come_from_folders_or_file_names(tmp_path: Path) -> None:
    for name in ("minerals-train-000.tar", "validation_00.tar", "test.tar", "extra.tar"):
        write_tar(tmp_path / "a" / name, {"0.cls": b"opal", "0.jpg": name.encode()})
    by_name = TarSource(tmp_path / "a")
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
    assert source.paths == ("opal/Train/0.jpg", "opal/dev/0.jpg")


@pytest.mark.parametrize(
    ("members", "message"),
    [
        ({"0.cls": b"9", "0.jpg": b""}, "class 9.*has no name"),
        ({"0.cls": b"../x", "0.jpg": b""}, "cannot be a folder name"),
        ({"0.txt": b"none"}, "no photos with a class"),
    ],
)
def test_unusable_file_is_reported(tmp_path: Path, members: dict[str, bytes], message: str) -> None:
    write_tar(tmp_path / "a.tar", members)
    (tmp_path / "classes.json").write_text('["a"]')
    with pytest.raises(UserError, match=message) as error:
        TarSource(tmp_path)
    assert "\n" not in str(error.value)


@pytest.mark.parametrize("text", ["7", '{"a": "b"}', "[1, 2]", "[" * 10**5, '["a\\n"]'])
def test_invalid_class_names_file_is_reported(tmp_path: Path, text: str) -> None:
    write_tar(tmp_path / "a.tar", {"0.cls": b"0", "0.jpg": b""})
    (tmp_path / "classes.json").write_text(text)
    with pytest.raises(UserError, match=r"classes\.json does not give the names"):
        TarSource(tmp_path)


def test_class_names_file_that_is_too_large_is_reported(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    write_tar(tmp_path / "a.tar", {"0.cls": b"0", "0.jpg": b""})
    (tmp_path / "classes.json").write_text('["opal"]')
    monkeypatch.setattr(numbered_classes, "MAX_BYTES", 8)
    assert TarSource(tmp_path).classes == ("opal",)
    monkeypatch.setattr(numbered_classes, "MAX_BYTES", 7)
    with pytest.raises(UserError, match=r"classes\.json is larger than"):
        TarSource(tmp_path)


@pytest.mark.parametrize("content", [{"name": "stones"}, ["stones"]])
def test_dataset_file_without_classes_is_ignored(tmp_path: Path, content: object) -> None:
    write_tar(tmp_path / "shards" / "a.tar", {"0.cls": b"0", "0.jpg": b""})
    (tmp_path / "shards" / "dataset.json").write_text(json.dumps(content))
    assert TarSource(tmp_path / "shards").classes == ("0",)
    (tmp_path / "classes.txt").write_text("opal")  # in the parent folder, used instead
    assert TarSource(tmp_path / "shards").classes == ("opal",)


def test_compressed_shards_are_reported(tmp_path: Path) -> None:
    write_tar(tmp_path / "a.tar", {"0.cls": b"0", "0.jpg": b""})
    (tmp_path / "b.tar.gz").touch()
    with pytest.raises(UserError, match=r"b\.tar\.gz is compressed"):
        TarSource(tmp_path)
