"""Speed of loading photos compared with the plain way, as a Markdown table; `make bench` runs it.

    python benchmarks/speed.py [--photos 240] [--turns 5] [--workers 2]

The plain way is that of a tutorial: torchvision's ImageFolder, Pillow, RandomResizedCrop, a mirror,
ToTensor, Normalize, and a DataLoader. Both ways alternate in one run, so that other load on the
machine affects both, and a figure is a ratio of medians. Photos are drawn, enlarged to 1024 x 768
and given the noise of a camera, so that they are as large on disk as real photos.
"""

from __future__ import annotations

import argparse
import platform
import shutil
import statistics
import tempfile
import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import psutil
import torch
from PIL import Image
from torch.utils.data import DataLoader
from torchvision import transforms
from torchvision.datasets import ImageFolder

from mineral_recog.data.cache import CACHE_ROOT
from mineral_recog.data.cache_builder import build_caches
from mineral_recog.data.dataset import Dataset, read_split
from mineral_recog.data.loaders import TrainingLoader
from mineral_recog.data.samplers import NaturalSampler
from mineral_recog.data.transforms import training_side
from mineral_recog.recipes.view_settings import Crop
from mineral_recog.synthetic.photo import draw_photo
from mineral_recog.synthetic.species import species_names

MINERALS, CROPS = 12, 4  # classes; photos that are cut from one drawing
WIDTH, HEIGHT, DRAWN = 1024, 768, 384
NOISE, QUALITY = 6.0, 90  # of the JPEGs, some 240 kB each
SIZE, BATCH, LATER_EPOCHS = 224, 64, 3  # pixels; batch size; timed epochs after the first


@dataclass(frozen=True)
class Setting:
    """Settings of all rows: DATA, loader processes, and turns of each way."""

    data: Path
    workers: int
    turns: int


@dataclass
class Row:
    """A line of the table, with the figures of each turn; higher is better."""

    name: str
    unit: str
    plain: list[float] = field(default_factory=list)
    ours: list[float] = field(default_factory=list)

    def line(self) -> str:
        """Return the line in Markdown, with the smallest and the largest ratio of a turn."""
        ratios = [ours / plain for ours, plain in zip(self.ours, self.plain, strict=True)]
        plain, ours = statistics.median(self.plain), statistics.median(self.ours)
        return (
            f"| {self.name} | {plain:,.0f} {self.unit} | {ours:,.0f} {self.unit} "
            f"| **{ours / plain:.2g}** ({min(ratios):.2g} to {max(ratios):.2g}) |"
        )


def draw_photos(data: Path, photo_count: int) -> None:
    """Write JPEGs of drawn minerals to DATA/train."""
    for number in range(photo_count):
        drawing, crop = divmod(number, CROPS)
        name = species_names()[drawing % MINERALS]
        rng = np.random.default_rng(drawing)
        if crop == 0:
            large = draw_photo(name, DRAWN, rng).resize((WIDTH, WIDTH), Image.Resampling.BICUBIC)
        top = crop * (WIDTH - HEIGHT) // CROPS
        pixels = np.asarray(large)[top : top + HEIGHT].astype(np.float32)
        grain = np.random.default_rng([drawing, crop]).normal(0, NOISE, (HEIGHT, WIDTH, 1))
        folder = data / "train" / name
        folder.mkdir(parents=True, exist_ok=True)
        photo = Image.fromarray(np.clip(pixels + grain, 0, 255).astype(np.uint8))
        photo.save(folder / f"{number:05}.jpg", quality=QUALITY)


def measure_loading(setting: Setting) -> list[Row]:
    """Measure photos per second of the loader alone."""
    first = Row("first epoch, including making the cache", "photos/s")
    later = Row("later epochs", "photos/s")
    dataset = read_split(setting.data, "train")
    for turn in range(setting.turns):
        ways = [(_plain_epochs, "plain"), (_our_epochs, "ours")]
        for epochs, way in ways if turn % 2 == 0 else reversed(ways):
            first_rate, later_rate = epochs(setting, dataset)
            getattr(first, way).append(first_rate)
            getattr(later, way).append(later_rate)
    return [first, later]


def _plain_epochs(setting: Setting, dataset: Dataset) -> tuple[float, float]:
    view = transforms.Compose(
        [
            transforms.RandomResizedCrop(SIZE),
            transforms.RandomHorizontalFlip(),
            transforms.ToTensor(),
            transforms.Normalize((0.485, 0.456, 0.406), (0.229, 0.224, 0.225)),
        ]
    )
    start = time.perf_counter()
    loader = DataLoader(
        ImageFolder(dataset.root, view),
        BATCH,
        shuffle=True,
        num_workers=setting.workers,
        persistent_workers=True,
    )
    return _rates(start, lambda epoch: loader)


def _our_epochs(setting: Setting, dataset: Dataset) -> tuple[float, float]:
    shutil.rmtree(setting.data / CACHE_ROOT, ignore_errors=True)
    start = time.perf_counter()
    caches = build_caches([dataset], [training_side(SIZE)])
    assert caches is not None
    loader = TrainingLoader(dataset, SIZE, Crop(scale=0.08), 0, setting.workers, caches[0])
    sampler = NaturalSampler(dataset.labels, len(dataset.classes), BATCH, 0)
    return _rates(start, lambda epoch: loader.batches(epoch, sampler.draw(epoch)))


def _rates(start: float, epoch: Callable[[int], Iterable[object]]) -> tuple[float, float]:
    """Return photos per second of the first epoch, which began at `start`, and of later ones."""
    first = _count_photos(epoch(0)) / (time.perf_counter() - start)
    start = time.perf_counter()
    photos = sum(_count_photos(epoch(e + 1)) for e in range(LATER_EPOCHS))
    return first, photos / (time.perf_counter() - start)


def _count_photos(batches: Iterable[object]) -> int:
    return sum(len(b[1] if isinstance(b, list) else b.labels) for b in batches)


# Each function measures some rows.
MEASUREMENTS: tuple[Callable[[Setting], list[Row]], ...] = (measure_loading,)


def machine() -> str:
    """Return the processor, its load and the version of torch."""
    cores, (load, *_) = psutil.cpu_count(), psutil.getloadavg()
    name = platform.processor() or platform.machine()
    model = Path("/proc/cpuinfo")
    if model.is_file():
        lines = model.read_text(encoding="utf-8").splitlines()
        name = next((line.split(": ")[1] for line in lines if line.startswith("model name")), name)
    return f"{name}, {cores} cores, load {load:.1f} at the start, torch {torch.__version__}"


def main() -> None:
    """Measure and print the table."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--photos", type=int, default=240)
    parser.add_argument("--turns", type=int, default=5)
    parser.add_argument("--workers", type=int, default=2)
    options = parser.parse_args()
    hardware = machine()
    with tempfile.TemporaryDirectory() as folder:
        data = Path(folder)
        draw_photos(data, options.photos)
        files = [path.stat().st_size for path in data.glob("train/*/*.jpg")]
        setting = Setting(data, options.workers, options.turns)
        rows = [row for measure in MEASUREMENTS for row in measure(setting)]
    print(
        f"{hardware}.\n{len(files)} photos of {WIDTH} x {HEIGHT}, {np.mean(files) / 1000:.0f} kB "
        f"each, {SIZE} px, batches of {BATCH}, {options.workers} loader processes, medians of "
        f"{options.turns} turns.\n"
    )
    print("| | plain | mineral-recog | times as fast (turns) |\n|---|---|---|---|")
    print("\n".join(row.line() for row in rows))


if __name__ == "__main__":
    main()
