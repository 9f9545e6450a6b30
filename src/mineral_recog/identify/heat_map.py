"""Where in a photo the answer comes from: class activation, or what covering a part costs."""

from __future__ import annotations

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from mineral_recog.models.network import Network

SAME = 1e-3  # of the largest feature: pooled by the backbone, or by the mean over its map
GRID = 7  # cells a side of the coarsest map that tells places apart, and of parts to cover
AT_ONCE = 16  # covered photos in one pass


def heat_map(network: Network, pixels: Tensor, label: int) -> NDArray[np.float32]:
    """How much each place of a photo speaks for a class, float32 [rows, columns] in 0..1.

    Where the backbone's features are the mean of a map [D, rows, columns] of 7 by 7 places or
    more, as in convolutional networks from 224 pixels on, a place counts by its features along the
    gradient of the class's logit, less the mean logit of all classes: class activation mapping
    (Zhou et al., "Learning deep features for discriminative localization", CVPR 2016) by gradients
    (Selvaraju et al., "Grad-CAM", ICCV 2017). In any other network a place counts by what that
    logit loses when it is covered with the photo's mean (Zeiler and Fergus, "Visualizing and
    understanding convolutional networks", ECCV 2014). Places that speak against the class are 0.

    Args:
        network: in evaluation mode.
        pixels: uint8 [3, S, S], on the network's device.
        label: the class.
    """
    places = _feature_map(network, pixels)
    if places is None:
        found = _by_covering(network, pixels, label)
    else:
        gradient = _gradient(network, places.mean(dim=(1, 2)), label)
        found = torch.einsum("d,dhw->hw", gradient, places)
    found = found.clamp(min=0)
    return (found / found.max().clamp(min=1e-12)).float().cpu().numpy()


@torch.inference_mode()
def _feature_map(network: Network, pixels: Tensor) -> Tensor | None:
    """Features [D, rows, columns] whose mean over places is f(x); None if there are none."""
    forward = getattr(network.backbone, "forward_features", None)
    if forward is None:
        return None
    normalised = network.normalise(pixels[None])
    places = forward(normalised)
    if not isinstance(places, Tensor) or places.ndim != 4 or min(places.shape[2:]) < GRID:
        return None
    features = network.backbone(normalised)
    pooled = places.mean(dim=(2, 3))
    if pooled.shape != features.shape:
        return None
    furthest = (pooled - features).abs().max()
    return places[0] if furthest <= SAME * features.abs().max() else None


def _gradient(network: Network, features: Tensor, label: int) -> Tensor:
    """Gradient [D] of the logit of a class, less the mean logit, by features [D]."""
    with torch.enable_grad():
        known = features.clone().requires_grad_()
        logits = network.classifier(known[None])[0]
        (gradient,) = torch.autograd.grad(logits[label] - logits.mean(), known)
    return gradient


@torch.inference_mode()
def _by_covering(network: Network, pixels: Tensor, label: int) -> Tensor:
    """What the logit of a class, less the mean logit, loses when each place is covered.

    A cover is two eighths of the side wide and the next begins one eighth on.
    """
    size = pixels.shape[-1]
    grey = pixels.float().mean(dim=(1, 2), keepdim=True).byte()
    every = [pixels]
    for row in range(GRID):
        for column in range(GRID):
            covered = pixels.clone()
            top, left = (round(place * size / (GRID + 1)) for place in (row, column))
            width = round(2 * size / (GRID + 1))
            covered[:, top : top + width, left : left + width] = grey
            every.append(covered)
    logits = torch.cat([network(part)[1] for part in torch.stack(every).split(AT_ONCE)]).float()
    score = logits[:, label] - logits.mean(dim=1)
    return (score[0] - score[1:]).view(GRID, GRID)
