"""Features of a backbone that stands still, computed once instead of in every epoch."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import replace

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from mineral_recog.data.epoch_batches import EpochBatches, number_of_batches
from mineral_recog.data.loaders import Batch, EvaluationLoader, TrainingLoader
from mineral_recog.models.network import Network
from mineral_recog.models.predictor import Outputs, predict
from mineral_recog.training.distributed import Ranks


class FeatureCache:
    """Features of k random views of every training photo, and of the validation photos.

    They take 4 * k * N * D bytes: 0.2 GB for 10,000 photos, 4 views and 1,280 features.

    Args:
        network: whose backbone stands still; it is left in evaluation mode.
        views: of the training photos.
        val: validation photos.
        labels: class of each training photo, [N].
        count: k.
        epoch: the first epoch that trains on them: its views are those of that epoch and the next.
        seed: of the run.
        device: of the network.
        precision: `float32` or `bfloat16`.
        ranks: each process computes its share and gets those of all.
        on_view: called before each view, with its number.
    """

    def __init__(
        self,
        network: Network,
        views: TrainingLoader,
        val: EvaluationLoader,
        labels: NDArray[np.int64],
        count: int,
        epoch: int,
        seed: int,
        device: torch.device,
        precision: str,
        ranks: Ranks,
        on_view: Callable[[int], None],
    ) -> None:
        self.seed, self.network = seed, network
        self.labels = torch.from_numpy(labels)
        photos = len(labels)
        batches = EpochBatches(number_of_batches(photos, val.batch_size), np.arange(photos))
        found = []
        for view in range(count):
            on_view(view)
            pixels = views.batches(epoch + view, batches)
            # Random views are trained on as they are; only of test photos the mirror image counts.
            of_share = predict(network, pixels, device, precision, views=1)
            found.append(ranks.collect(of_share, device).features)
        self.features = torch.from_numpy(np.stack(found))  # [k, N, D]
        self.val = ranks.collect(predict(network, val, device, precision), device)

    def batches(self, epoch: int, drawn: EpochBatches, first: int = 0) -> Iterator[Batch]:
        """The batches of an epoch from the first on: of each photo drawn, a view at random."""
        rng = np.random.default_rng([self.seed, epoch, 3])
        for number, photos in enumerate(drawn):
            view = torch.from_numpy(rng.integers(len(self.features), size=len(photos)))
            if number < first:
                continue
            which = torch.from_numpy(photos)
            yield Batch(self.features[view, which], self.labels[which], which)

    def validate(self) -> Outputs:
        """What the classifier, as it is now, says of the validation photos."""
        with torch.inference_mode():
            known: Tensor = torch.from_numpy(self.val.features)
            device = next(self.network.classifier.parameters()).device
            logits = self.network.classifier(known.to(device)).float().cpu().numpy()
        return replace(self.val, logits=logits)
