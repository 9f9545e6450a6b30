"""Runs a model on many photos in batches; photos that cannot be read do not stop it."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

from mineral_recog.errors import UserError
from mineral_recog.i18n import tr
from mineral_recog.identify.identifier import Identifier
from mineral_recog.identify.observation import Observation, View
from mineral_recog.identify.region import Region
from mineral_recog.identify.shared_photos import Seen, observe_together
from mineral_recog.progress import SILENT, Progress

if TYPE_CHECKING:
    from mineral_recog.models.distributed import DistributedContext


class ObservedPhoto(NamedTuple):
    """A photo and the model's observation of it.

    Attributes:
        path: File of the photo.
        observation: Outputs, features and view of the photo.
    """

    path: Path
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
    region: Region | None = None,
    context: DistributedContext | None = None,
    with_views: bool = True,
) -> Iterator[ObservedPhoto | UnreadablePhoto]:
    """Run a model on photos, one batch at a time.

    Args:
        identifier: The model.
        paths: Files of the photos.
        should_skip: Returns whether to skip a photo.
        progress: Receives the progress, and a notice for each photo that cannot be read.
        region: Where the specimen is in each photo; by default, the model looks for it.
        context: The processes that share the photos; None for this process alone.
        with_views: Whether several processes return the views too, which heat maps need.

    Yields:
        The photos in order, except skipped ones; nothing in processes other than the first.
    """
    look_at = partial(_look_at, identifier, region)
    observed: Iterator[tuple[Path, Seen]] = (
        identifier.observe_each(paths, lambda path: None if should_skip(path) else look_at(path))
        if context is None
        else observe_together(identifier, paths, should_skip, look_at, with_views, context)
    )
    for done, (path, seen) in enumerate(observed, start=1):
        if isinstance(seen, UserError):
            progress.notice(tr(f"Skipped: {seen}", f"跳过：{seen}"))
            yield UnreadablePhoto(path, str(seen))
        elif seen is not None:
            yield ObservedPhoto(path, seen)
        if len(paths) > 1:
            progress.update(tr("identifying", "识别"), done, len(paths))


def _look_at(identifier: Identifier, region: Region | None, path: Path) -> View | UserError:
    """Return what the model sees of a photo, or the error if it is unreadable."""
    try:
        return identifier.look_at(path, region)
    except UserError as error:
        return error
