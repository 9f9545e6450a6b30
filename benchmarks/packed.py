"""Cost of finding and opening photos in tar shards and in parquet files.

    python benchmarks/packed.py DIR [--photos 100000] [--size 2000] [--opened 5000]

In DIR, which is created and removed again, PHOTOS synthetic photos of SIZE bytes are written as
class folders, as a shard and as a parquet file with 100 rows per row group and the classes in turn.
Each line gives the processor time of one process, and the wall-clock time, of

- listing the members of the shard: with Python's tarfile, from its headers, from its index;
- making the dataset of a split of it, from that index;
- opening and reading OPENED random photos: as files, and in the shard;
- reading every photo of the parquet file: its column directly, photos in the order of the rows,
  and in the order of their classes, which passes through the file once per class.

All files are read before, so that the disk is not measured.
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
from mineral_recog.data.readers.parquet_reader import ParquetSource
from mineral_recog.data.tar_shards import index_path, read_shards, write_index

CLASSES = [f"class {number:02}" for number in range(36)]


@contextmanager
def timed(name: str, count: int) -> Iterator[None]:
    """Print the time of a block, and the processor time per item for `count` items."""
    clock, processor = time.perf_counter(), time.process_time()
    yield
    clock, processor = time.perf_counter() - clock, time.process_time() - processor
    print(f"| {name} | {processor:.2f} s | {clock:.2f} s | {1e6 * processor / count:.0f} us |")


def write(folder: Path, photos: int, size: int) -> None:
    """Write the photos as files in `files/train` and as a shard in `shards/train`."""
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
            for suffix, member in (("cls", str(label).encode()), ("jpg", content)):
                header = tarfile.TarInfo(f"{key}.{suffix}")
                header.size = len(member)
                tar.addfile(header, io.BytesIO(member))


def write_parquet(path: Path, photos: int, size: int) -> None:
    """Write photos of noise, which cannot be compressed, with classes in turn."""
    rng = np.random.default_rng(0)
    images = pa.array(
        [{"bytes": rng.bytes(size), "path": f"{number:06}.jpg"} for number in range(photos)]
    )
    labels = pa.array([CLASSES[number % len(CLASSES)] for number in range(photos)])
    pq.write_table(pa.table({"image": images, "label": labels}), path, row_group_size=100)


def measure_shards(folder: Path, photos: int, opened: int) -> None:
    """Print the lines about shards."""
    shard = folder / "shards/train/0.tar"
    members = 2 * photos
    with timed("members with tarfile", members), tarfile.open(shard, "r:") as tar:
        assert sum(1 for _ in tar) == members
    with timed("members from their headers", members):
        [indexed_shard] = read_shards([shard])
    assert len(indexed_shard.names) == members
    write_index(indexed_shard)
    print(f"index: {index_path(shard).stat().st_size / members:.0f} bytes per member")
    with timed("members from the index", members):
        read_shards([shard])
    with timed("the split, from files", photos):
        files = read_split(folder / "files", "train")
    with timed("the split, from the shard", photos):
        packed = read_split(folder / "shards", "train")
    assert files.fingerprint() == packed.fingerprint()
    indices = np.random.default_rng(1).integers(photos, size=opened).tolist()
    for name, dataset in (("files", files), ("the shard", packed)) * 2:
        with timed(f"random photos from {name}", opened):
            read(dataset, indices)


def read(dataset: Dataset, indices: Sequence[int]) -> None:
    """Open and read photos of a split."""
    for index in indices:
        with dataset.open(index) as file:
            file.read()


def measure_parquet(path: Path) -> None:
    """Print the lines about parquet files."""
    photos = pq.read_metadata(path).num_rows
    with timed("column of the parquet file", photos), pq.ParquetFile(path) as parquet:
        for group in range(parquet.num_row_groups):
            parquet.read_row_group(group, columns=["image.bytes"])
    with timed("list of its photos", photos):
        source = ParquetSource(path)
    for order_name, order in (
        ("rows", sorted(source.paths, key=lambda photo_path: photo_path.split("/")[1])),
        ("classes", source.paths),
    ):
        source = ParquetSource(path)
        with timed(f"its photos in the order of {order_name}", photos):
            for photo_path in order:
                with source.open(photo_path) as file:
                    file.read()


def main() -> None:
    """Write the files, measure, and remove them."""
    parser = argparse.ArgumentParser()
    parser.add_argument("folder", type=Path)
    parser.add_argument("--photos", type=int, default=100_000)
    parser.add_argument("--size", type=int, default=2000)
    parser.add_argument("--opened", type=int, default=5000)
    options = parser.parse_args()
    options.folder.mkdir()
    try:
        print("| what | processor | clock | each |\n|---|---|---|---|")
        write(options.folder, options.photos, options.size)
        measure_shards(options.folder, options.photos, options.opened)
        write_parquet(options.folder / "a.parquet", options.photos // 10, options.size * 50)
        measure_parquet(options.folder / "a.parquet")
    finally:
        shutil.rmtree(options.folder)


if __name__ == "__main__":
    main()
