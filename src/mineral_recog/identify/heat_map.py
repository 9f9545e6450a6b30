"""Heat maps of what an answer is based on in a photo, by class activation or occlusion."""

from __future__ import annotations

from itertools import product

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from mineral_recog.models.network import Network

POOLING_TOLERANCE = 1e-3  # relative to the largest feature
GRID = 7  # rows and columns of the coarsest usable feature map, and of the occluded positions
BATCH_SIZE = 16  # occluded photos in one forward pass


def heat_map(network: Network, pixels: Tensor, label: int) -> NDArray[np.float32]:
    """Return how strongly each position of a photo supports a class, [rows, columns] in 0..1.

    The target is the logit of the class minus the mean logit of all classes.

    If the features of the backbone are the mean of a feature map [D, rows, columns] of at least
    7 x 7 positions, as in convolutional networks from 224 pixels on, the value of a position is
    the product of its features and the gradient of the target: class activation mapping (Zhou et
    al., "Learning deep features for discriminative localization", CVPR 2016) by gradients
    (Selvaraju et al., "Grad-CAM", ICCV 2017). For any other network it is the drop of the target
    when the position is occluded with the photo's mean (Zeiler and Fergus, "Visualizing and
    understanding convolutional networks", ECCV 2014). Positions that oppose the class are 0.

    Args:
        network: Network in evaluation mode.
        pixels: Photo, uint8 [3, S, S], on the network's device.
        label: Label of the class.

    Returns:
        The heat map, float32.
    """
    feature_map = _feature_map(network, pixels)
    if feature_map is None:
        heat = _occlusion_map(network, pixels, label)
    else:
        gradient = _gradient(network, feature_map.mean(dim=(1, 2)), label)
        heat = torch.einsum("d,dhw->hw", gradient, feature_map)
    heat = heat.clamp(min=0)
    return (heat / heat.max().clamp(min=1e-12)).float().cpu().numpy()


@torch.inference_mode()
def _feature_map(network: Network, pixels: Tensor) -> Tensor | None:
    """Return the feature map [D, rows, columns] whose mean is the features; None without one."""
    forward = getattr(network.backbone, "forward_features", None)
    if forward is None:
        return None
    normalised = network.normalise(pixels[None])
    maps = forward(normalised)
    if not isinstance(maps, Tensor) or maps.ndim != 4 or min(maps.shape[2:]) < GRID:
        return None
    features = network.backbone(normalised)
    pooled = maps.mean(dim=(2, 3))
    if pooled.shape != features.shape:
        return None
    difference = (pooled - features).abs().max()
    return maps[0] if difference <= POOLING_TOLERANCE * features.abs().max() else None


def _gradient(network: Network, features: Tensor, label: int) -> Tensor:
    """Return the gradient [D] of a class's logit minus the mean logit, at features [D]."""
    with torch.enable_grad():
        variable = features.clone().requires_grad_()
        logits = network.classifier(variable[None])[0]
        (gradient,) = torch.autograd.grad(logits[label] - logits.mean(), variable)
    return gradient


@torch.inference_mode()
def _occlusion_map(network: Network, pixels: Tensor, label: int) -> Tensor:
    """Return the drop of a class's logit minus the mean logit when each position is occluded.

    The occluding square is two eighths of the side wide and moves in steps of one eighth.
    """
    size = pixels.shape[-1]
    mean_colour = pixels.float().mean(dim=(1, 2), keepdim=True).byte()
    width = round(2 * size / (GRID + 1))
    starts = [round(step * size / (GRID + 1)) for step in range(GRID)]
    photos = [pixels]
    for top, left in product(starts, repeat=2):
        occluded = pixels.clone()
        occluded[:, top : top + width, left : left + width] = mean_colour
        photos.append(occluded)
    logits = torch.cat(
        [network(batch)[1] for batch in torch.stack(photos).split(BATCH_SIZE)]
    ).float()
    score = logits[:, label] - logits.mean(dim=1)
    return (score[0] - score[1:]).view(GRID, GRID)
