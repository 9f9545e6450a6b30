"""The machine that a network runs on: which device, and which precision it is fast in."""

from __future__ import annotations

import platform
import time

import psutil
import torch
import torch.nn.functional as F

from mineral_recog.errors import UserError
from mineral_recog.i18n import tr
from mineral_recog.models.network import Network

TIMED_BATCH = 16  # images of a timed pass: enough to tell two precisions apart
TURNS, TIMING = 3, 0.3  # passes in each, at least, and seconds: small networks get more turns
WORTH_IT = 1.2  # a lower precision must be this much faster to be taken


def choose_device(name: str) -> torch.device:
    """The device of a name: `auto` (the fastest there is), `cpu`, `cuda`, `cuda:1`, `mps`.

    Raises:
        UserError: unknown, or not there.
    """
    available = {
        "cuda": torch.cuda.is_available(),
        "mps": torch.backends.mps.is_available(),
        "cpu": True,
    }
    if name == "auto":
        return torch.device(next(kind for kind, there in available.items() if there))
    try:
        device = torch.device(name)
    except RuntimeError:
        device = None
    beyond = (
        device is not None
        and device.type == "cuda"
        and (device.index or 0) >= torch.cuda.device_count()
    )
    if device is None or not available.get(device.type, False) or beyond:
        there = ", ".join(kind for kind, is_there in available.items() if is_there)
        raise UserError(
            tr(
                f"Device {name} is not there: this machine has {there}; use --device auto.",
                f"没有设备 {name}：本机有 {there}；请用 --device auto。",
            )
        )
    return device


def memory_in_use(device: torch.device) -> int:
    """Bytes this process holds now; on a GPU, the most that tensors took since the last reset."""
    if device.type == "cuda":
        return int(torch.cuda.max_memory_allocated(device))
    return int(psutil.Process().memory_info().rss)


def choose_precision(network: Network, device: torch.device) -> str:
    """The faster of `float32` and `bfloat16` for training this network here.

    A GPU that knows bfloat16 gains by it. On a CPU it depends on the processor and on the
    network (depthwise convolutions lose by it), so both are timed, in turns, and bfloat16 must be
    clearly faster, so that the choice does not hang on what else the machine does.
    """
    if device.type == "cuda":
        return "bfloat16" if torch.cuda.is_bf16_supported() else "float32"
    if device.type != "cpu":
        return "float32"
    taken: dict[str, list[float]] = {"float32": [], "bfloat16": []}
    began = time.perf_counter()
    while len(taken["bfloat16"]) < TURNS or time.perf_counter() - began < TIMING:
        for precision, seconds in taken.items():
            seconds.append(_pass_seconds(network, precision))
    return "bfloat16" if min(taken["bfloat16"]) * WORTH_IT < min(taken["float32"]) else "float32"


def _pass_seconds(network: Network, precision: str) -> float:
    """Seconds of a pass, forward and back; the network stays as it is."""
    size = network.preprocessing.image_size
    pixels = torch.zeros(TIMED_BATCH, 3, size, size, dtype=torch.uint8)
    labels = torch.zeros(TIMED_BATCH, dtype=torch.int64)
    network.eval()  # no normalisation layer may learn from empty images
    start = time.perf_counter()
    with torch.autocast("cpu", torch.bfloat16, enabled=precision == "bfloat16"):
        _, logits = network(pixels)
    F.cross_entropy(logits.float(), labels).backward()
    seconds = time.perf_counter() - start
    network.zero_grad(set_to_none=True)
    return seconds


def describe(device: torch.device) -> str:
    """The hardware in a few words, for the record of a run."""
    if device.type == "cuda":
        return f"{torch.cuda.get_device_name(device)}, {platform.system()}"
    return f"{platform.machine()} {device.type}, {torch.get_num_threads()} threads, " + (
        platform.system()
    )
