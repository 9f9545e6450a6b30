"""Tests of photo lists: all accepted formats, and errors that name the line."""

from __future__ import annotations

import json
import os
from pathlib import Path, PurePosixPath

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mineral_recog.data.readers.list_reader import ListSource
from mineral_recog.data.readers.split_names import can_be_folder
from mineral_recog.duplicates.records import read_photos
from mineral_recog.errors import UserError

ROWS = [("a/1.jpg", "石英", "train"), ("b/1.jpg", "石英", "validation"), ("2.png", "opal", "TEST")]
LISTED = {"opal/2.png": "test", "石英/a/1.jpg": "train", "石英/b/1.jpg": "val"}


def write(path: Path, text: str, encoding: str = "utf-8") -> ListSource:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text, encoding=encoding)
    return ListSource(path)


def objects(keys: tuple[str, str, str]) -> list[dict[str, str]]:
    return [dict(zip(keys, row, strict=True)) for row in ROWS]


@pytest.mark.parametrize(
    ("name", "text", "encoding"),
    [
        ("a.csv", "path,label,split\n" + "\n".join(map(",".join, ROWS)), "utf-8"),
        ("a.CSV", "Split;Species;filename\n" + "\n".join(f"{s};{m};{p}" for p, m, s in ROWS),
         "utf-8-sig"),
        ("a.csv", "id\tfile_name\tclass\tsplit\n" + "\n".join("7\t" + "\t".join(r) for r in ROWS),
         "utf-8"),
        ("a.json", json.dumps(objects(("image", "mineral", "split"))), "utf-8-sig"),
        ("a.json", json.dumps({"version": 2, "photos": objects(("path", "label", "split"))}),
         "utf-8"),
        ("a.jsonl", "\n\n".join(map(json.dumps, objects(("filename", "label", "split")))), "utf-8"),
    ],
)  # fmt: skip
def test_every_format_gives_the_same_photos(
    tmp_path: Path, name: str, text: str, encoding: str
) -> None:
    source = write(tmp_path / name, text, encoding)
    assert source.classes == ("opal", "石英")
    assert source.paths == tuple(LISTED)
    assert source.splits == LISTED
    assert source.file("石英/a/1.jpg") == tmp_path / "a" / "1.jpg"


def test_names_are_short_unique_and_stay_in_their_class(tmp_path: Path) -> None:
    (tmp_path / "far.png").write_bytes(b"far")
    paths = ["quartz/1.png", "1.png", "../far.png", "up/far.png", str(tmp_path / "far.png"),
             ".cache/1.png", "a/../b/1.png", str(tmp_path / "lists" / "c.png")]  # fmt: skip
    source = write(
        tmp_path / "lists" / "a.csv", "path,label\n" + "".join(f"{p},quartz\n" for p in paths)
    )
    assert set(source.paths) == {
        "quartz/1.png", "quartz/1 (2).png", "quartz/up/far.png", "quartz/up/far (2).png",
        "quartz/_.cache/1.png", "quartz/b/1.png", "quartz/c.png",
    }  # fmt: skip
    with source.open("quartz/up/far.png") as file:
        assert file.read() == b"far"
    assert ListSource(tmp_path / "lists" / "a.csv").paths == source.paths


def test_path_listed_twice_is_one_photo_per_class(tmp_path: Path) -> None:
    text = "path,label,split\na.png,opal,test\n./a.png,opal,test\na.png,agate,test\n"
    assert write(tmp_path / "a.csv", text).paths == ("agate/a.png", "opal/a.png")
    with pytest.raises(UserError, match=r"a\.csv, line 5: .*different split in .*a\.csv, line 2"):
        write(tmp_path / "a.csv", text + "a.png,opal,train\n")


