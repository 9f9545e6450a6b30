"""Mixup and cutmix: training on blends of two photos."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from mineral_recog.recipes.stage import Stage


@dataclass(frozen=True)
class Blend:
    """A batch of blends of photos x_i and x_j, which have the shares lam and 1 - lam.

    Attributes:
        pixels: The blends, uint8 [B, 3, S, S].
        partners: Index j of the partner of each photo, int64 [B].
        own_share: lam, 0.5 to 1.
    """

    pixels: Tensor
    partners: Tensor
    own_share: float


def mix(pixels: Tensor, alpha: float, rng: np.random.Generator) -> Blend:
    """Blend each photo of a batch with another one: lam * x_i + (1 - lam) * x_j.

    Zhang et al., "mixup: Beyond empirical risk minimization", ICLR 2018. lam is drawn from
    Beta(alpha, alpha) once per batch and replaced by max(lam, 1 - lam). This gives the same blends
    in another order, and photo i always has the larger share in blend i.

    Args:
        pixels: uint8 [B, 3, S, S].
        alpha: Parameter of the beta distribution.
        rng: Draws lam and the partners.
    """
    lam = float(rng.beta(alpha, alpha))
    lam = max(lam, 1 - lam)
    partners = torch.from_numpy(rng.permutation(len(pixels))).to(pixels.device)
    values = pixels.float()
    blends = (lam * values + (1 - lam) * values[partners]).round().to(torch.uint8)
    return Blend(blends, partners, lam)


def cut_and_mix(pixels: Tensor, alpha: float, rng: np.random.Generator) -> Blend:
    """Replace a rectangle of each photo of a batch by the same rectangle of another photo.

    Yun et al., "CutMix: Regularization strategy to train strong classifiers with localizable
    features", ICCV 2019. lam is drawn from Beta(alpha, alpha) once per batch; the rectangle has the
    sides sqrt(1 - lam) of the photo and a uniform center, and loses what is outside. Unlike there,
    lam is replaced by max(lam, 1 - lam), so that photo i always has the larger share in blend i,
    whose probability is kept as that of photo i.

    Args:
        pixels: uint8 [B, 3, S, S].
        alpha: Parameter of the beta distribution.
        rng: Draws lam, the partners and the center.
    """
    lam, size = float(rng.beta(alpha, alpha)), np.array(pixels.shape[2:])
    partners = torch.from_numpy(rng.permutation(len(pixels))).to(pixels.device)
    center, half = rng.random(2) * size, size * np.sqrt(min(lam, 1 - lam)) / 2
    top, left = np.maximum(0, np.round(center - half)).astype(int)
    bottom, right = np.minimum(size, np.round(center + half)).astype(int)
    blends = pixels.clone()
    blends[:, :, top:bottom, left:right] = pixels[partners, :, top:bottom, left:right]
    area = float((bottom - top) * (right - left))
    return Blend(blends, partners, 1 - area / float(size.prod()))


def blend_photos(pixels: Tensor, stage: Stage, rng: np.random.Generator) -> Blend:
    """Return the blends of a batch, uint8 [B, 3, S, S], by mixup or cutmix of a stage."""
    if stage.mixup:
        return mix(pixels, stage.mixup, rng)
    return cut_and_mix(pixels, stage.cutmix, rng)
