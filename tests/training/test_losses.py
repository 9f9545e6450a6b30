"""The losses, checked against values computed by hand."""

from __future__ import annotations

import math

import pytest
import torch

from mineral_recog.recipes.loss_settings import Center, FrequencyAware, Losses
from mineral_recog.training.losses import (
    CenterLoss,
    Centers,
    ClassFacts,
    CrossEntropyLoss,
    FocalLoss,
    FrequencyAwareLoss,
    LabelAwareSmoothingLoss,
    LdamLoss,
    Loss,
    build_losses,
    effective_number_weights,
    loss_parts,
)
from mineral_recog.training.mixup import Blend

UNUSED = torch.zeros(1, 1)


def test_frequency_aware_loss_by_hand() -> None:
    # Equal logits and prior (3/4, 1/4): the adjusted softmax equals the prior.
    loss = FrequencyAwareLoss(torch.tensor([0.75, 0.25]))
    rare = loss(UNUSED, torch.zeros(1, 2), torch.tensor([1]))
    assert rare.item() == pytest.approx(math.log(4))
    mean = loss(UNUSED, torch.zeros(2, 2), torch.tensor([0, 1]))
    assert mean.item() == pytest.approx((math.log(4 / 3) + math.log(4)) / 2)


def test_frequency_aware_gradient_by_hand() -> None:
    # Softmax minus one-hot: (3/4, 1/4) - (0, 1).
    logits = torch.zeros(1, 2, requires_grad=True)
    FrequencyAwareLoss(torch.tensor([0.75, 0.25]))(UNUSED, logits, torch.tensor([1])).backward()
    assert logits.grad is not None
    assert logits.grad[0].tolist() == pytest.approx([0.75, -0.75])


def test_tau_scales_the_adjustment() -> None:
    # tau = 2 squares the prior: 9/16 to 1/16, so the rare class has 1/10.
    loss = FrequencyAwareLoss(torch.tensor([0.75, 0.25]), tau=2)
    assert loss(UNUSED, torch.zeros(1, 2), torch.tensor([1])).item() == pytest.approx(math.log(10))


def test_class_with_zero_prior_is_refused() -> None:
    with pytest.raises(ValueError, match="positive prior"):
        FrequencyAwareLoss(torch.tensor([1.0, 0.0]))


def test_cross_entropy_by_hand() -> None:
    logits = torch.tensor([[math.log(3), 0.0]])
    assert CrossEntropyLoss()(UNUSED, logits, torch.tensor([1])).item() == pytest.approx(
        math.log(4)
    )


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
    value = CenterLoss(centers, weight=0.001, lr=0.5, relative=False)(features, UNUSED, labels)
    # Squared distances 4, 4, 1, 0.
    assert value.item() == pytest.approx(9 / 4)
    # c - lr * 2/B * sum(c - f): c0 = 0 - 1/4 * (-2, -2); c1 = (1, 1) - 1/4 * (0, -1).
    assert centers.values.tolist() == [[0.5, 0.5], [1.0, 1.25]]
    value.backward()
    # 2/B * (f - c), with the centers before the update.
    assert features.grad is not None
    assert features.grad.tolist() == [[1, 0], [0, 1], [0, 0.5], [0, 0]]


def test_center_step_does_not_shrink_with_the_weight() -> None:
    moved = []
    for weight in (1.0, 1e-6):
        centers = Centers(classes=1, features=1)
        centers.start(torch.zeros(1, 1), torch.tensor([0]))
        CenterLoss(centers, weight, 0.5, relative=False)(
            torch.ones(1, 1), UNUSED, torch.tensor([0])
        )
        moved.append(centers.values.item())
    assert moved == [1.0, 1.0]


