"""From photos to train, val and test: stratified, by seed or as given, long-tailed on request."""

from __future__ import annotations

import json
import shutil
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

import numpy as np

from mineral_recog.curation.auditor import survey_source
from mineral_recog.curation.class_names import same_names
from mineral_recog.curation.decisions import Decisions, refuse_unknown_classes
from mineral_recog.curation.duplicate_handling import Copies, SortedOut, count_copies, sort_out
from mineral_recog.curation.finding_kinds import KINDS
from mineral_recog.curation.findings import count_photos, find_all
from mineral_recog.data.class_groups import class_groups
from mineral_recog.data.dataset import SPLITS
from mineral_recog.data.given_splits import heed_copies
from mineral_recog.data.long_tail import cut
from mineral_recog.data.readers.source import Source
from mineral_recog.data.splits import (
    Shares,
    SplitPhotos,
    can_be_drawn,
    draw,
    expected_leaks,
    leaks,
)
from mineral_recog.duplicates.records import Record
from mineral_recog.errors import DataError
from mineral_recog.evaluation.plots import class_counts
from mineral_recog.files import link_or_copy, refuse_existing, refuse_inside, whole_folder
from mineral_recog.i18n import chinese, tr
from mineral_recog.minerals.facts import read_minerals
from mineral_recog.progress import SILENT, Progress
from mineral_recog.rendering.plot_style import save
from mineral_recog.text import encodable

MARK, PICTURE = "prepared.json", "distribution.png"
SHARES: Shares = (0.8, 0.1, 0.1)


@dataclass(frozen=True)
class Prepared:
    """What `prepare` did.

    Attributes:
        counts: photos of each split of each class, {class: {split: n}}.
        given: splits that the source gave; the others were drawn.
        skipped: photos that cannot be read, with the reason.
        not_photos: files that are no photos, by suffix.
        left_out: training photos that the imbalance asked for leaves out.
        imbalance: largest over smallest number of training photos a class.
        findings: photos of each kind of finding, by the keys of `audit.kinds.KINDS`.
        copies: what became of photos that are copies of each other.
        dropped: photos that the user's decisions leave out.
        moved: photos that they put under another class.
        not_there: photos that they name and that are not there.
    """

    counts: dict[str, dict[str, int]]
    given: list[str]
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
        raise DataError(
            tr(
                f"--split {text}: write three positive numbers such as 80/10/10.",
                f"--split {text}：请写三个正数，例如 80/10/10。",
            )
        )
    return train / total, val / total, test / total


