"""Collects the findings of an audit, and writes them to findings.json and findings.csv."""

from __future__ import annotations

import csv
import json
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

from mineral_recog.csv_files import escape_formula
from mineral_recog.curation.finding_kinds import FINDING_KINDS, BilingualText
from mineral_recog.data.readers.source import Remark
from mineral_recog.duplicates.finder import DuplicatePair, duplicate_sets
from mineral_recog.duplicates.records import Record
from mineral_recog.duplicates.survey import Survey
from mineral_recog.files import atomic_file
from mineral_recog.i18n import is_chinese
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


def class_of(path: str) -> str:
    """Return the class folder of a path, or the path itself if it is a class folder."""
    return path.split("/", 1)[0]


def collect_findings(
    survey: Survey,
    name_pairs: Iterable[tuple[tuple[str, str], BilingualText]] = (),
    remarks: Iterable[tuple[str, Remark]] = (),
    label_errors: Iterable[Finding] = (),
) -> list[Finding]:
    """Return all findings, in the order of `FINDING_KINDS`.

    Args:
        survey: The photos, and the duplicates among them.
        name_pairs: Class names that may mean the same, with the reason.
        remarks: Remarks of the source, with their paths.
        label_errors: Findings of a model, in the order of their report.
    """
    readable, duplicates = survey.readable, survey.duplicates
    sets = duplicate_sets(len(readable), duplicates)
    set_of = {index: number for number, members in enumerate(sets) for index in members}
    pairs: list[list[DuplicatePair]] = [[] for _ in sets]
    for pair in duplicates:
        pairs[set_of[pair.first]].append(pair)
    findings = [_duplicate_finding(*members, readable) for members in zip(sets, pairs, strict=True)]
    findings += label_errors
    records = [*readable, *survey.unreadable]
    file_remarks = [
        *remarks,
        *((record.path, remark) for record in records for remark in record.remarks),
    ]
    for path, remark in file_remarks:
        findings.append(
            Finding(remark.kind, (encodable(path),), {"en": remark.detail, "zh": remark.detail})
        )
    for names, reason in name_pairs:
        findings.append(Finding("class_names", tuple(map(encodable, names)), reason))
    order = list(FINDING_KINDS)
    return sorted(findings, key=lambda finding: order.index(finding.kind))


def _duplicate_finding(
    indices: Sequence[int], pairs: Sequence[DuplicatePair], records: Sequence[Record]
) -> Finding:
    """Return the finding of a duplicate set, given the pairs in it."""
    lowest: dict[str, float] = {}
    for pair in pairs:
        lowest[pair.kind] = min(lowest.get(pair.kind, 1.0), pair.similarity)
    detail = {
        language: " · ".join(
            _PAIR_TEXTS[kind][language] + (f" ({similarity:.2f})" if kind != "exact" else "")
            for kind, similarity in lowest.items()
        )
        for language in ("en", "zh")
    }
    kind = "exact" if set(lowest) == {"exact"} else "near"
    if len({class_of(records[index].path) for index in indices}) > 1:
        kind = "two_classes"
    return Finding(kind, tuple(encodable(records[index].path) for index in indices), detail)


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
    language = "zh" if is_chinese() else "en"
    with (
        atomic_file(path) as partial,
        # The byte order mark makes spreadsheets read the Chinese text as UTF-8.
        partial.open("w", encoding="utf-8-sig", newline="") as file,
    ):
        rows = csv.writer(file)
        rows.writerow(COLUMNS)
        for number, finding in enumerate(findings, start=1):
            label = FINDING_KINDS[finding.kind].label[language]
            for name in finding.paths:
                class_name = "" if finding.kind == "no_class" else class_of(name)
                cells = (
                    finding.kind,
                    label,
                    finding.detail[language],
                    class_name,
                    name,
                    finding.suggested,
                )
                rows.writerow([number, *map(escape_formula, cells)])
