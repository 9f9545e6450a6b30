"""Mixup: training on blends of two photos."""

from __future__ import annotations

import numpy as np
import torch
from torch import Tensor


def mix(pixels: Tensor, alpha: float, rng: np.random.Generator) -> tuple[Tensor, Tensor, float]:
    """Blend each photo of a batch with another, lam * x_i + (1 - lam) * x_j.

    Zhang et al., "mixup: Beyond empirical risk minimization", ICLR 2018. lam is drawn from
    Beta(alpha, alpha) once a batch, and of lam and 1 - lam the larger is taken, which is the same
    blends in another order: so each photo keeps the larger share in its own place.

    Args:
        pixels: uint8 [B, 3, S, S].

    Returns:
        The blends uint8 [B, 3, S, S], the place j of each partner int64 [B], and lam, 0.5 to 1.
    """
    lam = float(rng.beta(alpha, alpha))
    lam = max(lam, 1 - lam)
    partners = torch.from_numpy(rng.permutation(len(pixels))).to(pixels.device)
    own = pixels.float()
    return (lam * own + (1 - lam) * own[partners]).round().to(torch.uint8), partners, lam
