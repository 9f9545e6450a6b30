"""Random splits that put all duplicates of a photo into the same split."""

from __future__ import annotations

import zlib
from collections.abc import Collection, Hashable, Iterable, Mapping, Sequence

import numpy as np

from mineral_recog.data.dataset import SPLITS

RANDOM_SPLITS = 20  # number of random splits that the expected leaks are averaged over

Shares = tuple[float, float, float]
SplitPaths = dict[str, list[str]]
_Unit = tuple[Hashable, list[str]]  # a duplicate set and its photos of one class


def split_class(
    name: str,
    paths: Sequence[str],
    shares: Shares,
    seed: int,
    duplicate_set_of: Mapping[str, Hashable] | None = None,
    train_only: Collection[Hashable] = (),
) -> SplitPaths:
    """Split the photos of one class at random, without separating duplicates.

    Photos are shuffled and assigned to val first, then to test, then to train. A duplicate set
    follows its first photo, or goes to train if it does not fit. Without duplicates this is a plain
    random split.

    Args:
        name: Name of the class; the split depends on it, but not on other classes.
        paths: Photos of the class.
        shares: Shares of train, val and test, with the sum 1.
        seed: Seed of the shuffle.
        duplicate_set_of: Duplicate set of each photo that has duplicates.
        train_only: Duplicate sets that must go to train, because other classes have photos in them.

    Returns:
        Photos of each split; no split is empty if `can_be_split` is true.
    """
    # Large shares of a small class must leave a photo to train on.
    val = min(max(1, round(len(paths) * shares[1])), len(paths) - 2)
    test = min(max(1, round(len(paths) * shares[2])), len(paths) - val - 1)
    return fill_splits(
        name, paths, {"val": val, "test": test}, seed, duplicate_set_of or {}, train_only
    )


def fill_splits(
    name: str,
    paths: Sequence[str],
    sizes: Mapping[str, int],
    seed: int,
    duplicate_set_of: Mapping[str, Hashable],
    train_only: Collection[Hashable],
) -> SplitPaths:
    """Shuffle the photos of one class, fill splits to given sizes, and put the rest into train.

    Duplicates stay together.

    Args:
        name: As for `split_class`.
        paths: As for `split_class`.
        sizes: Number of photos of each split to fill, at least 1; a split gets fewer if duplicate
            sets do not fit.
        seed: As for `split_class`.
        duplicate_set_of: As for `split_class`.
        train_only: As for `split_class`.
    """
    rng = np.random.default_rng([seed, zlib.crc32(name.encode("utf-8", "surrogateescape"))])
    shuffled = [paths[i] for i in rng.permutation(len(paths))]
    remaining = dict(sizes)
    units: dict[str, list[_Unit]] = {split: [] for split in SPLITS}
    for duplicate_set, unit in _units(shuffled, duplicate_set_of).items():
        fits = [
            split
            for split in remaining
            if len(unit) <= remaining[split] and duplicate_set not in train_only
        ]
        if fits:
            remaining[fits[0]] -= len(unit)
        units[fits[0] if fits else "train"].append((duplicate_set, unit))
    for split in remaining:
        if not units[split]:
            _fill_empty(split, units, train_only)
    return {split: [path for _, unit in units[split] for path in unit] for split in SPLITS}


def _units(
    paths: Iterable[str], duplicate_set_of: Mapping[str, Hashable]
) -> dict[Hashable, list[str]]:
    """Return the duplicate sets in order of their first photos; other photos are sets of one."""
    units: dict[Hashable, list[str]] = {}
    for path in paths:
        units.setdefault(duplicate_set_of.get(path, ("alone", path)), []).append(path)
    return units


def _fill_empty(
    empty: str, units: dict[str, list[_Unit]], train_only: Collection[Hashable]
) -> None:
    """Move the smallest movable duplicate set of a split that has several to an empty split."""
    movable = [
        (split, unit)
        for split in SPLITS
        if len(units[split]) > 1
        for unit in units[split]
        if unit[0] not in train_only
    ]
    if movable:
        split, smallest = min(movable, key=lambda place: len(place[1][1]))
        units[split].remove(smallest)
        units[empty].append(smallest)


def can_be_split(
    paths: Sequence[str],
    duplicate_set_of: Mapping[str, Hashable],
    train_only: Collection[Hashable] = (),
    filled: int = 2,
) -> bool:
    """Return whether no split need be empty.

    That takes one duplicate set for train, and one that need not be in train for each split to
    fill; a photo without duplicates counts as a set.

    Args:
        paths: Photos of a class.
        duplicate_set_of: Duplicate set of each photo that has duplicates.
        train_only: Duplicate sets that must go to train.
        filled: Number of splits to fill.
    """
    units = _units(paths, duplicate_set_of)
    movable = sum(duplicate_set not in train_only for duplicate_set in units)
    return len(units) > filled and movable >= filled


def count_leaks(
    splits: Iterable[Mapping[str, Sequence[str]]], duplicate_set_of: Mapping[str, Hashable]
) -> int:
    """Count the photos of val and test that have a duplicate in train.

    Args:
        splits: For each class, its photos by the name of the split.
        duplicate_set_of: Duplicate set of each photo that has duplicates.
    """
    classes = list(splits)
    in_train = {
        duplicate_set_of[path]
        for class_splits in classes
        for path in class_splits["train"]
        if path in duplicate_set_of
    }
    return sum(
        path in duplicate_set_of and duplicate_set_of[path] in in_train
        for class_splits in classes
        for path in (*class_splits["val"], *class_splits["test"])
    )


def expected_leak_count(
    paths: Mapping[str, Sequence[str]], duplicate_set_of: Mapping[str, Hashable], shares: Shares
) -> float:
    """Return the mean leaks of random splits that ignore duplicates.

    Args:
        paths: Photos of each class.
        duplicate_set_of: Duplicate set of each photo that has duplicates.
        shares: Shares of train, val and test.
    """
    if not duplicate_set_of:
        return 0.0
    counts = [
        count_leaks(
            (split_class(name, class_paths, shares, seed) for name, class_paths in paths.items()),
            duplicate_set_of,
        )
        for seed in range(RANDOM_SPLITS)
    ]
    return sum(counts) / RANDOM_SPLITS
