"""What becomes of copies: together in one split, or set aside when their class is in doubt."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

from mineral_recog.curation.decisions import Decisions
from mineral_recog.duplicates.finder import DuplicatePair, groups


@dataclass(frozen=True)
class Copies:
    """What became of photos that are copies of each other.

    Attributes:
        photos: that are used and have a copy that is used; copies are in one split together.
        groups: that they form.
        set_aside: photos not used, since a copy lies under another class.
        left_out: photos not used, since the splits that were given put a copy into test, or for
            those of train into val.
        would_leak: photos of val and test that would have a copy in train without heed to copies:
            in the splits that were given, or on average over `whole_groups.DRAWS` draws.
    """

    photos: int
    groups: int
    set_aside: list[str]
    left_out: list[str]
    would_leak: float


@dataclass(frozen=True)
class SortedOut:
    """Photos by the class that they are used under, and the groups of copies among all.

    Attributes:
        photos: of each class, sorted as they were listed.
        aside: photos left out since a copy lies under another class.
        group_of: group of each photo that has copies, those left out included.
        to_train: groups that the user wants under several classes.
        all_photos: as `photos`, with those left out.
    """

    photos: dict[str, list[str]]
    aside: list[str]
    group_of: dict[str, int]
    to_train: frozenset[int]
    all_photos: dict[str, list[str]]


def sort_out(
    paths: Sequence[str], copies: Sequence[DuplicatePair], decisions: Decisions
) -> SortedOut:
    """Photos by class as the user decided, without those whose class is in doubt."""
    classes = {path: str(decisions.class_for(path)) for path in paths}
    group_of: dict[str, int] = {}
    aside: list[str] = []
    to_train: set[int] = set()
    for number, places in enumerate(groups(len(paths), copies)):
        group = [paths[place] for place in places]
        group_of.update(dict.fromkeys(group, number))
        if len({classes[path] for path in group}) == 1:
            continue
        aside += [path for path in group if not decisions.settles(path)]
        if len({classes[path] for path in group if decisions.settles(path)}) > 1:
            to_train.add(number)
    left_out = set(aside)
    photos: dict[str, list[str]] = {}
    all_photos: dict[str, list[str]] = {}
    for path in paths:
        all_photos.setdefault(classes[path], []).append(path)
        if path not in left_out:
            photos.setdefault(classes[path], []).append(path)
    return SortedOut(dict(sorted(photos.items())), aside, group_of, frozenset(to_train), all_photos)


def count_copies(found: SortedOut, would_leak: float, left_out: Sequence[str] = ()) -> Copies:
    """How many copies are used, beside what `Copies` says of those that are not."""
    out = set(left_out)
    kept = [photo for of in found.photos.values() for photo in of if photo not in out]
    sizes = Counter(found.group_of[photo] for photo in kept if photo in found.group_of)
    together = [size for size in sizes.values() if size > 1]
    return Copies(sum(together), len(together), found.aside, list(left_out), would_leak)
