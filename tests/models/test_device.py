"""What is chosen for the hardware that there is."""

from __future__ import annotations

import torch

from mineral_recog.models.device import choose_precision
from mineral_recog.models.network import build_network


def test_a_device_that_is_neither_a_cpu_nor_cuda_trains_in_float32() -> None:
    network = build_network("test_resnet", False, "auto", 32, classes=2)
    assert choose_precision(network, torch.device("mps")) == "float32"
