"""What one photo costs on this machine: bytes, reading, and a training step; as Markdown tables.

    python benchmarks/unit_costs.py [PHOTOS] [--count 36]

COUNT minerals are drawn at 1024 x 768, with the grain of a camera, and written as JPEG of quality
90, whole and with the short side reduced to 512 and to 256 pixels. PHOTOS, a folder of photos in
folders, adds a row for those as they are. Reading is what a loader's process does in training: the
file opened, decoded and made a random view of 224 x 224 pixels; the files were read before, so
that the disk is not measured. A step is forward, backward and SGD on a batch of 32 at 224 x 224
in float32. Rates are photos a second of the processor's time: for one process of a loader, and for
a step on the threads of torch (OMP_NUM_THREADS).
"""

from __future__ import annotations

import argparse
import tempfile
import time
from pathlib import Path

import numpy as np
import torch
import torch.nn.functional as F
from PIL import Image

from mineral_recog.data.dataset import Dataset, photos_in
from mineral_recog.data.transforms import TrainingViews
from mineral_recog.models.network import build_network
from mineral_recog.synthetic import draw_photo, species_names

SIDE, CLASSES, BATCH, STEPS = 224, 36, 32, 3
BACKBONES = ("resnet50", "resnet18", "efficientnet_lite0", "mobilenetv3_small_100")


def draw(folder: Path, count: int) -> None:
    """Minerals as photos of three sizes, a folder each."""
    names = species_names()
    for number in range(count):
        square = draw_photo(names[number % len(names)], 1024, np.random.default_rng(number))
        whole = square.crop((0, 128, 1024, 896))
        for short in (768, 512, 256):
            size = (round(short * 4 / 3), short)
            (folder / str(short)).mkdir(exist_ok=True)
            smaller = whole if short == 768 else whole.resize(size, Image.Resampling.LANCZOS)
            smaller.save(folder / str(short) / f"{number:03}.jpg", quality=90)


def photo_row(what: str, folder: Path) -> str:
    """Bytes of the photos in a folder, and how many views of them are made in a second."""
    paths = tuple(photos_in(folder))
    bytes_ = [(folder / path).stat().st_size for path in paths]  # and they are in memory now
    views = TrainingViews(
        Dataset(folder, ("any",), paths, np.zeros(len(paths), np.int64)), SIDE, 0.08
    )
    for path in paths:
        (folder / path).read_bytes()
    began = time.process_time()
    for photo in range(len(paths)):
        assert isinstance(views[photo, photo], tuple)
    rate = len(paths) / (time.process_time() - began)
    return f"| {what} | {len(paths)} | {np.mean(bytes_) / 1000:.1f} | {rate:.0f} |"


def step_row(backbone: str) -> str:
    """Photos a second of training a network."""
    network = build_network(backbone, False, "auto", SIDE, CLASSES).train()
    optimizer = torch.optim.SGD(network.parameters(), lr=0.001, momentum=0.9)
    pixels = torch.randint(0, 256, (BATCH, 3, SIDE, SIDE), dtype=torch.uint8)
    labels = torch.arange(BATCH) % CLASSES
    taken = []
    for _ in range(STEPS + 1):  # the first one sets up memory
        began = time.process_time()
        _, logits = network(pixels)
        F.cross_entropy(logits, labels).backward()
        optimizer.step()
        optimizer.zero_grad(set_to_none=True)
        taken.append(time.process_time() - began)
    weights = sum(one.numel() for one in network.parameters())
    rate = BATCH * torch.get_num_threads() / min(taken[1:])
    return f"| {backbone} | {weights / 1e6:.1f} | {rate:.1f} |"


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("photos", type=Path, nargs="?", help="a folder of photos")
    parser.add_argument("--count", type=int, default=36)
    given = parser.parse_args()
    print("\n| photos | of them | kB each | views a second, one process |\n|---|---|---|---|")
    with tempfile.TemporaryDirectory() as folder:
        draw(Path(folder), given.count)
        for short in (768, 512, 256):
            size = f"drawn, {round(short * 4 / 3)} x {short}, quality 90"
            print(photo_row(size, Path(folder, str(short))), flush=True)
    if given.photos:
        print(photo_row(f"{given.photos.name}, as they are", given.photos), flush=True)
    print(f"\n{torch.get_num_threads()} threads:\n")
    print("| backbone | million weights | photos a second |\n|---|---|---|")
    for backbone in BACKBONES:
        print(step_row(backbone), flush=True)


if __name__ == "__main__":
    main()
