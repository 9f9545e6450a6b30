"""The choice of the device and the precision."""

from __future__ import annotations

import torch

from mineral_recog.models.device import choose_precision
from mineral_recog.models.network import build_network


def test_devices_other_than_cpu_and_cuda_train_in_float32() -> None:
    network = build_network("test_resnet", False, "auto", 32, classes=2)
    assert choose_precision(network, torch.device("mps")) == "float32"
