"""Write families of timm's backbones as ONNX, with random weights, and compare the outputs.

    python benchmarks/export_families.py

Each line says whether onnxruntime's outputs equal torch's, or why the backbone is refused.
"""

from __future__ import annotations

import time

import torch

from mineral_recog.errors import UserError
from mineral_recog.export.onnx_graph import build_onnx
from mineral_recog.models.network import build_network

# Backbones with the side of their photos, test views, and whether they keep the original.
FAMILIES = (
    ("resnet18", 224, 1, False),
    ("efficientnet_lite0", 160, 2, False),
    ("efficientnet_lite0", 64, 1, True),
    ("mobilenetv3_small_050", 64, 1, False),
    ("convnext_atto", 64, 1, False),
    ("vit_tiny_patch16_224", 224, 1, False),
    ("vit_small_patch14_reg4_dinov2", 70, 1, False),
    ("swin_tiny_patch4_window7_224", 224, 1, False),
    ("swinv2_cr_tiny_ns_224", 224, 1, False),
    ("mobilevit_xxs", 64, 1, False),
    ("regnety_002", 64, 1, False),
)


def main() -> None:
    """Try every family."""
    print("| backbone | px | test views | with original | outcome | class maps | MB | s |")
    print("|---|---|---|---|---|---|---|---|")
    for name, size, views, joined in FAMILIES:
        torch.manual_seed(0)
        network = build_network(
            name, False, "auto", size, 5, test_views=views, pretrained_features=joined
        )
        began = time.perf_counter()
        outcome, maps, size_mb = "the same outputs", "", ""
        try:
            graph = build_onnx(network.eval())
            maps = "no" if graph.map_side is None else "{} x {}".format(*graph.map_side)
            size_mb = f"{len(graph.content) / 1e6:.1f}"
        except UserError as error:
            outcome = f"refused: {error}"
        seconds = time.perf_counter() - began
        with_original = "yes" if joined else "no"
        print(
            f"| {name} | {size} | {views} | {with_original} | {outcome} | {maps} | {size_mb} | "
            f"{seconds:.0f} |",
            flush=True,
        )


if __name__ == "__main__":
    main()
