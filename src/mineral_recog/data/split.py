"""From folders of photos to train, val and test: stratified, by seed, long-tailed on request."""

from __future__ import annotations

import json
import shutil
from collections import Counter
from collections.abc import Callable, Collection, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

import numpy as np

from mineral_recog.audit.decisions import Decisions, refuse_unknown_classes
from mineral_recog.audit.findings import count_photos, find_all, shown
from mineral_recog.audit.kinds import KINDS
from mineral_recog.audit.looking import look_over
from mineral_recog.audit.names import same_names
from mineral_recog.audit.reading import Record
from mineral_recog.audit.settling import Copies, SortedOut, count_copies, sort_out
from mineral_recog.data.index import SPLITS, class_folders, files_in
from mineral_recog.data.photo import is_photo_name
from mineral_recog.data.whole_groups import Shares, can_be_drawn, draw
from mineral_recog.errors import UserError
from mineral_recog.files import link_or_copy, refuse_existing, refuse_inside, whole_folder
from mineral_recog.language import chinese, tr
from mineral_recog.minerals import read_minerals

MARK = "prepared.json"


@dataclass(frozen=True)
class Prepared:
    """What `prepare` did.

    Attributes:
        counts: photos of each split of each class, {class: {split: n}}.
        skipped: photos that cannot be read, with the reason.
        not_photos: files whose names are not those of photos, by suffix.
        left_out: training photos that the imbalance asked for leaves out.
        imbalance: largest over smallest number of training photos a class.
        findings: photos of each kind of finding, by the keys of `audit.kinds.KINDS`.
        copies: what became of photos that are copies of each other.
        dropped: photos that the user's decisions leave out.
        moved: photos that they put under another class.
        not_there: photos that they name and that are not there.
    """

    counts: dict[str, dict[str, int]]
    skipped: list[tuple[str, str]]
    not_photos: dict[str, int]
    left_out: int
    imbalance: float
    findings: dict[str, int]
    copies: Copies
    dropped: int
    moved: int
    not_there: list[str]


def parse_shares(text: str) -> Shares:
    """Shares of train, val and test from a text such as `80/10/10`; they add up to 1.

    Raises:
        UserError: not three positive numbers.
    """
    try:
        train, val, test = (float(part) for part in text.split("/"))
    except ValueError:
        train = val = test = 0.0
    total = train + val + test
    if not (min(train, val, test) > 0 and np.isfinite(total)):
        raise UserError(
            tr(
                f"--split {text}: write three positive numbers such as 80/10/10.",
                f"--split {text}：请写三个正数，例如 80/10/10。",
            )
        )
    return train / total, val / total, test / total


def prepare(
    source: Path,
    data: Path,
    *,
    shares: Shares = (0.8, 0.1, 0.1),
    imbalance: float | None = None,
    seed: int = 0,
    place: str = "hardlink",
    decisions: Decisions | None = None,
    force: bool = False,
    on_checked: Callable[[int, int], None] = lambda done, total: None,
    on_compared: Callable[[int], None] = lambda done: None,
) -> Prepared:
    """Split folders of photos, a folder a class, into DATA/{train,val,test}.

    Every class has at least one photo in each split. Splits are drawn class by class, so that a
    class's split does not depend on what other classes there are. Copies of a photo are in the
    split that it is in; photos with a copy under another class are left out.

    Args:
        source: folder with a folder a class; photos may lie in folders below.
        data: folder to make; it appears only when it is whole.
        shares: of train, val and test, adding up to 1.
        imbalance: cut the training photos to an exponential curve with this factor between the
            largest class and the smallest; val and test stay as they are.
        seed: of the draw.
        place: `hardlink` (a copy where links are impossible), `copy` or `symlink`.
        decisions: what the user decided about photos and classes.
        force: replace `data` if an earlier `prepare` made it.
        on_checked: called with the number of photos read so far, and of all.
        on_compared: called with the number of photos compared so far.

    Raises:
        UserError: no classes, too few photos in a class, an output that exists, or decisions about
            classes that are not there.
    """
    refuse_existing(data, force, made_by_us=(data / MARK).is_file())
    refuse_inside(data, source)
    decisions = decisions or Decisions()
    files = _files_of_classes(source)
    refuse_unknown_classes(decisions, list(files))
    listed = [f"{name}/{file}" for name, found in files.items() for file in found]
    photos = [file for file in listed if is_photo_name(file)]
    used = [photo for photo in photos if decisions.class_for(photo) is not None]
    looked = look_over(source, used, lambda done: on_checked(done, len(used)), on_compared)
    found = sort_out([record.path for record in looked.whole], looked.copies, decisions)
    _refuse_small(source, set(files) - set(decisions.classes), found)
    drawn = {
        name: draw(name, of_class, shares, seed, found.group_of, found.to_train)
        for name, of_class in found.photos.items()
    }
    in_training = sum(len(splits["train"]) for splits in drawn.values())
    if imbalance is not None:
        _cut(drawn, imbalance)
    counts = {name: {s: len(splits[s]) for s in SPLITS} for name, splits in drawn.items()}
    train = [of["train"] for of in counts.values()]
    places = {photo: _place(name, photo) for name, of in found.photos.items() for photo in of}
    made = Prepared(
        counts=counts,
        skipped=[(str(source / record.path), _why(record)) for record in looked.unread],
        not_photos=dict(Counter(Path(f).suffix for f in listed if not is_photo_name(f))),
        left_out=in_training - sum(train),
        imbalance=max(train) / min(train),
        findings=count_photos(find_all(looked, same_names(list(files), read_minerals()))),
        copies=count_copies(found, shares),
        dropped=len(photos) - len(used),
        moved=sum(photo != at for photo, at in places.items()),
        not_there=decisions.unknown(photos),
    )
    settings = {"split": shares, "imbalance": imbalance, "seed": seed, "place": place}
    with whole_folder(data) as partial:
        for splits in drawn.values():
            for split, of_split in splits.items():
                for photo in of_split:
                    _put(source / photo, partial / split / places[photo], place)
        text = json.dumps({**settings, "made": asdict(made)}, indent=1, ensure_ascii=False)
        (partial / MARK).write_text(text, encoding="utf-8", errors="surrogateescape")
    return made


