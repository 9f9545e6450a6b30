"""The moving average of the weights, checked against values computed by hand."""

from __future__ import annotations

import pytest
import torch
from torch import nn

from mineral_recog.training.ema import Ema


def test_average_by_hand() -> None:
    layer = nn.Linear(1, 1, bias=False)
    nn.init.constant_(layer.weight, 0.0)
    average = Ema(layer, decay=0.25)
    nn.init.constant_(layer.weight, 11.0)
    average.update(layer)  # d = min(0.25, 2 / 11): 2/11 * 0 + 9/11 * 11
    assert average.state["weight"].item() == pytest.approx(9.0)
    average.update(layer)  # d = min(0.25, 3 / 12): 1/4 * 9 + 3/4 * 11
    assert average.state["weight"].item() == pytest.approx(10.5)
    average.update(layer)  # d = 0.25 from now on
    assert average.state["weight"].item() == pytest.approx(10.875)


def test_network_gets_its_own_weights_back() -> None:
    layer = nn.BatchNorm1d(2)
    average = Ema(layer, decay=0.9)
    layer(torch.tensor([[1.0, 2.0], [3.0, 4.0]]))
    average.update(layer)
    original = {key: value.clone() for key, value in layer.state_dict().items()}
    with pytest.raises(KeyError), average.applied_to(layer):
        averaged = layer.state_dict()["running_mean"]
        assert not torch.equal(averaged, original["running_mean"])
        raise KeyError
    assert all(torch.equal(value, original[key]) for key, value in layer.state_dict().items())
