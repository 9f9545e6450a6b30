"""Audits photos: reads and compares them, and writes the findings and the review page."""

from __future__ import annotations

import shlex
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from mineral_recog.curation.class_names import similar_names
from mineral_recog.curation.findings import Finding, collect_findings, write_csv, write_json
from mineral_recog.curation.review import write_review
from mineral_recog.data.readers.naming import open_with_aliases
from mineral_recog.data.readers.source import Source
from mineral_recog.duplicates.survey import Survey, survey_photos
from mineral_recog.files import refuse_existing, refuse_inside
from mineral_recog.i18n import tr
from mineral_recog.minerals.facts import read_minerals
from mineral_recog.progress import SILENT, Progress

if TYPE_CHECKING:  # torch is needed only with a model
    from mineral_recog.curation.label_errors import LabelErrors
    from mineral_recog.identify.identifier import Identifier

FINDINGS, TABLE, PAGE = "findings.json", "findings.csv", "review.html"


@dataclass(frozen=True)
class Audit:
    """The result of an audit.

    Attributes:
        findings: All findings, in the order of `FINDING_KINDS`.
        photo_count: Photos that were read, unreadable ones included.
        not_photos: Files that are not photos, by suffix.
        renamed: New names of classes that the aliases changed, by the old ones.
        unknown_classes: Classes that the model does not know; empty without a model.
        prepare_command: The command that applies decisions about the findings.
    """

    findings: list[Finding]
    photo_count: int
    not_photos: dict[str, int]
    renamed: dict[str, str]
    unknown_classes: tuple[str, ...]
    prepare_command: str


def audit(
    path: Path,
    out: Path,
    *,
    model: Path | None = None,
    aliases: str | None = None,
    force: bool = False,
    progress: Progress = SILENT,
) -> Audit:
    """Audit SRC and write the findings and the review page to a folder.

    Nothing in SRC is changed.

    Args:
        path: The photos; see `open_source`.
        out: Folder for the findings.
        model: Run or bundle folder of a model that checks the labels of the photos.
        aliases: See `open_with_aliases`.
        force: Replace the findings of an earlier audit.
        progress: Receives the progress.

    Raises:
        UserError: There are no photos with classes, the aliases cannot be used, the output exists
            or lies in SRC, or there is no model.
    """
    refuse_existing(out, force, made_by_us=(out / FINDINGS).is_file())
    refuse_inside(out, path)
    source, renamed = open_with_aliases(path, aliases, progress)
    identifier = None if model is None else _load(model)
    survey = survey_source(source, source.paths, progress)
    name_pairs = similar_names(source.classes, read_minerals())
    label_errors = (
        None if identifier is None else _check_labels(identifier, source, survey, progress)
    )
    findings = collect_findings(
        survey, name_pairs, source.remarks, label_errors.findings if label_errors else ()
    )
    records = [*survey.readable, *survey.unreadable]
    option = f"--aliases {shlex.quote(aliases)} " if aliases else ""  # decisions use these names
    command = f"mineral-recog prepare SRC DATA {option}--decisions decisions.json"
    # Separate files, not a new folder, because the user may save decisions in this folder.
    task = progress.start(tr("drawing the page", "生成页面"), 1)
    write_review(out / PAGE, source, findings, records, command, task.set_with_total)
    write_csv(out / TABLE, findings)
    write_json(out / FINDINGS, findings, len(records))
    return Audit(
        findings,
        len(records),
        dict(source.other_files),
        renamed,
        label_errors.unknown_classes if label_errors else (),
        command,
    )


def survey_source(source: Source, paths: Sequence[str], progress: Progress) -> Survey:
    """Read photos of a source and find the duplicates among them."""
    reading = progress.start(tr("reading photos", "读取照片"), len(paths))
    comparing = tr("looking for copies", "查找重复")
    return survey_photos(
        source.open,
        paths,
        reading.set,
        lambda done: progress.update(comparing, done, len(paths)),
    )


def _load(model: Path) -> Identifier:
    from mineral_recog.identify.identifier import load

    return load(model)


def _check_labels(
    identifier: Identifier, source: Source, survey: Survey, progress: Progress
) -> LabelErrors:
    """Check the labels of the readable photos with the model."""
    from mineral_recog.curation.label_errors import find_label_errors

    paths = [record.path for record in survey.readable]
    task = progress.start(tr("asking the model", "询问模型"), len(paths))
    return find_label_errors(
        identifier, source.open, paths, source.classes, read_minerals(), task.set
    )