@pytest.mark.parametrize("factor", [1.0, 100.0])
@pytest.mark.parametrize("copies", [1, 64])
def test_relative_center_loss_pulls_as_much_at_any_number_and_size_of_features(
    factor: float, copies: int
) -> None:
    centers, labels = Centers(classes=1, features=2 * copies), torch.tensor([0, 0])
    points = factor * torch.tensor([[1.0, 0.0], [3.0, 2.0]]).repeat(1, copies)
    features = points.clone().requires_grad_()
    loss = CenterLoss(centers, weight=0.1, lr=0.5, relative=True)
    value = loss(features, UNUSED, labels)
    value.backward()
    # Squared distances 2 and 2 (times factor^2 * copies) from the mean (2, 1); their mean is 2.
    assert value.item() == pytest.approx(1)
    assert features.grad is not None
    pull = (features.grad.norm(dim=1) / (features.detach() - points.mean(0)).norm(dim=1)).numpy()
    assert pull == pytest.approx(1 / (2 * factor**2 * copies))
    # The unit follows the features slowly: 0.99 * 2 + 0.01 * 8 after a batch twice as far.
    centers.values.copy_(points.mean(0))
    loss(2 * (points - points.mean(0)) + points.mean(0), UNUSED, labels)
    assert centers.mean_square.item() == pytest.approx(2.06 * factor**2 * copies)


def test_losses_are_built_from_the_stage() -> None:
    natural, sampled = torch.tensor([0.9, 0.1]), torch.tensor([0.7, 0.3])
    settings = Losses(
        frequency_aware=FrequencyAware(prior="sampled", weight=2),
        center=Center(weight=0.5),
    )
    terms = build_losses(settings, ClassFacts(natural, sampled, Centers(2, 3)))
    assert {name: term.weight for name, term in terms.items()} == {
        "frequency_aware": 2,
        "center": 0.5,
    }
    value = terms["frequency_aware"](UNUSED, torch.zeros(1, 2), torch.tensor([1]))
    assert value.item() == pytest.approx(-math.log(0.3))


def test_effective_number_weights_by_hand() -> None:
    # beta 1/2: E = 2 * (1 - 2^-n), so 1 and 1.75 for 1 and 3 photos; the mean of the inverses over
    # the photos, (1 + 3 / 1.75) / 4, becomes 1.
    weights = effective_number_weights(torch.tensor([1.0, 3.0]), 0.5)
    assert weights.tolist() == pytest.approx([4 * 1.75 / 4.75, 4 / 4.75])
    assert effective_number_weights(torch.tensor([1.0, 9.0]), 0.0).tolist() == [1, 1]
    near_one = effective_number_weights(torch.tensor([1.0, 9.0]), 0.99999999)
    assert near_one.tolist() == pytest.approx([5, 5 / 9], rel=1e-4)  # inverse to the counts


def test_class_weights_do_not_cancel_in_a_batch_of_one_class() -> None:
    loss = CrossEntropyLoss(class_weights=torch.tensor([0.5, 3.0]))
    rare = loss(UNUSED, torch.zeros(2, 2), torch.tensor([1, 1]))
    assert rare.item() == pytest.approx(3 * math.log(2))


def test_focal_loss_by_hand() -> None:
    # p = (3/4, 1/4): (1/4)^2 * ln(4/3) and (3/4)^2 * ln 4.
    logits = torch.tensor([[math.log(3), 0.0]]).repeat(2, 1)
    value = FocalLoss(gamma=2)(UNUSED, logits, torch.tensor([0, 1]))
    assert value.item() == pytest.approx((math.log(4 / 3) / 16 + 9 * math.log(4) / 16) / 2)
    plain = FocalLoss(gamma=0)(UNUSED, logits, torch.tensor([0, 1]))
    assert plain.item() == pytest.approx((math.log(4 / 3) + math.log(4)) / 2)


def test_focal_gradient_is_finite_at_probability_one() -> None:
    logits = torch.tensor([[200.0, 0.0]], requires_grad=True)
    FocalLoss(gamma=0.5)(UNUSED, logits, torch.tensor([0])).backward()
    assert logits.grad is not None
    assert bool(logits.grad.isfinite().all())


