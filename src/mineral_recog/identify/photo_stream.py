"""Runs a model on many photos in batches and skips photos that cannot be read."""

from __future__ import annotations

import glob
from collections.abc import Callable, Iterator, Sequence
from functools import partial
from pathlib import Path
from typing import NamedTuple

from mineral_recog.data.dataset import photos_in
from mineral_recog.errors import DataError, UserError
from mineral_recog.i18n import tr
from mineral_recog.identify.identifier import Identifier, Observation, View
from mineral_recog.progress import SILENT, Progress


class ObservedPhoto(NamedTuple):
    """A photo and the model's observation of it.

    Attributes:
        path: File of the photo.
        observation: Outputs, features and view of the photo.
    """

    path: Path
    observation: Observation


def find_photos(arguments: Sequence[str]) -> list[Path]:
    """Find the photos that arguments name: files, folders with all photos in them, and patterns.

    Returns:
        The paths in the order of the arguments, each once.

    Raises:
        DataError: An argument names no photo.
    """
    photo_paths: list[Path] = []
    for argument in arguments:
        path = Path(argument)
        if path.is_dir():
            paths = [path / name for name in photos_in(path)]
        elif path.exists() or path.is_symlink():  # a link to nothing is reported when it is opened
            paths = [path]
        else:
            matches = map(Path, sorted(glob.glob(argument, recursive=True)))  # noqa: PTH207
            paths = [match for match in matches if match.is_file()]
        if not paths:
            raise DataError(
                tr(
                    f"{argument}: no photo there; give photos, folders, or patterns such as "
                    "'field/*.jpg'.",
                    f"{argument}：那里没有照片；请给出照片、文件夹，或如 'field/*.jpg' 的模式。",
                )
            )
        photo_paths += paths
    return list(dict.fromkeys(photo_paths))


def observe_photos(
    identifier: Identifier,
    paths: Sequence[Path],
    should_skip: Callable[[Path], bool] = lambda path: False,
    progress: Progress = SILENT,
) -> Iterator[ObservedPhoto]:
    """Run a model on photos, one batch at a time.

    Args:
        identifier: The model.
        paths: Files of the photos.
        should_skip: Returns whether to skip a photo.
        progress: Receives the progress, and a notice for each photo that cannot be read.

    Yields:
        The photos that can be read, except skipped ones, in order.

    Raises:
        DataError: None of the photos can be read.
    """
    unreadable = 0
    view = partial(_view, identifier, should_skip)
    for done, (path, seen) in enumerate(identifier.observe_each(paths, view), start=1):
        if isinstance(seen, UserError):
            unreadable += 1
            progress.notice(tr(f"Skipped: {seen}", f"跳过：{seen}"))
        elif seen is not None:
            yield ObservedPhoto(path, seen)
        if len(paths) > 1:
            progress.update(tr("identifying", "识别"), done, len(paths))
    if unreadable == len(paths):
        raise DataError(tr("None of the photos can be read.", "所有照片都无法读取。"))


def _view(
    identifier: Identifier, should_skip: Callable[[Path], bool], path: Path
) -> View | UserError | None:
    """Return what the model sees of a photo, the error if it is unreadable, None if skipped."""
    try:
        return None if should_skip(path) else identifier.view(identifier.open(path))
    except UserError as error:
        return error
