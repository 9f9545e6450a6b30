"""What is done to a classifier after training, on numbers worked out by hand."""

from __future__ import annotations

import math

import numpy as np
import pytest
import torch

from mineral_recog.recipes.recipe import Adjustment
from mineral_recog.training.posthoc import adjust, logit_adjusted, tau_normalised
from tests.models.test_heads import head_of

PRIOR = torch.tensor([0.9, 0.1])


def test_logit_adjustment_takes_the_log_prior_off() -> None:
    weight, bias = torch.eye(2), torch.tensor([1.0, 1.0])
    same, shifted = logit_adjusted(weight, bias, PRIOR, 2.0)
    assert torch.equal(same, weight)
    assert shifted.tolist() == pytest.approx([1 - 2 * math.log(0.9), 1 - 2 * math.log(0.1)])


def test_tau_normalisation_evens_out_lengths_and_drops_the_bias() -> None:
    weight, bias = torch.tensor([[3.0, 4.0], [0.0, 0.25]]), torch.tensor([1.0, 2.0])
    halfway, none = tau_normalised(weight, bias, PRIOR, 0.5)
    assert halfway.norm(dim=1).tolist() == pytest.approx([math.sqrt(5), 0.5])
    assert none.tolist() == [0, 0]
    even, _ = tau_normalised(weight, bias, PRIOR, 1.0)
    assert even.norm(dim=1).tolist() == pytest.approx([1, 1])
    assert torch.equal(tau_normalised(weight, bias, PRIOR, 0.0)[0], weight)


def test_the_tau_is_the_first_of_those_that_are_best_on_validation() -> None:
    # The rare photo lies 3 below the line: it needs tau * ln 9 > 3, hence tau of at least 1.4. The
    # common one, 5 above, is lost at tau * ln 9 > 5, from 2.3 on.
    head = head_of([[1.0], [-1.0]], [0.0, 0.0])
    features = np.array([[2.5], [1.5]], dtype=np.float32)
    taus = tuple(step / 10 for step in range(31))
    chosen = adjust(
        head,
        Adjustment(kind="logit_adjustment", taus=taus),
        PRIOR,
        features,
        np.array([0, 1]),
    )
    assert chosen == 1.4
    logits = head(torch.from_numpy(features))
    assert logits.argmax(dim=1).tolist() == [0, 1]


def test_no_change_wins_when_nothing_is_gained() -> None:
    head = head_of([[1.0], [-1.0]], [0.0, 0.0])
    features = np.array([[9.0], [-9.0]], dtype=np.float32)
    adjustment = Adjustment(kind="logit_adjustment")
    assert adjust(head, adjustment, PRIOR, features, np.array([0, 1])) == 0
    assert head.bias.tolist() == [0, 0]
