"""Audits a folder of photos: reads and compares them, and writes what was found."""

from __future__ import annotations

import shlex
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from mineral_recog.curation.class_names import same_names
from mineral_recog.curation.findings import Finding, find_all, write_csv, write_json
from mineral_recog.curation.review import write_review
from mineral_recog.data.readers.naming import open_named
from mineral_recog.data.readers.source import Source
from mineral_recog.duplicates.survey import Survey, survey_photos
from mineral_recog.files import refuse_existing, refuse_inside
from mineral_recog.i18n import tr
from mineral_recog.minerals.facts import read_minerals
from mineral_recog.progress import SILENT, Progress

if TYPE_CHECKING:  # torch is needed only with a model
    from mineral_recog.curation.label_errors import Doubts
    from mineral_recog.identify.identifier import Identifier

FINDINGS, TABLE, PAGE = "findings.json", "findings.csv", "review.html"


@dataclass(frozen=True)
class Audit:
    """What an audit found.

    Attributes:
        findings: All findings, in the order of `KINDS`.
        photo_count: Photos that were read, unreadable ones included.
        not_photos: Files that are no photos, by suffix.
        renamed: New names of classes that the aliases changed, by the old ones.
        unknown_classes: Classes that the model does not know, if a model was asked.
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
        model: Run or bundle folder of a model that is asked about the photos.
        aliases: See `open_named`.
        force: Replace the findings of an earlier audit.
        progress: Receives the progress.

    Raises:
        UserError: There are no photos with classes, the aliases cannot be used, the output exists
            or lies in SRC, or there is no model.
    """
    refuse_existing(out, force, made_by_us=(out / FINDINGS).is_file())
    refuse_inside(out, path)
    source, renamed = open_named(path, aliases, progress)
    identifier = None if model is None else _load(model)
    survey = survey_source(source, source.photos, progress)
    names = same_names(source.classes, read_minerals())
    doubts = None if identifier is None else _ask(identifier, source, survey, progress)
    findings = find_all(survey, names, source.odd, doubts.findings if doubts else ())
    records = [*survey.whole, *survey.unread]
    option = f"--aliases {shlex.quote(aliases)} " if aliases else ""  # decisions use these names
    command = f"mineral-recog prepare SRC DATA {option}--decisions decisions.json"
    # Files one by one, since decisions of the user may lie beside them.
    task = progress.start(tr("drawing the page", "生成页面"), 1)
    write_review(out / PAGE, source, findings, records, command, task.set_of)
    write_csv(out / TABLE, findings)
    write_json(out / FINDINGS, findings, len(records))
    return Audit(
        findings,
        len(records),
        dict(source.others),
        renamed,
        doubts.unknown if doubts else (),
        command,
    )


def survey_source(source: Source, paths: Sequence[str], progress: Progress) -> Survey:
    """Read photos of a source and compare them with each other."""
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


def _ask(identifier: Identifier, source: Source, survey: Survey, progress: Progress) -> Doubts:
    """Ask the model about the photos that can be read."""
    from mineral_recog.curation.label_errors import find_doubts

    paths = [record.path for record in survey.whole]
    task = progress.start(tr("asking the model", "询问模型"), len(paths))
    return find_doubts(identifier, source.open, paths, source.classes, read_minerals(), task.set)
