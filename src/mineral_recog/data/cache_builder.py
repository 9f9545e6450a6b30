"""Making caches of reduced photos: when one pays, what it takes, and going on where it was left."""

from __future__ import annotations

import errno
import math
import os
import shutil
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path
from types import TracebackType

import numpy as np
from filelock import FileLock, Timeout

from mineral_recog.data.cache import (
    HIDDEN,
    KIND,
    MARK,
    PIXELS,
    RECORD,
    RECORDS,
    Cache,
    Pixels,
    Records,
    bytes_of,
    cache_folder,
    name_of,
    read_records,
    reduced_photo,
    reduced_size,
)
from mineral_recog.data.dataset import Dataset
from mineral_recog.data.images import unreadable_error
from mineral_recog.files import whole_file
from mineral_recog.i18n import tr
from mineral_recog.progress import SILENT, Progress

SAMPLE = 200  # photos whose headers tell whether a cache pays
WORTH_IT = 2.5  # times fewer pixels: from there on decoding takes most of the time
TOGETHER = 32  # photos that are put on the disk at once
MOST_OF_FREE = 0.5  # of the free disk space


def cache_pays(dataset: Dataset, side: int) -> bool:
    """Whether photos have at least 2.5 times the pixels of reduced ones, at the median of a sample.

    Args:
        dataset: of the training photos.
        side: short side of the reduced photos in pixels.
    """
    sample = np.random.default_rng(0).permutation(len(dataset))[:SAMPLE]
    times = []
    for size in map(dataset.pixel_size, sample.tolist()):
        if size is not None:
            width, height = reduced_size(*size, side)
            times.append(size[0] * size[1] / (width * height))
    return bool(times) and float(np.median(times)) >= WORTH_IT


def reduce_photos(
    datasets: Sequence[Dataset], sides: Sequence[int], progress: Progress = SILENT
) -> list[Cache] | None:
    """The caches of splits of one DATA, made or brought up to date as far as need be.

    Each photo whose file is new or changed is read to its end. Another process that is at it is
    waited for. None, with a line that says why, where there is no place for the photos.

    Args:
        datasets: of the splits.
        sides: short side of the reduced photos of each split, in pixels.

    Raises:
        UserError: photos cannot be read.
    """
    splits = [_Split(*of_split) for of_split in zip(datasets, sides, strict=True)]
    if all(split.whole for split in splits):  # needs no permission to write
        return [split.cache for split in splits]
    home = datasets[0].root.parent / HIDDEN
    try:
        home.mkdir(exist_ok=True)
        with _alone(home, progress):
            for split in splits:
                split.look()
            return _made(splits, home, progress)
    except OSError as error:
        progress.notice(
            tr(
                f"The photos cannot be kept reduced in {home} ({error}): training reads them as "
                "they are.",
                f"无法在 {home} 保存缩小的照片（{error}）：训练将直接读取原照片。",
            )
        )
        return None


def _made(splits: Sequence[_Split], home: Path, progress: Progress) -> list[Cache] | None:
    partial = [split for split in splits if not split.whole]
    take = sum(split.take(progress) for split in partial)
    free = shutil.disk_usage(home).free
    if take > MOST_OF_FREE * free:
        progress.notice(
            tr(
                f"The reduced photos would take {_told(take)} in {home}, more than half of the "
                f"{_told(free)} that are free: training reads the photos as they are.",
                f"缩小的照片将在 {home} 占用 {_told(take)}，超过剩余空间 {_told(free)} 的一半："
                "训练将直接读取原照片。",
            )
        )
        return None
    if take:
        progress.notice(
            tr(
                f"Photos are reduced to {splits[0].side} px once and kept in {home} "
                f"({_told(take)}), so that epochs read them fast. After training the folder may be "
                "removed; --cache off does without it.",
                f"照片缩小到 {splits[0].side} 像素，保存在 {home}（{_told(take)}），"
                "使每轮读取更快。训练后可删除该文件夹；--cache off 则不使用。",
            )
        )
    for split in partial:
        split.make(progress)
    return [split.cache for split in splits]


def _told(size: float) -> str:
    return f"{size / 1e9:.1f} GB" if size >= 1e9 else f"{math.ceil(size / 1e6)} MB"


@contextmanager
def _alone(home: Path, progress: Progress) -> Iterator[None]:
    """Wait until no other process makes a cache in this folder; the lock ends with its process."""
    lock = FileLock(home / "lock")
    try:
        lock.acquire(timeout=0)
    except Timeout:
        progress.notice(
            tr(
                f"Waiting for another process that reduces the photos in {home}.",
                f"正在等待另一个进程在 {home} 缩小照片。",
            )
        )
        lock.acquire()
    try:
        yield
    finally:
        lock.release()


