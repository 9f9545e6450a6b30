"""Finds which columns of a list hold path, class label, split, specimen and attribute."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import NamedTuple

from mineral_recog.errors import DataError
from mineral_recog.i18n import tr

# Names by the role of the column, as `_key` returns them. Those of the second set are used only if
# a list has none of the first: `image_id` may stand beside `path`, and `category` beside `label`.
COLUMNS: Mapping[str, tuple[set[str], set[str]]] = {
    "path": (
        {
            "path", "filename", "image", "file", "filepath", "imagepath", "imgpath", "imagefile",
            "imgfile", "imagename", "imgname", "img", "photo", "photopath", "路径", "文件",
            "文件名", "文件路径", "图片路径", "图像路径", "照片路径", "图片名", "图片名称",
            "图片文件", "图片", "图像", "照片",
        },
        {"imageid", "imgid", "photoid", "图片编号", "图像编号", "照片编号"},
    ),
    "label": (
        {
            "label", "class", "species", "mineral", "标签", "类别", "矿物", "矿物名", "矿物名称",
            "类名", "类别名", "类别名称",
        },
        {
            "labels", "classname", "labelname", "mineralname", "category", "categoryname",
            "target", "choice", "分类", "种类",
        },
    ),
    "split": ({"split", "划分", "数据划分"}, set()),
    "specimen": ({"specimen", "specimenid", "标本", "标本编号", "标本号"}, set()),
    "attribute": ({"attribute", "属性"}, set()),
}  # fmt: skip
REQUIRED = ("path", "label")


class Place(NamedTuple):
    """A place in a list: the file, and the line or the entry of a JSON file."""

    file: Path
    number: int

    def __str__(self) -> str:
        if self.file.suffix.lower() == ".json":
            return tr(f"{self.file}, entry {self.number}", f"{self.file} 第 {self.number} 项")
        return tr(f"{self.file}, line {self.number}", f"{self.file} 第 {self.number} 行")

    def error(self, english: str, chinese: str) -> DataError:
        """Return an error that names the place."""
        return DataError(tr(f"{self}: {english}", f"{self}：{chinese}"))


class ColumnsError(DataError):
    """A list lacks a column, or several may be the same."""


def match_columns(place: Place, names: Sequence[str], chosen: Mapping[str, str]) -> dict[str, str]:
    """Return which column of a list holds what, by the roles in COLUMNS.

    Args:
        place: Where the names are, for messages.
        names: Names of the columns, or keys of an object.
        chosen: Names that the user gives, by role; case, blanks and underscores do not matter.

    Raises:
        ColumnsError: A required column is missing, or several columns may be the same.
    """
    matched = {}
    for role in COLUMNS:
        found = _candidates(names, role, chosen)
        if len(found) > 1:
            choice = f"--columns {role}={found[0]}"
            raise _error(
                place,
                f"{' and '.join(found)} may both be the {role}: say which it is, as in {choice}.",
                f"{'、'.join(found)} 都可能是 {role}：请指明是哪一列，例如 {choice}。",
            )
        if found:
            matched[role] = found[0]
        elif role in REQUIRED or role in chosen:
            wanted = chosen.get(role, "")
            columns = ", ".join(name for name in names if name)[:300] or tr("none", "无")
            example = ",".join(f"{needed}=..." for needed in REQUIRED)
            raise _error(
                place,
                f"no column {wanted} for the {role} among its columns ({columns}): say which it "
                f"is, as in --columns {example}.".replace("column  for", "column for"),
                f"没有 {role} 列{wanted and f'（{wanted}）'}，现有列：{columns}。请指明是哪一列，"
                f"例如 --columns {example}。",
            )
    return matched


def names_path(names: Sequence[str], chosen: Mapping[str, str]) -> bool:
    """Return whether cells are names of columns, with one for the path."""
    return bool(_candidates(names, "path", chosen))


def _candidates(names: Sequence[str], role: str, chosen: Mapping[str, str]) -> list[str]:
    """Return the columns that may have a role."""
    if role in chosen:
        wanted = chosen[role]
        return [name for name in names if name == wanted] or [
            name for name in names if _key(name) == _key(wanted)
        ]
    others = {name for name in names for other in chosen.values() if _key(name) == _key(other)}
    for keys in COLUMNS[role]:
        if found := [name for name in names if _key(name) in keys and name not in others]:
            return found
    return []


def _key(name: str) -> str:
    """Return the name of a column without case, blanks and punctuation."""
    return re.sub(r"[\W_]+", "", unicodedata.normalize("NFKC", name).casefold())


def _error(place: Place, english: str, chinese: str) -> ColumnsError:
    return ColumnsError(str(place.error(english, chinese)))
