"""Splits the photos of each class as their source gives, or at random."""

from __future__ import annotations

from collections.abc import Sequence

from mineral_recog.curation.class_sizes import MIN_PICTURES
from mineral_recog.curation.duplicate_handling import (
    ClassAssignment,
    DuplicateReport,
    summarise_duplicates,
    why_too_few,
)
from mineral_recog.curation.specimens import Groups
from mineral_recog.data.dataset import SPLITS
from mineral_recog.data.given_splits import photos_across, split_as_given
from mineral_recog.data.readers.source import Source
from mineral_recog.data.splits import (
    Shares,
    SplitPaths,
    can_be_split,
    count_leaks,
    expected_leak_count,
    split_classes,
)
from mineral_recog.errors import DataError
from mineral_recog.i18n import tr
from mineral_recog.text import encodable

_COPIES_REMEDY = (
    "; if these are no copies, use --copies exact, or mark them with `audit` and --decisions",
    "；若这些照片并非重复，请用 --copies exact，或用 `audit` 标记后给出 --decisions",
)


def split_photos(
    source: Source,
    classes: Sequence[str],
    assignment: ClassAssignment,
    groups: Groups,
    shares: Shares,
    seed: int,
) -> tuple[dict[str, SplitPaths], DuplicateReport]:
    """Split the photos of each class.

    Args:
        source: The source of the photos; the splits that it gives are kept.
        classes: Names of the classes.
        assignment: Photos of each class, and their duplicates.
        groups: Photos that stay together.
        shares: Shares of train, val and test if the source gives no splits.
        seed: Seed of the random split.

    Returns:
        The splits of each class, and how photos with duplicates were used.

    Raises:
        DataError: A class has too few photos.
    """
    if source.splits:
        return _keep_given_splits(source, classes, assignment, groups, seed)
    return _draw_splits(source, classes, assignment, groups, shares, seed)


def _draw_splits(
    source: Source,
    classes: Sequence[str],
    assignment: ClassAssignment,
    groups: Groups,
    shares: Shares,
    seed: int,
) -> tuple[dict[str, SplitPaths], DuplicateReport]:
    """Draw the splits of each class; return them with a report of duplicates."""
    small = [
        why_too_few(assignment, name)
        for name in classes
        if not can_be_split(
            assignment.class_paths.get(name, []),
            assignment.duplicate_set_of,
            assignment.train_only,
        )
    ]
    if small:
        raise DataError(
            tr(
                f"Classes in {source.root} with fewer than 3 readable photos cannot be split "
                f"(copies of each other count as one): {'; '.join(small)}. Add photos, or "
                f"leave these classes out with --min-photos {MIN_PICTURES}"
                f"{_COPIES_REMEDY[0] if assignment.duplicate_set_of else ''}.",
                f"{source.root} 里可读照片少于 3 张（互为重复的算一张）的类别无法划分："
                f"{'；'.join(small)}。请加入照片，或用 --min-photos {MIN_PICTURES} 略去这些类别"
                f"{_COPIES_REMEDY[1] if assignment.duplicate_set_of else ''}。",
            )
        )
    splits_of = split_classes(assignment.class_paths, shares, seed, *groups)
    would_leak = expected_leak_count(
        assignment.all_class_paths, assignment.duplicate_set_of, shares
    )
    return splits_of, summarise_duplicates(assignment, would_leak)


def _keep_given_splits(
    source: Source,
    classes: Sequence[str],
    assignment: ClassAssignment,
    groups: Groups,
    seed: int,
) -> tuple[dict[str, SplitPaths], DuplicateReport]:
    """Split each class as the source gives; return the splits with a report of duplicates."""
    given = split_as_given(assignment.class_paths, source.splits, *groups)
    small = [
        f"{encodable(name)} ({', '.join(f'{split} {len(part)}' for split, part in parts.items())})"
        for name in classes
        if not given.can_split(name) and (parts := given.class_paths(name))
    ]
    if small:
        needs = {split: 1 for split in SPLITS if split not in given.missing}
        needs["train"] += len(given.missing)
        need = ", ".join(f"{split} {count}" for split, count in needs.items())
        raise DataError(
            tr(
                f"Classes in {source.root} have too few readable photos for its splits: "
                f"{'; '.join(small)}. Each needs {need} (copies of each other count as one, like "
                "photos of one specimen): add photos or remove these classes"
                f"{_COPIES_REMEDY[0] if assignment.duplicate_set_of else ''}.",
                f"{source.root} 里有类别的可读照片不足以用其给定的划分：{'；'.join(small)}。"
                f"每类需要 {need}（互为重复的算一张，同一标本的照片也算一张）："
                "请加入照片，或去掉这些类别"
                f"{_COPIES_REMEDY[1] if assignment.duplicate_set_of else ''}。",
            )
        )
    splits_of = given.split_classes(seed)
    all_paths = [path for paths in assignment.all_class_paths.values() for path in paths]
    given_paths = {
        split: [path for path in all_paths if source.splits[path] == split] for split in SPLITS
    }
    duplicate_set_of = assignment.duplicate_set_of
    left_out = photos_across(assignment.class_paths, source.splits, duplicate_set_of)
    return splits_of, summarise_duplicates(
        assignment, count_leaks([given_paths], duplicate_set_of), left_out
    )


def refuse_splits(source: Source, used: Sequence[str], shares: Shares | None) -> None:
    """Refuse given splits that cannot be used."""
    if not source.splits:
        return
    if shares is not None:
        raise DataError(
            tr(
                f"{source.root} already has splits: omit --split.",
                f"{source.root} 已给出划分：请去掉 --split。",
            )
        )
    if without := [photo for photo in used if photo not in source.splits]:
        raise DataError(
            tr(
                f"{source.root} gives a split for some photos only; {len(without)} have none, the "
                f"first is {encodable(without[0])}: give a split for all photos or for none.",
                f"{source.root} 只给部分照片指定了划分，{len(without)} 张没有，第一张为 "
                f"{encodable(without[0])}：请全部指定或都不指定。",
            )
        )
    if "train" not in source.splits.values():
        existing = sorted(set(source.splits.values()))
        raise DataError(
            tr(
                f"{source.root} has {' and '.join(existing)} but no train split: add training "
                "photos.",
                f"{source.root} 只有 {'、'.join(existing)}，没有 train：请加入训练照片。",
            )
        )
