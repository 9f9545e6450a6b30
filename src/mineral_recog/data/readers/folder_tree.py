"""The folders of a folder of photos: which hold photos, and how they are nested."""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from pathlib import Path

from mineral_recog.data.images import is_any_photo_name
from mineral_recog.data.system_files import is_visible

MAX_DEPTH = 6  # deeper folders say nothing about where the classes are
LINK_DEPTH = 2  # links to folders may be splits or classes down to this level


@dataclass
class Folder:
    """A folder, or several of one name in different parents that were merged.

    Attributes:
        has_photos: Whether photos lie directly in it.
        folders: The folders in it, by name.
    """

    has_photos: bool = False
    folders: dict[str, Folder] = field(default_factory=dict)

    def holds_photos(self) -> bool:
        """Return whether there are photos in it or below it."""
        return self.has_photos or any(folder.holds_photos() for folder in self.folders.values())

    def with_photos(self) -> dict[str, Folder]:
        """Return the folders in it that hold photos."""
        return {name: folder for name, folder in self.folders.items() if folder.holds_photos()}

    def at_level(self, level: int) -> Iterator[tuple[str, Folder]]:
        """Yield the folders of a level below it, 1 for those directly in it, with their names."""
        for name, folder in self.folders.items():
            if level == 1:
                yield name, folder
            else:
                yield from folder.at_level(level - 1)

    def depth(self) -> int:
        """Return the number of levels of folders below it."""
        return max((1 + folder.depth() for folder in self.folders.values()), default=0)


def merge(folders: Iterable[Folder]) -> Folder:
    """Return one folder with the contents of several."""
    merged = Folder()
    parts: dict[str, list[Folder]] = {}
    for folder in folders:
        merged.has_photos |= folder.has_photos
        for name, inner in folder.folders.items():
            parts.setdefault(name, []).append(inner)
    merged.folders = {name: merge(inner) for name, inner in parts.items()}
    return merged


def read_tree(root: Path, depth: int = 0) -> Folder:
    """Read the visible folders of a folder; those that cannot be read count as empty."""
    tree = Folder()
    try:
        entries = sorted(os.scandir(root), key=lambda entry: entry.name)
    except OSError:
        return tree
    for entry in entries:
        if not is_visible(entry.name):
            continue
        if not entry.is_dir():
            tree.has_photos = tree.has_photos or is_any_photo_name(entry.name)
        elif depth < MAX_DEPTH and _is_followed(root, entry, depth):
            tree.folders[entry.name] = read_tree(root / entry.name, depth + 1)
    return tree


def _is_followed(parent: Path, entry: os.DirEntry[str], depth: int) -> bool:
    """Return whether a folder is no link, or one near the root that leads elsewhere."""
    if not entry.is_symlink():
        return True
    target = Path(entry.path).resolve()
    return depth < LINK_DEPTH and not parent.resolve().is_relative_to(target)
