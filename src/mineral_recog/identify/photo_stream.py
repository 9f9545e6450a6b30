"""Runs a model on many photos in batches; photos that cannot be read do not stop it."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from pathlib import Path
from typing import NamedTuple

import torch
from PIL import Image
from torch import Tensor

from mineral_recog.errors import UserError
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


class UnreadablePhoto(NamedTuple):
    """A photo that cannot be read, and why."""

    path: Path
    error: str


def observe_photos(
    identifier: Identifier,
    paths: Sequence[Path],
    should_skip: Callable[[Path], bool] = lambda path: False,
    progress: Progress = SILENT,
) -> Iterator[ObservedPhoto | UnreadablePhoto]:
    """Run a model on photos, one batch at a time.

    Args:
        identifier: The model.
        paths: Files of the photos.
        should_skip: Returns whether to skip a photo.
        progress: Receives the progress, and a notice for each photo that cannot be read.

    Yields:
        The photos in order, except skipped ones.
    """
    with ThreadPoolExecutor(os.cpu_count()) as pool:
        for start in range(0, len(paths), BATCH_SIZE):
            batch = paths[start : start + BATCH_SIZE]
            # All of a batch first: decoders write to standard error, between the lines of a notice.
            opened = list(pool.map(partial(_open, identifier, should_skip), batch))
            views = [result[1] for result in opened if isinstance(result, tuple)]
            observations = iter(identifier.observe_batch(torch.stack(views)) if views else ())
            for path, result in zip(batch, opened, strict=True):
                if isinstance(result, tuple):
                    yield ObservedPhoto(path, result[0], next(observations))
                elif result is not None:
                    progress.notice(tr(f"Skipped: {result}", f"跳过：{result}"))
                    yield UnreadablePhoto(path, str(result))
            if len(paths) > 1:
                progress.update(tr("identifying", "识别"), start + len(batch), len(paths))


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
