"""Writes the review page: findings with their photos side by side, and choices for each photo."""

from __future__ import annotations

import base64
import warnings
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from io import BytesIO
from pathlib import Path
from typing import Any

from mineral_recog.cores import thread_count
from mineral_recog.curation.finding_kinds import FINDING_KINDS
from mineral_recog.curation.findings import Finding, class_of
from mineral_recog.data.images import open_photo
from mineral_recog.data.readers.source import Source
from mineral_recog.duplicates.records import Record
from mineral_recog.rendering.html import write_page
from mineral_recog.text import encodable

THUMBNAIL_SIZE = 192  # pixels of the longer side
CLASS_KINDS = ("class_names", "class_text")  # findings about classes, not photos


def write_review(
    path: Path,
    source: Source,
    findings: Sequence[Finding],
    records: Sequence[Record],
    command: str,
    on_drawn: Callable[[int, int], None] = lambda done, total: None,
) -> None:
    """Write the page in English and Chinese, as one self-contained file that opens from disk.

    Photos with findings are read again for their thumbnails; a photo that is gone has none.

    Args:
        path: The page.
        source: The source of the photos.
        findings: The findings of the audit.
        records: Records of all photos.
        command: The command to run after the decisions.
        on_drawn: Called with the number of thumbnails made so far and the total.

    Raises:
        OSError: `path` cannot be written.
    """
    photo_findings = [finding for finding in findings if finding.kind not in CLASS_KINDS]
    by_path = {encodable(record.path): record for record in records}
    names = list(dict.fromkeys(name for finding in photo_findings for name in finding.paths))
    indices = {name: index for index, name in enumerate(names)}
    photos = []
    with warnings.catch_warnings(), ThreadPoolExecutor(thread_count()) as pool:
        warnings.simplefilter("ignore")
        for photo in pool.map(partial(_photo, source), names, map(by_path.get, names)):
            photos.append(photo)
            on_drawn(len(photos), len(names))
    data = {
        "order": list(FINDING_KINDS),
        "kinds": {name: kind._asdict() for name, kind in FINDING_KINDS.items()},
        "classes": [encodable(name) for name in source.classes],
        "photos": photos,
        "findings": [
            {
                "kind": finding.kind,
                "photos": [indices[name] for name in finding.paths],
                "detail": finding.detail,
                "suggested": finding.suggested,
            }
            for finding in photo_findings
        ],
        "names": [
            {"kind": finding.kind, "classes": finding.paths, "detail": finding.detail}
            for finding in findings
            if finding.kind in CLASS_KINDS
        ],
    }
    context = {
        "source": encodable(source.root.resolve().name),
        "read": len(records),
        "command": command,
        "data": data,
    }
    write_page(path, "curation/review.html", context)


def _photo(source: Source, name: str, record: Record | None) -> dict[str, Any]:
    """Return the data of a photo, or of another file with a finding, for the page."""
    photo = {"path": name, "class": class_of(name)}
    if record is None or record.fingerprint is None:
        return {**photo, "size": "", "pixels": 0, "kb": 0, "decidable": False, "picture": ""}
    return {
        **photo,
        "size": f"{record.width} × {record.height}",
        "pixels": record.width * record.height,
        "kb": round(record.size / 1000),
        "decidable": True,
        "picture": _thumbnail(source, record.path),
    }


def _thumbnail(source: Source, path: str) -> str:
    """Return a photo as a small JPEG in base64; "" if it can no longer be read."""
    try:
        with source.open(path) as file:
            photo = open_photo(file, short_side=THUMBNAIL_SIZE)
    except OSError:
        return ""
    photo.thumbnail((THUMBNAIL_SIZE, THUMBNAIL_SIZE))
    target = BytesIO()
    photo.save(target, "JPEG", quality=75)
    return base64.b64encode(target.getvalue()).decode("ascii")