def prepare(
    source: Source,
    data: Path,
    *,
    shares: Shares | None = None,
    imbalance: float | None = None,
    seed: int = 0,
    place: str = "hardlink",
    decisions: Decisions | None = None,
    force: bool = False,
    progress: Progress = SILENT,
) -> Prepared:
    """Split photos into DATA/{train,val,test}, each with a folder a class.

    Every class has at least one photo in each split. Splits are drawn class by class, so that a
    class's split does not depend on what other classes there are. Splits that the source gives are
    kept, and val or test drawn out of train where it gives none. Copies of a photo are in the split
    that it is in; photos with a copy under another class are left out.

    Args:
        source: of the photos.
        data: folder to make; it appears only when it is whole.
        shares: of train, val and test, adding up to 1; by default `SHARES`, and none may be named
            when the source gives splits.
        imbalance: cut the training photos to an exponential curve with this factor between the
            largest class and the smallest; val and test stay as they are.
        seed: of the draw.
        place: `hardlink` (a copy where links are impossible), `copy` or `symlink`; photos inside
            another file are copied.
        decisions: what the user decided about photos and classes.
        force: replace `data` if an earlier `prepare` made it.
        progress: receives the progress.

    Raises:
        UserError: no two classes, too few photos in a class, an output that exists, decisions about
            classes that are not there, or splits given to some photos, not to train, or in spite
            of `shares`.
    """
    refuse_existing(data, force, made_by_us=(data / MARK).is_file())
    refuse_inside(data, source.root)
    decisions = decisions or Decisions()
    _refuse_classes(source)
    refuse_unknown_classes(decisions, source.classes)
    used = [photo for photo in source.photos if decisions.class_for(photo) is not None]
    _refuse_splits(source, used, shares)
    looked = survey_source(source, used, progress)
    found = sort_out([record.path for record in looked.whole], looked.copies, decisions)
    classes = sorted(set(source.classes) - set(decisions.classes))
    if source.splits:
        drawn, copies = _given(source, classes, found, seed)
    else:
        drawn, copies = _drawn(source, classes, found, shares or SHARES, seed)
    in_training = sum(len(splits["train"]) for splits in drawn.values())
    if imbalance is not None:
        cut(drawn, imbalance)
    counts = {name: {s: len(splits[s]) for s in SPLITS} for name, splits in drawn.items()}
    train = [of["train"] for of in counts.values()]
    places = {photo: _place(name, photo) for name, of in found.photos.items() for photo in of}
    names = same_names(source.classes, read_minerals())
    made = Prepared(
        counts=counts,
        given=[split for split in SPLITS if split in source.splits.values()],
        skipped=[(_where(source, record.path), _why(record)) for record in looked.unread],
        not_photos=dict(source.others),
        left_out=in_training - sum(train),
        imbalance=max(train) / min(train),
        findings=count_photos(find_all(looked, names, source.odd)),
        copies=copies,
        dropped=len(source.photos) - len(used),
        moved=sum(photo != at for photo, at in places.items()),
        not_there=decisions.unknown(source.photos),
    )
    settings = {
        "split": None if source.splits else shares or SHARES,
        "imbalance": imbalance,
        "seed": seed,
        "place": place,
    }
    with whole_folder(data) as partial:
        for splits in drawn.values():
            for split, of_split in splits.items():
                for photo in of_split:
                    _put(source, photo, partial / split / places[photo], place)
        text = json.dumps({**settings, "made": asdict(made)}, indent=1, ensure_ascii=False)
        (partial / MARK).write_text(text, encoding="utf-8", errors="surrogateescape")
        _draw_distribution(counts, partial / PICTURE)
    return made


def _draw_distribution(counts: dict[str, dict[str, int]], path: Path) -> None:
    """Draw the training photos of each class as a picture."""
    names = list(counts)
    train = [counts[name]["train"] for name in names]
    save(class_counts(names, train, class_groups("thirds", names, train)), path)


def _drawn(
    source: Source, classes: Sequence[str], found: SortedOut, shares: Shares, seed: int
) -> tuple[dict[str, SplitPhotos], Copies]:
    """Splits of each class, drawn, and what became of copies."""
    small = [
        f"{encodable(name)} ({len(of_class)})"
        for name in classes
        if not can_be_drawn(of_class := found.photos.get(name, []), found.group_of, found.to_train)
    ]
    if small:
        raise DataError(
            tr(
                f"Classes in {source.root} with fewer than 3 readable photos cannot be split, "
                f"copies of each other counting as one: {', '.join(small)}. Add photos or take "
                "these classes out.",
                f"{source.root} 里可读照片少于 3 张（互为重复的算一张）的类别无法划分："
                f"{'、'.join(small)}。请加入照片，或去掉这些类别。",
            )
        )
    drawn = {
        name: draw(name, of_class, shares, seed, found.group_of, found.to_train)
        for name, of_class in found.photos.items()
    }
    leaks_else = expected_leaks(found.all_photos, found.group_of, shares)
    return drawn, count_copies(found, leaks_else)


