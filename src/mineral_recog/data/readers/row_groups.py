"""Photos in a column of parquet files, taken out one by one.

A parquet file can be read by whole row groups only. Those read last are kept in memory, which
suffices when photos are asked for in their order. A row group that is asked for again after it
was let go, or that is large, goes to a temporary file once, where each photo can be reached.
"""

from __future__ import annotations

import io
import tempfile
import threading
import weakref
from collections import OrderedDict
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any, BinaryIO

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
from numpy.typing import NDArray

HELD = 256 * 2**20  # bytes of row groups in memory
LARGE = HELD // 4  # a row group of more goes to the temporary file at once
AT_ONCE = 16 * 2**20  # bytes that are decoded at a time on the way there, or the rows of one page


class RowGroups:
    """The cells of one column of bytes in parquet files; any thread may ask.

    Args:
        files: that have the column.
        column: its path in their schema, such as `image.bytes`.
    """

    def __init__(self, files: Sequence[Path], column: str) -> None:
        self.files, self.column = files, column
        self._lock = threading.Lock()
        self._held: OrderedDict[tuple[int, int], Any] = OrderedDict()  # arrow arrays
        self._let_go: set[tuple[int, int]] = set()
        self._spool: BinaryIO | None = None
        self._ends: dict[tuple[int, int], NDArray[np.int64]] = {}  # in the temporary file

    def open(self, file: int, group: int, row: int) -> BinaryIO:
        """The bytes of a cell as a file.

        Args:
            file: which of the files.
            group: which of its row groups.
            row: of the row group.

        Raises:
            OSError: the file is damaged or cannot be reached, the cell is empty, or there is no
                room for the temporary file.
        """
        at = (file, group)
        with self._lock:
            try:
                if at not in self._held and at not in self._ends:
                    self._take_in(at)
                if at in self._held:
                    self._held.move_to_end(at)
                    cell = self._held[at][row].as_buffer()
                else:
                    cell = self._spooled(at, row)
            except (pa.ArrowException, OSError, IndexError, ValueError) as error:
                raise OSError(" ".join(str(error).split())) from None
        if not cell:
            raise OSError("no bytes in this row")
        return io.BytesIO(cell)

    def _take_in(self, at: tuple[int, int]) -> None:
        with self._opened(at) as parquet:
            group = parquet.metadata.row_group(at[1])
            size = sum(
                group.column(number).total_uncompressed_size
                for number in range(group.num_columns)
                if group.column(number).path_in_schema == self.column
            )
            if size > LARGE or at in self._let_go:
                self._spool_out(parquet, at, max(1, group.num_rows * AT_ONCE // max(size, 1)))
                return
            cells = _leaf(parquet.read_row_group(at[1], columns=[self.column])[0].combine_chunks())
        self._held[at] = cells
        while sum(one.nbytes for one in self._held.values()) > HELD:
            self._let_go.add(self._held.popitem(last=False)[0])

    def _opened(self, at: tuple[int, int]) -> Any:
        # With a buffer a column is read page by page, else as a whole.
        return pq.ParquetFile(self.files[at[0]], buffer_size=2**20, pre_buffer=False)

    def _spool_out(self, parquet: Any, at: tuple[int, int], rows: int) -> None:
        if self._spool is None:
            self._spool = tempfile.TemporaryFile()  # noqa: SIM115 -- closed with this object
            weakref.finalize(self, self._spool.close)
        ends = [self._spool.seek(0, io.SEEK_END)]
        batches: Iterator[Any] = parquet.iter_batches(
            rows, row_groups=[at[1]], columns=[self.column], use_threads=False
        )
        for batch in batches:
            for cell in _leaf(batch.column(0)):
                ends.append(ends[-1] + self._spool.write(cell.as_buffer() or b""))
        self._ends[at] = np.array(ends, dtype=np.int64)

    def _spooled(self, at: tuple[int, int], row: int) -> bytes:
        assert self._spool is not None
        start, end = self._ends[at][row : row + 2].tolist()
        self._spool.seek(start)
        return self._spool.read(end - start)


def _leaf(column: Any) -> Any:
    """The bytes of a column of bytes, or of a column of structures of which only they were read."""
    return column.flatten()[0] if pa.types.is_struct(column.type) else column
