"""The network of benchmarks/cifar_network.py is CIFAR's ResNet-32."""

from __future__ import annotations

import importlib
from pathlib import Path

import pytest
import torch

from mineral_recog.models.network import build_network


def test_resnet_32_has_its_size(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.syspath_prepend(Path(__file__).parents[1] / "benchmarks")
    cifar = importlib.import_module("cifar_network")
    network = build_network("cifar_resnet32", False, "auto", 32, classes=10)
    assert network.classifier.in_features == 64
    # 0.46 M in He et al., CVPR 2016, table 6: 31 convolutions, their normalisation, a classifier.
    assert sum(p.numel() for p in network.parameters()) == 464_154
    convolutions = [m for m in network.modules() if isinstance(m, torch.nn.Conv2d)]
    assert len(convolutions) == 31
    features, logits = network(torch.zeros(2, 3, 32, 32, dtype=torch.uint8))
    assert (features.shape, logits.shape) == ((2, 64), (2, 10))
    assert isinstance(network.backbone, cifar.CifarResNet)
