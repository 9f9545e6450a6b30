"""Runs a model on many photos in batches and skips photos that cannot be read."""

from __future__ import annotations

import glob
import os
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from pathlib import Path
from typing import NamedTuple

import torch
from PIL import Image
from torch import Tensor

from mineral_recog.data.dataset import photos_in
from mineral_recog.data.system_files import is_system_name
from mineral_recog.errors import DataError, UserError
from mineral_recog.i18n import tr
from mineral_recog.identify.heat_map_overlay import MAX_SIDE
from mineral_recog.identify.identifier import Identifier, Observation
from mineral_recog.progress import SILENT, Progress

BATCH_SIZE = 32  # photos in memory at once


class ObservedPhoto(NamedTuple):
    """A photo and the model's observation of it.

    Attributes:
        path: File of the photo.
        image: The photo, at most `MAX_SIDE` pixels wide and high.
        observation: Outputs, features and pixels of the photo.
    """

    path: Path
    image: Image.Image
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
        elif path.exists():
            paths = [path]
        else:
            matches = map(Path, sorted(glob.glob(argument, recursive=True)))  # noqa: PTH207
            paths = [match for match in matches if match.is_file() and _is_meant(match, path)]
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


def _is_meant(match: Path, pattern: Path) -> bool:
    """Return whether what a pattern matches is not in a folder that a system made."""
    return not any(is_system_name(part) and part not in pattern.parts for part in match.parts)


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
    with ThreadPoolExecutor(os.cpu_count()) as pool:
        for start in range(0, len(paths), BATCH_SIZE):
            batch = paths[start : start + BATCH_SIZE]
            readable = []
            # All of a batch first: decoders write to standard error, between the lines of a notice.
            opened = list(pool.map(partial(_open, identifier, should_skip), batch))
            for path, result in zip(batch, opened, strict=True):
                if isinstance(result, UserError):
                    unreadable += 1
                    progress.notice(tr(f"Skipped: {result}", f"跳过：{result}"))
                elif result is not None:
                    readable.append((path, *result))
            if readable:
                observations = identifier.observe_batch(
                    torch.stack([view for _, _, view in readable])
                )
                for (path, image, _), observation in zip(readable, observations, strict=True):
                    yield ObservedPhoto(path, image, observation)
            if len(paths) > 1:
                progress.update(tr("identifying", "识别"), start + len(batch), len(paths))
    if unreadable == len(paths):
        raise DataError(tr("None of the photos can be read.", "所有照片都无法读取。"))


def _open(
    identifier: Identifier, should_skip: Callable[[Path], bool], path: Path
) -> tuple[Image.Image, Tensor] | UserError | None:
    """Open a photo: a small image and its view, the error if it is unreadable, None if skipped."""
    try:
        if should_skip(path):
            return None
        image = identifier.open(path)
    except UserError as error:
        return error
    view = identifier.transform(image)
    # A larger image is never shown, and full sizes would fill the memory.
    image.thumbnail((MAX_SIDE, MAX_SIDE))
    return image, view
