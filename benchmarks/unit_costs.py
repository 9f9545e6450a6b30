"""Cost of one photo on this machine: bytes, reading, and a training step; as Markdown tables.

    python benchmarks/unit_costs.py [PHOTOS] [--count 36]

COUNT minerals are drawn at 1024 x 768, with the noise of a camera, and written as JPEG of quality
90, at full size and with the short side reduced to 512 and to 256 pixels. PHOTOS, a folder of
photos in folders, adds a row for those, unchanged. Reading is the work of a loader process in
training: the file is opened, decoded and made into a random view of 224 x 224 pixels; the files are
read before, so that the disk is not measured. A step is forward, backward and SGD on a batch of 32
at 224 x 224 in float32. Rates are photos per second of processor time: for one loader process, and
for a step on the threads of torch (OMP_NUM_THREADS).
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
from mineral_recog.data.transforms import TrainingCrops
from mineral_recog.models.network import build_network
from mineral_recog.recipes.view_settings import Crop
from mineral_recog.synthetic.photo import draw_photo
from mineral_recog.synthetic.species import species_names

SIDE, CLASSES, BATCH, STEPS = 224, 36, 32, 3
BACKBONES = ("resnet50", "resnet18", "efficientnet_lite0", "mobilenetv3_small_100")


def draw(folder: Path, count: int) -> None:
    """Draw minerals as photos of three sizes, one folder per size."""
    names = species_names()
    for number in range(count):
        square = draw_photo(names[number % len(names)], 1024, np.random.default_rng(number))
        full_size = square.crop((0, 128, 1024, 896))
        for short in (768, 512, 256):
            size = (round(short * 4 / 3), short)
            (folder / str(short)).mkdir(exist_ok=True)
            photo = full_size if short == 768 else full_size.resize(size, Image.Resampling.LANCZOS)
            photo.save(folder / str(short) / f"{number:03}.jpg", quality=90)


def photo_row(name: str, folder: Path) -> str:
    """Return a row with the bytes of the photos in a folder, and views made per second."""
    paths = tuple(photos_in(folder))
    sizes = [(folder / path).stat().st_size for path in paths]
    views = TrainingCrops(
        Dataset(folder, ("any",), paths, np.zeros(len(paths), np.int64)), SIDE, Crop()
    )
    for path in paths:  # into the file cache
        (folder / path).read_bytes()
    began = time.process_time()
    for index in range(len(paths)):
        assert isinstance(views[index, index], tuple)
    rate = len(paths) / (time.process_time() - began)
    return f"| {name} | {len(paths)} | {np.mean(sizes) / 1000:.1f} | {rate:.0f} |"


def step_row(backbone: str) -> str:
    """Return a row with the photos per second of training a network."""
    network = build_network(backbone, False, "auto", SIDE, CLASSES).train()
    optimizer = torch.optim.SGD(network.parameters(), lr=0.001, momentum=0.9)
    pixels = torch.randint(0, 256, (BATCH, 3, SIDE, SIDE), dtype=torch.uint8)
    labels = torch.arange(BATCH) % CLASSES
    seconds = []
    for _ in range(STEPS + 1):  # the first step sets up memory
        began = time.process_time()
        _, logits = network(pixels)
        F.cross_entropy(logits, labels).backward()
        optimizer.step()
        optimizer.zero_grad(set_to_none=True)
        seconds.append(time.process_time() - began)
    weights = sum(parameter.numel() for parameter in network.parameters())
    rate = BATCH * torch.get_num_threads() / min(seconds[1:])
    return f"| {backbone} | {weights / 1e6:.1f} | {rate:.1f} |"


def main() -> None:
    """Measure and print the tables."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("photos", type=Path, nargs="?", help="a folder of photos")
    parser.add_argument("--count", type=int, default=36)
    options = parser.parse_args()
    print("\n| photos | count | kB each | views per second, one process |\n|---|---|---|---|")
    with tempfile.TemporaryDirectory() as folder:
        draw(Path(folder), options.count)
        for short in (768, 512, 256):
            size = f"drawn, {round(short * 4 / 3)} x {short}, quality 90"
            print(photo_row(size, Path(folder, str(short))), flush=True)
    if options.photos:
        print(photo_row(f"{options.photos.name}, unchanged", options.photos), flush=True)
    print(f"\n{torch.get_num_threads()} threads:\n")
    print("| backbone | million weights | photos per second |\n|---|---|---|")
    for backbone in BACKBONES:
        print(step_row(backbone), flush=True)


if __name__ == "__main__":
    main()
