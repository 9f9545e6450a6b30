"""Features and logits of a network for the photos of a loader."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from mineral_recog.data.loaders import Batch
from mineral_recog.models.device import autocast
from mineral_recog.models.network import Network
from mineral_recog.models.views import other_views


@dataclass(frozen=True)
class Outputs:
    """The outputs of a network for M photos.

    Attributes:
        indices: Positions of the photos in their dataset, int64 [M].
        labels: Class of each photo, int64 [M].
        logits: float32 [M, C].
        features: float32 [M, D].
    """

    indices: NDArray[np.int64]
    labels: NDArray[np.int64]
    logits: NDArray[np.float32]
    features: NDArray[np.float32]


NO_OUTPUTS = Outputs(
    np.empty(0, np.int64),
    np.empty(0, np.int64),
    np.empty((0, 0), np.float32),
    np.empty((0, 0), np.float32),
)


def predict(
    network: Network,
    batches: Iterable[Batch],
    precision: str = "float32",
    views: int | None = None,
    on_batch: Callable[[], None] = lambda: None,
) -> Outputs:
    """Run the network in evaluation mode over all batches; it stays in that mode.

    Args:
        network: Network on any device.
        batches: Batches of pixels.
        precision: See `predict_batch`.
        views: See `predict_batch`.
        on_batch: Called after each batch.

    Returns:
        The outputs; without any batch, arrays without rows and columns.
    """
    rows = []
    for batch in batches:
        features, logits = predict_batch(network, batch.inputs, precision, views)
        rows.append((batch.indices.numpy(), batch.labels.numpy(), logits, features))
        on_batch()
    if not rows:
        return NO_OUTPUTS
    return Outputs(*map(np.concatenate, zip(*rows, strict=True)))


@torch.inference_mode()
def predict_batch(
    network: Network,
    pixels: Tensor,
    precision: str = "float32",
    views: int | None = None,
) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    """Compute features and logits in evaluation mode.

    With several views they are the means over the views of each photo, see `other_views`.

    Args:
        network: Network on any device.
        pixels: uint8 [B, 3, S, S], on any device.
        precision: `float32`, `bfloat16` or `float16`.
        views: 1, 2 or 5; by default the test views of the network.

    Returns:
        Features float32 [B, D] and logits float32 [B, C].
    """
    network.eval()
    with autocast(network.device, precision):
        pixels = pixels.to(network.device, non_blocking=True)
        features, logits = network(pixels)
        count = views or network.preprocessing.test_views
        for view in other_views(pixels, count):
            more_features, more_logits = network(view)
            features, logits = features + more_features, logits + more_logits
        if count > 1:
            features, logits = features / count, logits / count
    return features.float().cpu().numpy(), logits.float().cpu().numpy()