def _place(name: str, photo: str) -> str:
    """Where a photo comes to lie in a split; one of another class in a folder of its own."""
    of, file = photo.split("/", 1)
    return photo if of == name else f"{name}/from {of}/{file}"


def _why(record: Record) -> str:
    """Why a photo cannot be read, in a few words."""
    remark = record.remarks[0]
    label = KINDS[remark.kind].label["zh" if chinese() else "en"]
    return ": ".join(filter(None, (label, remark.told)))


def _files_of_classes(source: Path) -> dict[str, list[str]]:
    """Files of each class, as paths below its folder."""
    if not source.is_dir():
        raise UserError(
            tr(
                f"{source} is not a folder: give the folder that holds a folder a class.",
                f"{source} 不是文件夹：请给出一类一个子文件夹的文件夹。",
            )
        )
    names = class_folders(source)
    if len(names) < 2:
        raise UserError(
            tr(
                f"{source} has {len(names)} class folders: it needs at least two, a folder a "
                "class with its photos inside.",
                f"{source} 里有 {len(names)} 个类别文件夹：至少需要两个，一类一个，照片放在里面。",
            )
        )
    if set(names) <= set(SPLITS):
        raise UserError(
            tr(
                f"{source} is split already ({', '.join(names)}): train on it as it is, or give "
                "the folder that it was made from.",
                f"{source} 已经划分过（{'、'.join(names)}）：可直接训练，或给划分前的文件夹。",
            )
        )
    return {name: files_in(source / name) for name in names}


def _refuse_small(source: Path, classes: Collection[str], found: SortedOut) -> None:
    small = [
        f"{shown(name)} ({len(of_class)})"
        for name in sorted(classes)
        if not can_be_drawn(of_class := found.photos.get(name, []), found.group_of, found.to_train)
    ]
    if small:
        raise UserError(
            tr(
                f"Classes in {source} with fewer than 3 readable photos cannot be split, copies "
                f"of each other counting as one: {', '.join(small)}. Add photos or move these "
                "folders away.",
                f"{source} 里可读照片少于 3 张（互为重复的算一张）的类别无法划分："
                f"{'、'.join(small)}。请加入照片，或移走这些文件夹。",
            )
        )


def exponential_counts(available: Sequence[int], imbalance: float) -> list[int]:
    """Photos of each class on an exponential curve, as many as the classes can give.

    n_c = n_1 * imbalance^(-rank / (C - 1)), classes ranked by their photos; n_1 is the largest
    for which every class has enough. After Cui et al., "Class-balanced loss", CVPR 2019.

    Args:
        available: photos of each class, C.
        imbalance: largest over smallest class; 1 or more.

    Raises:
        UserError: an imbalance below 1, or too large for the largest class.
    """
    if not imbalance >= 1:
        raise UserError(
            tr(
                f"--imbalance {imbalance:g}: give 1 or more.",
                f"--imbalance {imbalance:g}：请给出不小于 1 的数。",
            )
        )
    ranks = np.empty(len(available))
    ranks[np.argsort([-n for n in available], kind="stable")] = np.arange(len(available))
    curve = imbalance ** (-ranks / max(len(available) - 1, 1))
    largest = float(np.min(np.array(available) / curve))
    if largest / imbalance < 0.5:
        raise UserError(
            tr(
                f"--imbalance {imbalance:g} leaves less than one photo of the smallest class: with "
                f"these photos it can be at most {2 * largest:.0f}.",
                f"--imbalance {imbalance:g} 使最小的类别不足一张照片：用这些照片最多为 "
                f"{2 * largest:.0f}。",
            )
        )
    return [max(1, round(n)) for n in largest * curve]


def _cut(drawn: dict[str, dict[str, list[str]]], imbalance: float) -> None:
    """Keep as many training photos of each class as an exponential curve says."""
    available = [len(splits["train"]) for splits in drawn.values()]
    for splits, keep in zip(drawn.values(), exponential_counts(available, imbalance), strict=True):
        splits["train"] = splits["train"][:keep]


def _put(photo: Path, target: Path, place: str) -> None:
    target.parent.mkdir(parents=True, exist_ok=True)
    if place == "symlink":
        target.symlink_to(photo.resolve())
        return
    if place == "hardlink":
        link_or_copy(photo.resolve(), target)
        return
    shutil.copyfile(photo, target)
