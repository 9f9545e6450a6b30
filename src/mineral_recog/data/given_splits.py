"""Keeps the splits that a source gives, without duplicates across them; draws missing splits."""

from __future__ import annotations

from collections.abc import Collection, Hashable, Mapping, Sequence
from dataclasses import dataclass

from mineral_recog.data.dataset import SPLITS
from mineral_recog.data.splits import SplitPaths, can_be_split, fill_splits

SHARE = 0.1  # of the photos of a class, for a split that the source does not give


@dataclass(frozen=True)
class GivenSplits:
    """Photos with the splits that their source gives.

    Attributes:
        paths: Photos of each class, without those that are left out.
        splits: Split of every photo.
        missing: Those of val and test that have no photo.
        left_out: Photos with a duplicate in a split that takes precedence: test before val before
            train.
        duplicate_set_of: Duplicate set of each photo that has duplicates.
        train_only: Duplicate sets that must stay in train when other splits are drawn from it.
    """

    paths: Mapping[str, Sequence[str]]
    splits: Mapping[str, str]
    missing: tuple[str, ...]
    left_out: list[str]
    duplicate_set_of: Mapping[str, Hashable]
    train_only: Collection[Hashable]

    def class_paths(self, name: str) -> SplitPaths:
        """Return the photos of a class in each given split."""
        by_split: SplitPaths = {split: [] for split in SPLITS}
        for path in self.paths.get(name, ()):
            by_split[self.splits[path]].append(path)
        return by_split

    def can_split(self, name: str) -> bool:
        """Return whether a class has a photo in every given split, and enough for missing ones."""
        given = self.class_paths(name)
        is_complete = all(given[split] for split in SPLITS if split not in self.missing)
        return is_complete and can_be_split(
            given["train"], self.duplicate_set_of, self.train_only, len(self.missing)
        )

    def split_class(self, name: str, seed: int) -> SplitPaths:
        """Return the splits of a class for which `can_split` is true.

        Missing splits are drawn from train by complete duplicate sets; each gets a tenth of the
        photos of the class. Train is shuffled.
        """
        given = self.class_paths(name)
        size = max(1, round(SHARE * len(self.paths[name])))
        max_size = (len(given["train"]) - 1) // max(len(self.missing), 1)
        sizes = dict.fromkeys(self.missing, min(size, max_size))
        drawn = fill_splits(
            name, given["train"], sizes, seed, self.duplicate_set_of, self.train_only
        )
        return {
            split: given[split] + drawn[split] if split != "train" else drawn[split]
            for split in SPLITS
        }


def split_as_given(
    paths: Mapping[str, Sequence[str]],
    splits: Mapping[str, str],
    duplicate_set_of: Mapping[str, Hashable],
    train_only: Collection[Hashable] = (),
) -> GivenSplits:
    """Keep given splits; duplicates across splits stay only in test, or else only in val.

    Args:
        paths: Photos of each class.
        splits: Split of every photo.
        duplicate_set_of: Duplicate set of each photo that has duplicates.
        train_only: Duplicate sets that must stay in train when other splits are drawn from it.
    """
    all_paths = [path for class_paths in paths.values() for path in class_paths]
    last_split: dict[Hashable, str] = {}  # of each duplicate set
    for path in sorted(all_paths, key=lambda path: SPLITS.index(splits[path])):
        if path in duplicate_set_of:
            last_split[duplicate_set_of[path]] = splits[path]
    left_out = [
        path
        for path in all_paths
        if path in duplicate_set_of and last_split[duplicate_set_of[path]] != splits[path]
    ]
    dropped = set(left_out)
    kept = {name: [path for path in paths[name] if path not in dropped] for name in paths}
    given = set(splits.values())
    missing = tuple(split for split in ("val", "test") if split not in given)
    return GivenSplits(kept, splits, missing, left_out, duplicate_set_of, train_only)
