"""The losses on numbers worked out by hand."""

from __future__ import annotations

import math

import pytest
import torch

from mineral_recog import config
from mineral_recog.method.losses import (
    CenterLoss,
    Centers,
    CrossEntropyLoss,
    FrequencyAwareLoss,
    build_losses,
)

NONE = torch.zeros(1, 1)


def test_frequency_aware_loss_by_hand() -> None:
    # Equal logits and prior (3/4, 1/4): the adjusted softmax is the prior itself.
    loss = FrequencyAwareLoss(torch.tensor([0.75, 0.25]))
    rare = loss(NONE, torch.zeros(1, 2), torch.tensor([1]))
    assert rare.item() == pytest.approx(math.log(4))
    both = loss(NONE, torch.zeros(2, 2), torch.tensor([0, 1]))
    assert both.item() == pytest.approx((math.log(4 / 3) + math.log(4)) / 2)


def test_frequency_aware_gradient_by_hand() -> None:
    # Softmax minus one-hot: (3/4, 1/4) - (0, 1).
    logits = torch.zeros(1, 2, requires_grad=True)
    FrequencyAwareLoss(torch.tensor([0.75, 0.25]))(NONE, logits, torch.tensor([1])).backward()
    assert logits.grad is not None
    assert logits.grad[0].tolist() == pytest.approx([0.75, -0.75])


def test_tau_scales_the_adjustment() -> None:
    # tau = 2 squares the prior: 9/16 to 1/16, so the rare class has 1/10.
    loss = FrequencyAwareLoss(torch.tensor([0.75, 0.25]), tau=2)
    assert loss(NONE, torch.zeros(1, 2), torch.tensor([1])).item() == pytest.approx(math.log(10))


def test_an_impossible_class_is_refused() -> None:
    with pytest.raises(ValueError, match="positive prior"):
        FrequencyAwareLoss(torch.tensor([1.0, 0.0]))


def test_cross_entropy_by_hand() -> None:
    logits = torch.tensor([[math.log(3), 0.0]])
    assert CrossEntropyLoss()(NONE, logits, torch.tensor([1])).item() == pytest.approx(math.log(4))


def test_centers_start_at_the_mean_of_their_first_batch() -> None:
    centers = Centers(classes=3, features=2)
    centers.start(torch.tensor([[1.0, 0.0], [3.0, 0.0], [0.0, 5.0]]), torch.tensor([0, 0, 2]))
    assert centers.values.tolist() == [[2, 0], [0, 0], [0, 5]]
    assert centers.seen.tolist() == [True, False, True]
    centers.start(torch.tensor([[9.0, 9.0], [4.0, 4.0]]), torch.tensor([0, 1]))
    assert centers.values.tolist() == [[2, 0], [4, 4], [0, 5]]


def test_center_loss_and_update_by_hand() -> None:
    centers = Centers(classes=2, features=2)
    centers.start(torch.tensor([[0.0, 0.0], [1.0, 1.0]]), torch.tensor([0, 1]))
    features = torch.tensor([[2.0, 0.0], [0.0, 2.0], [1.0, 2.0], [1.0, 1.0]], requires_grad=True)
    labels = torch.tensor([0, 0, 1, 1])
    value = CenterLoss(centers, weight=0.001, lr=0.5)(features, NONE, labels)
    # Squared distances 4, 4, 1, 0.
    assert value.item() == pytest.approx(9 / 4)
    # c - lr * 2/B * sum(c - f): c0 = 0 - 1/4 * (-2, -2); c1 = (1, 1) - 1/4 * (0, -1).
    assert centers.values.tolist() == [[0.5, 0.5], [1.0, 1.25]]
    value.backward()
    # 2/B * (f - c), by the centers as they were.
    assert features.grad is not None
    assert features.grad.tolist() == [[1, 0], [0, 1], [0, 0.5], [0, 0]]


def test_the_centers_step_does_not_shrink_with_the_weight() -> None:
    moved = []
    for weight in (1.0, 1e-6):
        centers = Centers(classes=1, features=1)
        centers.start(torch.zeros(1, 1), torch.tensor([0]))
        CenterLoss(centers, weight)(torch.ones(1, 1), NONE, torch.tensor([0]))
        moved.append(centers.values.item())
    assert moved == [1.0, 1.0]


def test_a_stage_names_its_losses_and_their_prior() -> None:
    natural, sampled = torch.tensor([0.9, 0.1]), torch.tensor([0.7, 0.3])
    settings = config.Losses(
        frequency_aware=config.FrequencyAware(prior="sampled", weight=2),
        center=config.Center(weight=0.5),
    )
    terms = build_losses(settings, natural, sampled, Centers(2, 3))
    assert {name: term.weight for name, term in terms.items()} == {
        "frequency_aware": 2,
        "center": 0.5,
    }
    value = terms["frequency_aware"](NONE, torch.zeros(1, 2), torch.tensor([1]))
    assert value.item() == pytest.approx(-math.log(0.3))
