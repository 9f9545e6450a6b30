"""The batches that a sampler has drawn for an epoch, computed when they are requested."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray


class EpochBatches:
    """The B batches of an epoch; each is the photo indices of a batch, int64 [batch size].

    An epoch may have two halves. Each half is split into B parts that differ in length by at most
    one photo, longer parts first. Batch k joins part k of one half and part B - 1 - k of the other,
    so that longer parts of one half meet shorter parts of the other.

    Args:
        batch_count: B.
        indices: Indices of the photos, or of the first half, in the order of the draw, of any
            integer type.
        other_half: Indices of the other half, of the same type; by default there is none.
    """

    def __init__(
        self,
        batch_count: int,
        indices: NDArray[np.integer],
        other_half: NDArray[np.integer] | None = None,
    ) -> None:
        self.batch_count, self.indices = batch_count, indices
        self.other_half = indices[:0] if other_half is None else other_half

    def __len__(self) -> int:
        return self.batch_count

    def __getitem__(self, batch: int) -> NDArray[np.int64]:
        if not 0 <= batch < self.batch_count:
            raise IndexError(f"batch {batch} of {self.batch_count}")
        parts = (
            self._part(self.indices, batch),
            self._part(self.other_half, self.batch_count - 1 - batch),
        )
        return np.concatenate(parts, dtype=np.int64)

    def __iter__(self) -> Iterator[NDArray[np.int64]]:
        return map(self.__getitem__, range(self.batch_count))

    def _part(self, half: NDArray[np.integer], part: int) -> NDArray[np.integer]:
        """Return the same as np.array_split(half, B)[part]."""
        length, longer_parts = divmod(len(half), self.batch_count)
        start = part * length + min(part, longer_parts)
        return half[start : start + length + (part < longer_parts)]


def number_of_batches(photo_count: int, batch_size: int) -> int:
    """Return the minimum number of batches that hold all photos of an epoch."""
    return -(-photo_count // batch_size)
