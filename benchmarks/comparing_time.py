"""How long comparing photos takes beside reading them: the second table of `near_copies.py`."""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from PIL import Image

from mineral_recog.data.images import open_photo
from mineral_recog.duplicates.crops import TURNS, turned
from mineral_recog.duplicates.finder import DuplicatePair, find_duplicates
from mineral_recog.duplicates.fingerprints import Fingerprint
from mineral_recog.duplicates.records import read_photos

Rng = np.random.Generator


def part(pixels: np.ndarray, box: np.ndarray) -> np.ndarray:
    """A part of a small picture at the size of the whole, its box in fractions."""
    side = pixels.shape[-1]
    image = Image.fromarray(pixels.astype(np.float32))
    return np.asarray(image.resize((side, side), Image.Resampling.BILINEAR, tuple(side * box)))


def blends(prints: Sequence[Fingerprint], count: int, rng: Rng) -> list[Fingerprint]:
    """Fingerprints of pictures that are no copies, but as photos are."""
    blended = []
    for _ in range(count):
        grey = np.zeros((2, 32, 32), np.float32)
        colour = np.zeros((2, 2, 8, 8), np.float32)
        share = rng.uniform(0.35, 0.65)
        chosen = rng.choice(len(prints), 2, replace=False)
        for number, weight in zip(chosen, (share, 1 - share), strict=True):
            size, turn = rng.uniform(0.5, 0.9, 2), np.full(2, rng.integers(len(TURNS)))
            low = rng.uniform(0, 1 - size)
            box, one = np.concatenate([low, low + size]), prints[number]
            grey += weight * turned(np.stack([part(one.grey[0], box)] * 2), turn)
            bands = np.stack([part(band, box) for band in one.colour[0]])
            colour += weight * turned(np.stack([bands] * 2), turn)
        grey[1] = part(grey[0], np.array([0.1, 0, 1, 0.9]))  # as many have a plain ground
        colour[1] = colour[0]
        blended.append(Fingerprint(grey.astype(np.uint8), colour.astype(np.int8)))
    return blended


@dataclass(frozen=True)
class Time:
    """Milliseconds a photo."""

    clock: float
    processors: float

    def __str__(self) -> str:
        return f"{self.clock:.2f} ({self.processors:.2f})"

    def part_of(self, other: Time) -> str:
        """In per cent."""
        clock, processors = self.clock / other.clock, self.processors / other.processors
        return f"{100 * clock:.1f} % ({100 * processors:.1f} %)"


def time_of(work: Callable[[], object], count: int) -> Time:
    """How long work on so many photos takes."""
    clock, processors = time.perf_counter(), time.process_time()
    work()
    clock, processors = time.perf_counter() - clock, time.process_time() - processors
    return Time(1000 * clock / count, 1000 * processors / count)


def timed(
    prints: list[Fingerprint],
    others: list[Fingerprint],
    count: int,
    rng: Rng,
    folders: Sequence[Sequence[Path]],
) -> str:
    """A row of the table of time: so many photos compared, and those of folders read."""
    crowd = prints + others + blends(prints, count - 2 * len(prints), rng)
    digests = [str(k) for k in range(len(crowd))]
    copies: list[DuplicatePair] = []
    rounds = max(1, 10_000 // count)

    def compare() -> None:
        for _ in range(rounds):
            copies[:] = find_duplicates(crowd, digests)

    def read(paths: Sequence[Path]) -> Time:
        root = Path(os.path.commonpath(paths))
        names = [path.relative_to(root).as_posix() for path in paths]
        return time_of(lambda: read_photos(root, names), len(paths))

    before = [read(paths) for paths in folders]
    comparing = time_of(compare, rounds * count)
    after = [read(paths) for paths in folders]
    reading = [
        Time((a.clock + b.clock) / 2, (a.processors + b.processors) / 2)
        for a, b in zip(before, after, strict=True)
    ]
    right = sum(copy.second - copy.first == len(prints) for copy in copies)
    cells = [str(comparing)]
    for one in reading:
        cells += [str(one), comparing.part_of(one)]
    return f"| {count:,} | {' | '.join(cells)} | {right / len(prints):.3f} |"


def enlarged(paths: Sequence[Path], folder: Path) -> list[Path]:
    """Photos as JPEGs of 1024 by 768 pixels."""
    made = [folder / f"{number}.jpg" for number in range(len(paths))]
    for path, target in zip(paths, made, strict=True):
        open_photo(path).resize((1024, 768)).save(target, quality=90)
    return made
