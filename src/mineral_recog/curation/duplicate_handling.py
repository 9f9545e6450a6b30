"""Decides the use of duplicates: together in one split, or set aside when their classes differ."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

from mineral_recog.curation.decisions import Decisions
from mineral_recog.duplicates.finder import DuplicatePair, duplicate_sets


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
    classes = {path: str(decisions.class_for(path)) for path in paths}
    duplicate_set_of: dict[str, int] = {}
    set_aside: list[str] = []
    train_only: set[int] = set()
    for number, indices in enumerate(duplicate_sets(len(paths), duplicates)):
        members = [paths[index] for index in indices]
        duplicate_set_of.update(dict.fromkeys(members, number))
        if len({classes[path] for path in members}) > 1:
            set_aside += [path for path in members if not decisions.confirms_class(path)]
            if len({classes[path] for path in members if decisions.confirms_class(path)}) > 1:
                train_only.add(number)
    left_out = set(set_aside)
    all_class_paths: dict[str, list[str]] = {}
    for path in paths:
        all_class_paths.setdefault(classes[path], []).append(path)
    class_paths = {
        name: [path for path in all_class_paths[name] if path not in left_out]
        for name in sorted(all_class_paths)
    }
    return ClassAssignment(
        class_paths, set_aside, duplicate_set_of, frozenset(train_only), all_class_paths
    )


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
