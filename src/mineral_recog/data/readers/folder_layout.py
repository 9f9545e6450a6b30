"""Finds which folders of a folder of photos are classes and which are splits.

The clear readings are `<class>/...`, `<split>/<class>/...` and `<class>/<split>/...`, also one
folder further down. What is assumed beyond that is noted, with the other reading. Where a wrong
reading would do harm, and the names speak for it, the folder is refused.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import chain
from pathlib import Path

from mineral_recog.data.readers.folder_tree import Folder, merge
from mineral_recog.data.readers.split_names import split_and_rest, split_from_name
from mineral_recog.errors import DataError
from mineral_recog.i18n import tr
from mineral_recog.text import encodable


@dataclass
class Layout:
    """Which levels of folders are classes and splits; level 1 is directly in the root.

    Attributes:
        class_level: Level of the class folders.
        split_level: Level of the split folders, above the class folders or directly below them.
        splits: Split of each name on that level; empty without splits.
        ignored: Folders next to split folders that hold no photos.
        notes: What was assumed, one line each, in the user's language.
    """

    class_level: int
    split_level: int | None = None
    splits: dict[str, str] = field(default_factory=dict)
    ignored: list[str] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)

    def add_splits(self, level: int, splits: Mapping[str, str]) -> None:
        """Set the splits; note names other than train, val and test, and splits below classes."""
        self.split_level, self.splits = level, dict(splits)
        renamed = any(name.casefold() != split for name, split in splits.items())
        if renamed or level > self.class_level:
            read = ", ".join(
                f"{encodable(name)} = {split}" if name != split else split
                for name, split in splits.items()
            )
            self.notes.append(tr(f"Read as splits: {read}", f"读作划分：{read}"))


def choose_layout(root: Path, tree: Folder, class_level: int | None) -> Layout:
    """Return how to read a folder of photos.

    Args:
        root: The folder, for messages.
        tree: The folders in it.
        class_level: Level of the class folders if the user gives it.

    Raises:
        DataError: The folder can be read in several ways, of which some do harm, or has no folders
            on the given level.
    """
    if class_level is not None:
        return _given_layout(root, tree, class_level)
    layout = Layout(1)
    _find_classes(root, tree, layout)
    return layout


def _given_layout(root: Path, tree: Folder, class_level: int) -> Layout:
    """Return the layout with a given level of the classes; find the splits above or below it."""
    layout = Layout(class_level)
    if not any(tree.at_level(class_level)):
        raise DataError(
            tr(
                f"{root} has no folders on level {class_level}, only {tree.depth()} levels of "
                "them: give another --class-level.",
                f"{root} 里没有第 {class_level} 层文件夹，只有 {tree.depth()} 层："
                "请改用其他的 --class-level。",
            )
        )
    for level in range(1, class_level):
        below = class_level - level
        names = dict.fromkeys(
            name for name, folder in tree.at_level(level) if any(folder.at_level(below))
        )
        if splits := _read_splits(names):
            layout.add_splits(level, splits)
            return layout
        _refuse_some_splits(root, names, level)
    inner = merge(folder for _, folder in tree.at_level(class_level))
    if not inner.has_photos and (splits := _read_splits(inner.with_photos())):
        layout.add_splits(class_level + 1, splits)
    return layout


def _find_classes(root: Path, folder: Folder, layout: Layout) -> None:
    """Set the levels of classes and splits.

    Args:
        root: The folder that the user gave, for messages.
        folder: Everything on `layout.class_level` and below it.
        layout: Where to set the levels.
    """
    names = folder.with_photos() or folder.folders
    splits = _read_splits(names)
    inner = merge(names.values())
    if splits:
        if not inner.folders:
            raise _no_classes_in_splits(root, list(splits))
        if layout.split_level is None:
            layout.add_splits(layout.class_level, splits)
            layout.ignored = [name for name in folder.folders if name not in names]
            _note_ignored(layout)
        layout.class_level += 1  # seg_train/seg_train/<class>: below both
        _find_classes(root, inner, layout)
        return
    _refuse_some_splits(root, names, layout.class_level)
    inner_names = inner.with_photos()
    splits_below = _read_splits(inner_names)
    holds_only_folders = bool(inner.folders) and not inner.has_photos
    if len(names) == 1 and holds_only_folders and (splits_below or len(inner_names) > 1):
        (name,) = names
        layout.class_level += 1
        layout.notes.append(
            tr(
                f"{encodable(name)} is the only folder: the folders in it are read as classes or "
                f"splits. To read it as a class: --class-level {layout.class_level - 1}",
                f"只有 {encodable(name)} 一个文件夹：将其中的文件夹读作类别或划分。"
                f"若它本身是类别：--class-level {layout.class_level - 1}",
            )
        )
        _find_classes(root, inner, layout)
    elif holds_only_folders and splits_below and layout.split_level is None:
        layout.add_splits(layout.class_level + 1, splits_below)
    else:
        _check_classes(root, names, layout)


def _read_splits(names: Iterable[str]) -> dict[str, str]:
    """Return the split of each name; empty unless all are splits with the same other words."""
    read = {name: split_and_rest(name) for name in names}
    splits = {name: split for name, (split, _) in read.items() if split}
    rests = {rest for _, rest in read.values()}
    if len(splits) < len(read) or len(rests) != 1:
        return {}
    # minerals_train and minerals_test are splits; minerals_test alone may be anything.
    return splits if rests == {()} or len(set(splits.values())) > 1 else {}


def _check_classes(root: Path, classes: Mapping[str, Folder], layout: Layout) -> None:
    """Note class folders that can be read in another way; refuse what speaks for the other way."""
    level = layout.class_level
    keys = {name.casefold() for name in classes}
    nested = {
        name: inner for name, folder in classes.items() if (inner := _others_in(name, folder))
    }
    only_folders = {name: nested[name] for name in nested if not classes[name].has_photos}
    for name, inner in only_folders.items():
        if same := [child for child in inner if child.casefold() in keys]:
            raise _class_in_class(root, name, same[0], level)
    counts = Counter(
        child.casefold() for inner in only_folders.values() for child in inner if _is_word(child)
    )
    recurring = [name for name, count in counts.items() if count > 1]
    # One name in all of them, such as quartz/images and opal/images, cannot be the classes.
    if recurring and len(counts) > 1 and len(only_folders) == len(classes):
        raise _two_readings(root, list(only_folders), recurring, level)
    if len(set(chain.from_iterable(only_folders.values()))) > 1:
        layout.notes.append(_only_folders_note(only_folders, level))
    if alike := [name for name in classes if split_and_rest(name)[0]]:
        layout.notes.append(
            tr(
                f"Read as classes, though the names may mean splits: {_few(alike)}. If they are "
                "splits, rename them to train, val and test",
                f"读作类别，但名称可能指划分：{_few(alike)}。若是划分，请改名为 train、val、test",
            )
        )
    for name, inner in nested.items():
        odd = [child for child in inner if split_from_name(child) or child.casefold() in keys]
        if odd:
            layout.notes.append(
                tr(
                    f"Read as photos of {encodable(name)}: those in its folder {encodable(odd[0])}",
                    f"{encodable(name)} 里的文件夹 {encodable(odd[0])}：其照片归入 "
                    f"{encodable(name)}",
                )
            )


def _others_in(name: str, folder: Folder) -> list[str]:
    """Return the folders with photos in a class folder, but for one of its own name."""
    return [child for child in folder.with_photos() if child.casefold() != name.casefold()]


def _is_word(name: str) -> bool:
    """Return whether a name can be that of a class, and is no number or code such as S001."""
    return not re.search(r"\d", name) and split_from_name(name) is None


def _refuse_some_splits(root: Path, names: Iterable[str], level: int) -> None:
    """Refuse folders of which some have names of splits and others have not."""
    splits = [name for name in names if split_from_name(name)]
    others = [name for name in names if not split_from_name(name)]
    if splits and others:
        first = _few(splits)
        raise DataError(
            tr(
                f"{root} has {first} next to other folders (first: {others[0]!a}): move the other "
                "folders into a split such as train, or, if all of them are classes, add "
                f"--class-level {level}.",
                f"{root} 里既有 {first}，又有其他文件夹（第一个为 {others[0]!r}）：请把其他文件夹"
                f"移入某个划分，如 train；若它们都是类别，请加 --class-level {level}。",
            )
        )


def _no_classes_in_splits(root: Path, splits: Sequence[str]) -> DataError:
    return DataError(
        tr(
            f"{root} has the splits {_few(splits)} without class folders in them: put the photos "
            "of each class into a folder, or give a list of photos; if these are classes, add "
            "--class-level 1.",
            f"{root} 里有划分 {_few(splits)}，但其中没有类别文件夹：请把每类照片放入一个文件夹，"
            "或给出照片列表；若它们本身是类别，请加 --class-level 1。",
        )
    )


def _class_in_class(root: Path, name: str, child: str, level: int) -> DataError:
    return DataError(
        tr(
            f"{root} has a folder {child!a} among the classes, and another in {name!a}, which "
            f"holds only folders: move one of them. To read {name!a} as a class: --class-level "
            f"{level}; to read the folders of the next level as classes: --class-level "
            f"{level + 1}.",
            f"{root} 的类别中有 {child!r}，而只含文件夹的 {name!r} 里也有：请移动其一。"
            f"若 {name!r} 是类别：--class-level {level}；若下一层才是类别：--class-level "
            f"{level + 1}。",
        )
    )


def _two_readings(
    root: Path, folders: Sequence[str], recurring: Sequence[str], level: int
) -> DataError:
    return DataError(
        tr(
            f"{root} can be read in two ways, since the names {_few(recurring)} recur in its "
            f"folders: if the classes are {_few(folders)}, add --class-level {level}; if they are "
            f"the folders in them, add --class-level {level + 1}.",
            f"{root} 有两种读法，因为 {_few(recurring)} 在多个文件夹里出现：若类别是 "
            f"{_few(folders)}，请加 --class-level {level}；若类别是其中的文件夹，请加 "
            f"--class-level {level + 1}。",
        )
    )


def _only_folders_note(only_folders: Mapping[str, Sequence[str]], level: int) -> str:
    inner = sorted(set(chain.from_iterable(only_folders.values())))
    return tr(
        f"Read as classes: {_few(only_folders)}, which hold only folders ({_few(inner)}). If "
        f"those are the classes: --class-level {level + 1}",
        f"读作类别：{_few(only_folders)}，其中只有文件夹（{_few(inner)}）。"
        f"若那些才是类别：--class-level {level + 1}",
    )


def _note_ignored(layout: Layout) -> None:
    if layout.ignored:
        names = _few(layout.ignored)
        layout.notes.append(
            tr(
                f"Left out, folders without photos next to the splits: {names}",
                f"未用，与划分并列且没有照片的文件夹：{names}",
            )
        )


def _few(names: Iterable[str]) -> str:
    """Return at most four names, and dots if there are more."""
    shown = [encodable(name) for name in names]
    return ", ".join(shown[:4]) + (", ..." if len(shown) > 4 else "")
