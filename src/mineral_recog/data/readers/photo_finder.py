"""Finds the photo that a list means: as written, or as other systems and programs write it."""

from __future__ import annotations

import re
import stat
from collections.abc import Iterator
from pathlib import Path, PurePosixPath
from urllib.parse import parse_qs, unquote, urlsplit

from mineral_recog.data.images import is_any_photo_name
from mineral_recog.data.system_files import is_visible

_UPLOAD = re.compile(r"/data/upload/(?:\d+/)?(.+)")  # of Label Studio
_UPLOAD_PREFIX = re.compile(r"[0-9a-f]{8}-")  # which it puts before the names of uploaded files
_LOCAL_FILES = "/data/local-files/"


class PhotoFinder:
    """Finds photos below a folder; lists each folder at most once.

    Args:
        root: Folder that paths are relative to.
    """

    def __init__(self, root: Path) -> None:
        self.root = root
        self._by_stem: dict[Path, dict[str, list[str]]] = {}

    def find(self, text: str) -> list[str]:
        """Return the paths of the photos that a text may mean; empty if none exists.

        The first of these that exists: the path as written, with backslashes as separators, the
        local path of a file in Label Studio, and files of that name with the suffix of a photo.
        """
        paths = [text]
        if "\\" in text:
            paths.append(text.replace("\\", "/"))
        paths += _label_studio_paths(text)
        for path in paths:
            if _is_there(self.root / path):
                return [path]
        if Path(text).suffix and is_any_photo_name(text):
            return []
        return self._with_suffix(paths[min(1, len(paths) - 1)])

    def _with_suffix(self, path: str) -> list[str]:
        """Return the photos whose path without its suffix is the given one."""
        folder, name = (self.root / path).parent, PurePosixPath(path).name
        if folder not in self._by_stem:
            by_stem: dict[str, list[str]] = {}
            self._by_stem[folder] = by_stem
            try:
                files = sorted(file.name for file in folder.iterdir())
            except (OSError, ValueError):
                files = []
            for file in files:
                stem, dot, _ = file.rpartition(".")
                if dot and is_visible(file) and is_any_photo_name(file):
                    by_stem.setdefault(stem, []).append(file)
        parent = path[: len(path) - len(name)]
        return [parent + file for file in self._by_stem[folder].get(name, ())]


def _label_studio_paths(text: str) -> Iterator[str]:
    """Yield paths below the folder of the photos for an address in Label Studio."""
    if "/data/" not in text:
        return
    try:
        url = urlsplit(text)
    except ValueError:
        return
    if url.path.endswith(_LOCAL_FILES):
        yield from parse_qs(url.query).get("d", ())
    elif match := _UPLOAD.search(unquote(url.path)):
        yield match[1]
        yield _UPLOAD_PREFIX.sub("", match[1], count=1)


def _is_there(path: Path) -> bool:
    """Return whether there is something other than a folder at a path."""
    try:
        return not stat.S_ISDIR(path.stat().st_mode)
    except (OSError, ValueError):  # also names that no file can have
        return False
