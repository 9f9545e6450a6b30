"""Weighted sampling of photos with replacement."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

CHUNK_SIZE = 1 << 16  # draws per step: intermediate arrays then stay in the processor's cache


class WeightedDraw:
    """Draws photos in proportion to their weights.

    A uniform random point between 0 and the sum of all weights selects the photo whose interval of
    the cumulative sum contains it. A binary search for that photo would miss the processor's cache
    at nearly every step. Therefore a guide table holds the first photo of each of N intervals of
    equal length, and leaves one comparison on average, whatever the weights. Chen and Asau, "On
    generating random variates from an empirical distribution", AIIE Transactions 6, 1974.

    Args:
        weights: Weight of each photo, [N], not negative, not all 0; the array is taken over and
            changed in place.
    """

    def __init__(self, weights: NDArray[np.float64]) -> None:
        self.cumulative = np.cumsum(weights, out=weights)
        intervals = len(weights)
        self.scale = intervals / float(self.cumulative[-1])
        # guide[k]: number of photos that end before interval k: the first that can reach into it.
        self.guide = np.zeros(intervals + 2, np.min_scalar_type(len(weights)))
        for start in range(0, len(weights), CHUNK_SIZE):
            ends = self._interval(self.cumulative[start : start + CHUNK_SIZE])
            counts = np.bincount(ends - ends[0]).astype(self.guide.dtype)
            self.guide[ends[0] + 1 : ends[-1] + 2] += counts
        np.cumsum(self.guide, dtype=self.guide.dtype, out=self.guide)

    def fill(self, indices: NDArray[np.integer], rng: np.random.Generator) -> None:
        """Overwrite `indices` with drawn photo indices, using one random number each."""
        for start in range(0, len(indices), CHUNK_SIZE):
            chunk = indices[start : start + CHUNK_SIZE]
            chunk[:] = self.search(rng.random(len(chunk)) * self.cumulative[-1])

    def search(self, points: NDArray[np.float64]) -> NDArray[np.int64]:
        """Return the same as np.searchsorted(cumulative, points, side="right")."""
        interval = self._interval(points)
        low = self.guide[interval].astype(np.int64)
        high = self.guide[interval + 1].astype(np.int64)
        unsure = np.flatnonzero(low < high)
        while len(unsure):
            middle = (low[unsure] + high[unsure]) // 2
            beyond = self.cumulative[middle] <= points[unsure]
            low[unsure] = np.where(beyond, middle + 1, low[unsure])
            high[unsure] = np.where(beyond, high[unsure], middle)
            unsure = unsure[low[unsure] < high[unsure]]
        return low

    def _interval(self, points: NDArray[np.float64]) -> NDArray[np.int64]:
        """Return the interval of each point; it only needs to be a nondecreasing function."""
        return (points * self.scale).astype(np.int64)
