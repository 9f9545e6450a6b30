"""Splits photos into train, val and test, class by class; can cut train to a long tail."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

from mineral_recog.curation.class_sizes import (
    MIN_PICTURES,
    ClassSize,
    class_sizes,
    classes_tested_once,
    leave_out_small,
    refuse_undivided,
)
from mineral_recog.curation.decisions import Decisions, refuse_unknown_classes
from mineral_recog.curation.duplicate_handling import (
    ClassAssignment,
    DuplicateReport,
    assign_classes,
    summarise_duplicates,
    why_too_few,
)
from mineral_recog.curation.findings import class_of, collect_findings, count_photos
from mineral_recog.curation.placement import place_photos, target_paths
from mineral_recog.curation.specimens import (
    SPECIMENS_FILE,
    Groups,
    SpecimenReport,
    find_specimens,
    join_groups,
    report_specimens,
    write_specimens,
)
from mineral_recog.curation.unreadable import location_and_reason, name_unreadable_first
from mineral_recog.data.class_groups import class_groups
from mineral_recog.data.dataset import SPLITS, refuse_class_name
from mineral_recog.data.given_splits import photos_across, split_as_given
from mineral_recog.data.long_tail import make_long_tail
from mineral_recog.data.readers.source import Source
from mineral_recog.data.splits import (
    Shares,
    SplitPaths,
    can_be_split,
    count_leaks,
    expected_leak_count,
    split_classes,
)
from mineral_recog.duplicates.survey import Copies, survey_photos
from mineral_recog.errors import DataError
from mineral_recog.evaluation.plots import class_counts
from mineral_recog.files import (
    atomic_folder,
    refuse_inside,
    refuse_replacing_photos,
    write_file_list,
)
from mineral_recog.i18n import tr
from mineral_recog.progress import SILENT, Progress
from mineral_recog.rendering.plot_style import font_notice, save
from mineral_recog.text import encodable, natural_order

PREPARED_FILE, PICTURE = "prepared.json", "distribution.png"
SHARES: Shares = (0.8, 0.1, 0.1)
_COPIES_REMEDY = (
    "; if these are no copies, use --copies exact, or mark them with `audit` and --decisions",
    "；若这些照片并非重复，请用 --copies exact，或用 `audit` 标记后给出 --decisions",
)


@dataclass(frozen=True)
class Prepared:
    """The result of `prepare`.

    Attributes:
        counts: Number of photos in each split of each class, {class: {split: n}}.
        given: Splits that the source gives; the others are drawn.
        skipped: Photos that cannot be read, with the reason.
        not_photos: Number of files that are not photos, by suffix.
        left_out: Number of training photos left out for the requested imbalance.
        imbalance: Largest number of training photos per class, divided by the smallest.
        findings: Number of photos with findings of each kind, by the keys of
            `finding_kinds.FINDING_KINDS`.
        copies: The use of photos with duplicates.
        dropped: Number of photos that the user's decisions leave out.
        moved: Number of photos that they move to another class.
        not_there: Photos that they name and that do not exist.
        small_classes: Classes left out for having fewer photos than requested, with their sizes.
        tested_once: Classes whose test photos are one photo, its copies, or one specimen.
        specimens: The use of photos of known specimens; None if no specimen is known.
    """

    counts: dict[str, dict[str, int]]
    given: list[str]
    skipped: list[tuple[str, str]]
    not_photos: dict[str, int]
    left_out: int
    imbalance: float
    findings: dict[str, int]
    copies: DuplicateReport
    dropped: int
    moved: int
    not_there: list[str]
    small_classes: dict[str, ClassSize]
    tested_once: list[str]
    specimens: SpecimenReport | None


def prepare(
    source: Source,
    data: Path,
    *,
    shares: Shares | None = None,
    imbalance: float | None = None,
    seed: int = 0,
    place: str = "hardlink",
    decisions: Decisions | None = None,
    group_by: str | None = None,
    min_photos: int | None = None,
    copies: Copies = "near",
    force: bool = False,
    progress: Progress = SILENT,
) -> Prepared:
    """Split photos into DATA/{train,val,test}, each with one folder per class.

    Every class has at least one photo in each split. Classes are split separately, so that the
    split of a class does not depend on the other classes. Splits that the source gives are kept; a
    missing val or test split is drawn from train. Duplicates are in the same split, and so are
    photos of one specimen; photos with a duplicate in another class are left out.

    Args:
        source: The source of the photos.
        data: Folder to make; it appears only when it is complete.
        shares: Shares of train, val and test, which add up to 1; default `SHARES`. Must be None if
            the source gives splits.
        imbalance: Reduce the training photos to an exponential curve with this factor between the
            largest class and the smallest; val and test do not change.
        seed: Seed of the random split.
        place: `hardlink` (a copy where links are impossible), `copy` or `symlink`; photos inside
            another file are copied.
        decisions: The user's decisions about photos and classes.
        group_by: Pattern that finds the specimen of a photo in its name, in place of the specimens
            that the source lists; see `specimens.SpecimenPattern`.
        min_photos: Leave out classes with fewer photos; see `class_sizes.leave_out_small`.
        copies: Duplicates to look for, see `survey_photos`.
        force: Replace `data` if an earlier `prepare` made it, and all files in it are its own.
        progress: Receives the progress.

    Raises:
        UserError: There are fewer than two classes, a class has too few photos or specimens, the
            output exists, decisions name unknown classes, or `group_by` is of no use; or the splits
            of the source lack some photos, lack train, or are given together with `shares`.
    """
    refuse_replacing_photos(data, force, PREPARED_FILE)
    refuse_inside(data, source.root)
    decisions = decisions or Decisions()
    _refuse_classes(source)
    refuse_unknown_classes(decisions, source.classes)
    used = [path for path in source.paths if decisions.class_for(path) is not None]
    _refuse_splits(source, used, shares)
    specimen_of = find_specimens(source, used, group_by)
    survey = survey_photos(source, used, progress, copies)
    assignment = assign_classes(
        [record.path for record in survey.readable], survey.duplicates, decisions
    )
    classes = [name for name in source.classes if name not in decisions.classes]
    groups = join_groups(assignment, specimen_of)
    sizes = class_sizes(classes, assignment, groups)
    small_classes: dict[str, ClassSize] = {}
    if min_photos is not None:
        assignment, small_classes = leave_out_small(assignment, sizes, min_photos)
        classes = [name for name in classes if name not in small_classes]
    try:
        if source.splits:
            splits_of, duplicate_report = _keep_given_splits(
                source, classes, assignment, groups, seed
            )
        else:
            splits_of, duplicate_report = _draw_splits(
                source, classes, assignment, groups, shares or SHARES, seed
            )
        refuse_undivided(source.root, splits_of, sizes)
    except DataError as error:
        raise name_unreadable_first(error, source, survey.unreadable) from None
    specimen_report = report_specimens(
        source,
        group_by,
        specimen_of,
        assignment.class_paths,
        splits_of,
        duplicate_report.left_out,
        shares or SHARES,
    )
    train_before = sum(len(splits["train"]) for splits in splits_of.values())
    if imbalance is not None:
        make_long_tail(splits_of, imbalance)
    splits_of = {name: splits_of[name] for name in natural_order(splits_of)}
    counts = {name: {s: len(splits[s]) for s in SPLITS} for name, splits in splits_of.items()}
    train_counts = [splits["train"] for splits in counts.values()]
    prepared = Prepared(
        counts=counts,
        given=[split for split in SPLITS if split in source.splits.values()],
        skipped=[location_and_reason(source, record) for record in survey.unreadable],
        not_photos=dict(source.other_files),
        left_out=train_before - sum(train_counts),
        imbalance=max(train_counts) / min(train_counts),
        findings=count_photos(collect_findings(source, survey)),
        copies=duplicate_report,
        dropped=len(source.paths) - len(used),
        moved=sum(
            class_of(path) != name
            for name, paths in assignment.class_paths.items()
            for path in paths
        ),
        not_there=decisions.unknown_paths(source.paths),
        small_classes=small_classes,
        tested_once=classes_tested_once(splits_of, groups),
        specimens=specimen_report,
    )
    settings = {
        "split": None if source.splits else shares or SHARES,
        "imbalance": imbalance,
        "seed": seed,
        "place": place,
        "group_by": group_by,
        "min_photos": min_photos,
        "copies": copies,
    }
    targets = target_paths(splits_of)
    with atomic_folder(data) as partial:
        place_photos(source, targets, partial, place)
        if specimen_report:
            write_specimens(partial / SPECIMENS_FILE, targets, specimen_of)
        _write_record(partial, settings, prepared)
        write_file_list(partial)
    if notice := font_notice(prepared.counts):
        progress.notice(notice)
    return prepared


def _write_record(folder: Path, settings: Mapping[str, object], prepared: Prepared) -> None:
    """Write the settings and the result of `prepare`, and a plot of the class counts."""
    text = json.dumps({**settings, "made": asdict(prepared)}, indent=1, ensure_ascii=False)
    (folder / PREPARED_FILE).write_text(text, encoding="utf-8", errors="surrogateescape")
    names = list(prepared.counts)
    train_counts = [counts["train"] for counts in prepared.counts.values()]
    head_to_tail = class_groups("thirds", names, train_counts)
    save(class_counts(names, train_counts, head_to_tail), folder / PICTURE)


def _draw_splits(
    source: Source,
    classes: Sequence[str],
    assignment: ClassAssignment,
    groups: Groups,
    shares: Shares,
    seed: int,
) -> tuple[dict[str, SplitPaths], DuplicateReport]:
    """Draw the splits of each class; return them with a report of duplicates."""
    small = [
        why_too_few(assignment, name)
        for name in classes
        if not can_be_split(
            assignment.class_paths.get(name, []),
            assignment.duplicate_set_of,
            assignment.train_only,
        )
    ]
    if small:
        raise DataError(
            tr(
                f"Classes in {source.root} with fewer than 3 readable photos cannot be split "
                f"(copies of each other count as one): {'; '.join(small)}. Add photos, or "
                f"leave these classes out with --min-photos {MIN_PICTURES}"
                f"{_COPIES_REMEDY[0] if assignment.duplicate_set_of else ''}.",
                f"{source.root} 里可读照片少于 3 张（互为重复的算一张）的类别无法划分："
                f"{'；'.join(small)}。请加入照片，或用 --min-photos {MIN_PICTURES} 略去这些类别"
                f"{_COPIES_REMEDY[1] if assignment.duplicate_set_of else ''}。",
            )
        )
    splits_of = split_classes(assignment.class_paths, shares, seed, *groups)
    would_leak = expected_leak_count(
        assignment.all_class_paths, assignment.duplicate_set_of, shares
    )
    return splits_of, summarise_duplicates(assignment, would_leak)


def _keep_given_splits(
    source: Source,
    classes: Sequence[str],
    assignment: ClassAssignment,
    groups: Groups,
    seed: int,
) -> tuple[dict[str, SplitPaths], DuplicateReport]:
    """Split each class as the source gives; return the splits with a report of duplicates."""
    given = split_as_given(assignment.class_paths, source.splits, *groups)
    small = [
        f"{encodable(name)} ({', '.join(f'{split} {len(part)}' for split, part in parts.items())})"
        for name in classes
        if not given.can_split(name) and (parts := given.class_paths(name))
    ]
    if small:
        needs = {split: 1 for split in SPLITS if split not in given.missing}
        needs["train"] += len(given.missing)
        need = ", ".join(f"{split} {count}" for split, count in needs.items())
        raise DataError(
            tr(
                f"Classes in {source.root} have too few readable photos for its splits: "
                f"{'; '.join(small)}. Each needs {need} (copies of each other count as one, like "
                "photos of one specimen): add photos or remove these classes"
                f"{_COPIES_REMEDY[0] if assignment.duplicate_set_of else ''}.",
                f"{source.root} 里有类别的可读照片不足以用其给定的划分：{'；'.join(small)}。"
                f"每类需要 {need}（互为重复的算一张，同一标本的照片也算一张）："
                "请加入照片，或去掉这些类别"
                f"{_COPIES_REMEDY[1] if assignment.duplicate_set_of else ''}。",
            )
        )
    splits_of = given.split_classes(seed)
    all_paths = [path for paths in assignment.all_class_paths.values() for path in paths]
    given_paths = {
        split: [path for path in all_paths if source.splits[path] == split] for split in SPLITS
    }
    duplicate_set_of = assignment.duplicate_set_of
    left_out = photos_across(assignment.class_paths, source.splits, duplicate_set_of)
    return splits_of, summarise_duplicates(
        assignment, count_leaks([given_paths], duplicate_set_of), left_out
    )


def _refuse_splits(source: Source, used: Sequence[str], shares: Shares | None) -> None:
    """Refuse given splits that cannot be used."""
    if not source.splits:
        return
    if shares is not None:
        raise DataError(
            tr(
                f"{source.root} already has splits: omit --split.",
                f"{source.root} 已给出划分：请去掉 --split。",
            )
        )
    if without := [photo for photo in used if photo not in source.splits]:
        raise DataError(
            tr(
                f"{source.root} gives a split for some photos only; {len(without)} have none, the "
                f"first is {encodable(without[0])}: give a split for all photos or for none.",
                f"{source.root} 只给部分照片指定了划分，{len(without)} 张没有，第一张为 "
                f"{encodable(without[0])}：请全部指定或都不指定。",
            )
        )
    if "train" not in source.splits.values():
        existing = sorted(set(source.splits.values()))
        raise DataError(
            tr(
                f"{source.root} has {' and '.join(existing)} but no train split: add training "
                "photos.",
                f"{source.root} 只有 {'、'.join(existing)}，没有 train：请加入训练照片。",
            )
        )


def _refuse_classes(source: Source) -> None:
    """Refuse a source with fewer than two classes, or with names that cannot be folders."""
    if len(source.classes) < 2:
        raise DataError(
            tr(
                f"{source.root} has {len(source.classes)} class{'es' * (not source.classes)}: it "
                "needs at least two, each with photos.",
                f"{source.root} 里有 {len(source.classes)} 个类别：至少需要两个，每个都有照片。",
            )
        )
    for name in source.classes:
        refuse_class_name(name, source.root)
