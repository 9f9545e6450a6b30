"""Counts the photos of each class as far as splitting needs it, and leaves out small classes."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from pathlib import Path

from mineral_recog.curation.duplicate_handling import ClassAssignment
from mineral_recog.curation.specimens import Groups
from mineral_recog.data.splits import SplitPaths
from mineral_recog.errors import DataError
from mineral_recog.i18n import tr
from mineral_recog.text import encodable

MIN_PICTURES = 3  # of a class that can be split: one for each of train, val and test


@dataclass(frozen=True)
class ClassSize:
    """The number of usable photos of a class.

    Attributes:
        photos: Readable photos, without those set aside because a copy is in another class.
        pictures: The same, where copies of each other count as one.
        specimens: The same, where copies and photos of one specimen count as one.
    """

    photos: int
    pictures: int
    specimens: int

    def can_be_split(self) -> bool:
        """Return whether there are enough photos for three splits."""
        return self.specimens >= MIN_PICTURES

    def has_specimens(self) -> bool:
        """Return whether several pictures show one specimen."""
        return self.specimens < self.pictures


def class_sizes(
    classes: Iterable[str], assignment: ClassAssignment, groups: Groups
) -> dict[str, ClassSize]:
    """Return the size of each class.

    Args:
        classes: The classes, including those without usable photos.
        assignment: The usable photos of each class.
        groups: The result of `join_groups`.
    """
    sizes = {}
    for name in classes:
        paths = assignment.class_paths.get(name, [])
        pictures = {assignment.duplicate_set_of.get(path, path) for path in paths}
        specimens = {groups.group_of.get(path, path) for path in paths}
        sizes[name] = ClassSize(len(paths), len(pictures), len(specimens))
    return sizes


def leave_out_small(
    assignment: ClassAssignment, sizes: Mapping[str, ClassSize], min_photos: int
) -> tuple[ClassAssignment, dict[str, ClassSize]]:
    """Leave out the classes with too few photos; return the others, and what was left out.

    Args:
        assignment: The usable photos of each class.
        sizes: The size of each class.
        min_photos: Smallest number of photos of a class, where copies of each other count as one.
            A class with fewer than MIN_PICTURES specimens is left out too.

    Raises:
        DataError: Fewer than two classes remain.
    """
    small = {
        name: size
        for name, size in sizes.items()
        if size.pictures < min_photos or not size.can_be_split()
    }
    if len(sizes) - len(small) < 2:
        raise DataError(
            tr(
                f"--min-photos {min_photos} leaves {len(sizes) - len(small)} of {len(sizes)} "
                "classes, and at least two are needed: give a smaller number or add photos.",
                f"--min-photos {min_photos} 使 {len(sizes)} 个类别只剩 {len(sizes) - len(small)} "
                "个，而至少需要两个：请给出较小的数，或加入照片。",
            )
        )
    kept = {name: paths for name, paths in assignment.class_paths.items() if name not in small}
    everything = {
        name: paths for name, paths in assignment.all_class_paths.items() if name not in small
    }
    return replace(assignment, class_paths=kept, all_class_paths=everything), small


def classes_tested_once(splits_of: Mapping[str, SplitPaths], groups: Groups) -> list[str]:
    """Return the classes whose test photos are one photo, its copies, or one specimen."""
    return [
        name
        for name, splits in splits_of.items()
        if len({groups.group_of.get(path, path) for path in splits["test"]}) == 1
    ]


def refuse_undivided(
    root: Path, splits_of: Mapping[str, SplitPaths], sizes: Mapping[str, ClassSize]
) -> None:
    """Refuse splits in which a class lacks photos because specimens stay together.

    Args:
        root: Where the photos are.
        splits_of: Photos of each split, by class.
        sizes: The size of each class.

    Raises:
        DataError: A split of a class is empty; the message gives its photos and specimens.
    """
    undivided = [
        describe_size(name, sizes[name])
        for name, splits in splits_of.items()
        if not all(splits.values())
    ]
    if undivided:
        raise DataError(
            tr(
                f"Classes in {root} whose specimens cannot be divided among train, val and test "
                "(a specimen stays in one split; each class needs at least 3): "
                f"{'; '.join(undivided)}. Add photos of other specimens, or leave these classes "
                f"out with --min-photos {MIN_PICTURES}.",
                f"{root} 里有类别的标本无法分到 train、val 与 test（同一标本只放入一个划分，"
                f"每类至少需要 3 个标本）：{'；'.join(undivided)}。请加入其他标本的照片，或用 "
                f"--min-photos {MIN_PICTURES} 略去这些类别。",
            )
        )


def describe_size(name: str, size: ClassSize) -> str:
    """Return a class with its photos, and how many copies or specimens make them fewer."""
    name = encodable(name)
    if size.has_specimens():
        return tr(
            f"{name}: {size.photos} photos of {size.specimens} specimens",
            f"{name}：{size.specimens} 个标本的 {size.photos} 张照片",
        )
    if size.pictures < size.photos:
        return tr(
            f"{name}: {size.photos} photos, {size.pictures} without copies",
            f"{name}：{size.photos} 张照片，去除副本后 {size.pictures} 张",
        )
    return tr(f"{name}: {size.photos} photos", f"{name}：{size.photos} 张照片")
