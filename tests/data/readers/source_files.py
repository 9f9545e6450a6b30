"""Writes files for sources of photos, and reads the photos of sources."""

from __future__ import annotations

from pathlib import Path

from mineral_recog.data.readers.source import Source


def write_files(root: Path, *names: str) -> None:
    """Write files below a folder; the content of each is its name."""
    for name in names:
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).write_bytes(name.encode())


def contents(source: Source) -> dict[str, bytes]:
    """Return the bytes of every photo by its name."""
    contents_of = {}
    for name in source.paths:
        with source.open(name) as file:
            contents_of[name] = file.read()
    return contents_of
