"""What it costs to find and to open photos that lie in tar shards or in parquet files.

    python benchmarks/packed.py DIR [--photos 100000] [--size 2000] [--opened 5000]

In DIR, which is made and removed again, PHOTOS made-up photos of SIZE bytes are written as class
folders, as a shard and as a parquet file of 100 rows a row group with the classes in turn. Each
line is the processor time of one process, and the time on the clock, of

- finding the members of the shard: with Python's tarfile, by its headers, by the index beside it;
- making the dataset of a split of it, from that index;
- opening OPENED photos at random and reading them: as files, and in the shard;
- reading every photo of the parquet file: its column straight, photos in the order of the rows,
  and in the order of their classes, which goes through the file once a class.

All files were read before, so that the disk is not measured.
"""

from __future__ import annotations

import argparse
import io
import json
import shutil
import tarfile
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from mineral_recog.data.dataset import Dataset, read_split
from mineral_recog.data.readers.parquet_reader import ParquetPhotos
from mineral_recog.data.tar_shards import index_path, read_shards, write_index

CLASSES = [f"class {number:02}" for number in range(36)]


@contextmanager
def timed(what: str, each: int) -> Iterator[None]:
    """Print what a piece of work took, and how much of it each of its parts."""
    clock, processor = time.perf_counter(), time.process_time()
    yield
    clock, processor = time.perf_counter() - clock, time.process_time() - processor
    print(f"| {what} | {processor:.2f} s | {clock:.2f} s | {1e6 * processor / each:.0f} us |")


def write(folder: Path, photos: int, size: int) -> None:
    """The photos as files in `files/train` and as a shard in `shards/train`."""
    content = np.random.default_rng(0).bytes(size)
    for name in CLASSES:
        (folder / "files/train" / name).mkdir(parents=True)
    (folder / "shards/train").mkdir(parents=True)
    (folder / "shards/classes.json").write_text(json.dumps(CLASSES))
    with tarfile.open(folder / "shards/train/0.tar", "w", format=tarfile.GNU_FORMAT) as tar:
        for number in range(photos):
            label = number % len(CLASSES)
            key = f"{CLASSES[label]}/{number:06}"
            (folder / "files/train" / f"{key}.jpg").write_bytes(content)
            for suffix, of in (("cls", str(label).encode()), ("jpg", content)):
                header = tarfile.TarInfo(f"{key}.{suffix}")
                header.size = len(of)
                tar.addfile(header, io.BytesIO(of))


def write_parquet(path: Path, photos: int, size: int) -> None:
    """Photos of noise, which cannot be compressed, with classes in turn."""
    rng = np.random.default_rng(0)
    images = pa.array(
        [{"bytes": rng.bytes(size), "path": f"{number:06}.jpg"} for number in range(photos)]
    )
    labels = pa.array([CLASSES[number % len(CLASSES)] for number in range(photos)])
    pq.write_table(pa.table({"image": images, "label": labels}), path, row_group_size=100)


def of_shards(folder: Path, photos: int, opened: int) -> None:
    """The lines about shards."""
    shard = folder / "shards/train/0.tar"
    members = 2 * photos
    with timed("members by tarfile", members), tarfile.open(shard, "r:") as tar:
        assert sum(1 for _ in tar) == members
    with timed("members by their headers", members):
        [found] = read_shards([shard])
    assert len(found.names) == members
    write_index(found)
    print(f"index: {index_path(shard).stat().st_size / members:.0f} bytes a member")
    with timed("members by the index", members):
        read_shards([shard])
    with timed("the split, from files", photos):
        files = read_split(folder / "files", "train")
    with timed("the split, from the shard", photos):
        packed = read_split(folder / "shards", "train")
    assert files.fingerprint() == packed.fingerprint()
    drawn = np.random.default_rng(1).integers(photos, size=opened).tolist()
    for what, dataset in (("files", files), ("the shard", packed)) * 2:
        with timed(f"opened at random from {what}", opened):
            read(dataset, drawn)


def read(dataset: Dataset, drawn: Sequence[int]) -> None:
    """Open and read photos of a split."""
    for photo in drawn:
        with dataset.open(photo) as file:
            file.read()


def of_parquet(path: Path) -> None:
    """The lines about parquet files."""
    photos = pq.read_metadata(path).num_rows
    with timed("column of the parquet file", photos), pq.ParquetFile(path) as parquet:
        for group in range(parquet.num_row_groups):
            parquet.read_row_group(group, columns=["image.bytes"])
    with timed("list of its photos", photos):
        source = ParquetPhotos(path)
    for what, order in (
        ("rows", sorted(source.photos, key=lambda name: name.split("/")[1])),
        ("classes", source.photos),
    ):
        source = ParquetPhotos(path)
        with timed(f"its photos in the order of {what}", photos):
            for name in order:
                with source.open(name) as file:
                    file.read()


def main() -> None:
    """Write, measure, remove."""
    parser = argparse.ArgumentParser()
    parser.add_argument("folder", type=Path)
    parser.add_argument("--photos", type=int, default=100_000)
    parser.add_argument("--size", type=int, default=2000)
    parser.add_argument("--opened", type=int, default=5000)
    given = parser.parse_args()
    given.folder.mkdir()
    try:
        print("| what | processor | clock | each |\n|---|---|---|---|")
        write(given.folder, given.photos, given.size)
        of_shards(given.folder, given.photos, given.opened)
        write_parquet(given.folder / "a.parquet", given.photos // 10, given.size * 50)
        of_parquet(given.folder / "a.parquet")
    finally:
        shutil.rmtree(given.folder)


if __name__ == "__main__":
    main()