class _Split:
    """The cache of one split, as it is and as it should be."""

    def __init__(self, dataset: Dataset, side: int) -> None:
        self.dataset, self.side, self.folder = dataset, side, cache_folder(dataset, side)
        self.wanted: Records = np.zeros(len(dataset), dtype=RECORD)  # height 0: not there
        self.wanted["name"] = [name_of(path) for path in dataset.paths]
        stamps = map(self._stamp, range(len(dataset)))
        self.wanted["bytes"], self.wanted["mtime"] = zip(*stamps, strict=True)
        self.look()

    def _stamp(self, photo: int) -> tuple[int, int]:
        """Size and time of a photo's file; one that cannot be reached is told when it is read."""
        try:
            return self.dataset.stamp(photo)
        except OSError:
            return -1, 0

    def look(self) -> None:
        """Look up the photos in the cache; those of other files than now are not there."""
        self.mark, self.there = read_records(self.folder, self.side) or (b"", self.wanted[:0])
        newest = {name: record for record, name in enumerate(self.there["name"].tolist())}
        at = np.array([newest.get(name, -1) for name in self.wanted["name"].tolist()])
        known = np.flatnonzero(at >= 0)
        found = self.there[at[known]]
        same = (found["bytes"] == self.wanted["bytes"][known]) & (
            found["mtime"] == self.wanted["mtime"][known]
        )
        self.records = self.wanted.copy()
        self.records[known[same]] = found[same]
        if self.missing and self._mostly_gone():
            self.mark, self.there, self.records = b"", self.there[:0], self.wanted.copy()

    def _mostly_gone(self) -> bool:
        """Whether more of the file belongs to photos that are gone or changed than to others."""
        size = (self.folder / PIXELS).stat().st_size if self.mark else 0
        return size > MARK + 2 * int(bytes_of(self.records).sum())

    @property
    def missing(self) -> list[int]:
        """Photos that are not there."""
        missing: list[int] = np.flatnonzero(self.records["height"] == 0).tolist()
        return missing

    @property
    def whole(self) -> bool:
        return not self.missing

    @property
    def cache(self) -> Cache:
        return Cache(self.folder, self.mark, self.records)

    def take(self, progress: Progress) -> int:
        """Bytes that the photos that are not there will take, by their headers."""
        missing, total = self.missing, 0
        name = self.dataset.root.name
        task = progress.start(tr(f"measuring {name}", f"测量 {name}"), len(missing))
        with ThreadPoolExecutor(os.cpu_count()) as pool:
            for size in pool.map(self.dataset.pixel_size, missing):
                width, height = (0, 0) if size is None else reduced_size(*size, self.side)
                total += 3 * width * height
                task.step()
        return total

    def make(self, progress: Progress) -> None:
        """Reduce the photos that are not there.

        Raises:
            OSError: they cannot be written.
            UserError: photos cannot be read.
        """
        bad = []
        name, missing = self.dataset.root.name, self.missing
        photos = len(self.dataset)
        task = progress.start(
            tr(f"reducing {name}", f"缩小 {name}"), photos, done=photos - len(missing)
        )
        try:
            with _Files(self.folder, self.mark, self.there) as files:
                for photo, reduced in _in_turn(self._reduce, missing):
                    if isinstance(reduced, str):
                        bad.append((self.dataset.where(photo), reduced))
                    else:
                        files.add(self.records[photo], reduced)
                    task.step()
                self.mark = files.mark
        except OSError as error:
            if error.errno in (errno.ENOSPC, errno.EDQUOT):  # the run needs the room
                shutil.rmtree(self.folder, ignore_errors=True)
            raise
        if bad:
            raise unreadable_error(self.dataset.root, bad)

    def _reduce(self, photo: int) -> Pixels | str:
        """A photo reduced, or why it cannot be read."""
        try:
            with self.dataset.open(photo) as file:
                return reduced_photo(file, self.side)
        except OSError as error:
            return " ".join(str(error).split()) or type(error).__name__


class _Files:
    """The files of a cache, to add photos to; whatever was added is on the disk at the end.

    Args:
        folder: of the cache.
        mark: of the files that are there; empty to begin anew.
        records: in the index that is there, those that are sound.
    """

    def __init__(self, folder: Path, mark: bytes, records: Records) -> None:
        self.mark = mark or os.urandom(MARK)
        folder.mkdir(exist_ok=True)
        if not mark:
            # Other files take their place, since a run may be reading the ones before.
            for name in (RECORDS, PIXELS):
                (folder / name).unlink(missing_ok=True)
            (folder / PIXELS).write_bytes(self.mark)
        # Without records that are not sound, which pixels to come might seem to fit.
        with whole_file(folder / RECORDS) as partial:
            partial.write_bytes(KIND + self.mark + records.tobytes())
        self.end = max((records["offset"] + bytes_of(records)).tolist(), default=MARK)
        self.pixels, self.dataset = (folder / PIXELS).open("rb+"), (folder / RECORDS).open("ab")
        self.pixels.seek(self.end)
        self.pixels.truncate()
        self.added: list[bytes] = []

    def __enter__(self) -> _Files:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: object, trace: TracebackType | None
    ) -> None:
        with self.pixels, self.dataset:
            if kind is None or not issubclass(kind, OSError):  # they can be written
                self._keep()

    def add(self, record: np.void, pixels: Pixels) -> None:
        """Add a photo, and note in its record where it lies."""
        height, width, _ = pixels.shape
        record["offset"], record["height"], record["width"] = self.end, height, width
        self.pixels.write(pixels.data)
        self.end += pixels.nbytes
        self.added.append(record.tobytes())
        if len(self.added) == TOGETHER:
            self._keep()

    def _keep(self) -> None:
        """Put the photos on the disk, and then their records."""
        for file, data in ((self.pixels, b""), (self.dataset, b"".join(self.added))):
            file.write(data)
            file.flush()
            os.fsync(file.fileno())
        self.added = []


def _in_turn(
    work: Callable[[int], Pixels | str], photos: Sequence[int]
) -> Iterator[tuple[int, Pixels | str]]:
    """Photos with what a work makes of each, in parallel and in order, a few ahead.

    Threads, since Pillow works outside Python's lock.
    """
    ahead: deque[tuple[int, Future[Pixels | str]]] = deque()
    with ThreadPoolExecutor(os.cpu_count()) as pool:
        for photo in photos:
            ahead.append((photo, pool.submit(work, photo)))
            if len(ahead) > 2 * TOGETHER:
                first, future = ahead.popleft()
                yield first, future.result()
        for first, future in ahead:
            yield first, future.result()
