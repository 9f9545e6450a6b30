"""What is done to a linear head after training: each way has one strength, tau.

Both change W [C, D] and b [C] and nothing else, so that the model is used as any other.
"""

from __future__ import annotations

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from mineral_recog.models.heads import LinearHead
from mineral_recog.recipes.recipe import Adjustment


def logit_adjusted(
    weight: Tensor, bias: Tensor, prior: Tensor, tau: float
) -> tuple[Tensor, Tensor]:
    """W and b whose logits are z - tau * log prior.

    Menon et al., "Long-tail learning via logit adjustment", ICLR 2021, equation 9.
    """
    return weight, bias - tau * prior.log()


def tau_normalised(
    weight: Tensor, bias: Tensor, prior: Tensor, tau: float
) -> tuple[Tensor, Tensor]:
    """W with rows w_c / ||w_c||^tau, and no b; tau = 0 leaves W as it is.

    Kang et al., "Decoupling representation and classifier for long-tailed recognition", ICLR
    2020, section 4, which leaves the bias out.
    """
    return weight / weight.norm(dim=1, keepdim=True) ** tau, torch.zeros_like(bias)


WAYS = {"logit_adjustment": logit_adjusted, "tau_normalisation": tau_normalised}


@torch.no_grad()
def adjust(
    head: LinearHead,
    adjustment: Adjustment,
    prior: Tensor,
    features: NDArray[np.float32],
    labels: NDArray[np.int64],
) -> float:
    """Change a head by the tau whose mean accuracy over classes is best; gives that tau.

    Of taus that are equally good the first is taken.

    Args:
        head: changed in place.
        prior: class prior of the training photos, [C].
        features: of the validation photos, [M, D].
        labels: of the validation photos, [M].
    """
    way = WAYS[adjustment.kind]
    device = head.weight.device
    known, true = torch.tensor(features, device=device), torch.tensor(labels, device=device)
    photos = torch.bincount(true, minlength=len(prior)).clamp(min=1)
    best_tau, best_mean = 0.0, -1.0
    for tau in adjustment.taus:
        weight, bias = way(head.weight, head.bias, prior.to(device), tau)
        right = (known @ weight.T + bias).argmax(dim=1) == true
        mean = float((torch.bincount(true[right], minlength=len(prior)) / photos).mean())
        if mean > best_mean:
            best_tau, best_mean = tau, mean
    weight, bias = way(head.weight, head.bias, prior.to(device), best_tau)
    head.weight.copy_(weight)
    head.bias.copy_(bias)
    return best_tau
