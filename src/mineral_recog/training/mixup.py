"""Mixup: training on blends of two photos."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor


@dataclass(frozen=True)
class Blend:
    """A batch of blends: lam * x_i + (1 - lam) * x_j.

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
