"""Adjustments of a classifier after training, checked against values computed by hand."""

from __future__ import annotations

import math

import numpy as np
import pytest
import torch

from mineral_recog.recipes.recipe import Adjustment
from mineral_recog.training.posthoc import adjust, logit_adjusted, tau_normalised
from tests.models.test_heads import make_head

PRIOR = torch.tensor([0.9, 0.1])


def test_logit_adjustment_subtracts_the_log_prior() -> None:
    weight, bias = torch.eye(2), torch.tensor([1.0, 1.0])
    unchanged, shifted = logit_adjusted(weight, bias, PRIOR, 2.0)
    assert torch.equal(unchanged, weight)
    assert shifted.tolist() == pytest.approx([1 - 2 * math.log(0.9), 1 - 2 * math.log(0.1)])


def test_tau_normalisation_evens_out_norms_and_drops_the_bias() -> None:
    weight, bias = torch.tensor([[3.0, 4.0], [0.0, 0.25]]), torch.tensor([1.0, 2.0])
    halfway, zero_bias = tau_normalised(weight, bias, PRIOR, 0.5)
    assert halfway.norm(dim=1).tolist() == pytest.approx([math.sqrt(5), 0.5])
    assert zero_bias.tolist() == [0, 0]
    even, _ = tau_normalised(weight, bias, PRIOR, 1.0)
    assert even.norm(dim=1).tolist() == pytest.approx([1, 1])
    assert torch.equal(tau_normalised(weight, bias, PRIOR, 0.0)[0], weight)


def test_tau_with_the_lowest_balanced_loss_is_chosen() -> None:
    # The photo of the rare class has a logit difference of -3, that of the common class 5. With
    # equal weights the loss is lowest where both are 1: 5 - tau * ln 9 = tau * ln 9 - 3 at 1.82.
    head = make_head([[1.0], [-1.0]], [0.0, 0.0])
    features = np.array([[2.5], [1.5]], dtype=np.float32)
    taus = tuple(step / 10 for step in range(31))
    chosen = adjust(
        head,
        Adjustment(kind="logit_adjustment", taus=taus),
        PRIOR,
        features,
        np.array([0, 1]),
    )
    assert chosen == 1.8
    logits = head(torch.from_numpy(features))
    assert logits.argmax(dim=1).tolist() == [0, 1]


def test_tau_is_zero_if_no_tau_helps() -> None:
    head = make_head([[1.0], [-1.0]], [0.0, 0.0])
    features = np.array([[9.0], [-9.0]], dtype=np.float32)
    adjustment = Adjustment(kind="logit_adjustment")
    assert adjust(head, adjustment, PRIOR, features, np.array([0, 1])) == 0
    assert head.bias.tolist() == [0, 0]