def _given(
    source: Source, classes: Sequence[str], found: SortedOut, seed: int
) -> tuple[dict[str, SplitPhotos], Copies]:
    """Splits of each class as the source gives them, and what became of copies."""
    given = heed_copies(found.photos, source.splits, found.group_of, found.to_train)
    small = [
        f"{encodable(name)} ({', '.join(f'{split} {len(of)}' for split, of in parts.items())})"
        for name in classes
        if not given.enough(name) and (parts := given.parts(name))
    ]
    if small:
        needs = {split: 1 for split in SPLITS if split not in given.missing}
        needs["train"] += len(given.missing)
        need = ", ".join(f"{split} {count}" for split, count in needs.items())
        raise DataError(
            tr(
                f"Classes in {source.root} with too few readable photos for the splits that it "
                f"gives: {'; '.join(small)}. Each needs {need}, copies of each other counting as "
                "one: add photos or take these classes out.",
                f"{source.root} 里有类别的可读照片不足以用其给定的划分：{'；'.join(small)}。"
                f"每类需要 {need}（互为重复的算一张）：请加入照片，或去掉这些类别。",
            )
        )
    drawn = {name: given.drawn(name, seed) for name in found.photos}
    came: SplitPhotos = {split: [] for split in SPLITS}
    for photo in (photo for of_class in found.all_photos.values() for photo in of_class):
        came[source.splits[photo]].append(photo)
    return drawn, count_copies(found, leaks([came], found.group_of), given.left_out)


def _refuse_splits(source: Source, used: Sequence[str], shares: Shares | None) -> None:
    """Refuse splits that cannot be kept."""
    if not source.splits:
        return
    if shares is not None:
        raise DataError(
            tr(
                f"{source.root} gives the splits itself: leave out --split.",
                f"{source.root} 已给出划分：请去掉 --split。",
            )
        )
    if without := [photo for photo in used if photo not in source.splits]:
        raise DataError(
            tr(
                f"{source.root} gives a split to some photos and none to {len(without)}, the first "
                f"{encodable(without[0])}: give one to each or to none.",
                f"{source.root} 只给部分照片指定了划分，{len(without)} 张没有，第一张为 "
                f"{encodable(without[0])}：请全部指定或都不指定。",
            )
        )
    if "train" not in source.splits.values():
        there = sorted(set(source.splits.values()))
        raise DataError(
            tr(
                f"{source.root} gives {' and '.join(there)} and no train: add the photos to train "
                "on.",
                f"{source.root} 只有 {'、'.join(there)}，没有 train：请加入训练照片。",
            )
        )


def _where(source: Source, photo: str) -> str:
    """A photo as its user finds it."""
    return str(source.file(photo) or f"{source.root}: {photo}")


def _place(name: str, photo: str) -> str:
    """Where a photo comes to lie in a split; one of another class in a folder of its own."""
    of, file = photo.split("/", 1)
    return photo if of == name else f"{name}/from {of}/{file}"


def _why(record: Record) -> str:
    """Why a photo cannot be read, in a few words."""
    remark = record.remarks[0]
    label = KINDS[remark.kind].label["zh" if chinese() else "en"]
    return ": ".join(filter(None, (label, remark.told)))


def _refuse_classes(source: Source) -> None:
    """Refuse what cannot be split by class, or whose classes cannot be folders."""
    if len(source.classes) < 2:
        raise DataError(
            tr(
                f"{source.root} has {len(source.classes)} class{'es' * (not source.classes)}: it "
                "needs at least two, each with photos.",
                f"{source.root} 里有 {len(source.classes)} 个类别：至少需要两个，每个都有照片。",
            )
        )
    for name in source.classes:
        if not name.isprintable():
            raise DataError(
                tr(
                    f"The class {name!a} in {source.root} has a name that is no readable text: "
                    "rename it.",
                    f"{source.root} 里的类别 {name!a} 的名字不是可读的文字：请改名。",
                )
            )


def _put(source: Source, photo: str, target: Path, place: str) -> None:
    target.parent.mkdir(parents=True, exist_ok=True)
    path = source.file(photo)
    if path is None:
        with source.open(photo) as file, target.open("wb") as copy:
            shutil.copyfileobj(file, copy)
    elif place == "symlink":
        target.symlink_to(path.resolve())
    elif place == "hardlink":
        link_or_copy(path.resolve(), target)
    else:
        shutil.copyfile(path, target)
