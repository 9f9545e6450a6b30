"""The hardware that a network runs on: its device, its memory and the faster precision."""

from __future__ import annotations

import platform
import time
from contextlib import suppress

import psutil
import torch
import torch.nn.functional as F

from mineral_recog.cores import thread_count
from mineral_recog.errors import RecipeError, UserError
from mineral_recog.i18n import tr
from mineral_recog.models.network import Network

TIMED_BATCH_SIZE = 16  # images of a timed pass: enough to compare two precisions
MIN_PASSES, MIN_SECONDS = 3, 0.3  # passes per precision, and time in all: small networks run more
MIN_SPEEDUP = 1.2  # bfloat16 is chosen only if it is faster by this factor


def choose_device(name: str) -> torch.device:
    """Return the device of a name: `auto` (the fastest one), `cpu`, `cuda`, `cuda:1` or `mps`.

    It also limits the threads of torch to `thread_count`, since torch ignores the CPU quota of a
    container.

    Raises:
        UserError: The name is unknown, or this machine has no such device.
    """
    torch.set_num_threads(min(torch.get_num_threads(), thread_count()))
    available = {
        "cuda": torch.cuda.is_available(),
        "mps": torch.backends.mps.is_available(),
        "cpu": True,
    }
    if name == "auto":
        name = next(kind for kind, exists in available.items() if exists)
    with suppress(RuntimeError):  # torch does not know the name
        device = torch.device(name)
        out_of_range = device.type == "cuda" and (device.index or 0) >= torch.cuda.device_count()
        if available.get(device.type, False) and not out_of_range:
            if device.type == "cuda":
                allow_tf32()
            return device
    choices = ", ".join(kind for kind, exists in available.items() if exists)
    raise UserError(
        tr(
            f"Device {name} is not available: this machine has {choices}; use --device auto.",
            f"设备 {name} 不可用：本机有 {choices}；请用 --device auto。",
        )
    )


def allow_tf32() -> None:
    """Let GPUs from Ampere on compute float32 in TF32; older ones and CPUs stay as they are.

    Torch does so by itself in convolutions, but not in matrix products.
    """
    torch.backends.cudnn.allow_tf32 = True
    torch.set_float32_matmul_precision("high")


def memory_in_use(device: torch.device) -> int:
    """Return the bytes that this process uses; on a GPU, the peak of its tensors since a reset."""
    if device.type == "cuda":
        return int(torch.cuda.max_memory_allocated(device))
    return int(psutil.Process().memory_info().rss)


def autocast(device: torch.device, precision: str) -> torch.autocast:
    """Return the context in which a network computes in a precision.

    Args:
        device: Device of the network.
        precision: `float32`, `bfloat16` or `float16`.
    """
    dtype = torch.float16 if precision == "float16" else torch.bfloat16
    return torch.autocast(device.type, dtype, enabled=precision != "float32")


def refuse_precision(precision: str, device: torch.device) -> None:
    """Refuse float16 where it is not faster than float32 and gains nothing.

    Raises:
        RecipeError: The precision is float16, and the device is no GPU with CUDA.
    """
    if precision == "float16" and device.type != "cuda":
        raise RecipeError(
            tr(
                f"precision: float16 needs an NVIDIA GPU, and this run is on {device.type}: set "
                "precision=auto, or use --device cuda.",
                f"precision: float16 需要 NVIDIA GPU，而此次训练在 {device.type} 上："
                "请设 precision=auto，或用 --device cuda。",
            )
        )


def choose_precision(network: Network, device: torch.device) -> str:
    """Return the fastest precision for training this network on this device.

    GPUs of compute capability 8 (Ampere) and later have bfloat16. On older ones torch emulates it
    slowly, and float16 is chosen. On a CPU bfloat16 is faster or slower than float32, by processor
    and network (slower with depthwise convolutions), so both are timed alternately. bfloat16 must
    be clearly faster, so that the choice does not depend on the load of the machine.
    """
    if device.type == "cuda":
        return "bfloat16" if torch.cuda.get_device_capability(device) >= (8, 0) else "float16"
    if device.type != "cpu":
        return "float32"
    times: dict[str, list[float]] = {"float32": [], "bfloat16": []}  # seconds
    began = time.perf_counter()
    while len(times["bfloat16"]) < MIN_PASSES or time.perf_counter() - began < MIN_SECONDS:
        for precision, seconds in times.items():
            seconds.append(_time_pass(network, precision))
    return "bfloat16" if min(times["bfloat16"]) * MIN_SPEEDUP < min(times["float32"]) else "float32"


def _time_pass(network: Network, precision: str) -> float:
    """Return the seconds of a forward and a backward pass; the network does not change."""
    size = network.preprocessing.image_size
    pixels = torch.zeros(TIMED_BATCH_SIZE, 3, size, size, dtype=torch.uint8)
    labels = torch.zeros(TIMED_BATCH_SIZE, dtype=torch.int64)
    network.eval()  # normalisation layers must not learn from empty images
    start = time.perf_counter()
    with autocast(network.device, precision):
        _, logits = network(pixels)
    F.cross_entropy(logits.float(), labels).backward()
    seconds = time.perf_counter() - start
    network.zero_grad(set_to_none=True)
    return seconds


def describe_hardware(device: torch.device) -> str:
    """Return a short description of the hardware, for the provenance of a model."""
    if device.type == "cuda":
        return f"{torch.cuda.get_device_name(device)}, {platform.system()}"
    return f"{platform.machine()} {device.type}, {torch.get_num_threads()} threads, " + (
        platform.system()
    )
