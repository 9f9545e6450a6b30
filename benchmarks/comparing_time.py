"""Time of comparing photos relative to reading them: the second table of `near_copies.py`."""

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
from mineral_recog.files import open_regular

Rng = np.random.Generator


def crop_part(pixels: np.ndarray, box: np.ndarray) -> np.ndarray:
    """Return a part of a small picture, resized to the full size; the box is in fractions."""
    side = pixels.shape[-1]
    image = Image.fromarray(pixels.astype(np.float32))
    return np.asarray(image.resize((side, side), Image.Resampling.BILINEAR, tuple(side * box)))


def blends(prints: Sequence[Fingerprint], count: int, rng: Rng) -> list[Fingerprint]:
    """Return fingerprints of pictures that resemble photos but are not copies."""
    blended = []
    for _ in range(count):
        grey = np.zeros((2, 32, 32), np.float32)
        colour = np.zeros((2, 2, 8, 8), np.float32)
        share = rng.uniform(0.35, 0.65)
        chosen = rng.choice(len(prints), 2, replace=False)
        for number, weight in zip(chosen, (share, 1 - share), strict=True):
            size, turn = rng.uniform(0.5, 0.9, 2), np.full(2, rng.integers(len(TURNS)))
            low = rng.uniform(0, 1 - size)
            box, chosen_print = np.concatenate([low, low + size]), prints[number]
            grey += weight * turned(np.stack([crop_part(chosen_print.grey[0], box)] * 2), turn)
            bands = np.stack([crop_part(band, box) for band in chosen_print.colour[0]])
            colour += weight * turned(np.stack([bands] * 2), turn)
        # As if within a plain border, which many photos have.
        grey[1] = crop_part(grey[0], np.array([0.1, 0, 1, 0.9]))
        colour[1] = colour[0]
        blended.append(Fingerprint(grey.astype(np.uint8), colour.astype(np.int8)))
    return blended


@dataclass(frozen=True)
class Time:
    """Milliseconds per photo, by the clock and of processors."""

    clock: float
    processors: float

    def __str__(self) -> str:
        return f"{self.clock:.2f} ({self.processors:.2f})"

    def share_of(self, other: Time) -> str:
        """Return this time as a share of another, in per cent."""
        clock, processors = self.clock / other.clock, self.processors / other.processors
        return f"{100 * clock:.1f} % ({100 * processors:.1f} %)"


def measure_time(work: Callable[[], object], count: int) -> Time:
    """Return the time of work on `count` photos."""
    clock, processors = time.perf_counter(), time.process_time()
    work()
    clock, processors = time.perf_counter() - clock, time.process_time() - processors
    return Time(1000 * clock / count, 1000 * processors / count)


def time_row(
    prints: list[Fingerprint],
    others: list[Fingerprint],
    count: int,
    rng: Rng,
    folders: Sequence[Sequence[Path]],
) -> str:
    """Return a row of the time table: `count` photos compared, and the given photos read."""
    all_prints = prints + others + blends(prints, count - 2 * len(prints), rng)
    digests = [str(k) for k in range(len(all_prints))]
    duplicates: list[DuplicatePair] = []
    rounds = max(1, 10_000 // count)

    def compare() -> None:
        for _ in range(rounds):
            duplicates[:] = find_duplicates(all_prints, digests)

    def read(paths: Sequence[Path]) -> Time:
        root = Path(os.path.commonpath(paths))
        names = [path.relative_to(root).as_posix() for path in paths]
        return measure_time(
            lambda: read_photos(lambda name: open_regular(root / name), names), len(paths)
        )

    before = [read(paths) for paths in folders]
    comparing = measure_time(compare, rounds * count)
    after = [read(paths) for paths in folders]
    reading = [
        Time((a.clock + b.clock) / 2, (a.processors + b.processors) / 2)
        for a, b in zip(before, after, strict=True)
    ]
    correct = sum(pair.second - pair.first == len(prints) for pair in duplicates)
    cells = [str(comparing)]
    for reading_time in reading:
        cells += [str(reading_time), comparing.share_of(reading_time)]
    return f"| {count:,} | {' | '.join(cells)} | {correct / len(prints):.3f} |"


def enlarged(paths: Sequence[Path], folder: Path) -> list[Path]:
    """Save photos as JPEGs of 1024 by 768 pixels and return their paths."""
    targets = [folder / f"{number}.jpg" for number in range(len(paths))]
    for path, target in zip(paths, targets, strict=True):
        open_photo(path).resize((1024, 768)).save(target, quality=90)
    return targets
