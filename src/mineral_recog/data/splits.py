"""Random splits that put all photos of a group, such as copies of one photo, into one split."""

from __future__ import annotations

import zlib
from collections import Counter
from collections.abc import Collection, Hashable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np

from mineral_recog.data.dataset import SPLITS
from mineral_recog.errors import DataError
from mineral_recog.i18n import tr

RANDOM_SPLITS = 20  # number of random splits that the expected leaks are averaged over

Shares = tuple[float, float, float]
SplitPaths = dict[str, list[str]]
ClassPaths = Mapping[str, Sequence[str]]


@dataclass
class _Unit:
    """Photos that stay together: a group, or one photo without a group."""

    group: Hashable
    split: str = "train"
    paths: list[str] = field(default_factory=list)
    counts: Counter[str] = field(default_factory=Counter)  # of its photos, by class


def parse_shares(text: str) -> Shares:
    """Parse shares of train, val and test such as `80/10/10`, and scale them to add up to 1.

    Raises:
        UserError: The text is not three positive numbers.
    """
    try:
        train, val, test = (float(part) for part in text.split("/"))
    except ValueError:
        train = val = test = 0.0
    total = train + val + test
    if not (min(train, val, test) > 0 and np.isfinite(total)):
        raise DataError(
            tr(
                f"--split {text}: write three positive numbers such as 80/10/10.",
                f"--split {text}：请写三个正数，例如 80/10/10。",
            )
        )
    return train / total, val / total, test / total


def split_classes(
    class_paths: ClassPaths,
    shares: Shares,
    seed: int,
    group_of: Mapping[str, Hashable] | None = None,
    train_only: Collection[Hashable] = (),
) -> dict[str, SplitPaths]:
    """Split the photos of each class at random, without separating groups.

    Photos are shuffled and assigned to val first, then to test, then to train. A group follows its
    first photo, unless that takes val or test further from its share: it then goes to train.
    Without groups this is a plain random split.

    Args:
        class_paths: Photos of each class.
        shares: Shares of train, val and test, with the sum 1.
        seed: Seed of the shuffle.
        group_of: Group of each photo that must be in the same split as others.
        train_only: Groups that must go to train.

    Returns:
        Photos of each split, by class. The splits of a class depend only on its own photos, unless
        it shares a group with other classes. No split of it is empty if `can_be_split` is true and
        it shares no group.
    """
    sizes = {}
    for name, paths in class_paths.items():
        # Large shares of a small class must leave a photo to train on.
        val = min(max(1, round(len(paths) * shares[1])), len(paths) - 2)
        test = min(max(1, round(len(paths) * shares[2])), len(paths) - val - 1)
        sizes[name] = {"val": val, "test": test}
    return fill_splits(class_paths, sizes, seed, group_of or {}, train_only)


def fill_splits(
    class_paths: ClassPaths,
    sizes: Mapping[str, Mapping[str, int]],
    seed: int,
    group_of: Mapping[str, Hashable],
    train_only: Collection[Hashable],
) -> dict[str, SplitPaths]:
    """Shuffle the photos of each class, fill splits to given sizes, and put the rest into train.

    Groups stay together.

    Args:
        class_paths: As for `split_classes`.
        sizes: Of each class, the number of photos of each split to fill, at least 1; with groups,
            it is met as closely as they allow.
        seed: As for `split_classes`.
        group_of: As for `split_classes`.
        train_only: As for `split_classes`.
    """
    splits_of: dict[str, SplitPaths] = {name: {s: [] for s in SPLITS} for name in class_paths}
    for names in _linked_classes(class_paths, group_of, train_only):
        class_of = {path: name for name in names for path in class_paths[name]}
        # A class name has no "/", so linked classes are not seeded like another class.
        key = "/".join(names).encode("utf-8", "surrogateescape")
        order = np.random.default_rng([seed, zlib.crc32(key)]).permutation(len(class_of))
        paths = list(class_of)
        units = _units((paths[i] for i in order), group_of, class_of)
        _assign(units, {name: dict(sizes[name]) for name in names}, train_only)
        for unit in units:
            for path in unit.paths:
                splits_of[class_of[path]][unit.split].append(path)
    return splits_of


