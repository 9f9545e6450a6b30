"""Read photos and compare them with each other; both `audit` and `prepare` begin with this."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

from mineral_recog.data.readers.source import Source
from mineral_recog.duplicates.finder import DuplicatePair, exact_duplicates, find_duplicates
from mineral_recog.duplicates.records import Record, read_photos
from mineral_recog.i18n import tr
from mineral_recog.progress import SILENT, Progress

Copies = Literal["near", "exact", "off"]


@dataclass(frozen=True)
class Survey:
    """Result of reading and comparing photos.

    Attributes:
        readable: Records of the photos that can be read, in the order given.
        unreadable: Records of the photos that cannot be read.
        duplicates: Pairs of duplicates, by their indices in `readable`.
    """

    readable: list[Record]
    unreadable: list[Record]
    duplicates: list[DuplicatePair]

    @property
    def records(self) -> list[Record]:
        """Records of all photos, readable ones first."""
        return [*self.readable, *self.unreadable]


def survey_photos(
    source: Source, paths: Sequence[str], progress: Progress = SILENT, copies: Copies = "near"
) -> Survey:
    """Read photos of a source and find the duplicates among them.

    Args:
        source: The source of the photos.
        paths: Names of the photos.
        progress: Receives the progress.
        copies: Duplicates to look for: `near`, also changed ones; `exact`, the same bytes; `off`.
    """
    reading = progress.start(tr("reading photos", "读取照片"), len(paths))
    records = read_photos(source.open, paths, reading.set)
    readable = [record for record in records if record.fingerprint is not None]
    unreadable = [record for record in records if record.fingerprint is None]
    digests = [record.digest for record in readable]
    if copies != "near":
        exact = exact_duplicates(digests) if copies == "exact" else []
        return Survey(readable, unreadable, exact)
    comparing = tr("looking for copies", "查找重复")
    duplicates = find_duplicates(
        [record.fingerprint for record in records if record.fingerprint is not None],
        digests,
        lambda done: progress.update(comparing, done, len(paths)),
    )
    return Survey(readable, unreadable, duplicates)
