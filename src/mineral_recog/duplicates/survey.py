"""Photos read and compared with each other: what both `audit` and `prepare` begin with."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from mineral_recog.duplicates.finder import DuplicatePair, find_duplicates
from mineral_recog.duplicates.records import OpenFile, Record, read_photos


@dataclass(frozen=True)
class Survey:
    """What was seen of some photos.

    Attributes:
        whole: photos that can be read, in the order given.
        unread: those that cannot.
        copies: pairs of photos, by their places in `whole`.
    """

    whole: list[Record]
    unread: list[Record]
    copies: list[DuplicatePair]


def survey_photos(
    open_file: OpenFile,
    photos: Sequence[str],
    on_read: Callable[[int], None] = lambda count: None,
    on_compared: Callable[[int], None] = lambda count: None,
) -> Survey:
    """Read photos and find the copies among them.

    Args:
        open_file: gives the bytes of a photo by its name; called from several threads.
        photos: their names.
        on_read: called with the number of photos read so far.
        on_compared: called with the number of photos compared so far.
    """
    records = read_photos(open_file, photos, on_read)
    whole = [record for record in records if record.fingerprint is not None]
    copies = find_duplicates(
        [record.fingerprint for record in whole if record.fingerprint is not None],
        [record.digest for record in whole],
        on_compared,
    )
    unread = [record for record in records if record.fingerprint is None]
    return Survey(whole, unread, copies)
