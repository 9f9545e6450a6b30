"""Finds which photos show one specimen, so that these photos stay in one split."""

from __future__ import annotations

import re
import unicodedata
from collections import Counter
from collections.abc import Collection, Hashable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

import numpy as np
from scipy.sparse import coo_matrix
from scipy.sparse.csgraph import connected_components

from mineral_recog.curation.duplicate_handling import ClassAssignment
from mineral_recog.curation.findings import class_of
from mineral_recog.data.dataset import SPLITS
from mineral_recog.data.photo_columns import write_photo_column
from mineral_recog.data.readers.source import Source
from mineral_recog.data.splits import Shares, SplitPaths, count_leaks, expected_leak_count
from mineral_recog.errors import DataError
from mineral_recog.i18n import tr
from mineral_recog.text import encodable

FIELD = "{specimen}"  # of a pattern


@dataclass(frozen=True)
class SpecimenReport:
    """How photos of known specimens were used.

    Attributes:
        group_by: Pattern that the specimens are read from; None if the source lists them.
        photos: Number of used photos with a known specimen.
        specimens: Number of specimens that they show.
        others: Used photos without a known specimen; each counts as one of its own.
        dominant: Specimens with more than half of the photos of a class.
        example: A photo and its specimen.
        left_out: Photos not used because the given splits have a photo of their specimen in test
            or, for train photos, in val; those with copies there are not included.
        would_leak: Number of val and test photos whose specimen would have a photo in train if
            specimens were ignored: in the given splits, or on average over random splits.
    """

    group_by: str | None
    photos: int
    specimens: int
    others: list[str]
    dominant: list[str]
    example: tuple[str, str]
    left_out: list[str]
    would_leak: float


class Groups(NamedTuple):
    """Photos that stay in one split: duplicate sets and specimens, joined where they overlap.

    Attributes:
        group_of: Group of each photo that has one.
        train_only: Groups that must go to train.
    """

    group_of: Mapping[str, Hashable]
    train_only: Collection[Hashable]


class SpecimenPattern:
    """A pattern such as `{specimen}-*` that finds the specimen in the name of a photo.

    It is compared with the complete file name, or, if it contains a slash, with the path below the
    class folder; case is ignored. `{specimen}` stands for one or more characters, as many as
    possible; `*` for any number of characters, `?` for one, `[a-z]` for one of these. None of them
    stands for a slash, but a last `/*` stands for everything below a folder.

    Raises:
        DataError: The pattern does not contain `{specimen}` exactly once.
    """

    def __init__(self, pattern: str) -> None:
        if pattern.count(FIELD) != 1:
            raise DataError(
                tr(
                    f"--group-by {pattern}: write {FIELD} once, in place of the name of the "
                    f"specimen, for example '{FIELD}-*'.",
                    f"--group-by {pattern}：请在标本名的位置写一次 {FIELD}，例如 '{FIELD}-*'。",
                )
            )
        self.pattern = pattern
        self.is_path = "/" in pattern
        wildcards = {"*": "[^/]*", "?": "[^/]", FIELD: "([^/]+)", "/*": "/.*"}
        wildcard = r"(/\*$|\{specimen\}|[*?]|\[\w(?:-\w)?\])"
        parts = re.split(wildcard, unicodedata.normalize("NFC", pattern))
        wildcards |= {part: part for part in parts[1::2] if part.startswith("[")}
        regex = "".join(wildcards.get(part, re.escape(part)) for part in parts)
        self._regex = re.compile(regex, re.IGNORECASE | re.DOTALL)

    def text_of(self, path_in_class: str) -> str:
        """Return the text that the pattern is compared with."""
        return path_in_class if self.is_path else path_in_class.rpartition("/")[2]

    def specimen(self, path_in_class: str) -> str | None:
        """Return the specimen of a photo, given its path below its class; None without a match."""
        match = self._regex.fullmatch(unicodedata.normalize("NFC", self.text_of(path_in_class)))
        return match[1] if match else None


def find_specimens(source: Source, paths: Sequence[str], group_by: str | None) -> dict[str, str]:
    """Return the unique name of the specimen of each photo that has one.

    Args:
        source: The source of the photos; its specimens are used if there is no pattern.
        paths: Names of the photos.
        group_by: See `SpecimenPattern`; specimens of two classes are then different.

    Raises:
        DataError: The pattern is invalid or of no use: it matches no photo, puts no two photos
            together, or puts all photos of each class together.
    """
    if group_by is None:
        names = source.specimens
        return {path: unicodedata.normalize("NFC", names[path]) for path in paths if path in names}
    pattern = SpecimenPattern(group_by)
    specimen_of = {}
    for path in paths:
        if specimen := pattern.specimen(source.path_in_class(path)):
            specimen_of[path] = f"{class_of(path)}/{specimen}"
    if paths:
        _refuse_useless(source, pattern, paths, specimen_of)
    return specimen_of


