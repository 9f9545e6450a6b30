"""Whether photos that a model is measured on are copies of photos that it was trained on."""

from __future__ import annotations

from functools import lru_cache
from pathlib import Path

from mineral_recog.data.dataset import Dataset
from mineral_recog.duplicates.finder import find_duplicates, groups
from mineral_recog.duplicates.records import OpenFile, read_photos
from mineral_recog.i18n import tr
from mineral_recog.progress import SILENT, Progress
from mineral_recog.text import parse_json

MOST = 20_000  # photos of both splits that are read for this: minutes, where training took hours


def leaked(
    data: Path, train: Dataset, split: Dataset, progress: Progress = SILENT
) -> tuple[int, ...] | None:
    """Photos of a split that are copies or near-copies of training photos, by their places in it.

    Nothing is read when `prepare` or `draw` made the folder that holds both and its photos are as
    many as then: no copies are in two splits of it.

    Args:
        data: folder that holds the split.
        train: the training photos.
        split: photos to measure on.
        progress: receives the progress of reading photos.

    Returns:
        Places, ascending; None when there are more than `MOST` photos, which are not looked at.
    """
    if train.root.parent.resolve() == data.resolve() and _made_whole(data, train, split):
        return ()
    if len(train) + len(split) > MOST:
        return None
    return _compared(_Pair(train, split, progress))


def _made_whole(data: Path, train: Dataset, split: Dataset) -> bool:
    """Whether this program made a folder without copies across splits, and it is as it was."""
    for mark in ("prepared.json", "drawn.json"):
        try:
            text = (data / mark).read_text(encoding="utf-8", errors="surrogateescape")
            written = parse_json(text)
        except (OSError, ValueError):
            continue
        if mark == "drawn.json":
            return True  # every photo is drawn anew
        try:
            counts = written["made"]["counts"].values()
            return "copies" in written["made"] and all(
                sum(of[one.root.name] for of in counts) == len(one) for one in (train, split)
            )
        except (KeyError, TypeError, AttributeError):
            return False
    return False


class _Pair:
    """Two splits, the same as others of the same photos: `compare` measures many runs on one."""

    def __init__(self, train: Dataset, split: Dataset, progress: Progress) -> None:
        self.train, self.split, self.progress = train, split, progress
        self.key = tuple((one.root.resolve(), one.fingerprint()) for one in (train, split))

    def __eq__(self, other: object) -> bool:
        return isinstance(other, _Pair) and self.key == other.key

    def __hash__(self) -> int:
        return hash(self.key)


@lru_cache(maxsize=8)
def _compared(pair: _Pair) -> tuple[int, ...]:
    train, split = pair.train, pair.split
    task = pair.progress.start(
        tr("looking for copies in train", "查找训练集中的副本"), len(train) + len(split)
    )
    records = read_photos(_by_name(train), train.paths, task.set)
    records += read_photos(_by_name(split), split.paths, lambda done: task.set(len(train) + done))
    places = [place for place, record in enumerate(records) if record.fingerprint is not None]
    copies = find_duplicates(
        [one.fingerprint for one in records if one.fingerprint is not None],
        [one.digest for one in records if one.fingerprint is not None],
    )
    found = []
    for group in groups(len(places), copies):
        of_all = [places[number] for number in group]
        if of_all[0] < len(train):  # the lowest, so one of training if there is any
            found += [place - len(train) for place in of_all if place >= len(train)]
    return tuple(sorted(found))


def _by_name(dataset: Dataset) -> OpenFile:
    places = {name: place for place, name in enumerate(dataset.paths)}
    return lambda name: dataset.open(places[name])
