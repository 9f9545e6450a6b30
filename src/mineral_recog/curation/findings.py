"""Collects the findings of an audit, and writes them to findings.json and findings.csv."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

from mineral_recog.csv_files import write_rows
from mineral_recog.curation.class_names import similar_names
from mineral_recog.curation.finding_kinds import FINDING_KINDS, BilingualText
from mineral_recog.data.readers.source import Source
from mineral_recog.duplicates.duplicate_sets import (
    counted_duplicates,
    duplicate_sets,
    sets_across_classes,
)
from mineral_recog.duplicates.finder import DuplicatePair
from mineral_recog.duplicates.survey import Survey
from mineral_recog.files import atomic_file
from mineral_recog.i18n import user_language
from mineral_recog.minerals.facts import read_minerals
from mineral_recog.text import encodable

DUPLICATE_KINDS = ("two_classes", "exact", "near")
COLUMNS = ("finding", "kind", "what", "detail", "class", "photo", "suggested")
_PAIR_TEXTS = {
    "exact": {"en": "the same bytes", "zh": "内容相同"},
    "near": {"en": "nearly the same", "zh": "几乎相同"},
    "mirrored": {"en": "mirrored", "zh": "镜像"},
    "rotated": {"en": "rotated", "zh": "旋转"},
}


@dataclass(frozen=True)
class Finding:
    """A finding that the user may want to decide on.

    Attributes:
        kind: A key of `finding_kinds.FINDING_KINDS`.
        paths: Names of the photos or classes concerned, escaped by `encodable`.
        detail: Details in both languages; may be empty.
        suggested: Class that the photo may belong to; may be empty.
    """

    kind: str
    paths: tuple[str, ...]
    detail: BilingualText
    suggested: str = ""


@dataclass(frozen=True)
class LabelErrors:
    """The findings of a model about photos; none without a model.

    Attributes:
        findings: Findings of kind `doubted`, the least likely label first, then of kind `far`, the
            highest OOD score first.
        unknown_classes: Classes that the model does not know; it cannot doubt their photos.
    """

    findings: Sequence[Finding] = ()
    unknown_classes: tuple[str, ...] = ()


def class_of(path: str) -> str:
    """Return the class folder of a path, or the path itself if it is a class folder."""
    return path.split("/", 1)[0]


def collect_findings(
    source: Source, survey: Survey, label_errors: Iterable[Finding] = ()
) -> list[Finding]:
    """Return all findings, in the order of `FINDING_KINDS`.

    Args:
        source: The source of the photos.
        survey: The photos, and the duplicates among them.
        label_errors: Findings of a model, in the order of their report.
    """
    remarks = [
        *source.remarks,
        *((record.path, remark) for record in survey.records for remark in record.remarks),
    ]
    findings = [
        *_duplicate_findings(survey),
        *label_errors,
        *(
            Finding(remark.kind, (encodable(path),), {"en": remark.detail, "zh": remark.detail})
            for path, remark in remarks
        ),
        *(
            Finding("class_names", tuple(map(encodable, names)), reason)
            for names, reason in similar_names(source.classes, read_minerals())
        ),
    ]
    order = list(FINDING_KINDS)
    return sorted(findings, key=lambda finding: order.index(finding.kind))


def _duplicate_findings(survey: Survey) -> Iterator[Finding]:
    """Yield a finding for each duplicate set: across classes first, then within each class."""
    paths = [record.path for record in survey.readable]
    classes = [class_of(path) for path in paths]
    duplicates = counted_duplicates(survey.duplicates, classes)
    across = sets_across_classes(len(paths), duplicates, classes)
    decided = {index for members in across for index in members}
    remaining = [pair for pair in duplicates if not {pair.first, pair.second} <= decided]
    for sets, pairs, across_classes in (
        (across, duplicates, True),
        (duplicate_sets(len(paths), remaining), remaining, False),
    ):
        for members, similarities in zip(sets, _lowest(sets, pairs), strict=True):
            yield _duplicate_finding([paths[i] for i in members], similarities, across_classes)


def _lowest(
    sets: Sequence[tuple[int, ...]], duplicates: Iterable[DuplicatePair]
) -> list[dict[str, float]]:
    """Return the lowest similarity of each kind of pair within each set."""
    set_of = {index: number for number, members in enumerate(sets) for index in members}
    lowest: list[dict[str, float]] = [{} for _ in sets]
    for pair in duplicates:
        number = set_of.get(pair.first)
        if number is not None and number == set_of.get(pair.second):
            similarities = lowest[number]
            similarities[pair.kind] = min(similarities.get(pair.kind, 1.0), pair.similarity)
    return lowest


def _duplicate_finding(
    paths: Sequence[str], similarities: Mapping[str, float], across_classes: bool
) -> Finding:
    """Return the finding of a duplicate set, given the lowest similarity of each kind of pair."""
    detail = {
        language: " · ".join(
            _PAIR_TEXTS[kind][language] + (f" ({similarity:.2f})" if kind != "exact" else "")
            for kind, similarity in similarities.items()
        )
        for language in ("en", "zh")
    }
    kind = "exact" if set(similarities) == {"exact"} else "near"
    if across_classes:
        kind = "two_classes"
    return Finding(kind, tuple(map(encodable, paths)), detail)


def count_photos(findings: Iterable[Finding]) -> dict[str, int]:
    """Return the number of photos or folders with findings of each kind."""
    counts = Counter[str]()
    for finding in findings:
        counts[finding.kind] += len(finding.paths)
    return dict(counts)


def write_json(path: Path, findings: Sequence[Finding], photo_count: int) -> None:
    """Write findings.json: the number of photos that were read, and every finding."""
    content = {"photos": photo_count, "findings": [asdict(finding) for finding in findings]}
    with atomic_file(path) as partial:
        partial.write_text(json.dumps(content, indent=1, ensure_ascii=False), encoding="utf-8")


def write_csv(path: Path, findings: Sequence[Finding]) -> None:
    """Write findings.csv in the user's language: one line per photo of each finding."""
    language = user_language()
    rows = [
        (
            number,
            finding.kind,
            FINDING_KINDS[finding.kind].label[language],
            finding.detail[language],
            "" if finding.kind == "no_class" else class_of(name),
            name,
            finding.suggested,
        )
        for number, finding in enumerate(findings, start=1)
        for name in finding.paths
    ]
    with atomic_file(path) as partial:
        # The byte order mark makes spreadsheets read the Chinese text as UTF-8.
        write_rows(partial, [COLUMNS, *rows], encoding="utf-8-sig")
