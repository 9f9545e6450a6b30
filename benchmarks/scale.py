"""What it takes to list, count, weigh and draw 10^5 to 10^8 photos, as Markdown tables.

    python benchmarks/scale.py [--photos 1e5 1e6 1e7 1e8]

Every row is a process of its own; its memory is the most that it held, with Python, numpy and all
that was made. Cells are seconds by the clock; the last columns give the processor's seconds once
the photos were made, which other work on the machine changes less, and the memory. The photos are
of 36 classes with an imbalance of 81.4, as in Minerals-36, in no order, which is the hardest one;
labels are int64, p_i float32 and even in 0..1, as the engine holds them. No photo is read.
"""

from __future__ import annotations

import argparse
import json
import os
import resource
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from mineral_recog.data.dataset import Dataset, read_split
from mineral_recog.data.epoch_batches import EpochBatches, number_of_batches
from mineral_recog.data.samplers import build_sampler, inverse_probability_weights

CLASSES, IMBALANCE, SEED, CHUNK = 36, 81.4, 3407, 1 << 20
Steps = Iterator[str]  # a row names each step when it is done
Row = Callable[[int], Steps]


def made(photos: int) -> tuple[npt.NDArray[np.int64], npt.NDArray[np.float32]]:
    """Labels and p_i of so many photos."""
    rng = np.random.default_rng(SEED)
    sizes = IMBALANCE ** -np.linspace(0, 1, CLASSES)
    ends = np.cumsum(sizes) / sizes.sum()
    labels = np.empty(photos, np.int64)
    for start in range(0, photos, CHUNK):
        some = labels[start : start + CHUNK]
        some[:] = np.searchsorted(ends[:-1], rng.random(len(some)), side="right")
    return labels, rng.random(photos, dtype=np.float32)


def sampler(name: str) -> Row:
    """The row of a sampler."""

    def steps(photos: int) -> Steps:
        labels, p = made(photos)
        yield "made"
        built = build_sampler(name, labels, CLASSES, 128, SEED, p)
        yield "set up"
        drawn = built.draw(0)
        yield "drawn"
        for batch_size in (128, 1024):
            batches = number_of_batches(photos, batch_size)
            walked = sum(map(len, EpochBatches(batches, drawn.one, drawn.other)))
            assert walked == photos
            yield f"walked by {batch_size}"

    return steps


def weights(photos: int) -> Steps:
    """Inverse-probability weights alone."""
    labels, p = made(photos)
    yield "made"
    inverse_probability_weights(p, labels, CLASSES)
    yield "set up"


def multinomial(photos: int) -> Steps:
    """What torch has for it, which is what torch's WeightedRandomSampler calls."""
    import torch

    labels, p = made(photos)
    yield "made"
    weights = torch.from_numpy(1 - p)
    yield "set up"
    torch.multinomial(weights, len(labels), replacement=True)
    yield "drawn"


def names(photos: int) -> Steps:
    """The names of a split as it keeps them, without a disk."""
    each = -(-photos // CLASSES)
    yield "made"
    paths = tuple(f"class{i // each:02}/mindat-{i:09}.jpg" for i in range(photos))
    labels = np.arange(photos) // each
    yield "listed"
    dataset = Dataset(Path(), tuple(f"class{label:02}" for label in range(CLASSES)), paths, labels)
    assert dataset.counts.sum() == photos
    yield "counted"


def folders(photos: int) -> Steps:
    """The same from empty files in folders on the disk for temporary files."""
    with tempfile.TemporaryDirectory() as data:
        for label in range(CLASSES):
            Path(data, "train", f"class{label:02}").mkdir(parents=True)
        for i in range(photos):
            name = f"{data}/train/class{i % CLASSES:02}/mindat-{i:09}.jpg"
            os.close(os.open(name, os.O_CREAT))
        yield "made"
        dataset = read_split(Path(data), "train")
        yield "listed"
        assert dataset.counts.sum() == photos
        yield "counted"
        dataset.fingerprint()
        yield "fingerprint"


INDEX: dict[str, Row] = {"names": names, "folders": folders}
DRAWS: dict[str, Row] = {
    "weights": weights,
    "natural": sampler("natural"),
    "class_balanced": sampler("class_balanced"),
    "mixed_halves": sampler("mixed_halves"),
    "torch.multinomial": multinomial,
}
ROWS: dict[str, Row] = INDEX | DRAWS
MOST = {"names": 10**7, "folders": 10**5}  # more would take 10 GB, or wear out the disk


def run(name: str, photos: int) -> dict[str, Any]:
    """One row: seconds of each step, those of the processor, and memory in bytes."""
    seconds: dict[str, float] = {}
    processor = 0.0
    clocks = time.perf_counter(), time.process_time()
    try:
        for step in ROWS[name](photos):
            now = time.perf_counter(), time.process_time()
            seconds[step] = now[0] - clocks[0]
            processor += 0 if step == "made" else now[1] - clocks[1]
            clocks = now
    except RuntimeError as error:  # torch.multinomial has a limit
        return {"error": str(error)}
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    memory = peak if sys.platform == "darwin" else peak * 1024
    return {"seconds": seconds, "processor": processor, "memory": memory}


def print_table(rows: dict[str, Row], steps: list[str], sizes: list[int]) -> None:
    """Run each row for each size, and print it when it is there."""
    columns = ["photos", "what", *steps, "processor", "memory"]
    print(f"\n| {' | '.join(columns)} |\n|{'---|' * len(columns)}")
    for photos in sizes:
        for name in rows:
            if photos > MOST.get(name, photos):
                continue
            asked = [sys.executable, __file__, "--row", name, "--photos", str(photos)]
            row = json.loads(subprocess.run(asked, check=True, stdout=subprocess.PIPE).stdout)
            if "error" in row:
                cells = [row["error"], *[""] * (len(steps) + 1)]
            else:
                taken = [row["seconds"].get(step) for step in steps]
                cells = ["" if one is None else f"{one:.2f}" for one in taken]
                cells += [f"{row['processor']:.2f}", f"{row['memory'] / 1e9:.2f} GB"]
            print(f"| {photos:,} | {name} | {' | '.join(cells)} |", flush=True)


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--photos", type=float, nargs="+", default=[1e5, 1e6, 1e7, 1e8])
    parser.add_argument("--row", choices=ROWS, help="this row alone, as JSON")
    given = parser.parse_args()
    sizes = [round(photos) for photos in given.photos]
    if given.row:
        print(json.dumps(run(given.row, sizes[0])))
        return
    print_table(INDEX, ["made", "listed", "counted", "fingerprint"], sizes)
    walked = ["walked by 128", "walked by 1024"]
    print_table(DRAWS, ["made", "set up", "drawn", *walked], sizes)


if __name__ == "__main__":
    main()
