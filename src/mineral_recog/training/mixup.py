"""Mixup: training on blends of two photos."""

from __future__ import annotations

import numpy as np
import torch
from torch import Tensor


def mix(pixels: Tensor, alpha: float, rng: np.random.Generator) -> tuple[Tensor, Tensor, float]:
    """Blend each photo of a batch with another one: lam * x_i + (1 - lam) * x_j.

    Zhang et al., "mixup: Beyond empirical risk minimization", ICLR 2018. lam is drawn from
    Beta(alpha, alpha) once per batch and replaced by max(lam, 1 - lam). This gives the same blends
    in another order, and photo i always has the larger share in blend i.

    Args:
        pixels: uint8 [B, 3, S, S].
        alpha: Parameter of the beta distribution.
        rng: Draws lam and the partners.

    Returns:
        The blends uint8 [B, 3, S, S], the index j of each partner int64 [B], and lam, 0.5 to 1.
    """
    lam = float(rng.beta(alpha, alpha))
    lam = max(lam, 1 - lam)
    partners = torch.from_numpy(rng.permutation(len(pixels))).to(pixels.device)
    values = pixels.float()
    return (lam * values + (1 - lam) * values[partners]).round().to(torch.uint8), partners, lam
