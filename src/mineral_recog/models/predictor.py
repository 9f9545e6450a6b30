"""What a network says of the photos of a loader."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from mineral_recog.data.loaders import Batch
from mineral_recog.models.network import Network


@dataclass(frozen=True)
class Outputs:
    """Which photos, int64 [M], labels int64 [M], logits float32 [M, C], features float32 [M, D]."""

    photos: NDArray[np.int64]
    labels: NDArray[np.int64]
    logits: NDArray[np.float32]
    features: NDArray[np.float32]


def predict(
    network: Network,
    batches: Iterable[Batch],
    device: torch.device,
    precision: str = "float32",
    views: int | None = None,
    on_batch: Callable[[], None] = lambda: None,
) -> Outputs:
    """Run the network in evaluation mode over all batches; it stays in that mode.

    Args:
        precision: see `predict_batch`.
        views: see `predict_batch`.
        on_batch: called after each batch.
    """
    photos, labels, features, logits = [], [], [], []
    for batch in batches:
        found, scores = predict_batch(network, batch.inputs, device, precision, views)
        photos.append(batch.photos.numpy())
        labels.append(batch.labels.numpy())
        features.append(found)
        logits.append(scores)
        on_batch()
    return Outputs(*map(np.concatenate, (photos, labels, logits, features)))


@torch.inference_mode()
def predict_batch(
    network: Network,
    pixels: Tensor,
    device: torch.device,
    precision: str = "float32",
    views: int | None = None,
) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    """Features [B, D] and logits [B, C] of pixels uint8 [B, 3, S, S], in evaluation mode.

    With two views they are the means of those of a photo and its mirror image.

    Args:
        network: on the device.
        precision: `float32` or `bfloat16`.
        views: 1 or 2; by default the test views of the network.
    """
    network.eval()
    with torch.autocast(device.type, torch.bfloat16, enabled=precision == "bfloat16"):
        pixels = pixels.to(device, non_blocking=True)
        features, logits = network(pixels)
        if (views or network.preprocessing.test_views) == 2:
            mirrored = network(pixels.flip(3))
            features, logits = (features + mirrored[0]) / 2, (logits + mirrored[1]) / 2
    return features.float().cpu().numpy(), logits.float().cpu().numpy()
