"""The review page: findings with their pictures side by side, and a tick for every photo."""

from __future__ import annotations

import base64
import os
import warnings
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from io import BytesIO
from pathlib import Path
from typing import Any

from mineral_recog.curation.finding_kinds import KINDS
from mineral_recog.curation.findings import Finding, class_of
from mineral_recog.data.images import open_photo
from mineral_recog.data.readers.source import Source
from mineral_recog.duplicates.records import Record
from mineral_recog.rendering.html import write_page
from mineral_recog.text import encodable

THUMBNAIL = 192  # pixels of the longer side
OF_CLASSES = ("class_names", "class_text")  # decided on by class, not by photo


def write_review(
    path: Path,
    source: Source,
    findings: Sequence[Finding],
    records: Sequence[Record],
    command: str,
    on_drawn: Callable[[int, int], None] = lambda done, total: None,
) -> None:
    """Write the page; it holds all it shows and works from disk, in English and Chinese.

    Photos of findings are read once more for their thumbnails; one that is gone has none.

    Args:
        path: of the page.
        source: of the photos.
        findings: of the audit.
        records: of all photos.
        command: that follows the decisions.
        on_drawn: called with the number of thumbnails made so far, and of all.

    Raises:
        OSError: `path` cannot be written.
    """
    of_photos = [finding for finding in findings if finding.kind not in OF_CLASSES]
    by_path = {encodable(record.path): record for record in records}
    names = list(dict.fromkeys(one for finding in of_photos for one in finding.paths))
    places = {name: place for place, name in enumerate(names)}
    photos = []
    drawable = [
        by_path[name].path if name in by_path and by_path[name].fingerprint else None
        for name in names
    ]
    with warnings.catch_warnings(), ThreadPoolExecutor(os.cpu_count()) as pool:
        warnings.simplefilter("ignore")
        for name, picture in zip(
            names, pool.map(partial(_thumbnail, source), drawable), strict=True
        ):
            photos.append(_photo(name, by_path.get(name), picture))
            on_drawn(len(photos), len(names))
    data = {
        "order": list(KINDS),
        "kinds": {name: kind._asdict() for name, kind in KINDS.items()},
        "classes": [encodable(name) for name in source.classes],
        "photos": photos,
        "findings": [
            {
                "kind": one.kind,
                "photos": [places[p] for p in one.paths],
                "detail": one.detail,
                "suggested": one.suggested,
            }
            for one in of_photos
        ],
        "names": [
            {"kind": one.kind, "classes": one.paths, "detail": one.detail}
            for one in findings
            if one.kind in OF_CLASSES
        ],
    }
    context = {
        "source": encodable(source.root.resolve().name),
        "read": len(records),
        "command": command,
        "data": data,
    }
    write_page(path, "curation/review.html", context)


def _photo(name: str, record: Record | None, picture: str) -> dict[str, Any]:
    """What the page shows of a photo, or of what is none."""
    size = "" if record is None or not record.width else f"{record.width} × {record.height}"
    return {
        "path": name,
        "class": class_of(name),
        "size": size,
        "pixels": 0 if record is None else record.width * record.height,
        "kb": 0 if record is None else round(record.size / 1000),
        "decidable": record is not None and record.fingerprint is not None,
        "picture": picture,
    }


def _thumbnail(source: Source, name: str | None) -> str:
    """A photo as a small JPEG in base64; "" where there is none."""
    if name is None:
        return ""
    try:
        with source.open(name) as file:
            photo = open_photo(file, short_side=THUMBNAIL)
    except OSError:
        return ""
    photo.thumbnail((THUMBNAIL, THUMBNAIL))
    target = BytesIO()
    photo.save(target, "JPEG", quality=75)
    return base64.b64encode(target.getvalue()).decode("ascii")
