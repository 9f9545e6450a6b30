"""How fast training is beside the plain way, as a Markdown table; `make bench` runs it.

    python benchmarks/speed.py [--photos 240] [--turns 5] [--workers 2]

The plain way is what a tutorial has: torchvision's ImageFolder, Pillow, RandomResizedCrop, a
mirror, ToTensor, Normalize, and a DataLoader. Both ways take turns in one run, so that what else
the machine does meets both, and a figure is a ratio of medians. Photos are drawn, enlarged to
1024 x 768 and given a camera's noise, so that they are as large on disk as photos are.
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

from mineral_recog.data.cache import HIDDEN
from mineral_recog.data.cache_builder import reduce_photos
from mineral_recog.data.dataset import Dataset, read_split
from mineral_recog.data.loaders import TrainingLoader
from mineral_recog.data.samplers import NaturalSampler
from mineral_recog.data.transforms import training_side
from mineral_recog.synthetic import draw_photo, species_names

MINERALS, OF_ONE = 12, 4  # classes; photos that are cut from one drawing
WIDTH, HEIGHT, DRAWN = 1024, 768, 384
NOISE, QUALITY = 6.0, 90  # of the JPEGs, some 240 kB each
SIZE, BATCH, LATER = 224, 64, 3  # pixels; photos a batch; epochs after the first that are timed


@dataclass(frozen=True)
class Setting:
    """What all rows are measured on: DATA, loader processes, and turns of each way."""

    data: Path
    workers: int
    turns: int


@dataclass
class Row:
    """A line of the table; the figures of each turn, more is better."""

    what: str
    unit: str
    plain: list[float] = field(default_factory=list)
    ours: list[float] = field(default_factory=list)

    def line(self) -> str:
        """In Markdown, with the least and the largest ratio of a turn."""
        ratios = [ours / plain for ours, plain in zip(self.ours, self.plain, strict=True)]
        plain, ours = statistics.median(self.plain), statistics.median(self.ours)
        return (
            f"| {self.what} | {plain:,.0f} {self.unit} | {ours:,.0f} {self.unit} "
            f"| **{ours / plain:.2g}** ({min(ratios):.2g} to {max(ratios):.2g}) |"
        )


def draw_photos(data: Path, photos: int) -> None:
    """DATA/train with JPEGs of drawn minerals."""
    for number in range(photos):
        drawing, cut = divmod(number, OF_ONE)
        name = species_names()[drawing % MINERALS]
        rng = np.random.default_rng(drawing)
        if cut == 0:
            large = draw_photo(name, DRAWN, rng).resize((WIDTH, WIDTH), Image.Resampling.BICUBIC)
        top = cut * (WIDTH - HEIGHT) // OF_ONE
        pixels = np.asarray(large)[top : top + HEIGHT].astype(np.float32)
        grain = np.random.default_rng([drawing, cut]).normal(0, NOISE, (HEIGHT, WIDTH, 1))
        folder = data / "train" / name
        folder.mkdir(parents=True, exist_ok=True)
        photo = Image.fromarray(np.clip(pixels + grain, 0, 255).astype(np.uint8))
        photo.save(folder / f"{number:05}.jpg", quality=QUALITY)


def loading(setting: Setting) -> list[Row]:
    """Photos a second that come out of the loader, with nothing that uses them."""
    first = Row("first epoch, the making of the cache included", "photos/s")
    later = Row("later epochs", "photos/s")
    dataset = read_split(setting.data, "train")
    for turn in range(setting.turns):
        ways = [(_plain_epochs, "plain"), (_our_epochs, "ours")]
        for epochs, way in ways if turn % 2 == 0 else reversed(ways):
            began, rest = epochs(setting, dataset)
            getattr(first, way).append(began)
            getattr(later, way).append(rest)
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
    shutil.rmtree(setting.data / HIDDEN, ignore_errors=True)
    start = time.perf_counter()
    caches = reduce_photos([dataset], [training_side(SIZE)])
    assert caches is not None
    loader = TrainingLoader(dataset, SIZE, 0.08, 0, setting.workers, caches[0])
    sampler = NaturalSampler(dataset.labels, len(dataset.classes), BATCH, 0)
    return _rates(start, lambda epoch: loader.batches(epoch, sampler.draw(epoch)))


def _rates(start: float, epoch: Callable[[int], Iterable[object]]) -> tuple[float, float]:
    """Photos a second of the first epoch, which began at `start`, and of those after it."""
    first = _photos(epoch(0)) / (time.perf_counter() - start)
    start = time.perf_counter()
    return first, sum(_photos(epoch(e + 1)) for e in range(LATER)) / (time.perf_counter() - start)


def _photos(batches: Iterable[object]) -> int:
    return sum(len(b[1] if isinstance(b, list) else b.labels) for b in batches)


# Each measures its rows on a setting.
ROWS: tuple[Callable[[Setting], list[Row]], ...] = (loading,)


def machine() -> str:
    """The processor, and what else it was doing."""
    cores, (load, *_) = psutil.cpu_count(), psutil.getloadavg()
    name = platform.processor() or platform.machine()
    model = Path("/proc/cpuinfo")
    if model.is_file():
        lines = model.read_text(encoding="utf-8").splitlines()
        name = next((line.split(": ")[1] for line in lines if line.startswith("model name")), name)
    return f"{name}, {cores} cores, load {load:.1f} at the start, torch {torch.__version__}"


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--photos", type=int, default=240)
    parser.add_argument("--turns", type=int, default=5)
    parser.add_argument("--workers", type=int, default=2)
    asked = parser.parse_args()
    where = machine()
    with tempfile.TemporaryDirectory() as folder:
        data = Path(folder)
        draw_photos(data, asked.photos)
        files = [path.stat().st_size for path in data.glob("train/*/*.jpg")]
        setting = Setting(data, asked.workers, asked.turns)
        rows = [row for measure in ROWS for row in measure(setting)]
    print(
        f"{where}.\n{len(files)} photos of {WIDTH} x {HEIGHT}, {np.mean(files) / 1000:.0f} kB "
        f"each, {SIZE} px, batches of {BATCH}, {asked.workers} loader processes, medians of "
        f"{asked.turns} turns.\n"
    )
    print("| | plain | mineral-recog | times as fast (turns) |\n|---|---|---|---|")
    print("\n".join(row.line() for row in rows))


if __name__ == "__main__":
    main()
