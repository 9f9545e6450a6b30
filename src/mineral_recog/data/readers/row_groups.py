"""Reads single photos from parquet files.

A parquet file can only be read by complete row groups. The latest ones stay in memory, which is
enough when photos are read in order. A row group that is large, or that is requested again after
it was evicted, is written once to a temporary file that gives access to each photo.
"""

from __future__ import annotations

import io
import tempfile
import threading
import weakref
from collections import OrderedDict
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any, BinaryIO

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
from numpy.typing import NDArray

from mineral_recog.i18n import tr

CACHE_BYTES = 256 * 2**20  # of row groups in memory
LARGE_BYTES = CACHE_BYTES // 4  # larger row groups go straight to the temporary file
CHUNK_BYTES = 16 * 2**20  # decoded at a time for the temporary file, unless one page is larger


class RowGroups:
    """The cells of one binary column in each of several parquet files; thread-safe.

    Args:
        files: The parquet files.
        columns: Path of the column in the schema of each file, such as `image.bytes`.
    """

    def __init__(self, files: Sequence[Path], columns: Sequence[str]) -> None:
        self.files, self.columns = files, columns
        self._lock = threading.Lock()
        self._cache: OrderedDict[tuple[int, int], Any] = OrderedDict()  # arrow arrays
        self._evicted: set[tuple[int, int]] = set()
        self._spool: BinaryIO | None = None
        self._offsets: dict[tuple[int, int], NDArray[np.int64]] = {}  # in the temporary file

    def open(self, file: int, group: int, row: int) -> BinaryIO:
        """Open a cell as a binary file.

        Args:
            file: Index of the file.
            group: Index of the row group in the file.
            row: Index of the row in the row group.

        Raises:
            OSError: The file is damaged or cannot be read, the cell is empty, or there is no space
                for the temporary file.
        """
        key = (file, group)
        with self._lock:
            try:
                if key not in self._cache and key not in self._offsets:
                    self._load(key)
                if key in self._cache:
                    self._cache.move_to_end(key)
                    cell = self._cache[key][row].as_buffer()
                else:
                    assert self._spool is not None
                    start, end = self._offsets[key][row : row + 2].tolist()
                    self._spool.seek(start)
                    cell = self._spool.read(end - start)
            except (pa.ArrowException, OSError, IndexError, ValueError) as error:
                raise OSError(" ".join(str(error).split())) from None
        if not cell:
            raise OSError(tr("no bytes in this row", "此行没有内容"))
        return io.BytesIO(cell)

    def _load(self, key: tuple[int, int]) -> None:
        file, number = key
        column = self.columns[file]
        # With a buffer, a column is read page by page; without one, all at once.
        with pq.ParquetFile(self.files[file], buffer_size=2**20, pre_buffer=False) as parquet:
            group = parquet.metadata.row_group(number)
            chunks = map(group.column, range(group.num_columns))
            size = sum(c.total_uncompressed_size for c in chunks if c.path_in_schema == column)
            if size > LARGE_BYTES or key in self._evicted:
                rows = max(1, group.num_rows * CHUNK_BYTES // max(size, 1))
                batches = parquet.iter_batches(
                    rows, row_groups=[number], columns=[column], use_threads=False
                )
                self._offsets[key] = self._spool_batches(batches)
                return
            cells = parquet.read_row_group(number, columns=[column])[0].combine_chunks()
        self._cache[key] = _leaf(cells)
        while sum(cached.nbytes for cached in self._cache.values()) > CACHE_BYTES:
            self._evicted.add(self._cache.popitem(last=False)[0])

    def _spool_batches(self, batches: Iterable[Any]) -> NDArray[np.int64]:
        """Append cells to the temporary file; return where each begins, and where the last ends."""
        if self._spool is None:
            self._spool = tempfile.TemporaryFile()  # noqa: SIM115 -- closed with this object
            weakref.finalize(self, self._spool.close)
        offsets = [self._spool.seek(0, io.SEEK_END)]
        for batch in batches:
            for cell in _leaf(batch.column(0)):
                offsets.append(offsets[-1] + self._spool.write(cell.as_buffer() or b""))
        return np.array(offsets, dtype=np.int64)


def _leaf(column: Any) -> Any:
    """Return a binary column, or the only field that was read of a column of structures."""
    return column.flatten()[0] if pa.types.is_struct(column.type) else column
