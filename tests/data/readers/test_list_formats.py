"""Tests of lists as people have them: other columns, encodings, programs and systems."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from mineral_recog.data.readers.list_reader import ListSource
from mineral_recog.data.readers.source_options import SourceOptions, parse_columns
from mineral_recog.errors import UserError
from tests.data.readers.source_files import write_files

PHOTOS = {"石英/a 1.jpg": "石英", "b/c.png": "opal"}
PATHS = ("opal/b/c.png", "石英/a 1.jpg")


def write(path: Path, text: str | bytes, options: SourceOptions | None = None) -> ListSource:
    write_files(path.parent, *PHOTOS)
    path.write_bytes(text if isinstance(text, bytes) else text.encode())
    return ListSource(path, options or SourceOptions())


def table(header: str, separator: str = ",") -> str:
    rows = "".join(f"{path}{separator}{label}\n" for path, label in PHOTOS.items())
    return f"{header.replace(',', separator)}\n{rows}"


@pytest.mark.parametrize(
    "header",
    [
        "image_path,Class", "ImageId,label", "image_id,category", " File , LABEL ", "img,species",
        "photo,Category Name", "图片,类别", "文件名,标签", "路径,矿物", "file-name,mineral",
    ],
)  # fmt: skip
def test_columns_under_other_names(tmp_path: Path, header: str) -> None:
    source = write(tmp_path / "a.csv", table(header))
    assert source.paths == PATHS
    assert source.missing == []


@pytest.mark.parametrize(
    ("name", "separator", "encoding", "note"),
    [
        ("a.csv", ",", "gbk", "is not UTF-8: read as GB18030"),
        ("a.csv", ";", "gb18030", "is not UTF-8: read as GB18030"),
        ("a.csv", ";", "utf-8-sig", ""),
        ("a.txt", "\t", "utf-16", ""),
        ("a.tsv", "\t", "utf-16-be", ""),
        ("a.TXT", "\t", "utf-8", ""),
    ],
)
def test_encodings_and_separators_of_spreadsheets(
    tmp_path: Path, name: str, separator: str, encoding: str, note: str
) -> None:
    text = table("文件名,类别", separator) + separator + "\n"  # and a row of empty cells
    content = text.encode(encoding)
    if encoding == "utf-16-be":
        content = b"\xfe\xff" + content
    source = write(tmp_path / name, content)
    assert source.paths == PATHS
    assert [note in line for line in source.notes] == ([True] if note else [])


def test_western_letters_are_not_read_as_chinese(tmp_path: Path) -> None:
    with pytest.raises(UserError, match="line 2: not UTF-8: save it as CSV UTF-8"):
        write(tmp_path / "a.csv", "path,label\na.jpg,Trémolite\n".encode("latin-1"))


@pytest.mark.parametrize("content", [b"\xff\xfep", b"path,label\n\xff\xff,x\n"])
def test_damaged_text_is_reported(tmp_path: Path, content: bytes) -> None:
    with pytest.raises(UserError, match="not UTF-8"):
        write(tmp_path / "a.csv", content)


def test_first_names_are_preferred(tmp_path: Path) -> None:
    text = "image_id,path,label,category\n7,b/c.png,opal,silicate\n"
    assert write(tmp_path / "a.csv", text).paths == ("opal/b/c.png",)


@pytest.mark.parametrize(
    ("columns", "header"),
    [
        ("path=Foto,label=Name", "Foto,Name"),
        ("label=name", "path,Name"),
        ("path=image,label=kind", "image,kind"),
    ],
)
def test_given_columns_are_used(tmp_path: Path, columns: str, header: str) -> None:
    options = SourceOptions(columns=parse_columns(columns))
    assert write(tmp_path / "a.csv", table(header), options).paths == PATHS
    objects = [dict(zip(header.split(","), row, strict=True)) for row in PHOTOS.items()]
    assert write(tmp_path / "a.json", json.dumps(objects), options).paths == PATHS


@pytest.mark.parametrize(
    ("columns", "message"),
    [
        ("", r"no column for the path among its columns \(Foto, label, class\): .*--columns path="),
        ("path=Foto", "label and class may both be the label.*--columns label=label"),
        ("path=photo,label=label", r"no column photo for the path among its columns \(Foto, label"),
        ("path=Foto,label=label,split=part", "no column part for the split"),
    ],
)
def test_columns_that_are_unclear_are_named(tmp_path: Path, columns: str, message: str) -> None:
    options = SourceOptions(columns=parse_columns(columns) if columns else {})
    with pytest.raises(UserError, match=message) as raised:
        write(tmp_path / "a.csv", "Foto,label,class\nb/c.png,opal,x\n", options)
    assert "\n" not in str(raised.value)


@pytest.mark.parametrize("text", ["path", "path=", "kind=a", "path=a,path=b", "=a", ","])
def test_invalid_columns_are_reported(text: str) -> None:
    with pytest.raises(UserError, match=r"--columns .*: write the name of a column for each"):
        parse_columns(text)


def test_name_of_a_column_may_have_commas_and_equal_signs() -> None:
    assert parse_columns("label=a, b=c, path=d") == {"label": "a, b=c", "path": "d"}
    options = SourceOptions(2, {"path": "a b"}, Path("x y"))
    assert options.words() == ["--class-level", "2", "--columns", "path=a b", "--root", "x y"]


@pytest.mark.parametrize("column", ["specimen", "Specimen_ID", "标本", "stone"])
def test_specimens_of_the_list(tmp_path: Path, column: str) -> None:
    options = SourceOptions(columns={"specimen": "stone"} if column == "stone" else {})
    text = f"path,label,{column}\nb/c.png,opal,S1\n石英/a 1.jpg,石英,\n"
    assert write(tmp_path / "a.csv", text, options).specimens == {"opal/b/c.png": "S1"}
    with pytest.raises(UserError, match=r"line 4: .* different specimen in .*line 2"):
        write(tmp_path / "a.csv", text + "b/c.png,opal,S2\n", options)


@pytest.mark.parametrize("column", ["attribute", "Attribute", "属性", "variety"])
def test_attributes_of_the_list(tmp_path: Path, column: str) -> None:
    options = SourceOptions(
        columns=parse_columns("attribute=variety") if column == "variety" else {}
    )
    text = f"path,label,{column}\nb/c.png,opal, fire \n石英/a 1.jpg,石英,\n"
    assert write(tmp_path / "a.csv", text, options).attributes == {"opal/b/c.png": "fire"}
    with pytest.raises(UserError, match=r"line 4: .* different attribute in .*line 2"):
        write(tmp_path / "a.csv", text + "b/c.png,opal,black\n", options)
    with pytest.raises(UserError, match="no column colour for the attribute"):
        write(tmp_path / "a.csv", text, SourceOptions(columns={"attribute": "colour"}))


def test_paths_of_windows_ids_without_suffix_and_root(tmp_path: Path) -> None:
    text = "id,label\nb\\c,opal\n石英\\a 1.jpg,石英\n"
    options = SourceOptions(columns={"path": "id"}, photo_root=tmp_path / "photos")
    write_files(tmp_path / "photos", *PHOTOS)
    source = write(tmp_path / "lists" / "a.csv", text, options)
    assert source.paths == PATHS
    assert source.file("opal/b/c.png") == tmp_path / "photos" / "b" / "c.png"
    write_files(tmp_path / "photos", "b/c.jpg")
    with pytest.raises(UserError, match=r"line 2: path .* may be b/c\.jpg or b/c\.png: add"):
        ListSource(tmp_path / "lists" / "a.csv", options)


@pytest.mark.parametrize(
    "path", ["/data/upload/1/%00", "/data/local-files/?d=a\\b", "\\", "..", "b"]
)
def test_paths_that_mean_no_photo_are_missing(tmp_path: Path, path: str) -> None:
    source = write(tmp_path / "a.csv", f"path,label\n{path},opal\n")
    assert len(source.missing) == 1


def test_conflicting_labels_are_noted(tmp_path: Path) -> None:
    source = write(tmp_path / "a.csv", table("path,label") + "./b/c.png,gold\n")
    assert len(source.paths) == 3
    (note,) = source.notes
    assert note.startswith("Listed with several labels, and read as one photo of each class: 1,")
    assert note.endswith(f"{tmp_path / 'b' / 'c.png'} (gold, opal)")


def test_photos_in_folders_of_systems_are_left_out(tmp_path: Path) -> None:
    text = table("path,label") + "b/@eaDir/c.png,opal\n#recycle/d.png,opal\n"
    source = write(tmp_path / "a.csv", text)
    assert source.paths == PATHS
    assert "2 files and folders: #recycle, @eaDir" in source.notes[0]


@pytest.mark.parametrize("separator", [" ", "\t", ","])
@pytest.mark.parametrize("names", ["石英\nopal\n", "1 opal\n0 石英\n", "0,石英\n1,opal\n"])
def test_lists_of_paths_and_numbers(tmp_path: Path, separator: str, names: str) -> None:
    (tmp_path / "labels.txt").write_text(names)
    text = f"石英/a 1.jpg{separator}0\n\nb/c.png{separator}1\n"
    source = write(tmp_path / "train_list.txt", text)
    assert source.paths == PATHS
    assert source.notes == [f"Names of the classes: {tmp_path / 'labels.txt'}"]
    with pytest.raises(UserError, match=r"line 1: class 2 has no name in .*labels\.txt"):
        write(tmp_path / "train_list.txt", "a.jpg 2\n")


def test_lists_of_paths_and_classes_without_names(tmp_path: Path) -> None:
    assert write(tmp_path / "a.txt", "石英/a 1.jpg 石英\nb/c.png opal").paths == PATHS
    source = write(tmp_path / "b.txt", "b/c.png 7\n")
    assert source.paths == ("7/b/c.png",)
    assert "named by their numbers" in source.notes[0]
    with pytest.raises(UserError, match="line 2: no class: write a path, a space and a class"):
        write(tmp_path / "a.txt", "b/c.png opal\nb/d.png\n")


def test_lists_of_paddleclas_in_a_folder_give_the_splits(tmp_path: Path) -> None:
    (tmp_path / "label_list.txt").write_text("石英\nopal\n")
    (tmp_path / "val_list.txt").write_text("b/c.png 1\n")
    write(tmp_path / "train_list.txt", "石英/a 1.jpg 0\n")
    source = ListSource(tmp_path)
    assert source.splits == {"opal/b/c.png": "val", "石英/a 1.jpg": "train"}


def test_coco_export(tmp_path: Path) -> None:
    images = [{"id": n, "file_name": path} for n, path in enumerate([*PHOTOS, "plain.jpg"])]
    annotations = [
        {"id": 1, "image_id": 0, "category_id": 5, "bbox": [0, 0, 1, 1]},
        {"id": 2, "image_id": 0, "category_id": 5},
        {"id": 3, "image_id": 1, "category_id": 6},
    ]
    categories = [{"id": 5, "name": "石英"}, {"id": 6, "name": "opal"}]
    content = {"images": images, "annotations": annotations, "categories": categories}
    source = write(tmp_path / "a.json", json.dumps(content))
    assert source.paths == PATHS
    assert source.notes == [
        "Left out, photos without a label in the export: 1, the first is 'plain.jpg'"
    ]
    content["categories"] = categories[:1]
    with pytest.raises(UserError, match=r"not in COCO's format \(KeyError: 6\)"):
        write(tmp_path / "a.json", json.dumps(content))


def test_label_studio_exports(tmp_path: Path) -> None:
    addresses = ["/data/local-files/?d=b/c.png", "http://host:8080/data/upload/3/0a1b2c3d-e.jpg"]
    write_files(tmp_path, "e.jpg")

    def task(image: str, *choices: str, **more: object) -> dict[str, object]:
        results = [{"type": "choices", "value": {"choices": [choice]}} for choice in choices]
        return {"data": {"image": image}, "annotations": [{"result": results, **more}]}

    tasks = [task(addresses[0], "opal"), task(addresses[1], "gold"),
             task("x.jpg", "gold", was_cancelled=True)]  # fmt: skip
    expected = ("gold/e.jpg", "opal/b/c.png")
    source = write(tmp_path / "a.json", json.dumps(tasks))
    assert source.paths == expected
    assert "without a label in the export: 1" in source.notes[0]
    rows = [{"id": 1, "image": address, "choice": name}
            for address, name in zip(addresses, ("opal", "gold"), strict=True)]  # fmt: skip
    assert write(tmp_path / "min.json", json.dumps(rows)).paths == expected
    text = "image,id,choice\n" + "".join(f"{row['image']},1,{row['choice']}\n" for row in rows)
    assert write(tmp_path / "a.csv", text).paths == expected
    with pytest.raises(UserError, match=r"entry 1: no photo in the data of this task \(text\)"):
        write(tmp_path / "a.json", json.dumps([{"data": {"text": "x"}, "annotations": []}]))
