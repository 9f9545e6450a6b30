"""The photos of a run: its splits, reduced photos, the check that all can be read, loaders."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from mineral_recog.data.cache import Cache
from mineral_recog.data.cache_builder import build_caches, is_cache_worthwhile
from mineral_recog.data.dataset import Dataset, read_split
from mineral_recog.data.evaluation_view import Preprocessing, evaluation_side
from mineral_recog.data.images import find_unreadable, unreadable_photos_error
from mineral_recog.data.loaders import EvaluationLoader, TrainingLoader
from mineral_recog.data.transforms import training_side
from mineral_recog.errors import UserError
from mineral_recog.i18n import tr
from mineral_recog.models.distributed import DistributedContext
from mineral_recog.progress import Progress
from mineral_recog.recipes.recipe import Recipe
from mineral_recog.training.outliers import Pictures
from mineral_recog.training.run_folder import RunRecord


@dataclass(frozen=True)
class TrainingPhotos:
    """The photos of a run.

    Attributes:
        train: Photos to train on.
        val: Photos of the same classes, for the validation after each epoch.
        caches: Reduced photos of `train` and `val`; without them the photos themselves are read.
        outliers: Pictures of none of the classes, if the recipe has outlier exposure.
    """

    train: Dataset
    val: Dataset
    caches: Sequence[Cache] | None = None
    outliers: Pictures | None = None


@dataclass(frozen=True, eq=False)
class RunLoaders:
    """Loaders of the photos of a run, in one process its share of them.

    Attributes:
        train: Random views of the training photos.
        center: The evaluation's views of the training photos.
        val: The evaluation's views of the validation photos.
    """

    train: TrainingLoader
    center: EvaluationLoader
    val: EvaluationLoader


def build_run_loaders(
    photos: TrainingPhotos,
    recipe: Recipe,
    preprocessing: Preprocessing,
    workers: int,
    context: DistributedContext,
) -> RunLoaders:
    """Build the loaders of a run; `workers` is the number of processes of each."""
    train_cache, val_cache = photos.caches or (None, None)
    train = TrainingLoader(
        photos.train,
        recipe.image_size,
        recipe.crop,
        recipe.seed,
        workers,
        train_cache,
        context.share,
        recipe.augmentation,
        preprocessing.interpolation,
    )
    center, val = (
        EvaluationLoader(
            dataset,
            recipe.image_size,
            recipe.batch_size,
            workers,
            cache,
            context.share,
            preprocessing.center_share,
            interpolation=preprocessing.interpolation,
        )
        for dataset, cache in ((photos.train, train_cache), (photos.val, val_cache))
    )
    return RunLoaders(train, center, val)


def read_splits(data: Path, record: RunRecord | None) -> tuple[Dataset, Dataset]:
    """Return the training and the validation photos, with the classes in the order of the run.

    Args:
        data: Folder with train/ and val/.
        record: Record of the run to resume; None for a new run.

    Raises:
        UserError: There is one class only, or a split cannot be read.
    """
    train = read_split(data, "train")
    if record is not None:
        order = record.classes or tuple(sorted(train.classes))
        if set(order) == set(train.classes):  # otherwise `check_photos` says what has changed
            train = read_split(data, "train", order)
    if len(train.classes) < 2:
        raise UserError(
            tr(
                f"{train.root} has one class, {train.classes[0]}: a classifier needs at least two.",
                f"{train.root} 只有一个类别 {train.classes[0]}：分类器至少需要两个。",
            )
        )
    return train, read_split(data, "val", train.classes)


def build_run_caches(
    splits: tuple[Dataset, Dataset],
    recipe: Recipe,
    preprocessing: Preprocessing,
    record: RunRecord | None,
    context: DistributedContext,
    progress: Progress,
) -> Sequence[Cache] | None:
    """Build the caches of reduced photos of both splits, if the run uses them.

    The main process writes them; call this in all processes.
    """
    side = training_side(recipe.image_size)
    if record is not None:
        cached = record.cached
    else:
        cached = is_cache_worthwhile(splits[0], side) if recipe.cache == "auto" else recipe.cache
    if not cached:
        return None
    if not context.is_main:
        context.barrier()
    sides = (side, evaluation_side(recipe.image_size, preprocessing.center_share))
    caches = build_caches(splits, sides, progress, preprocessing.interpolation)
    if context.is_main:
        context.barrier()
    return caches if context.broadcast(caches is not None) else None


def refuse_unreadable(dataset: Dataset, context: DistributedContext, progress: Progress) -> None:
    """Read this process's share of a split, so that no photo fails in the middle of a run.

    Raises:
        UserError: Photos cannot be read.
    """
    indices = range(len(dataset))[context.share]
    name = dataset.root.name
    task = progress.start(tr(f"checking {name}", f"检查 {name}"), len(indices))
    bad = find_unreadable(indices, dataset.open, task.set)
    if bad:
        raise unreadable_photos_error(
            dataset.root, [(dataset.display_path(index), reason) for index, reason in bad]
        )
