"""Tests of how `open_source` recognises the format of a path."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from mineral_recog.data.readers.factory import open_source
from mineral_recog.data.readers.folder_reader import FolderSource
from mineral_recog.data.readers.list_reader import ListSource
from mineral_recog.data.readers.source_options import SourceOptions
from mineral_recog.errors import UserError
from tests.data.readers.source_files import write_files

LISTED = "path,label\na.png,opal\n"


def write(path: Path, text: str = LISTED) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text, encoding="utf-8")


def test_folders_and_lists_are_recognised(tmp_path: Path) -> None:
    write(tmp_path / "plain" / "opal" / "a.png")
    write(tmp_path / "plain" / "backup.tar")  # ignored, since there are photos
    for name in ("list/a.csv", "list/a.png", "metadata/metadata.csv", "metadata/a.png"):
        write(tmp_path / name)
    assert isinstance(open_source(tmp_path / "plain"), FolderSource)
    assert isinstance(open_source(tmp_path / "list" / "a.csv"), ListSource)
    source = open_source(tmp_path / "metadata")
    assert isinstance(source, ListSource)
    assert source.root == tmp_path / "metadata"
    assert source.paths == ("opal/a.png",)


def test_path_without_photos_is_reported(tmp_path: Path) -> None:
    write(tmp_path / "a.md")
    write(tmp_path / "b.folders")
    for path in (tmp_path / "none", tmp_path / "a.md", tmp_path / "b.folders"):
        with pytest.raises(UserError, match=r"is not a folder of photos.*\.csv, \.json"):
            open_source(path)


@pytest.mark.parametrize(
    ("text", "paths", "note"),
    [
        ("file_name,label\nopal/a.png,quartz\n", ("quartz/opal/a.png",),
         r"Listed by metadata\.csv: 1 photos; 2 photos beside it are not listed.*--class-level 1"),
        ("file_name,text\nopal/a.png,hello\n", ("gold/c.png", "opal/a.png", "opal/b.png"),
         r"Read by folders; metadata\.csv is not used: .*no column for the label .*, text"),
        ("file_name,label\nx.png,quartz\n", ("gold/c.png", "opal/a.png", "opal/b.png"),
         r"Read by folders; metadata\.csv is not used: no listed photo exists, such as .*x\.png"),
    ],
)  # fmt: skip
def test_list_beside_class_folders(
    tmp_path: Path, text: str, paths: tuple[str, ...], note: str
) -> None:
    write_files(tmp_path, "opal/a.png", "opal/b.png", "gold/c.png", "@eaDir/d.png")
    write(tmp_path / "metadata.csv", text)
    source = open_source(tmp_path)
    assert source.paths == paths
    assert re.search(note, source.notes[0])
    by_folders = open_source(tmp_path, options=SourceOptions(class_level=1))
    assert by_folders.paths == ("gold/c.png", "opal/a.png", "opal/b.png")


def test_list_without_folders_beside_it_must_be_valid(tmp_path: Path) -> None:
    write(tmp_path / "metadata.csv", "file_name,text\na.png,hello\n")
    with pytest.raises(UserError, match="no column for the label"):
        open_source(tmp_path)
    write(tmp_path / "a.png")
    with pytest.raises(UserError, match="no column for the label"):
        open_source(tmp_path)


@pytest.mark.parametrize(
    ("photo", "advice"),
    [
        ("x.png", "give the folder of the photos with --root"),
        ("photos/a.png", "try --root .*photos"),
    ],
)
def test_list_of_which_no_photo_exists_is_reported(tmp_path: Path, photo: str, advice: str) -> None:
    write(tmp_path / "a.csv")
    write_files(tmp_path, photo)
    with pytest.raises(UserError, match=f"None of the 1 photos in .*a.csv exists, .*: {advice}"):
        open_source(tmp_path / "a.csv")


@pytest.mark.parametrize(
    ("files", "message"),
    [
        (["opal/a.txt", "gold/b.txt", "gold/c.md"], "It holds 2 .txt, 1 .md: put the photos"),
        (["a.jpg", "b.jpg"], "It holds 2 .jpg: put the photos of each class into a folder"),
        (["opal/@eaDir/a.jpg"], "It is empty"),
        (["opal/a", "labels.csv"], None),
        (["opal/a.pdf.txt", "labels.csv"], "if labels.csv lists the photos, give it"),
    ],
)
def test_folder_without_photos_is_reported_with_what_it_holds(
    tmp_path: Path, files: list[str], message: str | None
) -> None:
    write_files(tmp_path, *files)
    if message is None:
        assert open_source(tmp_path).paths == ("opal/a",)
        return
    with pytest.raises(UserError, match=message):
        open_source(tmp_path)


@pytest.mark.parametrize(
    ("name", "options", "message"),
    [
        ("a.csv", SourceOptions(class_level=2), "--class-level is for folders"),
        (".", SourceOptions(columns={"path": "a"}), "--columns and --root are for lists"),
        (".", SourceOptions(photo_root=Path("a")), "--columns and --root are for lists"),
    ],
)
def test_options_that_mean_nothing_are_refused(
    tmp_path: Path, name: str, options: SourceOptions, message: str
) -> None:
    write_files(tmp_path, "opal/a.png", "a.csv")
    with pytest.raises(UserError, match=message):
        open_source(tmp_path / name, options=options)
