"""Outlier exposure: pictures that belong to no class, on which the network learns to be unsure."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import numpy as np
import torch
from numpy.typing import NDArray
from PIL import Image
from torch import Tensor

from mineral_recog.data.augmentation import Augmenter
from mineral_recog.data.evaluation_view import BILINEAR
from mineral_recog.data.loaders import Batch
from mineral_recog.data.transforms import seeded_torch, training_side, training_transform
from mineral_recog.i18n import tr
from mineral_recog.minerals.facts import name_key, read_minerals
from mineral_recog.minerals.taxonomy import Taxonomy
from mineral_recog.models.distributed import DistributedContext
from mineral_recog.models.network import Network
from mineral_recog.progress import Progress
from mineral_recog.recipes.recipe import Recipe
from mineral_recog.synthetic.photo import draw_ground, draw_photo
from mineral_recog.synthetic.species import species_names

Pictures = NDArray[np.uint8]  # [P, S, S, 3]

PICTURES = 256  # of a run; each is seen in many random crops
GROUND_EVERY = 4  # one picture in so many is a ground without a specimen
MAX_SIDE = 256  # of a picture in pixels, so that all of them take at most 50 MB


def outlier_exposure_loss(logits: Tensor) -> Tensor:
    """Return the mean over outliers of the cross-entropy from the uniform distribution.

    -1/C sum_c log p_c, with p the softmax of the logits: Hendrycks et al., "Deep anomaly detection
    with outlier exposure", ICLR 2019, equation 1 with its loss for classifiers.

    Args:
        logits: Of the outliers, [M, C].
    """
    return -logits.log_softmax(dim=1).mean()


def draw_outliers(recipe: Recipe, classes: Sequence[str], progress: Progress) -> Pictures | None:
    """Draw the outliers of a run: minerals that are none of its classes, and grounds alone.

    Args:
        recipe: Recipe of the run; its seed gives the pictures.
        classes: Names of the classes.
        progress: Receives the progress.

    Returns:
        The pictures; None if the recipe has no outlier exposure.
    """
    if recipe.outliers is None:
        return None
    species = other_species(classes)
    side = min(training_side(recipe.image_size), MAX_SIDE)
    task = progress.start(tr("drawing outliers", "绘制类外图片"), PICTURES)
    pictures = np.empty((PICTURES, side, side, 3), np.uint8)
    for number in range(PICTURES):
        rng = np.random.default_rng([recipe.seed, number, 5])
        if species and number % GROUND_EVERY:
            name = species[int(rng.integers(len(species)))]
            picture = draw_photo(name, side, rng)
        else:
            picture = draw_ground(side, rng)
        pictures[number] = np.asarray(picture)
        task.step()
    return pictures


def other_species(classes: Sequence[str]) -> list[str]:
    """Return the minerals that can be drawn and are none of the classes.

    A class is also recognised by a synonym or its Chinese name, and drawn minerals below or above
    it in the taxonomy are left out too: almandine for a class garnet, quartz for a class amethyst.
    """
    taxonomy = Taxonomy(read_minerals())

    def names_up(name: str) -> list[str]:
        """Return the names of a mineral and of all nodes above it."""
        node = taxonomy.find(name)
        return [name_key(name)] if node is None else [name_key(above.name) for above in node.path]

    def is_apart(one: list[str], other: list[str]) -> bool:
        """Return whether neither mineral is the other one or above it."""
        return one[0] not in other and other[0] not in one

    paths = [names_up(name) for name in classes]
    return [
        name for name in species_names() if all(is_apart(names_up(name), path) for path in paths)
    ]


class Outliers:
    """The outliers of a run, of which some join every batch; which ones depends on the step alone.

    Args:
        pictures: The pictures.
        count: M, outliers in a batch.
        recipe: Recipe of the run.
        context: This process, which gets its share of the outliers of a batch.
        interpolation: How the pictures are resized.
    """

    def __init__(
        self,
        pictures: Pictures,
        count: int,
        recipe: Recipe,
        context: DistributedContext,
        interpolation: str = BILINEAR,
    ) -> None:
        self.pictures, self.count, self.context = pictures, count, context
        self.size, self.seed, self.precision = recipe.image_size, recipe.seed, recipe.precision
        self.transform = training_transform(recipe.image_size, recipe.crop, interpolation)
        self.augment = Augmenter(recipe.augmentation, ())
        self.features = torch.empty(0)

    def batch(self, epoch: int, step: int, from_features: bool) -> Tensor:
        """Return the outliers of a step of an epoch.

        Args:
            epoch: Number of the epoch in the run.
            step: Number of the step in the epoch.
            from_features: Whether to return the features of all outliers of the batch, float
                [M, D], instead of the pixels of this process's share, uint8 [m, 3, S, S].
        """
        rng = np.random.default_rng([self.seed, epoch, step, 6])
        drawn = rng.integers(len(self.pictures), size=self.count)
        if from_features:
            return self.features[torch.from_numpy(drawn)]
        seeds, share = rng.integers(2**62, size=self.count), self.context.share
        return self._views(drawn[share], seeds[share])

    def compute_features(self, network: Network) -> None:
        """Compute the features of a view of each picture; the network's backbone is frozen."""
        outputs = self.context.predict(network, self._all_views(), self.precision, views=1)
        self.features = torch.from_numpy(outputs.features)

    def _all_views(self) -> Iterator[Batch]:
        """Yield this process's share of the pictures, in batches."""
        indices = np.arange(len(self.pictures))[self.context.share]
        for part in np.array_split(indices, -(-len(indices) // 32)):
            drawn = torch.from_numpy(part)
            yield Batch(self._views(part, part), torch.zeros_like(drawn), drawn)

    def _views(self, drawn: NDArray[np.int64], seeds: NDArray[np.int64]) -> Tensor:
        """Return random views, as training makes them of photos."""
        views = torch.empty(len(drawn), 3, self.size, self.size, dtype=torch.uint8)
        for view, index, seed in zip(views, drawn, seeds.tolist(), strict=True):
            with seeded_torch(seed):
                view.copy_(self.augment(self.transform(Image.fromarray(self.pictures[index]))))
        return views
