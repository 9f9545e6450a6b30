"""Features of a frozen backbone, computed once instead of in every epoch."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import replace

import numpy as np
import torch
from numpy.typing import NDArray

from mineral_recog.data.loaders import Batch
from mineral_recog.data.samplers import Batches, split_into_batches
from mineral_recog.models.distributed import DistributedContext
from mineral_recog.models.network import Network
from mineral_recog.models.predictor import Outputs
from mineral_recog.training.run_photos import RunLoaders

MAX_BYTES = 2 * 2**30  # of all views together, so that a large dataset fits into memory too


def affordable_views(views: int, photo_count: int, features: int) -> int:
    """Return the number of views to compute: `views`, or as many as fit into MAX_BYTES, at least 1.

    Args:
        views: Number of views that the recipe asks for.
        photo_count: N.
        features: D.
    """
    return max(1, min(views, MAX_BYTES // (4 * photo_count * features)))


class FeatureCache:
    """Features of k views of every training photo, and of the validation photos.

    The first view is that of the evaluation, which the classifier must know; the others are random.

    They take 4 * k * N * D bytes: 0.2 GB for 10,000 photos, 4 views and 1,280 features.

    Args:
        network: Network with a frozen backbone; it is left in evaluation mode.
        loaders: Loaders of the run.
        labels: Class of each training photo, [N].
        epochs: k - 1 epochs; the random views are those that these epochs would draw.
        seed: Seed of the run.
        precision: `float32`, `bfloat16` or `float16`.
        context: Each process computes its share and receives the features of all.
        on_view: Called with the number of each view before it is computed.
    """

    def __init__(
        self,
        network: Network,
        loaders: RunLoaders,
        labels: NDArray[np.int64],
        epochs: range,
        seed: int,
        precision: str,
        context: DistributedContext,
        on_view: Callable[[int], None],
    ) -> None:
        self.seed, self.network = seed, network
        self.labels = torch.from_numpy(labels)
        all_photos = split_into_batches(np.arange(len(labels)), loaders.val.batch_size)
        on_view(0)
        features = [context.predict(network, loaders.center, precision, views=1).features]
        for view, epoch in enumerate(epochs, start=1):
            on_view(view)
            batches = loaders.train.batches(epoch, all_photos)
            # No mirrored view: training uses random views as they are.
            outputs = context.predict(network, batches, precision, views=1)
            features.append(outputs.features)
        self.features = torch.from_numpy(np.stack(features))  # [k, N, D]
        self.val = context.predict(network, loaders.val, precision)

    def mean_squared_norm(self) -> float:
        """Return the mean of the squared norms of all features."""
        squares = [float(view.square().sum(dtype=torch.float64)) for view in self.features]
        return sum(squares) / (len(squares) * len(self.labels))

    def batches(self, epoch: int, drawn: Batches, first: int = 0) -> Iterator[Batch]:
        """Yield the batches of an epoch from `first` on, with a random view of each drawn photo."""
        rng = np.random.default_rng([self.seed, epoch, 3])
        for number, photos in enumerate(drawn):
            views = torch.from_numpy(rng.integers(len(self.features), size=len(photos)))
            if number < first:
                continue
            indices = torch.from_numpy(photos)
            yield Batch(self.features[views, indices], self.labels[indices], indices)

    def validate(self) -> Outputs:
        """Return the outputs of the current classifier for the validation photos."""
        with torch.inference_mode():
            features = torch.from_numpy(self.val.features).to(self.network.device)
            logits = self.network.classifier(features).float().cpu().numpy()
        return replace(self.val, logits=logits)
