"""The heads, checked against values computed by hand."""

from __future__ import annotations

import math

import pytest
import torch

from mineral_recog.models.heads import CosineHead, LinearHead, build_head


def make_head(weight: list[list[float]], bias: list[float]) -> LinearHead:
    head = LinearHead(len(weight[0]), len(weight))
    with torch.no_grad():
        head.weight.copy_(torch.tensor(weight))
        head.bias.copy_(torch.tensor(bias))
    return head


def test_scale_applies_to_the_weights_and_not_to_the_bias() -> None:
    head = make_head([[1, 2], [3, 4]], [10, 20])
    features = torch.tensor([[1.0, 1.0]])
    head.start_scale()
    assert head(features).tolist() == [[13, 27]]
    assert head.scale is not None
    with torch.no_grad():
        head.scale.copy_(torch.tensor([2.0, 0.5]))
    assert head(features).tolist() == [[16, 23.5]]
    head.fold_scale()
    assert head.scale is None
    assert head(features).tolist() == [[16, 23.5]]
    assert head.weight.tolist() == [[2, 4], [1.5, 2]]
    assert head.bias.tolist() == [10, 20]


def test_only_the_scale_is_learned_after_start_scale() -> None:
    head = make_head([[1, 2], [3, 4]], [0, 0])
    head.start_scale()
    assert [name for name, p in head.named_parameters() if p.requires_grad] == ["scale"]
    head.fold_scale()
    assert {name for name, p in head.named_parameters() if p.requires_grad} == {"weight", "bias"}


def test_cosine_head_ignores_lengths() -> None:
    head = CosineHead(2, 2)
    with torch.no_grad():
        head.weight.copy_(torch.tensor([[5.0, 0.0], [0.3, 0.3]]))
    logits = head(torch.tensor([[7.0, 0.0], [0.0, 0.1]]))
    diagonal = 30 * math.sqrt(0.5)
    assert logits[0].tolist() == pytest.approx([30, diagonal])
    assert logits[1].tolist() == pytest.approx([0, diagonal])


def test_heads_are_built_by_name() -> None:
    assert isinstance(build_head("linear", 3, 2), LinearHead)
    assert isinstance(build_head("cosine", 3, 2), CosineHead)


FEATURES = torch.tensor([[0.0, 2.0], [0.0, 4.0], [6.0, 0.0], [4.0, 3.0]])
LABELS = torch.tensor([0, 0, 1, 1])  # means (0, 3) and (5, 1.5)


def test_cosine_head_starts_from_the_directions_of_the_means() -> None:
    head = CosineHead(2, 2, scale=20)
    head.start_from_means(FEATURES, LABELS)
    assert head.weight[0].tolist() == pytest.approx([0, 1])
    assert head.weight[1].tolist() == pytest.approx([5 / 27.25**0.5, 1.5 / 27.25**0.5])
    assert head(torch.tensor([[0.0, 7.0]]))[0, 0].item() == pytest.approx(20)


def test_linear_head_starts_as_a_classifier_of_the_nearest_mean() -> None:
    head = LinearHead(2, 2)
    head.start_from_means(FEATURES, LABELS)
    # The center is (2.5, 2.25); squared distances 6.3125, 9.3125, 17.3125 and 2.8125.
    variance = 35.75 / 4
    logits = head(torch.tensor([[1.0, 1.0]]))[0]
    # Squared distances of (1, 1) to the means: 5 and 16.25.
    assert (logits[0] - logits[1]).item() == pytest.approx((16.25 - 5) / (2 * variance))


def test_equal_features_give_equal_logits() -> None:
    head = LinearHead(2, 2)
    head.start_from_means(torch.ones(4, 2), LABELS)
    assert head(torch.ones(1, 2)).tolist() == [[0, 0]]
