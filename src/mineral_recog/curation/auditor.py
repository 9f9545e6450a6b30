"""Audits photos: reads and compares them, and writes the findings and the review page."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from mineral_recog.curation.class_sizes import ClassSize, class_sizes
from mineral_recog.curation.decisions import Decisions
from mineral_recog.curation.duplicate_handling import assign_classes
from mineral_recog.curation.findings import (
    Finding,
    LabelErrors,
    collect_findings,
    write_csv,
    write_json,
)
from mineral_recog.curation.review import write_review
from mineral_recog.curation.specimen_proposal import Proposal, propose_pattern
from mineral_recog.curation.specimens import find_specimens, join_groups
from mineral_recog.data.readers.aliases import OpenedSource, open_with_aliases
from mineral_recog.data.readers.source import Source
from mineral_recog.data.readers.source_options import DEFAULTS, SourceOptions
from mineral_recog.duplicates.survey import Copies, Survey, survey_photos
from mineral_recog.errors import MissingPackageError
from mineral_recog.files import refuse_existing, refuse_inside
from mineral_recog.i18n import tr
from mineral_recog.installation import training_packages
from mineral_recog.progress import SILENT, Progress
from mineral_recog.text import command_line

FINDINGS, TABLE, PAGE = "findings.json", "findings.csv", "review.html"


@dataclass(frozen=True)
class Audit:
    """The result of an audit.

    Attributes:
        findings: All findings, in the order of `FINDING_KINDS`.
        photo_count: Photos that were read, unreadable ones included.
        not_photos: Files that are not photos, by suffix.
        opened: The photos, with the class names that the aliases changed.
        class_sizes: Usable photos of each class, without any decision.
        proposal: A pattern that may name the specimens of the photos; None if none was found.
        unknown_classes: Classes that the model does not know; empty without a model.
        prepare_command: The command that applies decisions about the findings.
    """

    findings: list[Finding]
    photo_count: int
    not_photos: dict[str, int]
    opened: OpenedSource
    class_sizes: dict[str, ClassSize]
    proposal: Proposal | None
    unknown_classes: tuple[str, ...]
    prepare_command: str


def audit(
    path: Path,
    out: Path,
    *,
    model: Path | None = None,
    copies: Copies = "near",
    aliases: Sequence[str] = (),
    options: SourceOptions = DEFAULTS,
    added: Sequence[Path] = (),
    force: bool = False,
    progress: Progress = SILENT,
) -> Audit:
    """Audit SRC and write the findings and the review page to a folder.

    Nothing in SRC is changed.

    Args:
        path: The photos; see `open_source`.
        out: Folder for the findings.
        model: Run or bundle folder of a model that checks the labels of the photos.
        copies: Duplicates to look for, see `survey_photos`.
        aliases: See `open_with_aliases`.
        options: How to read the photos.
        added: More photos, as for `open_with_aliases`.
        force: Replace the findings of an earlier audit.
        progress: Receives the progress.

    Raises:
        UserError: There are no photos with classes, the aliases cannot be used, the output exists
            or lies in SRC, or there is no model.
    """
    refuse_existing(out, force, made_by_us=(out / FINDINGS).is_file())
    for folder in (path, *added):
        refuse_inside(out, folder)
    opened = open_with_aliases(path, aliases, progress, options, added)
    source = opened.source
    # A model that cannot be read is reported before the long work.
    check_labels = None if model is None else _label_check(model, progress)
    survey = survey_photos(source, source.paths, progress, copies)
    readable = [record.path for record in survey.readable]
    label_errors = check_labels(source, readable, progress) if check_labels else LabelErrors()
    findings = collect_findings(source, survey, label_errors.findings)
    records = survey.records
    # Decisions use the names that these options give.
    words = [*options.words(), *(word for more in added for word in ("--add", str(more)))]
    words += [word for table in aliases for word in ("--aliases", table)]
    words += ["--copies", copies] if copies != "near" else []
    command = command_line(
        "mineral-recog", "prepare", path, "DATA", *words, "--decisions", "decisions.json"
    )
    # Separate files, not a new folder, because the user may save decisions in this folder.
    task = progress.start(tr("drawing the page", "生成页面"), 1)
    write_review(out / PAGE, source, findings, records, command, task.set_with_total)
    write_csv(out / TABLE, findings)
    write_json(out / FINDINGS, findings, len(records))
    return Audit(
        findings,
        len(records),
        dict(source.other_files),
        opened,
        _class_sizes(source, survey),
        propose_pattern(source),
        label_errors.unknown_classes,
        command,
    )


def _class_sizes(source: Source, survey: Survey) -> dict[str, ClassSize]:
    """Return the size that each class has for `prepare` without decisions."""
    readable = [record.path for record in survey.readable]
    assignment = assign_classes(readable, survey.duplicates, Decisions())
    groups = join_groups(assignment, find_specimens(source, readable, None))
    return class_sizes(source.classes, assignment, groups)


def _label_check(
    model: Path, progress: Progress
) -> Callable[[Source, Sequence[str], Progress], LabelErrors] | None:
    """Load a model and return `find_label_errors` with it; None where it cannot run."""
    try:
        with training_packages():
            from mineral_recog.curation.label_errors import find_label_errors
            from mineral_recog.identify.identifier import load

            return partial(find_label_errors, load(model))
    except MissingPackageError as error:
        progress.notice(
            tr(
                f"Left out: photos whose class the model doubts. {error}",
                f"未检查该模型认为类别可疑的照片。{error}",
            )
        )
        return None
