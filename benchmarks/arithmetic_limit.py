"""Upper bound on the speed of a training step with the same arithmetic in float32.

    python benchmarks/arithmetic_limit.py [--turns 5] [--backbone resnet50] [--size 224]

A step cannot do more floating-point operations per second than products of large matrices. Matrix
products, the plain step and the step of mineral-recog alternate; figures are medians.
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
    """Return billions of operations per second in matrix products."""
    left, right = torch.randn(SIDE, SIDE), torch.randn(SIDE, SIDE)
    torch.mm(left, right)
    start = time.perf_counter()
    for _ in range(PRODUCTS):
        torch.mm(left, right)
    return PRODUCTS * 2 * SIDE**3 / 1e9 / (time.perf_counter() - start)


def operations(backbone: str, size: int) -> float:
    """Return billions of operations per photo in a step."""
    network = timm.create_model(backbone, num_classes=12)
    with FlopCounterMode(display=False) as counter:
        network(torch.zeros(2, 3, size, size)).sum().backward()
    return counter.get_total_flops() / 2 / 1e9


def main() -> None:
    """Measure and print the results."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("--turns", type=int, default=5)
    parser.add_argument("--backbone", default="resnet50")
    parser.add_argument("--size", type=int, default=224)
    options = parser.parse_args()
    setting = Setting(Path(), options.backbone, options.size, 0, "float32")
    products, plain, ours = [], [], []
    for _ in range(options.turns):
        products.append(product_rate())
        plain_network = timm.create_model(options.backbone, num_classes=12)
        plain.append(bare_rate(setting, plain_network, False, "float32", STEPS))
        network = build_network(options.backbone, False, "auto", options.size, 12)
        ours.append(bare_rate(setting, network, True, "float32", STEPS))
    per_photo = operations(options.backbone, options.size)
    product_limit, plain_rate, our_rate = map(statistics.median, (products, plain, ours))
    print(f"{machine()}.\n{options.backbone}, {options.size} px, batches of {BATCH}, float32.\n")
    print(f"A step takes {per_photo:.1f} billion operations per photo.")
    print(
        f"Matrix products do {product_limit:.0f} billion per second: "
        f"{product_limit / per_photo:.1f} photos/s."
    )
    for name, rate in (("plain", plain_rate), ("ours", our_rate)):
        share = rate * per_photo / product_limit
        print(
            f"A step, {name}: {rate:.1f} photos/s, {share:.0%} of that; "
            f"at most {1 / share:.1f} times as fast."
        )


if __name__ == "__main__":
    main()
