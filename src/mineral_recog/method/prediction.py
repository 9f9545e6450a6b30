"""What a network says of the photos of a loader."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray

from mineral_recog.data.loading import Batch
from mineral_recog.method.model import Network


@dataclass(frozen=True)
class Outputs:
    """Labels int64 [M], logits float32 [M, C] and features float32 [M, D]."""

    labels: NDArray[np.int64]
    logits: NDArray[np.float32]
    features: NDArray[np.float32]


@torch.inference_mode()
def predict(
    network: Network,
    batches: Iterable[Batch],
    device: torch.device,
    precision: str = "float32",
    views: int | None = None,
    on_batch: Callable[[], None] = lambda: None,
) -> Outputs:
    """Run the network in evaluation mode over all batches; it stays in that mode.

    With two views, features and logits are the means of those of a photo and its mirror image.

    Args:
        precision: `float32` or `bfloat16`.
        views: 1 or 2; by default the test views of the network.
        on_batch: called after each batch.
    """
    network.eval()
    views = views or network.preprocessing.test_views
    labels, logits, features = [], [], []
    for batch in batches:
        with torch.autocast(device.type, torch.bfloat16, enabled=precision == "bfloat16"):
            pixels = batch.inputs.to(device, non_blocking=True)
            found, scores = network(pixels)
            if views == 2:
                mirrored = network(pixels.flip(3))
                found, scores = (found + mirrored[0]) / 2, (scores + mirrored[1]) / 2
        labels.append(batch.labels)
        logits.append(scores.float().cpu())
        features.append(found.float().cpu())
        on_batch()
    return Outputs(
        torch.cat(labels).numpy(), torch.cat(logits).numpy(), torch.cat(features).numpy()
    )
