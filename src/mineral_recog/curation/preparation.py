"""Splits photos into train, val and test, class by class; can cut train to a long tail."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path

from mineral_recog.curation.attributes import (
    AttributeReport,
    find_attributes,
    report_attributes,
)
from mineral_recog.curation.class_sizes import (
    ClassSize,
    class_sizes,
    classes_tested_once,
    leave_out_small,
    refuse_undivided,
)
from mineral_recog.curation.class_splits import refuse_splits, split_photos
from mineral_recog.curation.decisions import Decisions, refuse_unknown_classes
from mineral_recog.curation.distribution_plot import draw_distribution
from mineral_recog.curation.duplicate_handling import (
    DuplicateReport,
    assign_classes,
)
from mineral_recog.curation.findings import class_of, collect_findings, count_photos
from mineral_recog.curation.placement import place_photos, target_paths
from mineral_recog.curation.specimens import (
    SpecimenReport,
    find_specimens,
    join_groups,
    report_specimens,
    write_specimens,
)
from mineral_recog.curation.unreadable import location_and_reason, name_unreadable_first
from mineral_recog.data.dataset import (
    ATTRIBUTES_FILE,
    SPECIMENS_FILE,
    SPLITS,
    refuse_class_name,
)
from mineral_recog.data.long_tail import make_long_tail
from mineral_recog.data.photo_columns import write_photo_column
from mineral_recog.data.readers.source import Source
from mineral_recog.data.splits import Shares, SplitPaths
from mineral_recog.duplicates.survey import Copies, survey_photos
from mineral_recog.errors import DataError
from mineral_recog.files import (
    atomic_folder,
    refuse_inside,
    refuse_replacing_photos,
    write_file_list,
)
from mineral_recog.i18n import tr
from mineral_recog.progress import SILENT, Progress
from mineral_recog.text import natural_order

PREPARED_FILE = "prepared.json"
SHARES: Shares = (0.8, 0.1, 0.1)


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
        attributes: Counts of the attributes of photos; None if no attribute is known.
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
    attributes: AttributeReport | None


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
    refuse_splits(source, used, shares)
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
        splits_of, duplicate_report = split_photos(
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
    attribute_of = find_attributes(source, splits_of)
    moved = sum(
        class_of(path) != name for name, paths in assignment.class_paths.items() for path in paths
    )
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
        moved=moved,
        not_there=decisions.unknown_paths(source.paths),
        small_classes=small_classes,
        tested_once=classes_tested_once(splits_of, groups),
        specimens=specimen_report,
        attributes=report_attributes(splits_of, attribute_of),
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
    notice = _write_folder(source, data, splits_of, specimen_of, attribute_of, settings, prepared)
    if notice:
        progress.notice(notice)
    return prepared


def _write_folder(
    source: Source,
    data: Path,
    splits_of: Mapping[str, SplitPaths],
    specimen_of: Mapping[str, str],
    attribute_of: Mapping[str, str],
    settings: Mapping[str, object],
    prepared: Prepared,
) -> str | None:
    """Write the prepared folder, which appears only when it is complete.

    Returns:
        See `draw_distribution`.
    """
    targets = target_paths(splits_of)
    with atomic_folder(data) as partial:
        place_photos(source, targets, partial, str(settings["place"]))
        if prepared.specimens:
            write_specimens(partial / SPECIMENS_FILE, targets, specimen_of)
        if attribute_of:
            known = (
                (target, attribute_of[name]) for name, target in targets if name in attribute_of
            )
            write_photo_column(partial / ATTRIBUTES_FILE, "attribute", known)
        _write_record(partial, settings, prepared)
        train_counts = {name: counts["train"] for name, counts in prepared.counts.items()}
        notice = draw_distribution(train_counts, partial)
        write_file_list(partial)
    return notice


def _write_record(folder: Path, settings: Mapping[str, object], prepared: Prepared) -> None:
    """Write the settings and the result of `prepare`."""
    text = json.dumps({**settings, "made": asdict(prepared)}, indent=1, ensure_ascii=False)
    (folder / PREPARED_FILE).write_text(text, encoding="utf-8", errors="surrogateescape")


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
