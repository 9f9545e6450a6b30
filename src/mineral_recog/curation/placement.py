"""Places photos in the prepared folder, by split and class."""

from __future__ import annotations

import shutil
from collections.abc import Iterable, Mapping
from pathlib import Path

from mineral_recog.data.readers.source import Source
from mineral_recog.data.splits import SplitPaths
from mineral_recog.files import link_or_copy


def target_paths(splits_of: Mapping[str, SplitPaths]) -> list[tuple[str, str]]:
    """Return the name of each photo with its path in the prepared folder.

    A photo of another class gets a folder of its own, so that its name stays unique.
    """
    targets = []
    for name, splits in splits_of.items():
        for split, paths in splits.items():
            for path in paths:
                old_name, file = path.split("/", 1)
                target = path if old_name == name else f"{name}/from {old_name}/{file}"
                targets.append((path, f"{split}/{target}"))
    return targets


def place_photos(
    source: Source, targets: Iterable[tuple[str, str]], folder: Path, place: str
) -> None:
    """Link or copy photos to their targets in a folder, by the value of `place`."""
    for path, target in targets:
        _place(source, path, folder / target, place)


def _place(source: Source, path: str, target: Path, place: str) -> None:
    """Link or copy a photo to its target, by the value of `place`."""
    target.parent.mkdir(parents=True, exist_ok=True)
    original = source.file(path)
    if original is None:
        with source.open(path) as file, target.open("wb") as copy:
            shutil.copyfileobj(file, copy)
    elif place == "symlink":
        target.symlink_to(original.resolve())
    elif place == "hardlink":
        link_or_copy(original.resolve(), target)
    else:
        shutil.copyfile(original, target)