def test_other_files_and_unreadable_files_are_reported(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe.png")
    source = write(
        tmp_path / "a.csv", "path,label\npipe.png,opal\ngone.png,opal\n/dev/zero,opal\nb.txt,opal"
    )
    assert source.other_files == {".txt": 1}
    remarks = {record.path: record.remarks[0] for record in read_photos(source.open, source.paths)}
    assert {name: remark.detail for name, remark in remarks.items()} == {
        "opal/pipe.png": "no regular file",
        "opal/gone.png": "No such file or directory",
        "opal/dev/zero": "no regular file",
    }
    assert {remark.kind for remark in remarks.values()} == {"unreadable"}


@pytest.mark.parametrize(
    "label", ["", " ", ".", "..", ".git", "a/b", "a\\b", "C:", "a\x07", "x" * 201]
)
def test_label_that_cannot_be_a_folder_name_is_reported(tmp_path: Path, label: str) -> None:
    with pytest.raises(UserError, match=r"a\.json, entry 2: label .* cannot be a folder name"):
        write(
            tmp_path / "a.json",
            json.dumps([{"path": "1.png", "label": "opal"}, {"path": "2.png", "label": label}]),
        )


def test_null_split_is_no_split(tmp_path: Path) -> None:
    listed = [
        {"path": "1.png", "label": "opal", "split": "train"},
        {"path": "2.png", "label": "opal", "split": None},
    ]
    source = write(tmp_path / "a.json", json.dumps(listed))
    assert source.paths == ("opal/1.png", "opal/2.png")
    assert source.splits == {"opal/1.png": "train"}


@given(path=st.text(min_size=1, max_size=30), label=st.text(max_size=30))
def test_every_listed_photo_stays_in_its_class(
    tmp_path_factory: pytest.TempPathFactory, path: str, label: str
) -> None:
    folder = tmp_path_factory.mktemp("lists")
    try:
        source = write(folder / "a.json", json.dumps([{"path": path, "label": label}]))
    except UserError:
        return
    assert len(source.classes) == 1
    for name in source.paths:
        assert name.startswith(f"{label.strip()}/")
        parts = PurePosixPath(name).parts
        assert "/".join(parts) == name  # no "", "." or double separator
        assert not any(part.startswith(".") for part in parts)


@given(st.text())
def test_valid_class_name_is_one_folder(label: str) -> None:
    if can_be_folder(label):
        assert PurePosixPath("data", label).name == label
        assert label.isprintable()


@pytest.mark.parametrize(
    ("name", "text", "message"),
    [
        (
            "a.csv",
            "path,kind\na.png,opal\n",
            r"line 1: no column for the label among its columns \(path, kind",
        ),
        ("a.csv", "path,label\n", "lists no photos"),
        ("a.jsonl", "", "lists no photos"),
        ("a.csv", "", "line 1: no column for the path"),
        ("a.csv", "path,image,label\n", "line 1: path and image may both be the path"),
        ("a.csv", "path,label\na.png\n", "line 2: not as many cells"),
        ("a.csv", "path,label\n,opal\n", "line 2: path '' is not a file path"),
        ("a.csv", "path,label\n.,opal\n", "line 2: path '.' is not a file path"),
        ("a.csv", "path,label\nhttp://a/b.png,opal\n", "line 2: path 'http://a/b.png' is not"),
        ("a.csv", "path,label,split\na.png,opal,exam\n", "line 2: split 'exam': write train"),
        ("a.json", "{", "line 1: not JSON"),
        ("a.json", "[\n1]", "entry 1: not an object"),
        ("a.json", '{"a": [], "b": []}', "has 2 lists of photos"),
        ("a.json", "[" * 100_000, "line 1: not JSON"),
        ("a.json", '[{"path": "a.png", "label": true}]', "entry 1: label is not text"),
        (
            "a.json",
            '[{"path": "\\ud800.png", "label": "opal"}]',
            "entry 1: path .* is not a file",
        ),
        (
            "a.json",
            '[{"path": "\\u0000.png", "label": "opal"}]',
            "entry 1: path .* is not a file",
        ),
        ("a.json", f'[{{"path": "a.png", "label": {"9" * 5000}}}]', "line 1: not JSON"),
        ("a.jsonl", '{"path": "a.png", "label": "opal"}\n{"path": }\n', "line 2: not JSON"),
        ("a.jsonl", '{"path": "a.png", "label": "opal"}\n{"path": "b.png"}', "line 2: no column"),
    ],
)
def test_what_is_wrong_is_told_with_its_line(
    tmp_path: Path, name: str, text: str, message: str
) -> None:
    with pytest.raises(UserError, match=message) as raised:
        write(tmp_path / name, text)
    assert str(tmp_path / name) in str(raised.value)
    assert "\n" not in str(raised.value)


def test_file_that_is_too_large_or_not_utf_8_is_reported(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "a.csv").write_bytes("path,label\na.png,Trémolite\n".encode("latin-1"))
    with pytest.raises(UserError, match=r"a\.csv, line 2: not UTF-8"):
        ListSource(tmp_path / "a.csv")
    monkeypatch.setattr("mineral_recog.data.readers.list_rows.MAX_BYTES", 20)
    with pytest.raises(UserError, match="larger than"):
        ListSource(tmp_path / "a.csv")


def test_metadata_files_in_split_folders_give_the_splits(tmp_path: Path) -> None:
    for split in ("train", "validation"):
        (tmp_path / "split" / split).mkdir(parents=True)
        (tmp_path / "split" / split / "metadata.csv").write_text("file_name,label\n1.png,opal\n")
    source = ListSource(tmp_path / "split")
    assert source.splits == {"opal/train/1.png": "train", "opal/validation/1.png": "val"}
    assert source.file("opal/train/1.png") == tmp_path / "split" / "train" / "1.png"
    (tmp_path / "split" / "test").mkdir()
    with pytest.raises(UserError, match=r"test has no metadata file"):
        ListSource(tmp_path / "split")
