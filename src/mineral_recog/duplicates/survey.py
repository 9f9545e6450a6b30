"""Read photos and compare them with each other; both `audit` and `prepare` begin with this."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from mineral_recog.duplicates.finder import DuplicatePair, find_duplicates
from mineral_recog.duplicates.records import OpenFile, Record, read_photos


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


def survey_photos(
    open_file: OpenFile,
    paths: Sequence[str],
    on_read: Callable[[int], None] = lambda count: None,
    on_compared: Callable[[int], None] = lambda count: None,
) -> Survey:
    """Read photos and find the duplicates among them.

    Args:
        open_file: Opens a photo by its name; called from several threads.
        paths: Names of the photos.
        on_read: Called with the number of photos read so far.
        on_compared: Called with the number of photos compared so far.
    """
    records = read_photos(open_file, paths, on_read)
    readable = [record for record in records if record.fingerprint is not None]
    duplicates = find_duplicates(
        [record.fingerprint for record in readable if record.fingerprint is not None],
        [record.digest for record in readable],
        on_compared,
    )
    unreadable = [record for record in records if record.fingerprint is None]
    return Survey(readable, unreadable, duplicates)
