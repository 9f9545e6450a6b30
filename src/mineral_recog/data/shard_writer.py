"""Writes a prepared folder as tar shards of the WebDataset layout."""

from __future__ import annotations

import io
import json
import shutil
import tarfile
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import BinaryIO

import numpy as np

from mineral_recog.data.dataset import SPLITS, Dataset, read_split
from mineral_recog.data.tar_headers import BLOCK
from mineral_recog.data.tar_samples import CLASSES_FILE, sample_key
from mineral_recog.data.tar_shards import read_shard_headers, write_index
from mineral_recog.errors import DataError
from mineral_recog.files import atomic_folder, refuse_existing, refuse_inside
from mineral_recog.i18n import tr
from mineral_recog.progress import SILENT, Progress

PACKED_FILE = "packed.json"
# Bytes of a sample besides its photo: two headers, the label, the padding of both, and the end.
_SAMPLE_OVERHEAD = 4 * BLOCK + tarfile.RECORDSIZE
_COPIED_FILES = ("prepared.json", "drawn.json")  # describe the splits; `evaluate` reads them


@dataclass(frozen=True)
class PackedSplit:
    """Result for one split: number of photos, number of tar files, and their total size."""

    photo_count: int
    shard_count: int
    byte_count: int


def pack(
    data: Path,
    out: Path,
    *,
    shard_size: int = 1000,
    seed: int = 0,
    force: bool = False,
    progress: Progress = SILENT,
) -> dict[str, PackedSplit]:
    """Write a prepared folder as tar shards of the WebDataset layout, in OUT/{train,val,test}.

    A sample is a photo with unchanged bytes, and a `.cls` with the number of its class in
    OUT/classes.json. The photos of a split are in random order, so that shards can also be read
    sequentially. The same photos and seed give the same bytes.

    Args:
        data: Folder with train, val and test.
        out: Folder to make; it appears only when it is complete.
        shard_size: Maximum size of a tar file in MB; a single photo may exceed it.
        seed: Seed of the random order.
        force: Replace `out` if an earlier `pack` made it.
        progress: Receives the progress.

    Raises:
        UserError: A split is missing, the output exists, or a photo cannot be read.
    """
    refuse_existing(out, force, made_by_us=(out / PACKED_FILE).is_file())
    refuse_inside(out, data)
    train = read_split(data, "train")
    datasets = {"train": train} | {
        split: read_split(data, split, train.classes)
        for split in SPLITS
        if split != "train" and (data / split).is_dir()
    }
    task = progress.start(tr("packing", "打包"), sum(map(len, datasets.values())))
    packed = {}
    with atomic_folder(out) as partial:
        for number, (split, dataset) in enumerate(datasets.items()):
            (partial / split).mkdir()
            order = np.random.default_rng([seed, number]).permutation(len(dataset)).tolist()
            writer = _ShardWriter(partial / split, split, shard_size * 10**6)
            for index, key, suffix in _with_keys(dataset, order):
                writer.add(dataset, index, key, suffix)
                task.step()
            packed[split] = writer.finish(len(dataset))
        text = json.dumps(train.classes, indent=1, ensure_ascii=False)
        (partial / CLASSES_FILE).write_text(text, encoding="utf-8")
        counts = {split: result.photo_count for split, result in packed.items()}
        settings = {"seed": seed, "shard_size": shard_size, "photos": counts}
        (partial / PACKED_FILE).write_text(json.dumps(settings, indent=1), encoding="utf-8")
        for name in _COPIED_FILES:
            if (data / name).is_file():
                shutil.copyfile(data / name, partial / name)
    return packed


def _with_keys(dataset: Dataset, order: list[int]) -> Iterator[tuple[int, str, str]]:
    """Yield the photos of a split in the given order, each with its key and suffix."""
    stems = Counter(_stem(name) for name in dataset.paths)
    for index in order:
        name = dataset.paths[index]
        yield index, *sample_key(name, alone=stems[_stem(name)] == 1)


def _stem(name: str) -> str:
    return name.removesuffix(PurePosixPath(name).suffix)


class _ShardWriter:
    """Writes the tar files of a split, one after the other."""

    def __init__(self, folder: Path, split: str, max_bytes: int) -> None:
        self.folder, self.split, self.max_bytes = folder, split, max_bytes
        self.paths: list[Path] = []
        self.tar: tarfile.TarFile | None = None

    def add(self, dataset: Dataset, index: int, key: str, suffix: str) -> None:
        """Append a photo and its class."""
        with _open(dataset, index) as file:
            size = file.seek(0, io.SEEK_END)
            file.seek(0)
            if self.tar is None or (0 < self.tar.offset > self.max_bytes - size - _SAMPLE_OVERHEAD):
                self.tar = self._next()
            label = str(dataset.labels[index]).encode()
            self.tar.addfile(_header(f"{key}.cls", len(label)), io.BytesIO(label))
            self.tar.addfile(_header(f"{key}{suffix}", size), file)

    def finish(self, photo_count: int) -> PackedSplit:
        """Close the last tar file and write an index next to each."""
        if self.tar is not None:
            self.tar.close()
        for path in self.paths:
            write_index(read_shard_headers(path))
        return PackedSplit(photo_count, len(self.paths), sum(p.stat().st_size for p in self.paths))

    def _next(self) -> tarfile.TarFile:
        if self.tar is not None:
            self.tar.close()
        path = self.folder / f"{self.split}-{len(self.paths):06}.tar"
        self.paths.append(path)
        return tarfile.open(
            path, "x:", format=tarfile.GNU_FORMAT, encoding="utf-8", errors="surrogateescape"
        )


def _open(dataset: Dataset, index: int) -> BinaryIO:
    try:
        return dataset.open(index)
    except OSError as error:
        path, reason = dataset.display_path(index), error.strerror or error
        raise DataError(
            tr(
                f"{path} cannot be read ({reason}): put it back, then run again.",
                f"{path} 无法读取（{reason}）：请放回后重新运行。",
            )
        ) from None


def _header(name: str, size: int) -> tarfile.TarInfo:
    """Return the header of a file, without time and owner: equal photos give equal bytes."""
    header = tarfile.TarInfo(name)
    header.size = size
    return header
