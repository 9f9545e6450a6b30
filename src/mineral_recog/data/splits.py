"""The draw of splits: photos that are copies of each other go into one split together."""

from __future__ import annotations

import zlib
from collections.abc import Collection, Hashable, Iterable, Mapping, Sequence

import numpy as np

from mineral_recog.data.dataset import SPLITS

DRAWS = 20  # random splits that the leaks of one are told from

Shares = tuple[float, float, float]
SplitPhotos = dict[str, list[str]]


def draw(
    name: str,
    photos: Sequence[str],
    shares: Shares,
    seed: int,
    group_of: Mapping[str, Hashable] | None = None,
    to_train: Collection[Hashable] = (),
) -> SplitPhotos:
    """Photos of one class, shuffled into the splits, groups whole.

    Photos are dealt in random order, val first, then test, then train; a group follows its first
    photo, or goes to train when it does not fit. Without groups that is a plain draw.

    Args:
        name: of the class; the draw depends on it and not on other classes.
        photos: of the class.
        shares: of train, val and test, adding up to 1.
        seed: of the draw.
        group_of: group of each photo that has copies.
        to_train: groups that must go to train, since other classes have a part in them.

    Returns:
        Photos of each split; none is empty if `can_be_drawn`.
    """
    val = max(1, round(len(photos) * shares[1]))
    test = max(1, round(len(photos) * shares[2]))
    # Large shares of a small class must leave a photo to train on.
    val = min(val, len(photos) - 2)
    test = min(test, len(photos) - val - 1)
    return deal(name, photos, {"val": val, "test": test}, seed, group_of or {}, to_train)


def deal(
    name: str,
    photos: Sequence[str],
    sizes: Mapping[str, int],
    seed: int,
    group_of: Mapping[str, Hashable],
    to_train: Collection[Hashable],
) -> SplitPhotos:
    """Photos of one class, shuffled, groups whole: some splits are filled, train gets the rest.

    Args:
        sizes: photos of each split that is filled, 1 or more; fewer come when groups do not fit.

    The others are those of `draw`.
    """
    rng = np.random.default_rng([seed, zlib.crc32(name.encode("utf-8", "surrogateescape"))])
    shuffled = [photos[i] for i in rng.permutation(len(photos))]
    room = dict(sizes)
    units: dict[str, list[list[str]]] = {split: [] for split in SPLITS}
    free: dict[str, list[list[str]]] = {split: [] for split in SPLITS}
    for group, unit in _units(shuffled, group_of).items():
        fits = [split for split in room if len(unit) <= room[split] and group not in to_train]
        split = fits[0] if fits else "train"
        units[split].append(unit)
        if split != "train":
            room[split] -= len(unit)
        if group not in to_train:
            free[split].append(unit)
    for empty in (split for split in room if not units[split]):
        _fill(empty, units, free)
    return {split: [photo for unit in units[split] for photo in unit] for split in SPLITS}


def _units(photos: Iterable[str], group_of: Mapping[str, Hashable]) -> dict[Hashable, list[str]]:
    """Groups in the order of their first photos; a photo without copies is a group of its own."""
    units: dict[Hashable, list[str]] = {}
    for photo in photos:
        units.setdefault(group_of.get(photo, ("alone", photo)), []).append(photo)
    return units


def _fill(empty: str, units: dict[str, list[list[str]]], free: dict[str, list[list[str]]]) -> None:
    """Give an empty split the smallest group that another can spare."""
    spare = [
        (len(unit), split) for split in SPLITS if len(units[split]) > 1 for unit in free[split]
    ]
    if not spare:
        return
    size, split = min(spare, key=lambda one: one[0])
    unit = next(unit for unit in free[split] if len(unit) == size)
    for of in (units, free):
        of[split].remove(unit)
        of[empty].append(unit)


def can_be_drawn(
    photos: Sequence[str],
    group_of: Mapping[str, Hashable],
    to_train: Collection[Hashable] = (),
    filled: int = 2,
) -> bool:
    """Whether there is a group for train and one for each split that is filled, free to leave."""
    groups = _units(photos, group_of)
    free = sum(group not in to_train for group in groups)
    return len(groups) > filled and free >= filled


def leaks(splits: Iterable[Mapping[str, Sequence[str]]], group_of: Mapping[str, Hashable]) -> int:
    """Photos of val and test that have a copy in train.

    Args:
        splits: of every class, by the names of the splits.
        group_of: group of each photo that has copies.
    """
    drawn = list(splits)
    trained = {group_of[p] for of in drawn for p in of["train"] if p in group_of}
    held_out = [photo for of in drawn for split in ("val", "test") for photo in of[split]]
    return sum(group_of.get(photo) in trained for photo in held_out if photo in group_of)


def expected_leaks(
    photos: Mapping[str, Sequence[str]], group_of: Mapping[str, Hashable], shares: Shares
) -> float:
    """Photos of val and test with a copy in train when groups are not heeded, over some draws.

    Args:
        photos: of each class.
        group_of: group of each photo that has copies.
        shares: of train, val and test.
    """
    if not group_of:
        return 0.0
    plain = [
        leaks((draw(name, found, shares, seed) for name, found in photos.items()), group_of)
        for seed in range(DRAWS)
    ]
    return sum(plain) / DRAWS