def _linked_classes(
    class_paths: ClassPaths,
    group_of: Mapping[str, Hashable],
    train_only: Collection[Hashable],
) -> Iterator[list[str]]:
    """Yield the classes that share groups to split, directly or through others.

    Most classes are alone.
    """
    linked: dict[str, list[str]] = {}  # of each class, all those that it is linked with
    first_class: dict[Hashable, str] = {}
    for name, paths in class_paths.items():
        linked[name] = [name]
        for path in paths:
            if path in group_of and group_of[path] not in train_only:
                other = linked[first_class.setdefault(group_of[path], name)]
                if other is not linked[name]:
                    other += linked[name]
                    linked |= dict.fromkeys(linked[name], other)
    for name, names in linked.items():
        if names[0] == name:
            yield names


def _units(
    paths: Iterable[str], group_of: Mapping[str, Hashable], class_of: Mapping[str, str]
) -> list[_Unit]:
    """Return the groups in order of their first photos; other photos are units of one."""
    units: dict[Hashable, _Unit] = {}
    for path in paths:
        group = group_of.get(path, ("alone", path))
        unit = units.setdefault(group, _Unit(group))
        unit.paths.append(path)
        unit.counts[class_of[path]] += 1
    return list(units.values())


def _assign(
    units: list[_Unit], room: dict[str, dict[str, int]], train_only: Collection[Hashable]
) -> None:
    """Assign units to the first split that they bring closer to its size, or else to train.

    A split that stays empty then gets the smallest movable unit of its class, if one can be moved
    without emptying another split of any class.

    Args:
        units: The units, in random order.
        room: Of each class, the number of photos of each split to fill; used up.
        train_only: Groups that must go to train.
    """
    for unit in units:
        for split in next(iter(room.values())) if unit.group not in train_only else ():
            # A unit may exceed the size by less than would be missing without it.
            if all(count < 2 * room[name][split] for name, count in unit.counts.items()):
                for name, count in unit.counts.items():
                    room[name][split] -= count
                unit.split = split
                break
    unit_counts = Counter((name, unit.split) for unit in units for name in unit.counts)
    for name, splits in room.items():
        for split in (*splits, "train"):
            if unit_counts[name, split]:
                continue
            movable = [
                unit
                for unit in units
                if name in unit.counts and unit.group not in train_only
                if all(unit_counts[other, unit.split] > 1 for other in unit.counts)
            ]
            if movable:
                smallest = min(movable, key=lambda one: (len(one.paths), SPLITS.index(one.split)))
                unit_counts.subtract((other, smallest.split) for other in smallest.counts)
                unit_counts.update((other, split) for other in smallest.counts)
                smallest.split = split


def can_be_split(
    paths: Sequence[str],
    group_of: Mapping[str, Hashable],
    train_only: Collection[Hashable] = (),
    filled: int = 2,
) -> bool:
    """Return whether no split of a class need be empty.

    That takes one group for train, and one that need not be in train for each split to fill; a
    photo without a group counts as one.

    Args:
        paths: Photos of a class.
        group_of: Group of each photo that has one.
        train_only: Groups that must go to train.
        filled: Number of splits to fill.
    """
    groups = {group_of.get(path, ("alone", path)) for path in paths}
    movable = sum(group not in train_only for group in groups)
    return len(groups) > filled and movable >= filled


def count_leaks(
    splits: Iterable[Mapping[str, Sequence[str]]], group_of: Mapping[str, Hashable]
) -> int:
    """Count the photos of val and test that have a photo of their group in train.

    Args:
        splits: For each class, its photos by the name of the split.
        group_of: Group of each photo that has one: its duplicate set, or its specimen.
    """
    classes = list(splits)
    in_train = {
        group_of[path]
        for class_splits in classes
        for path in class_splits["train"]
        if path in group_of
    }
    return sum(
        path in group_of and group_of[path] in in_train
        for class_splits in classes
        for path in (*class_splits["val"], *class_splits["test"])
    )


def expected_leak_count(
    class_paths: ClassPaths, group_of: Mapping[str, Hashable], shares: Shares
) -> float:
    """Return the mean leaks of random splits that ignore groups.

    Args:
        class_paths: Photos of each class.
        group_of: As for `count_leaks`.
        shares: Shares of train, val and test.
    """
    if not group_of:
        return 0.0
    counts = [
        count_leaks(split_classes(class_paths, shares, seed).values(), group_of)
        for seed in range(RANDOM_SPLITS)
    ]
    return sum(counts) / RANDOM_SPLITS
