"""What an audit found, and its files findings.json and findings.csv."""

from __future__ import annotations

import csv
import json
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

from mineral_recog.csv_files import plain_cell
from mineral_recog.curation.finding_kinds import KINDS, Text
from mineral_recog.data.readers.source import Remark
from mineral_recog.duplicates.finder import DuplicatePair, groups
from mineral_recog.duplicates.records import Record
from mineral_recog.duplicates.survey import Survey
from mineral_recog.files import whole_file
from mineral_recog.i18n import chinese
from mineral_recog.text import encodable

COPIES = ("two_classes", "exact", "near")
COLUMNS = ("finding", "kind", "what", "detail", "class", "photo", "suggested")
_ALIKE = {
    "exact": {"en": "the same bytes", "zh": "内容相同"},
    "near": {"en": "nearly the same", "zh": "几乎相同"},
    "mirrored": {"en": "mirrored", "zh": "镜像"},
    "rotated": {"en": "turned", "zh": "旋转"},
}


@dataclass(frozen=True)
class Finding:
    """Something that a user may want to decide on.

    Attributes:
        kind: a key of `kinds.KINDS`.
        paths: names of the photos or classes that it is about; those that are no UTF-8 are
            written as `encodable` does.
        detail: what exactly, in both languages; may be empty.
        suggested: class that the photo may belong to; may be empty.
    """

    kind: str
    paths: tuple[str, ...]
    detail: Text
    suggested: str = ""


def class_of(path: str) -> str:
    """The class folder that a path lies in, or the path itself for a class folder."""
    return path.split("/", 1)[0]


def find_all(
    looked: Survey,
    names: Iterable[tuple[tuple[str, str], Text]] = (),
    odd: Iterable[tuple[str, Remark]] = (),
    doubts: Iterable[Finding] = (),
) -> list[Finding]:
    """All findings, in the order of `KINDS`.

    Args:
        looked: what was seen of the photos.
        names: class names that may mean the same, with the reason.
        odd: other paths with what is odd about them.
        doubts: what a model found, in the order in which it is to be told.
    """
    whole, copies = looked.whole, looked.copies
    grouped = groups(len(whole), copies)
    group_of = {place: number for number, group in enumerate(grouped) for place in group}
    pairs: list[list[DuplicatePair]] = [[] for _ in grouped]
    for copy in copies:
        pairs[group_of[copy.first]].append(copy)
    found = [_copies(*group, whole) for group in zip(grouped, pairs, strict=True)]
    found += doubts
    records = [*whole, *looked.unread]
    of_files = [*odd, *((record.path, one) for record in records for one in record.remarks)]
    for path, remark in of_files:
        found.append(
            Finding(remark.kind, (encodable(path),), {"en": remark.told, "zh": remark.told})
        )
    for pair, reason in names:
        found.append(Finding("class_names", tuple(map(encodable, pair)), reason))
    order = list(KINDS)
    return sorted(found, key=lambda finding: order.index(finding.kind))


def _copies(
    group: Sequence[int], pairs: Sequence[DuplicatePair], records: Sequence[Record]
) -> Finding:
    """The finding of a group of copies; `pairs` are those in it."""
    worst: dict[str, float] = {}
    for copy in pairs:
        worst[copy.kind] = min(worst.get(copy.kind, 1.0), copy.similarity)
    detail = {
        language: " · ".join(
            _ALIKE[kind][language] + (f" ({like:.2f})" if kind != "exact" else "")
            for kind, like in worst.items()
        )
        for language in ("en", "zh")
    }
    kind = "exact" if set(worst) == {"exact"} else "near"
    if len({class_of(records[number].path) for number in group}) > 1:
        kind = "two_classes"
    return Finding(kind, tuple(encodable(records[number].path) for number in group), detail)


def count_photos(findings: Iterable[Finding]) -> dict[str, int]:
    """Photos, or folders, that findings of each kind are about."""
    counts = Counter[str]()
    for finding in findings:
        counts[finding.kind] += len(finding.paths)
    return dict(counts)


def write_json(path: Path, findings: Sequence[Finding], read: int) -> None:
    """Write findings.json: how many photos were read, and every finding."""
    written = {"photos": read, "findings": [asdict(finding) for finding in findings]}
    with whole_file(path) as partial:
        partial.write_text(json.dumps(written, indent=1, ensure_ascii=False), encoding="utf-8")


def write_csv(path: Path, findings: Sequence[Finding]) -> None:
    """Write findings.csv: a line a photo of each finding, in the reader's language."""
    language = "zh" if chinese() else "en"
    with (
        whole_file(path) as partial,
        # The mark at the start tells spreadsheets that the Chinese in it is UTF-8.
        partial.open("w", encoding="utf-8-sig", newline="") as file,
    ):
        rows = csv.writer(file)
        rows.writerow(COLUMNS)
        for number, finding in enumerate(findings, start=1):
            what = KINDS[finding.kind].label[language]
            for one in finding.paths:
                of = "" if finding.kind == "no_class" else class_of(one)
                cells = (finding.kind, what, finding.detail[language], of, one, finding.suggested)
                rows.writerow([number, *map(plain_cell, cells)])
