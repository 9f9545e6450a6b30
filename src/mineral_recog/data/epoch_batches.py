"""What a sampler has drawn for an epoch: its batches, cut when they are asked for."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray


class EpochBatches:
    """The B batches of an epoch; each is int64 [photos of the batch].

    Batch k joins part k of one half with part B - 1 - k of the other, each half cut into B parts
    that differ by one photo at most and of which the first are the longer ones: so the longer
    parts of one half meet the shorter ones of the other. An epoch that has no halves is all one.

    Args:
        batches: B.
        one: photos in the order in which they are drawn, of any integer type.
        other: photos of the other half, of the same type; by default none.
    """

    def __init__(
        self, batches: int, one: NDArray[np.integer], other: NDArray[np.integer] | None = None
    ) -> None:
        self.batches, self.one = batches, one
        self.other = one[:0] if other is None else other

    def __len__(self) -> int:
        return self.batches

    def __getitem__(self, batch: int) -> NDArray[np.int64]:
        if not 0 <= batch < self.batches:
            raise IndexError(f"batch {batch} of {self.batches}")
        parts = self._part(self.one, batch), self._part(self.other, self.batches - 1 - batch)
        return np.concatenate(parts, dtype=np.int64)

    def __iter__(self) -> Iterator[NDArray[np.int64]]:
        return map(self.__getitem__, range(self.batches))

    def _part(self, half: NDArray[np.integer], part: int) -> NDArray[np.integer]:
        """The same as np.array_split(half, B)[part]."""
        length, longer = divmod(len(half), self.batches)
        start = part * length + min(part, longer)
        return half[start : start + length + (part < longer)]


def number_of_batches(photos: int, batch_size: int) -> int:
    """Batches of an epoch: as few as hold all photos."""
    return -(-photos // batch_size)
