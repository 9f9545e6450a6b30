"""The choice of the device and the precision."""

from __future__ import annotations

import pytest
import torch

from mineral_recog import cores
from mineral_recog.models.device import choose_device, choose_precision
from mineral_recog.models.network import build_network


def test_devices_other_than_cpu_and_cuda_train_in_float32() -> None:
    network = build_network("test_resnet", False, "auto", 32, classes=2)
    assert choose_precision(network, torch.device("mps")) == "float32"


def test_torch_takes_no_more_threads_than_a_container_has_cores(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.delenv("OMP_NUM_THREADS", raising=False)
    monkeypatch.setattr(cores, "_cgroup_quotas", lambda: [1.5])
    monkeypatch.setattr("os.cpu_count", lambda: 64)
    monkeypatch.setattr("os.sched_getaffinity", lambda pid: set(range(64)), raising=False)
    before = torch.get_num_threads()
    try:
        for own, expected in ((8, 2), (1, 1)):  # the caller's lower number stays
            torch.set_num_threads(own)
            choose_device("cpu")
            assert torch.get_num_threads() == expected
    finally:
        torch.set_num_threads(before)
