"""Builds caches of reduced photos: checks their benefit and size, and resumes partial caches."""

from __future__ import annotations

import errno
import math
import os
import shutil
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import AbstractContextManager
from pathlib import Path
from types import TracebackType

import numpy as np
from filelock import FileLock, Timeout

from mineral_recog.cores import thread_count
from mineral_recog.data.cache import (
    CACHE_ROOT,
    INDEX_FILE,
    INDEX_MAGIC,
    PIXELS_FILE,
    RECORD,
    TOKEN_BYTES,
    Cache,
    Pixels,
    Records,
    cache_folder,
    path_digest,
    pixel_bytes,
    read_records,
    reduced_photo,
    reduced_size,
)
from mineral_recog.data.dataset import Dataset
from mineral_recog.data.evaluation_view import BILINEAR
from mineral_recog.data.images import unreadable_photos_error
from mineral_recog.errors import reason_of
from mineral_recog.files import atomic_file
from mineral_recog.i18n import tr
from mineral_recog.progress import SILENT, Progress

SAMPLE_SIZE = 200  # photos whose headers decide whether a cache is worthwhile
MIN_PIXEL_RATIO = 2.5  # original over reduced pixels; above it, decoding takes most of the time
FLUSH_COUNT = 32  # photos that are flushed to the disk together
MAX_FREE_SHARE = 0.5  # of the free disk space


def is_cache_worthwhile(dataset: Dataset, side: int) -> bool:
    """Return whether reducing saves a factor of 2.5 or more in pixels, at the median of a sample.

    Args:
        dataset: The training photos.
        side: Short side of the reduced photos in pixels.
    """
    sample = np.random.default_rng(0).permutation(len(dataset))[:SAMPLE_SIZE]
    sizes = [size for size in map(dataset.pixel_size, sample.tolist()) if size is not None]
    ratios = [math.prod(size) / math.prod(reduced_size(*size, side)) for size in sizes]
    return bool(ratios) and float(np.median(ratios)) >= MIN_PIXEL_RATIO


def build_caches(
    datasets: Sequence[Dataset],
    sides: Sequence[int],
    progress: Progress = SILENT,
    interpolation: str = BILINEAR,
) -> list[Cache] | None:
    """Build the caches of splits of one DATA, or bring them up to date, and return them.

    Every photo whose file is new or changed is read completely. If another process builds caches
    in the same folder, this one waits.

    Args:
        datasets: The splits.
        sides: Short side of the reduced photos of each split, in pixels.
        progress: Receives the progress.
        interpolation: How photos are reduced.

    Returns:
        The caches; None, after a notice with the reason, if the photos cannot be stored.

    Raises:
        UserError: Photos cannot be read.
    """
    splits = [
        _SplitCache(dataset, side, interpolation)
        for dataset, side in zip(datasets, sides, strict=True)
    ]
    root = datasets[0].root.parent / CACHE_ROOT
    try:
        if any(split.missing for split in splits):  # complete caches need no write permission
            root.mkdir(exist_ok=True)
            with _acquire_lock(root, progress):
                for split in splits:
                    split.load()
                if not _build(splits, root, progress):
                    return None
    except OSError as error:
        reason = reason_of(error)
        progress.notice(
            tr(
                f"The reduced photos cannot be stored in {root} ({reason}): training reads the "
                "original photos.",
                f"无法在 {root} 保存缩小的照片（{reason}）：训练将直接读取原照片。",
            )
        )
        return None
    return [Cache(split.folder, split.token, split.records) for split in splits]


