"""Adjustments of a linear head after training; each has one strength, tau.

They change only W [C, D] and b [C], so the adjusted model is used like any other.
"""

from __future__ import annotations

import numpy as np
import torch
import torch.nn.functional as F
from numpy.typing import NDArray
from torch import Tensor

from mineral_recog.models.heads import LinearHead
from mineral_recog.recipes.recipe import Adjustment


def logit_adjusted(
    weight: Tensor, bias: Tensor, prior: Tensor, tau: float
) -> tuple[Tensor, Tensor]:
    """Return the W and b whose logits are z - tau * log prior.

    Menon et al., "Long-tail learning via logit adjustment", ICLR 2021, equation 9.
    """
    return weight, bias - tau * prior.log()


def tau_normalised(
    weight: Tensor, bias: Tensor, prior: Tensor, tau: float
) -> tuple[Tensor, Tensor]:
    """Return W with rows w_c / ||w_c||^tau, and b = 0; tau = 0 leaves W unchanged.

    Kang et al., "Decoupling representation and classifier for long-tailed recognition", ICLR
    2020, section 4, which omits the bias.
    """
    return weight / weight.norm(dim=1, keepdim=True) ** tau, torch.zeros_like(bias)


# Temperatures that a tau is judged with: from a network that fits its photos to an unsure one.
TEMPERATURES = tuple(0.25 * 2 ** (step / 2) for step in range(11))  # to 8
METHODS = {"logit_adjustment": logit_adjusted, "tau_normalisation": tau_normalised}


@torch.no_grad()
def adjust(
    head: LinearHead,
    adjustment: Adjustment,
    prior: Tensor,
    features: NDArray[np.float32],
    labels: NDArray[np.int64],
) -> float:
    """Adjust a head with the tau that suits the validation photos best, and return this tau.

    That is the tau with the lowest mean over classes of the cross-entropy, at the best of a few
    temperatures. It varies far less with the choice of the photos than the tau with the best
    accuracy, which depends on the few photos near a boundary. Of equal taus the first one is used.

    Args:
        head: Head to change in place.
        adjustment: Method and the taus to try.
        prior: Class prior of the training photos, [C].
        features: Features of the validation photos, [M, D].
        labels: Classes of the validation photos, [M].
    """
    method = METHODS[adjustment.kind]
    device = head.weight.device
    inputs, targets = torch.tensor(features, device=device), torch.tensor(labels, device=device)
    weights = 1 / torch.bincount(targets, minlength=len(prior)).double()[targets]

    def balanced_loss(tau: float) -> float:
        weight, bias = method(head.weight, head.bias, prior.to(device), tau)
        logits = (inputs @ weight.T + bias).double()
        losses = [
            weights @ F.cross_entropy(logits / temperature, targets, reduction="none")
            for temperature in TEMPERATURES
        ]
        return float(torch.stack(losses).min())

    best_tau = min(adjustment.taus, key=balanced_loss)
    weight, bias = method(head.weight, head.bias, prior.to(device), best_tau)
    head.weight.copy_(weight)
    head.bias.copy_(bias)
    return best_tau
