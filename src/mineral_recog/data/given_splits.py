"""Keeps the splits that a source gives, without groups across them; draws missing splits."""

from __future__ import annotations

from collections.abc import Collection, Hashable, Mapping
from dataclasses import dataclass

from mineral_recog.data.dataset import SPLITS
from mineral_recog.data.splits import ClassPaths, SplitPaths, can_be_split, fill_splits

SHARE = 0.1  # of the photos of a class, for a split that the source does not give


@dataclass(frozen=True)
class GivenSplits:
    """Photos with the splits that their source gives.

    Attributes:
        paths: Photos of each class, without those that are left out.
        splits: Split of every photo.
        missing: Those of val and test that have no photo.
        left_out: Photos with a photo of their group in a split that takes precedence: test before
            val before train.
        group_of: Group of each photo that must be in the same split as others, such as its copies.
        train_only: Groups that must stay in train when other splits are drawn from it.
    """

    paths: ClassPaths
    splits: Mapping[str, str]
    missing: tuple[str, ...]
    left_out: list[str]
    group_of: Mapping[str, Hashable]
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
            given["train"], self.group_of, self.train_only, len(self.missing)
        )

    def split_classes(self, seed: int) -> dict[str, SplitPaths]:
        """Return the splits of each class; none is empty where `can_split` is true.

        Missing splits are drawn from train by complete groups; each gets a tenth of the photos of
        the class. Train is shuffled.
        """
        given = {name: self.class_paths(name) for name in self.paths}
        sizes = {}
        for name, splits in given.items():
            size = max(1, round(SHARE * len(self.paths[name])))
            max_size = (len(splits["train"]) - 1) // max(len(self.missing), 1)
            sizes[name] = dict.fromkeys(self.missing, min(size, max_size))
        train = {name: splits["train"] for name, splits in given.items()}
        drawn = fill_splits(train, sizes, seed, self.group_of, self.train_only)
        for name, splits in given.items():
            splits["train"] = []
            for split in SPLITS:
                splits[split] += drawn[name][split]
        return given


def split_as_given(
    class_paths: ClassPaths,
    splits: Mapping[str, str],
    group_of: Mapping[str, Hashable],
    train_only: Collection[Hashable] = (),
) -> GivenSplits:
    """Keep given splits; groups across splits stay only in test, or else only in val.

    Args:
        class_paths: Photos of each class.
        splits: Split of every photo.
        group_of: Group of each photo that must be in the same split as others, such as its copies.
        train_only: Groups that must stay in train when other splits are drawn from it.
    """
    left_out = photos_across(class_paths, splits, group_of)
    dropped = set(left_out)
    kept = {
        name: [path for path in paths if path not in dropped] for name, paths in class_paths.items()
    }
    given = set(splits.values())
    missing = tuple(split for split in ("val", "test") if split not in given)
    return GivenSplits(kept, splits, missing, left_out, group_of, train_only)


def photos_across(
    class_paths: ClassPaths, splits: Mapping[str, str], group_of: Mapping[str, Hashable]
) -> list[str]:
    """Return the photos with a photo of their group in a split that takes precedence."""
    all_paths = [path for paths in class_paths.values() for path in paths]
    last_split: dict[Hashable, str] = {}  # of each group
    for path in sorted(all_paths, key=lambda path: SPLITS.index(splits[path])):
        if path in group_of:
            last_split[group_of[path]] = splits[path]
    grouped = [path for path in all_paths if path in group_of]
    return [path for path in grouped if last_split[group_of[path]] != splits[path]]
