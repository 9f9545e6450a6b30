"""Splits as others gave them, kept but for copies that would leak; what is missing is drawn."""

from __future__ import annotations

from collections.abc import Collection, Hashable, Mapping, Sequence
from dataclasses import dataclass

from mineral_recog.data.dataset import SPLITS
from mineral_recog.data.splits import SplitPhotos, can_be_drawn, deal

SHARE = 0.1  # of the photos of a class, for a split that was not given


@dataclass(frozen=True)
class Given:
    """Photos with the splits that they came with.

    Attributes:
        photos: of each class, without those that were left out.
        splits: of every photo.
        missing: val or test, if no photo is in it.
        left_out: photos with a copy in a split that must not share it: in test, or for those of
            train in val.
        group_of: group of each photo that has copies.
        to_train: groups that must stay in train when others are drawn out of it.
    """

    photos: Mapping[str, Sequence[str]]
    splits: Mapping[str, str]
    missing: tuple[str, ...]
    left_out: list[str]
    group_of: Mapping[str, Hashable]
    to_train: Collection[Hashable]

    def parts(self, name: str) -> SplitPhotos:
        """The photos of a class by the splits that they came with."""
        parts: SplitPhotos = {split: [] for split in SPLITS}
        for photo in self.photos.get(name, ()):
            parts[self.splits[photo]].append(photo)
        return parts

    def enough(self, name: str) -> bool:
        """Whether a class has a photo in every split, or can have one."""
        parts = self.parts(name)
        there = all(parts[split] for split in SPLITS if split not in self.missing)
        filled = len(self.missing)
        return there and can_be_drawn(parts["train"], self.group_of, self.to_train, filled)

    def drawn(self, name: str, seed: int) -> SplitPhotos:
        """The splits of a class that has `enough`, missing ones drawn out of train by whole groups.

        Each of those gets a tenth of the photos of the class. Train is shuffled.
        """
        parts = self.parts(name)
        size = max(1, round(SHARE * len(self.photos[name])))
        most = (len(parts["train"]) - 1) // max(len(self.missing), 1)
        sizes = dict.fromkeys(self.missing, min(size, most))
        drawn = deal(name, parts["train"], sizes, seed, self.group_of, self.to_train)
        return {
            split: parts[split] + drawn[split] if split != "train" else drawn[split]
            for split in SPLITS
        }


def heed_copies(
    photos: Mapping[str, Sequence[str]],
    splits: Mapping[str, str],
    group_of: Mapping[str, Hashable],
    to_train: Collection[Hashable] = (),
) -> Given:
    """Given splits without copies across them: those in test stay, then those in val.

    Args:
        photos: of each class.
        splits: of every photo.
        group_of: group of each photo that has copies.
        to_train: groups that must stay in train when others are drawn out of it.
    """
    first: dict[Hashable, int] = {}  # the most precious split of each group, by its place in SPLITS
    for photo in (photo for of_class in photos.values() for photo in of_class):
        if photo in group_of:
            place = SPLITS.index(splits[photo])
            first[group_of[photo]] = max(first.get(group_of[photo], 0), place)
    kept: dict[str, list[str]] = {name: [] for name in photos}
    left_out = []
    for name, of_class in photos.items():
        for photo in of_class:
            if photo in group_of and SPLITS[first[group_of[photo]]] != splits[photo]:
                left_out.append(photo)
            else:
                kept[name].append(photo)
    there = set(splits.values())
    missing = tuple(split for split in ("val", "test") if split not in there)
    return Given(kept, splits, missing, left_out, group_of, to_train)
