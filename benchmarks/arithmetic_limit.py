"""How much faster a training step could be at most, with the same arithmetic in float32.

    python benchmarks/arithmetic_limit.py [--turns 5] [--backbone resnet50] [--size 224]

A step cannot do more floating-point operations a second than products of large matrices do. The
three are timed in turns; figures are medians.
"""

from __future__ import annotations

import argparse
import statistics
import time
from pathlib import Path

import timm
import torch
from speed import machine
from torch.utils.flop_counter import FlopCounterMode
from training_speed import BATCH, Setting, bare_rate

from mineral_recog.models.network import build_network

SIDE, PRODUCTS, STEPS = 3072, 4, 4


def product_rate() -> float:
    """Billions of operations a second in products of matrices."""
    one, other = torch.randn(SIDE, SIDE), torch.randn(SIDE, SIDE)
    torch.mm(one, other)
    start = time.perf_counter()
    for _ in range(PRODUCTS):
        torch.mm(one, other)
    return PRODUCTS * 2 * SIDE**3 / 1e9 / (time.perf_counter() - start)


def operations(backbone: str, size: int) -> float:
    """Billions of operations that a step takes for a photo."""
    network = timm.create_model(backbone, num_classes=12)
    with FlopCounterMode(display=False) as counter:
        network(torch.zeros(2, 3, size, size)).sum().backward()
    return counter.get_total_flops() / 2 / 1e9


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("--turns", type=int, default=5)
    parser.add_argument("--backbone", default="resnet50")
    parser.add_argument("--size", type=int, default=224)
    asked = parser.parse_args()
    setting = Setting(Path(), asked.backbone, asked.size, 0, "float32")
    products, plain, ours = [], [], []
    for _ in range(asked.turns):
        products.append(product_rate())
        theirs = timm.create_model(asked.backbone, num_classes=12)
        plain.append(bare_rate(setting, theirs, False, "float32", STEPS))
        network = build_network(asked.backbone, False, "auto", asked.size, 12)
        ours.append(bare_rate(setting, network, True, "float32", STEPS))
    each = operations(asked.backbone, asked.size)
    limit, theirs_rate, our_rate = map(statistics.median, (products, plain, ours))
    print(f"{machine()}.\n{asked.backbone}, {asked.size} px, batches of {BATCH}, float32.\n")
    print(f"A step takes {each:.1f} billion operations a photo.")
    print(f"Products of matrices do {limit:.0f} billion a second: {limit / each:.1f} photos/s.")
    for what, rate in (("plain", theirs_rate), ("ours", our_rate)):
        share = rate * each / limit
        print(f"A step, {what}: {rate:.1f} photos/s, {share:.0%} of that; {1 / share:.1f} at most.")


if __name__ == "__main__":
    main()
