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
from mineral_recog.data.tar_samples import CLASSES, key_of
from mineral_recog.data.tar_shards import from_headers, write_index
from mineral_recog.errors import DataError
from mineral_recog.files import refuse_existing, refuse_inside, whole_folder
from mineral_recog.i18n import tr
from mineral_recog.progress import SILENT, Progress

MARK = "packed.json"
# Bytes of a sample beside its photo: two headers, the label, what fills both up, and the end.
_AROUND = 4 * BLOCK + tarfile.RECORDSIZE
_KEPT = ("prepared.json", "drawn.json")  # how the splits were made, which `evaluate` asks for


@dataclass(frozen=True)
class PackedSplit:
    """What became of a split: its photos, the tar files that hold them, and the bytes of those."""

    photos: int
    shards: int
    size: int


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

    A sample is a photo, its bytes as they are, and a `.cls` with the number of its class in
    OUT/classes.json. Photos of a split are in a random order, so that shards can be read from
    their beginnings as well. The same photos and seed give the same bytes.

    Args:
        data: folder with train, val and test.
        out: folder to make; it appears only when it is whole.
        shard_size: of a tar file at most, in MB, unless one photo is larger.
        seed: of the order.
        force: replace `out` if an earlier `pack` made it.
        progress: receives the progress.

    Raises:
        UserError: no such splits, an output that exists, or a photo that cannot be read.
    """
    refuse_existing(out, force, made_by_us=(out / MARK).is_file())
    refuse_inside(out, data)
    train = read_split(data, "train")
    datasets = {"train": train} | {
        split: read_split(data, split, train.classes)
        for split in SPLITS
        if split != "train" and (data / split).is_dir()
    }
    task = progress.start(tr("packing", "打包"), sum(map(len, datasets.values())))
    made = {}
    with whole_folder(out) as partial:
        for number, (split, dataset) in enumerate(datasets.items()):
            (partial / split).mkdir()
            order = np.random.default_rng([seed, number]).permutation(len(dataset)).tolist()
            shards = _Shards(partial / split, split, shard_size * 10**6)
            for photo, key, suffix in _keyed(dataset, order):
                shards.add(dataset, photo, key, suffix)
                task.step()
            made[split] = shards.finish(len(dataset))
        text = json.dumps(train.classes, indent=1, ensure_ascii=False)
        (partial / CLASSES).write_text(text, encoding="utf-8")
        counts = {split: of.photos for split, of in made.items()}
        told = {"seed": seed, "shard_size": shard_size, "photos": counts}
        (partial / MARK).write_text(json.dumps(told, indent=1), encoding="utf-8")
        for name in _KEPT:
            if (data / name).is_file():
                shutil.copyfile(data / name, partial / name)
    return made


def _keyed(dataset: Dataset, order: list[int]) -> Iterator[tuple[int, str, str]]:
    """Photos of a split in an order, each with its key and suffix."""
    stems = Counter(_stem(name) for name in dataset.paths)
    for photo in order:
        name = dataset.paths[photo]
        yield photo, *key_of(name, alone=stems[_stem(name)] == 1)


def _stem(name: str) -> str:
    return name.removesuffix(PurePosixPath(name).suffix)


class _Shards:
    """The tar files of a split, one after the other."""

    def __init__(self, folder: Path, split: str, largest: int) -> None:
        self.folder, self.split, self.largest = folder, split, largest
        self.paths: list[Path] = []
        self.tar: tarfile.TarFile | None = None

    def add(self, dataset: Dataset, photo: int, key: str, suffix: str) -> None:
        """Append a photo and what it shows."""
        with _opened(dataset, photo) as file:
            size = file.seek(0, io.SEEK_END)
            file.seek(0)
            if self.tar is None or (0 < self.tar.offset > self.largest - size - _AROUND):
                self.tar = self._next()
            label = str(dataset.labels[photo]).encode()
            self.tar.addfile(_header(f"{key}.cls", len(label)), io.BytesIO(label))
            self.tar.addfile(_header(f"{key}{suffix}", size), file)

    def finish(self, photos: int) -> PackedSplit:
        """Close the last tar file and leave an index beside each."""
        if self.tar is not None:
            self.tar.close()
        for path in self.paths:
            write_index(from_headers(path))
        return PackedSplit(photos, len(self.paths), sum(p.stat().st_size for p in self.paths))

    def _next(self) -> tarfile.TarFile:
        if self.tar is not None:
            self.tar.close()
        path = self.folder / f"{self.split}-{len(self.paths):06}.tar"
        self.paths.append(path)
        return tarfile.open(
            path, "x:", format=tarfile.GNU_FORMAT, encoding="utf-8", errors="surrogateescape"
        )


def _opened(dataset: Dataset, photo: int) -> BinaryIO:
    try:
        return dataset.open(photo)
    except OSError as error:
        where, reason = dataset.where(photo), error.strerror or error
        raise DataError(
            tr(
                f"{where} cannot be read ({reason}): put it back, then run again.",
                f"{where} 无法读取（{reason}）：请放回后重新运行。",
            )
        ) from None


def _header(name: str, size: int) -> tarfile.TarInfo:
    """Of a file, without a time or an owner: the same photos give the same bytes."""
    header = tarfile.TarInfo(name)
    header.size = size
    return header
