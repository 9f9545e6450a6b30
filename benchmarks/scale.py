"""Cost of listing, counting, weighting and drawing 10^5 to 10^7 photos, as Markdown tables.

    python benchmarks/scale.py [--photos 1e5 1e6 1e7]

Every row is a separate process; its memory is the peak, with Python, numpy and all data. Cells are
wall-clock seconds; the last columns give the processor seconds of all steps after the photos are
made, which other load on the machine changes less, and the memory. The photos are of 36 classes
with an imbalance of 81.4, as in Minerals-36, in no order, which is the hardest case; labels are
int64, p_i float32 and uniform in 0..1, as in training. No photo is read.
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
from mineral_recog.data.samplers import build_sampler, inverse_probability_weights

CLASSES, IMBALANCE, SEED, CHUNK = 36, 81.4, 3407, 1 << 20
Steps = Iterator[str]  # names of the steps, each yielded when it is done
Row = Callable[[int], Steps]


def make_photos(photo_count: int) -> tuple[npt.NDArray[np.int64], npt.NDArray[np.float32]]:
    """Return labels and p_i of photos, [N] each."""
    rng = np.random.default_rng(SEED)
    sizes = IMBALANCE ** -np.linspace(0, 1, CLASSES)
    ends = np.cumsum(sizes) / sizes.sum()
    labels = np.empty(photo_count, np.int64)
    for start in range(0, photo_count, CHUNK):
        chunk = labels[start : start + CHUNK]
        chunk[:] = np.searchsorted(ends[:-1], rng.random(len(chunk)), side="right")
    return labels, rng.random(photo_count, dtype=np.float32)


def sampler(name: str) -> Row:
    """Return the row of a sampler."""

    def steps(photo_count: int) -> Steps:
        labels, p = make_photos(photo_count)
        yield "made"
        built = build_sampler(name, labels, CLASSES, 128, SEED, p)
        yield "set up"
        assert sum(map(len, built.draw(0))) == photo_count
        yield "drawn"

    return steps


def weights(photo_count: int) -> Steps:
    """Compute the inverse-probability weights alone."""
    labels, p = make_photos(photo_count)
    yield "made"
    inverse_probability_weights(p, labels, CLASSES)
    yield "set up"


def multinomial(photo_count: int) -> Steps:
    """Draw with torch.multinomial, which torch's WeightedRandomSampler calls."""
    import torch

    labels, p = make_photos(photo_count)
    yield "made"
    weights = torch.from_numpy(1 - p)
    yield "set up"
    torch.multinomial(weights, len(labels), replacement=True)
    yield "drawn"


def names(photo_count: int) -> Steps:
    """Make the names and labels of a split without a disk."""
    per_class = -(-photo_count // CLASSES)
    yield "made"
    paths = tuple(f"class{i // per_class:02}/mindat-{i:09}.jpg" for i in range(photo_count))
    labels = np.arange(photo_count) // per_class
    yield "listed"
    dataset = Dataset(Path(), tuple(f"class{label:02}" for label in range(CLASSES)), paths, labels)
    assert dataset.counts.sum() == photo_count
    yield "counted"


def folders(photo_count: int) -> Steps:
    """List empty files in folders on the disk for temporary files."""
    with tempfile.TemporaryDirectory() as data:
        for label in range(CLASSES):
            Path(data, "train", f"class{label:02}").mkdir(parents=True)
        for i in range(photo_count):
            path = f"{data}/train/class{i % CLASSES:02}/mindat-{i:09}.jpg"
            os.close(os.open(path, os.O_CREAT))
        yield "made"
        dataset = read_split(Path(data), "train")
        yield "listed"
        assert dataset.counts.sum() == photo_count
        yield "counted"
        dataset.fingerprint()
        yield "fingerprint"


LISTINGS: dict[str, Row] = {"names": names, "folders": folders}
DRAWS: dict[str, Row] = {
    "weights": weights,
    "natural": sampler("natural"),
    "class_balanced": sampler("class_balanced"),
    "mixed_halves": sampler("mixed_halves"),
    "torch.multinomial": multinomial,
}
ROWS: dict[str, Row] = LISTINGS | DRAWS
MAX_PHOTOS = {"names": 10**7, "folders": 10**5}  # more takes 10 GB, or wears out the disk


def run(name: str, photo_count: int) -> dict[str, Any]:
    """Measure a row: seconds of each step, processor seconds, and memory in bytes."""
    seconds: dict[str, float] = {}
    processor = 0.0
    clocks = time.perf_counter(), time.process_time()
    try:
        for step in ROWS[name](photo_count):
            now = time.perf_counter(), time.process_time()
            seconds[step] = now[0] - clocks[0]
            processor += 0 if step == "made" else now[1] - clocks[1]
            clocks = now
    except RuntimeError as error:  # torch.multinomial has a limit
        return {"error": str(error)}
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    memory = peak if sys.platform == "darwin" else peak * 1024
    return {"seconds": seconds, "processor": processor, "memory": memory}


def print_table(rows: dict[str, Row], steps: list[str], photo_counts: list[int]) -> None:
    """Run each row for each number of photos, and print it when it is done."""
    columns = ["photos", "what", *steps, "processor", "memory"]
    print(f"\n| {' | '.join(columns)} |\n|{'---|' * len(columns)}")
    for photo_count in photo_counts:
        for name in rows:
            if photo_count > MAX_PHOTOS.get(name, photo_count):
                continue
            command = [sys.executable, __file__, "--row", name, "--photos", str(photo_count)]
            row = json.loads(subprocess.run(command, check=True, stdout=subprocess.PIPE).stdout)
            if "error" in row:
                cells = [row["error"], *[""] * (len(steps) + 1)]
            else:
                seconds = [row["seconds"].get(step) for step in steps]
                cells = ["" if value is None else f"{value:.2f}" for value in seconds]
                cells += [f"{row['processor']:.2f}", f"{row['memory'] / 1e9:.2f} GB"]
            print(f"| {photo_count:,} | {name} | {' | '.join(cells)} |", flush=True)


def main() -> None:
    """Measure and print the tables."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--photos", type=float, nargs="+", default=[1e5, 1e6, 1e7])
    parser.add_argument("--row", choices=ROWS, help="measure only this row and print JSON")
    options = parser.parse_args()
    photo_counts = [round(count) for count in options.photos]
    if options.row:
        print(json.dumps(run(options.row, photo_counts[0])))
        return
    print_table(LISTINGS, ["made", "listed", "counted", "fingerprint"], photo_counts)
    print_table(DRAWS, ["made", "set up", "drawn"], photo_counts)


if __name__ == "__main__":
    main()