def test_ldam_margins_by_hand() -> None:
    # 16 photos to 1: the common class has 16^-1/4 = 1/2 of the margin of the rare class.
    loss = LdamLoss(torch.tensor([16.0, 1.0]), max_margin=0.5)
    assert loss.margins.tolist() == pytest.approx([30 * 0.25, 30 * 0.5])
    # A logit difference equal to the margin gives probability 1/2.
    value = loss(UNUSED, torch.tensor([[0.0, 15.0]]), torch.tensor([1]))
    assert value.item() == pytest.approx(math.log(2))
    # Margins are differences of cosines: with logits of 20 cosines they are 20 times as large.
    assert LdamLoss(torch.tensor([16.0, 1.0]), scale=20).margins.tolist() == pytest.approx([5, 10])


def test_ldam_uses_class_weights() -> None:
    weights = torch.tensor([1.0, 4.0])
    plain = LdamLoss(torch.tensor([16.0, 1.0]))
    weighted = LdamLoss(torch.tensor([16.0, 1.0]), class_weights=weights)
    batch = (UNUSED, torch.zeros(1, 2), torch.tensor([1]))
    assert weighted(*batch).item() == pytest.approx(4 * plain(*batch).item())


def test_label_aware_smoothing_by_hand() -> None:
    # e is 0.4 for the common class, 0.1 for the rare class, and 0.1 + 0.3 * sin(pi / 6) = 0.25 for
    # the class at a third of the way between their counts.
    loss = LabelAwareSmoothingLoss(torch.tensor([31.0, 11.0, 1.0]), head=0.4, tail=0.1)
    assert loss.smoothing.tolist() == pytest.approx([0.4, 0.25, 0.1])
    # p = (1/2, 1/4, 1/4): 0.6 * ln 2 + 0.2 * ln 4 + 0.2 * ln 4 = 1.4 * ln 2.
    logits = torch.tensor([[math.log(2), 0.0, 0.0]])
    value = loss(UNUSED, logits, torch.tensor([0]))
    assert value.item() == pytest.approx(1.4 * math.log(2))


@pytest.mark.parametrize("term", ["cross_entropy", "focal", "ldam", "label_aware_smoothing"])
def test_loss_is_built_with_the_settings_of_the_recipe(term: str) -> None:
    counts, sampled = torch.tensor([9.0, 1.0]), torch.tensor([0.5, 0.5])
    losses = Losses.model_validate({term: {"weight": 0.25}})
    terms = build_losses(losses, ClassFacts(counts, sampled, Centers(2, 1)))
    assert list(terms) == [term]
    assert terms[term].weight == 0.25


def test_losses_get_the_class_weights_of_the_recipe() -> None:
    counts, sampled = torch.tensor([9.0, 1.0]), torch.tensor([0.5, 0.5])
    expected = effective_number_weights(counts, 0.9)
    for term in ("cross_entropy", "ldam"):
        losses = Losses.model_validate({term: {"effective_number": 0.9}})
        loss = build_losses(losses, ClassFacts(counts, sampled, Centers(2, 1)))[term]
        assert isinstance(loss, CrossEntropyLoss | LdamLoss)
        assert loss.class_weights is not None
        assert torch.equal(loss.class_weights, expected)


def test_loss_of_blends_is_shared_between_both_photos() -> None:
    losses: dict[str, Loss] = {
        "focal": FocalLoss(gamma=0.0, weight=3.0),
        "ce": CrossEntropyLoss(weight=0.5),
    }
    logits, labels = torch.tensor([[0.0, 1.0], [2.0, 0.0]]), torch.tensor([0, 1])
    plain = loss_parts(losses, logits, logits, labels)
    assert list(plain) == ["loss", "focal", "ce"]
    assert plain["ce"].item() == pytest.approx((math.log(1 + math.e) + math.log(1 + math.e**2)) / 2)
    assert plain["loss"].item() == pytest.approx(3.5 * plain["ce"].item())
    # Each photo is blended with the other one, of the other class.
    other = (math.log(1 + math.exp(-1)) + math.log(1 + math.exp(-2))) / 2
    blend = Blend(torch.empty(0), torch.tensor([1, 0]), own_share=0.75)
    mixed = loss_parts(losses, logits, logits, labels, blend)
    assert mixed["ce"].item() == pytest.approx(0.75 * plain["ce"].item() + 0.25 * other)
    assert mixed["loss"].item() == pytest.approx(3.5 * mixed["ce"].item())
