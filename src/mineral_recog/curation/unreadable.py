"""Says which photos cannot be read, where they are and why."""

from __future__ import annotations

from collections.abc import Sequence

from mineral_recog.curation.finding_kinds import FINDING_KINDS
from mineral_recog.data.file_contents import is_unsupported_name
from mineral_recog.data.readers.source import Source
from mineral_recog.duplicates.records import Record
from mineral_recog.errors import DataError
from mineral_recog.i18n import tr, user_language


def location_and_reason(source: Source, record: Record) -> tuple[str, str]:
    """Return where the user finds a photo, and in a few words why it cannot be read."""
    location = source.file(record.path) or f"{source.root}: {record.path}"
    remark = record.remarks[0]
    label = FINDING_KINDS[remark.kind].label[user_language()]
    return str(location), ": ".join(filter(None, (label, remark.detail)))


def name_unreadable_first(
    error: DataError, source: Source, unreadable: Sequence[Record]
) -> DataError:
    """Return an error about too few photos that first names those that cannot be read.

    Args:
        error: The error.
        source: The source of the photos.
        unreadable: Its photos that cannot be read.
    """
    if not unreadable:
        return error
    location, reason = location_and_reason(source, unreadable[0])
    if is_unsupported_name(unreadable[0].path):
        reason += tr("; convert such files to JPEG", "；请将此类文件转换为 JPEG")
    return DataError(
        tr(
            f"{len(unreadable)} photos cannot be read, the first is {location} ({reason}). {error}",
            f"{len(unreadable)} 张照片无法读取，第一张为 {location}（{reason}）。{error}",
        )
    )
