"""Decides the use of duplicates: together in one split, or set aside when their classes differ.

Only photos that have a duplicate in another class themselves are set aside. A duplicate set may
join photos through others, since that only keeps them in one split.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

from mineral_recog.curation.decisions import Decisions
from mineral_recog.duplicates.duplicate_sets import (
    counted_duplicates,
    duplicate_sets,
    sets_across_classes,
)
from mineral_recog.duplicates.finder import DuplicatePair
from mineral_recog.i18n import tr
from mineral_recog.text import encodable


@dataclass(frozen=True)
class DuplicateReport:
    """How photos with duplicates were used.

    Attributes:
        photos: Number of used photos with a used duplicate; duplicates are in the same split.
        groups: Number of duplicate sets that they form.
        set_aside: Photos not used because a duplicate is in another class.
        left_out: Photos not used because the given splits have a duplicate in test or, for train
            photos, in val.
        would_leak: Number of val and test photos that would have a duplicate in train if duplicates
            were ignored: in the given splits, or on average over `splits.DRAWS` random splits.
    """

    photos: int
    groups: int
    set_aside: list[str]
    left_out: list[str]
    would_leak: float


@dataclass(frozen=True)
class ClassAssignment:
    """Photos by the class that they are used under, and the duplicate sets of all photos.

    Attributes:
        class_paths: Photos of each class, in the given order.
        set_aside: Photos left out because a duplicate is in another class.
        duplicate_set_of: Duplicate set of each photo with duplicates, including those left out.
        train_only: Duplicate sets that the user wants under several classes.
        all_class_paths: Like `class_paths`, including the photos left out.
    """

    class_paths: dict[str, list[str]]
    set_aside: list[str]
    duplicate_set_of: dict[str, int]
    train_only: frozenset[int]
    all_class_paths: dict[str, list[str]]


def assign_classes(
    paths: Sequence[str], duplicates: Sequence[DuplicatePair], decisions: Decisions
) -> ClassAssignment:
    """Assign photos to classes by the user's decisions, and set aside those with unclear class."""
    classes = [str(decisions.class_for(path)) for path in paths]
    duplicates = counted_duplicates(
        duplicates,
        classes,
        lambda first, second: decisions.are_distinct(paths[first], paths[second]),
    )
    sets = duplicate_sets(len(paths), duplicates)
    set_of = {index: number for number, members in enumerate(sets) for index in members}
    set_aside: list[str] = []
    train_only: set[int] = set()
    for members in sets_across_classes(len(paths), duplicates, classes):
        confirmed = {index for index in members if decisions.confirms_class(paths[index])}
        set_aside += [paths[index] for index in members if index not in confirmed]
        if len({classes[index] for index in confirmed}) > 1:
            train_only |= {set_of[index] for index in confirmed}
    left_out = set(set_aside)
    all_class_paths: dict[str, list[str]] = {}
    for path, name in zip(paths, classes, strict=True):
        all_class_paths.setdefault(name, []).append(path)
    class_paths = {
        name: [path for path in all_class_paths[name] if path not in left_out]
        for name in sorted(all_class_paths)
    }
    duplicate_set_of = {paths[index]: number for index, number in set_of.items()}
    return ClassAssignment(
        class_paths, set_aside, duplicate_set_of, frozenset(train_only), all_class_paths
    )


def why_too_few(assignment: ClassAssignment, name: str) -> str:
    """Say in a few words how many photos of a class can be used, and what became of the others."""
    paths = assignment.class_paths.get(name, [])
    total = len(assignment.all_class_paths.get(name, []))
    pictures = {assignment.duplicate_set_of.get(path, path) for path in paths}
    words = []
    if aside := total - len(paths):
        words.append(
            tr(
                f"{aside} set aside as copies under two classes",
                f"{aside} 张因同一图片属于两个类别而搁置",
            )
        )
    if len(paths) > 1 and len(pictures) == 1:
        words.append(tr("all counted as one copy", "全部算作同一图片"))
    elif len(pictures) < len(paths):
        words.append(
            tr(
                f"counted as {len(pictures)} different pictures",
                f"算作 {len(pictures)} 张不同的图片",
            )
        )
    if not words:
        return f"{encodable(name)} ({total})"
    photos = tr(f"{encodable(name)}: {total} photos", f"{encodable(name)}：{total} 张照片")
    return tr(", ", "，").join([photos, *words])


def summarise_duplicates(
    assignment: ClassAssignment, would_leak: float, left_out: Sequence[str] = ()
) -> DuplicateReport:
    """Count the used duplicates, and report them with the unused ones."""
    excluded = set(left_out)
    sizes = Counter(
        assignment.duplicate_set_of[path]
        for paths in assignment.class_paths.values()
        for path in paths
        if path in assignment.duplicate_set_of and path not in excluded
    )
    shared = [size for size in sizes.values() if size > 1]
    return DuplicateReport(
        sum(shared), len(shared), assignment.set_aside, list(left_out), would_leak
    )
