"""From folders of photos to train, val and test: stratified, by seed, long-tailed on request."""

from __future__ import annotations

import json
import shutil
import zlib
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

import numpy as np

from mineral_recog.data.index import SPLITS, class_folders, files_in
from mineral_recog.data.photo import is_photo_name, unreadable
from mineral_recog.errors import UserError
from mineral_recog.files import link_or_copy, refuse_existing, whole_folder
from mineral_recog.language import tr

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
    """

    counts: dict[str, dict[str, int]]
    skipped: list[tuple[str, str]]
    not_photos: dict[str, int]
    left_out: int
    imbalance: float


def parse_shares(text: str) -> tuple[float, float, float]:
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
    shares: tuple[float, float, float] = (0.8, 0.1, 0.1),
    imbalance: float | None = None,
    seed: int = 0,
    place: str = "hardlink",
    force: bool = False,
    on_checked: Callable[[int, int], None] = lambda done, total: None,
) -> Prepared:
    """Split folders of photos, a folder a class, into DATA/{train,val,test}.

    Every class has at least one photo in each split. Splits are drawn class by class, so that a
    class's split does not depend on what other classes there are.

    Args:
        source: folder with a folder a class; photos may lie in folders below.
        data: folder to make; it appears only when it is whole.
        shares: of train, val and test, adding up to 1.
        imbalance: cut the training photos to an exponential curve with this factor between the
            largest class and the smallest; val and test stay as they are.
        seed: of the draw.
        place: `hardlink` (a copy where links are impossible), `copy` or `symlink`.
        force: replace `data` if an earlier `prepare` made it.
        on_checked: called with the number of photos checked so far, and of all.

    Raises:
        UserError: no classes, too few photos in a class, or an output that exists.
    """
    refuse_existing(data, force, made_by_us=(data / MARK).is_file())
    if data.resolve().is_relative_to(source.resolve()):
        raise UserError(
            tr(
                f"{data} lies inside {source}: choose a place outside the photos.",
                f"{data} 在 {source} 里面：请选择照片文件夹以外的位置。",
            )
        )
    files = _files_of_classes(source)
    photos, skipped = _readable_photos(source, files, on_checked)
    others = [Path(f).suffix for found in files.values() for f in found if not is_photo_name(f)]
    drawn = {name: _draw(name, found, shares, seed) for name, found in photos.items()}
    in_training = sum(len(splits["train"]) for splits in drawn.values())
    if imbalance is not None:
        _cut(drawn, imbalance)
    counts = {name: {s: len(splits[s]) for s in SPLITS} for name, splits in drawn.items()}
    train = [of["train"] for of in counts.values()]
    made = Prepared(
        counts, skipped, dict(Counter(others)), in_training - sum(train), max(train) / min(train)
    )
    with whole_folder(data) as partial:
        for name, splits in drawn.items():
            for split, found in splits.items():
                for photo in found:
                    _put(source / name / photo, partial / split / name / photo, place)
        settings = {"split": shares, "imbalance": imbalance, "seed": seed, "place": place}
        text = json.dumps({**settings, "made": asdict(made)}, indent=1, ensure_ascii=False)
        (partial / MARK).write_text(text, encoding="utf-8", errors="surrogateescape")
    return made


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


def _readable_photos(
    source: Path, files: Mapping[str, Sequence[str]], on_checked: Callable[[int, int], None]
) -> tuple[dict[str, list[str]], list[tuple[str, str]]]:
    """Photos of each class that can be read, and those that cannot, with the reason."""
    photos = {name: [f for f in found if is_photo_name(f)] for name, found in files.items()}
    paths = [source / name / photo for name, found in photos.items() for photo in found]
    bad = dict(unreadable(paths, lambda done: on_checked(done, len(paths))))
    readable = {
        name: [photo for photo in found if source / name / photo not in bad]
        for name, found in photos.items()
    }
    _refuse_small(source, readable)
    return readable, [(str(path), reason) for path, reason in bad.items()]


def _refuse_small(source: Path, photos: Mapping[str, Sequence[str]]) -> None:
    small = [f"{name} ({len(found)})" for name, found in photos.items() if len(found) < 3]
    if small:
        raise UserError(
            tr(
                f"Classes in {source} with fewer than 3 readable photos cannot be split: "
                f"{', '.join(small)}. Add photos or move these folders away.",
                f"{source} 里可读照片少于 3 张的类别无法划分：{'、'.join(small)}。"
                "请加入照片，或移走这些文件夹。",
            )
        )


def _draw(
    name: str, photos: Sequence[str], shares: tuple[float, float, float], seed: int
) -> dict[str, list[str]]:
    """Photos of one class, shuffled into the splits."""
    rng = np.random.default_rng([seed, zlib.crc32(name.encode("utf-8", "surrogateescape"))])
    shuffled = [photos[i] for i in rng.permutation(len(photos))]
    val = max(1, round(len(photos) * shares[1]))
    test = max(1, round(len(photos) * shares[2]))
    # Large shares of a small class must leave a photo to train on.
    val = min(val, len(photos) - 2)
    test = min(test, len(photos) - val - 1)
    return {
        "train": shuffled[val + test :],
        "val": shuffled[:val],
        "test": shuffled[val : val + test],
    }


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
