"""Matches the classes of photos to evaluate on with those of a model, which may differ."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

import numpy as np

from mineral_recog.data.dataset import Dataset, other_classes_error, photos_in, split_folders
from mineral_recog.data.readers.aliases import renamed_by_aliases
from mineral_recog.errors import DataError
from mineral_recog.i18n import tr


class ClassDifferences(NamedTuple):
    """How the classes of a split differ from those of a model.

    Attributes:
        missing: Classes of the model without photos in the split.
        left_out: Number of photos of each class that the model does not have; they are not used.
        renamed: Class of the model of each folder that has another name.
    """

    missing: tuple[str, ...]
    left_out: dict[str, int]
    renamed: dict[str, str]


class MatchedSplit(NamedTuple):
    """Photos of a split labelled with the classes of a model; differences are None without any."""

    dataset: Dataset
    differences: ClassDifferences | None


def read_matched_split(
    data: Path, split: str, classes: Sequence[str], only_common: bool, aliases: Sequence[str] = ()
) -> MatchedSplit:
    """List the photos of one split of a prepared folder, labelled with the classes of a model.

    Args:
        data: Folder of the split; see `read_split`.
        split: Name of the split.
        classes: Classes of the model, C.
        only_common: Use the photos of classes that both have. Otherwise the split must have all
            classes and no others.
        aliases: Tables of names; see `open_with_aliases`. A folder belongs to the class that has
            its name, or else to the class whose name means the same.

    Raises:
        UserError: The split is missing, is empty, has other classes although it must not, or has
            no class of the model; or a table cannot be used.
    """
    folders, root = split_folders(data, split), data / split
    class_of = classes_of_folders(folders, classes, aliases)
    files = {folder: photos_in(root / folder) for folder in folders}
    present = {class_of[folder] for folder in folders if folder in class_of and files[folder]}
    missing = tuple(name for name in classes if name not in present)
    unknown = [folder for folder in folders if folder not in class_of]
    if (missing or unknown) and (not only_common or not present):
        raise other_classes_error(root, missing, unknown, _advice(only_common, bool(unknown)))
    index_of = {name: index for index, name in enumerate(classes)}
    paths: list[str] = []
    labels: list[int] = []
    for folder in folders:
        if folder in class_of:
            paths += [f"{folder}/{file}" for file in files[folder]]
            labels += [index_of[class_of[folder]]] * len(files[folder])
    differences = ClassDifferences(
        missing,
        {folder: len(files[folder]) for folder in unknown},
        {folder: name for folder, name in class_of.items() if folder != name},
    )
    dataset = Dataset(root, tuple(classes), tuple(paths), np.array(labels, dtype=np.int64))
    return MatchedSplit(dataset, differences if any(differences) else None)


def classes_of_folders(
    folders: Sequence[str], classes: Sequence[str], aliases: Sequence[str]
) -> dict[str, str]:
    """Return the class of the model of each folder that has one.

    Args:
        folders: Names of the folders.
        classes: Classes of the model, C.
        aliases: Tables of names; see `read_matched_split`.

    Raises:
        DataError: A table cannot be used, or gives a folder and two classes the same name.
    """
    class_of = {folder: folder for folder in folders if folder in set(classes)}
    if not aliases:
        return class_of
    new_names = renamed_by_aliases(sorted({*folders, *classes}), aliases)
    for folder in folders:
        if folder in class_of:
            continue
        name = new_names.get(folder, folder)
        same = [old for old in classes if new_names.get(old, old) == name]
        if len(same) > 1:
            raise DataError(
                tr(
                    f"--aliases gives the folder {folder} and the classes {' and '.join(same)} of "
                    f"the model the same name, {name}: rename the folder to one of these classes.",
                    f"--aliases 把文件夹 {folder} 与模型的类别 {'、'.join(same)} 都归入 {name}："
                    "请将该文件夹改名为其中一个类别。",
                )
            )
        if same:
            class_of[folder] = same[0]
    return class_of


def _advice(only_common: bool, has_unknown: bool) -> str:
    """Return what to do about different classes; in English it begins with a blank."""
    rename = tr(
        " If folders only have other names, name a table of them by --aliases.",
        "若文件夹只是名称不同，请用 --aliases 指定名称表。",
    )
    common = tr(
        " To measure only the classes that both have: --classes common.",
        "如只评估双方共有的类别，请用 --classes common。",
    )
    return ("" if only_common else common) + (rename if has_unknown else "")