def _build(splits: Sequence[_SplitCache], root: Path, progress: Progress) -> bool:
    """Store the missing photos; return False, after a notice, if the disk is too full for them."""
    incomplete = [split for split in splits if split.missing]
    needed = sum(split.missing_bytes(progress) for split in incomplete)
    free = shutil.disk_usage(root).free
    if needed > MAX_FREE_SHARE * free:
        progress.notice(
            tr(
                f"The reduced photos would take {_format_size(needed)} in {root}, more than half "
                f"of the {_format_size(free)} that are free: training reads the original photos.",
                f"缩小的照片将在 {root} 占用 {_format_size(needed)}，超过剩余空间 "
                f"{_format_size(free)} 的一半：训练将直接读取原照片。",
            )
        )
        return False
    if needed:
        progress.notice(
            tr(
                f"Photos are reduced to {splits[0].side} px once and stored in {root} "
                f"({_format_size(needed)}), so that epochs read them fast. You can remove the "
                "folder after training; --cache off does without it.",
                f"照片缩小到 {splits[0].side} 像素，保存在 {root}（{_format_size(needed)}），"
                "使每轮读取更快。训练后可删除该文件夹；--cache off 则不使用。",
            )
        )
    for split in incomplete:
        split.build(progress)
    return True


def _format_size(size: float) -> str:
    return f"{size / 1e9:.1f} GB" if size >= 1e9 else f"{math.ceil(size / 1e6)} MB"


def _acquire_lock(root: Path, progress: Progress) -> AbstractContextManager[object]:
    """Wait until no other process builds caches in this folder; a lock ends with its process."""
    lock = FileLock(root / "lock")
    try:
        return lock.acquire(timeout=0)
    except Timeout:
        progress.notice(
            tr(
                f"Waiting for another process that reduces the photos in {root}.",
                f"正在等待另一个进程在 {root} 缩小照片。",
            )
        )
        return lock.acquire()


class _SplitCache:
    """The cache of one split: its present state, and the records that it should have."""

    def __init__(self, dataset: Dataset, side: int, interpolation: str) -> None:
        self.dataset, self.side, self.interpolation = dataset, side, interpolation
        self.folder = cache_folder(dataset, side, interpolation)
        self.wanted: Records = np.zeros(len(dataset), dtype=RECORD)  # height 0: not in the cache
        self.wanted["name"] = [path_digest(path) for path in dataset.paths]
        sizes_and_mtimes = (_size_and_mtime(dataset.root / path) for path in dataset.paths)
        self.wanted["bytes"], self.wanted["mtime"] = zip(*sizes_and_mtimes, strict=True)
        self.load()

    def load(self) -> None:
        """Look up the photos in the cache; photos whose file has changed count as missing."""
        self.token, self.stored = read_records(self.folder, self.side) or (b"", self.wanted[:0])
        newest = {name: record for record, name in enumerate(self.stored["name"].tolist())}
        at = np.array([newest.get(name, -1) for name in self.wanted["name"].tolist()])
        indices = np.flatnonzero(at >= 0)
        matches = self.stored[at[indices]]
        unchanged = (matches["bytes"] == self.wanted["bytes"][indices]) & (
            matches["mtime"] == self.wanted["mtime"][indices]
        )
        self.records = self.wanted.copy()
        self.records[indices[unchanged]] = matches[unchanged]
        if self.missing and self._is_mostly_stale():
            self.token, self.stored, self.records = b"", self.stored[:0], self.wanted.copy()

    def _is_mostly_stale(self) -> bool:
        """Return whether more than half of the pixel file belongs to deleted or changed photos."""
        size = (self.folder / PIXELS_FILE).stat().st_size if self.token else 0
        return size > TOKEN_BYTES + 2 * int(pixel_bytes(self.records).sum())

    @property
    def missing(self) -> list[int]:
        """Indices of the photos that are not in the cache."""
        missing: list[int] = np.flatnonzero(self.records["height"] == 0).tolist()
        return missing

    def missing_bytes(self, progress: Progress) -> int:
        """Return how many bytes the missing photos will take, according to their headers."""
        missing, total = self.missing, 0
        name = self.dataset.root.name
        task = progress.start(tr(f"measuring {name}", f"测量 {name}"), len(missing))
        with ThreadPoolExecutor(thread_count()) as pool:
            for size in pool.map(self.dataset.pixel_size, missing):
                if size is not None:
                    total += 3 * math.prod(reduced_size(*size, self.side))
                task.step()
        return total

    def build(self, progress: Progress) -> None:
        """Reduce and store the missing photos.

        Raises:
            OSError: The cache cannot be written.
            UserError: Photos cannot be read.
        """
        bad = []
        name, missing = self.dataset.root.name, self.missing
        photo_count = len(self.dataset)
        task = progress.start(
            tr(f"reducing {name}", f"缩小 {name}"), photo_count, done=photo_count - len(missing)
        )
        try:
            with _CacheWriter(self.folder, self.token, self.stored) as writer:
                for index, reduced in zip(missing, _map_ahead(self._reduce, missing), strict=True):
                    if isinstance(reduced, str):
                        bad.append((self.dataset.display_path(index), reduced))
                    else:
                        writer.add(self.records[index], reduced)
                    task.step()
                self.token = writer.token
        except OSError as error:
            if error.errno in (errno.ENOSPC, errno.EDQUOT):  # the run needs the disk space
                shutil.rmtree(self.folder, ignore_errors=True)
            raise
        if bad:
            raise unreadable_photos_error(self.dataset.root, bad)

    def _reduce(self, index: int) -> Pixels | str:
        """Return the reduced photo, or the reason why it cannot be read."""
        try:
            with self.dataset.open(index) as file:
                return reduced_photo(file, self.side, self.interpolation)
        except OSError as error:
            return reason_of(error)