def _refuse_useless(
    source: Source,
    pattern: SpecimenPattern,
    paths: Sequence[str],
    specimen_of: Mapping[str, str],
) -> None:
    """Refuse a pattern that matches nothing or groups nothing or everything."""
    specimens, classes = set(specimen_of.values()), set(map(class_of, paths))
    if not specimens:
        problem = tr("matches no photo", "不匹配任何照片")
    elif len(specimens) == len(specimen_of):
        problem = tr("puts no two photos together", "没有把任何两张照片归为同一标本")
    elif len(specimens) <= len(classes) and len(specimen_of) == len(paths):
        problem = tr("puts all photos of a class into one specimen", "把一类照片全部归为同一标本")
    else:
        return
    first = next(iter(specimen_of), paths[0])
    text = encodable(pattern.text_of(source.path_in_class(first)))
    taken = encodable(specimen_of[first].partition("/")[2]) if first in specimen_of else ""
    example = (
        tr(f"in {text}, {FIELD} is {taken}", f"在 {text} 中，{FIELD} 为 {taken}")
        if taken
        else tr(f"it is compared with names such as {text}", f"比对的名称形如 {text}")
    )
    raise DataError(
        tr(
            f"--group-by {pattern.pattern} {problem}; {example}. Change the pattern or omit it.",
            f"--group-by {pattern.pattern} {problem}；{example}。请修改或去掉该选项。",
        )
    )


def join_groups(assignment: ClassAssignment, specimen_of: Mapping[str, str]) -> Groups:
    """Join the duplicate sets and specimens of the used photos where they overlap."""
    duplicate_set_of = assignment.duplicate_set_of
    if not specimen_of:
        return Groups(duplicate_set_of, assignment.train_only)
    numbers: dict[Hashable, int] = {}  # of duplicate sets and specimens
    first_number: dict[str, int] = {}  # of each photo
    links: list[tuple[int, int]] = []
    for path in (path for paths in assignment.class_paths.values() for path in paths):
        keys: list[Hashable] = [specimen_of[path]] if path in specimen_of else []
        if path in duplicate_set_of:
            keys.append(duplicate_set_of[path])
        if keys:
            found = [numbers.setdefault(key, len(numbers)) for key in keys]
            first_number[path] = found[0]
            links.append((found[0], found[-1]))
    if not links:
        return Groups({}, ())
    first, second = np.array(links).T
    graph = coo_matrix((np.ones(len(links), bool), (first, second)), (len(numbers), len(numbers)))
    labels = connected_components(graph, directed=False)[1].tolist()
    train_only = {labels[numbers[one]] for one in assignment.train_only if one in numbers}
    return Groups({path: labels[number] for path, number in first_number.items()}, train_only)


def report_specimens(
    source: Source,
    group_by: str | None,
    specimen_of: Mapping[str, str],
    class_paths: Mapping[str, Sequence[str]],
    splits_of: Mapping[str, SplitPaths],
    copies_left_out: Collection[str],
    shares: Shares,
) -> SpecimenReport | None:
    """Report the use of specimens, or return None if no specimen is known.

    Args:
        source: The source of the photos.
        group_by: The pattern that the specimens are read from.
        specimen_of: The result of `find_specimens`.
        class_paths: Photos to split, by class.
        splits_of: Photos of each split, by class.
        copies_left_out: Photos left out because of copies in other splits.
        shares: Shares of train, val and test; unused if the source gives splits.
    """
    paths = [path for paths in class_paths.values() for path in paths]
    used = [path for splits in splits_of.values() for part in splits.values() for path in part]
    known = [path for path in used if path in specimen_of]
    if not known:
        return None
    if source.splits:
        given = {split: [p for p in paths if source.splits[p] == split] for split in SPLITS}
        would_leak = float(count_leaks([given], specimen_of))
    else:
        would_leak = expected_leak_count(class_paths, specimen_of, shares)
    excluded = {*used, *copies_left_out}
    # The longest name shows best whether a pattern takes too much.
    example = max(known, key=lambda path: len(specimen_of[path]))
    return SpecimenReport(
        group_by=group_by,
        photos=len(known),
        specimens=len({specimen_of[path] for path in known}),
        others=[path for path in used if path not in specimen_of],
        dominant=[
            specimen
            for paths in class_paths.values()
            for specimen, count in Counter(map(specimen_of.get, paths)).items()
            if specimen is not None and count > len(paths) / 2
        ],
        example=(example, specimen_of[example]),
        left_out=[path for path in paths if path not in excluded],
        would_leak=would_leak,
    )


def write_specimens(
    path: Path, placed: Iterable[tuple[str, str]], specimen_of: Mapping[str, str]
) -> None:
    """Write the specimen of every photo; a photo without one is a specimen of its own.

    Args:
        path: The file.
        placed: Names of photos, and their paths in the prepared folder.
        specimen_of: The result of `find_specimens`.
    """
    cells = ((target, specimen_of.get(name, name)) for name, target in placed)
    write_photo_column(path, "specimen", cells)
