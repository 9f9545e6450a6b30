"""Reads lists of lines `path class`, where the class is often a number, as PaddleClas has them."""

from __future__ import annotations

import re
from pathlib import Path

from mineral_recog.csv_files import line_error, read_text
from mineral_recog.data.readers.numbered_classes import read_class_names
from mineral_recog.i18n import tr

CLASS_FILES = (
    "labels.txt", "label_list.txt", "label.txt", "classes.txt", "class_names.txt", "classes.json",
)  # fmt: skip

Entry = tuple[int, str, str]  # line, path and class


def index_entries(file: Path, max_bytes: int) -> tuple[list[Entry], list[str]]:
    """Return the entries of a list, and notes on it in the user's language.

    If every class is a number, names come from the first of CLASS_FILES beside the list.

    Args:
        file: The list; a path may contain blanks.
        max_bytes: Largest size of the file.

    Raises:
        UserError: A line has no class, or a number has no name.
    """
    entries = []
    for number, line in enumerate(read_text(file, max_bytes, "TXT").split("\n"), start=1):
        if not line.strip():
            continue
        # A path may contain blanks and commas: a number after a blank is certainly the class.
        match = (
            re.fullmatch(r"(.+?)\s+(\d+)", line.strip())
            or re.fullmatch(r"(.+)[\t,;](.+)", line.strip())
            or re.fullmatch(r"(.+)\s(\S+)", line.strip())
        )
        if match is None:
            raise line_error(
                file,
                number,
                "no class: write a path, a space and a class on each line, or give a table with "
                "names of columns such as path,label.",
                "没有类别：每行请写路径、空格与类别，或给出带列名（如 path,label）的表格。",
            )
        entries.append((number, match[1].strip(), match[2].strip()))
    if not all(label.isascii() and label.isdigit() for _, _, label in entries):
        return entries, []
    return _with_names(file, entries)


def _with_names(file: Path, entries: list[Entry]) -> tuple[list[Entry], list[str]]:
    names, names_file = read_class_names([file.parent], CLASS_FILES)
    if names_file is None:
        expected = ", ".join(CLASS_FILES[:2])
        return entries, [
            tr(
                f"Classes are named by their numbers: no file of names ({expected}) is beside "
                f"{file}",
                f"类别以编号为名：{file} 旁没有类别名文件（{expected}）",
            )
        ]
    named = []
    for number, path, label in entries:
        if len(label) > 9 or int(label) not in names:
            raise line_error(
                file,
                number,
                f"class {label[:20]} has no name in {names_file}: add it there.",
                f"类别 {label[:20]} 在 {names_file} 里没有名字：请加上。",
            )
        named.append((number, path, names[int(label)]))
    return named, [
        tr(f"Names of the classes: {names_file}", f"类别名取自 {names_file}"),
    ]