def _size_and_mtime(path: Path) -> tuple[int, int]:
    """Return the size of a file in bytes and its modification time in ns.

    Both together show whether a photo has changed. Reading it later reports a missing file.
    """
    try:
        file = path.stat()
    except OSError:
        return -1, 0
    return file.st_size, file.st_mtime_ns


class _CacheWriter:
    """Adds photos to the files of a cache; when it closes, all of them are on the disk.

    Args:
        folder: Folder of the cache.
        token: Token of the existing files; empty to start from scratch.
        records: The valid records of the existing index.
    """

    def __init__(self, folder: Path, token: bytes, records: Records) -> None:
        self.token = token or os.urandom(TOKEN_BYTES)
        folder.mkdir(exist_ok=True)
        if not token:
            # New files, not changes to the old ones, which another run may still be reading.
            for name in (INDEX_FILE, PIXELS_FILE):
                (folder / name).unlink(missing_ok=True)
            (folder / PIXELS_FILE).write_bytes(self.token)
        # Invalid records are dropped, since they could become valid when pixels are appended.
        with atomic_file(folder / INDEX_FILE) as partial:
            partial.write_bytes(INDEX_MAGIC + self.token + records.tobytes())
        self.end = max((records["offset"] + pixel_bytes(records)).tolist(), default=TOKEN_BYTES)
        self.pixels, self.index = (
            (folder / PIXELS_FILE).open("rb+"),
            (folder / INDEX_FILE).open("ab"),
        )
        self.pixels.seek(self.end)
        self.pixels.truncate()
        self.added: list[bytes] = []

    def __enter__(self) -> _CacheWriter:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: object, trace: TracebackType | None
    ) -> None:
        with self.pixels, self.index:
            if kind is None or not issubclass(kind, OSError):  # the disk still works
                self._flush()

    def add(self, record: np.void, pixels: Pixels) -> None:
        """Append a photo, and set its position and size in its record."""
        height, width, _ = pixels.shape
        record["offset"], record["height"], record["width"] = self.end, height, width
        self.pixels.write(pixels.data)
        self.end += pixels.nbytes
        self.added.append(record.tobytes())
        if len(self.added) == FLUSH_COUNT:
            self._flush()

    def _flush(self) -> None:
        """Write the photos to the disk, and then their records."""
        for file, data in ((self.pixels, b""), (self.index, b"".join(self.added))):
            file.write(data)
            file.flush()
            os.fsync(file.fileno())
        self.added = []


def _map_ahead(
    function: Callable[[int], Pixels | str], indices: Sequence[int]
) -> Iterator[Pixels | str]:
    """Yield the result of each index, in order; threads compute some results ahead.

    Threads suffice, since Pillow releases the GIL.
    """
    ahead: deque[Future[Pixels | str]] = deque()
    with ThreadPoolExecutor(thread_count()) as pool:
        for index in indices:
            ahead.append(pool.submit(function, index))
            if len(ahead) > 2 * FLUSH_COUNT:
                yield ahead.popleft().result()
        yield from (future.result() for future in ahead)
