"""The choice of the device and the precision."""

from __future__ import annotations

import pytest
import torch

from mineral_recog import cores
from mineral_recog.errors import RecipeError
from mineral_recog.models.device import choose_device, choose_precision, refuse_precision
from mineral_recog.models.network import build_network
from mineral_recog.models.predictor import predict_batch


def test_devices_other_than_cpu_and_cuda_train_in_float32() -> None:
    network = build_network("test_resnet", False, "auto", 32, classes=2)
    assert choose_precision(network, torch.device("mps")) == "float32"


@pytest.mark.parametrize(
    ("capability", "precision"),
    [((6, 0), "float16"), ((7, 5), "float16"), ((8, 0), "bfloat16"), ((9, 0), "bfloat16")],
    ids=["P100", "T4", "A100", "H100"],
)
def test_gpus_without_bfloat16_train_in_float16(
    monkeypatch: pytest.MonkeyPatch, capability: tuple[int, int], precision: str
) -> None:
    monkeypatch.setattr("torch.cuda.get_device_capability", lambda device: capability)
    network = build_network("test_resnet", False, "auto", 32, classes=2)
    assert choose_precision(network, torch.device("cuda")) == precision


def test_float16_is_refused_without_a_gpu() -> None:
    refuse_precision("float16", torch.device("cuda"))
    refuse_precision("bfloat16", torch.device("cpu"))
    with pytest.raises(RecipeError, match=r"needs an NVIDIA GPU.*on cpu: set precision=auto"):
        refuse_precision("float16", torch.device("cpu"))


def test_a_gpu_computes_float32_in_tf32(monkeypatch: pytest.MonkeyPatch) -> None:
    before = torch.get_float32_matmul_precision()
    monkeypatch.setattr("torch.cuda.is_available", lambda: True)
    monkeypatch.setattr("torch.cuda.device_count", lambda: 1)
    try:
        for name, precision in (("cpu", before), ("auto", "high")):
            choose_device(name)
            assert torch.get_float32_matmul_precision() == precision
    finally:
        torch.set_float32_matmul_precision(before)


@pytest.mark.parametrize("precision", ["bfloat16", "float16"])
def test_answers_in_half_precision_are_nearly_the_same(precision: str) -> None:
    torch.manual_seed(0)
    network = build_network("test_resnet", False, "auto", 32, classes=2)
    pixels = torch.randint(0, 256, (4, 3, 32, 32), dtype=torch.uint8)
    _, expected = predict_batch(network, pixels)
    _, logits = predict_batch(network, pixels, precision)
    assert logits == pytest.approx(expected, abs=0.02)
    assert (logits != expected).any()


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
