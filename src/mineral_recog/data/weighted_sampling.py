"""Photos drawn by weight, with replacement."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

CHUNK = 1 << 16  # draws at once: what is computed on the way stays in the processor's cache


class WeightedDraw:
    """Draws photos in proportion to their weights.

    A point, even on 0 to the sum of all weights, falls on the photo whose stretch of the running
    sum holds it. A binary search for it would miss the processor's cache at nearly every step;
    a guide table, which holds the first photo of each of N stretches of equal length, leaves one
    photo on average to compare with, whatever the weights. Chen and Asau, "On generating random
    variates from an empirical distribution", AIIE Transactions 6, 1974.

    Args:
        weights: of each photo, [N], not negative, not all 0; taken over, and changed in place.
    """

    def __init__(self, weights: NDArray[np.float64]) -> None:
        self.cumulative = np.cumsum(weights, out=weights)
        stretches = len(weights)
        self.scale = stretches / float(self.cumulative[-1])
        # guide[k]: how many photos end before stretch k, and so the first that may reach into it.
        self.guide = np.zeros(stretches + 2, np.min_scalar_type(len(weights)))
        for start in range(0, len(weights), CHUNK):
            ends = self._stretch(self.cumulative[start : start + CHUNK])
            here = np.bincount(ends - ends[0]).astype(self.guide.dtype)
            self.guide[ends[0] + 1 : ends[-1] + 2] += here
        np.cumsum(self.guide, dtype=self.guide.dtype, out=self.guide)

    def fill(self, photos: NDArray[np.integer], rng: np.random.Generator) -> None:
        """Put a photo, drawn anew, in each place of `photos`, one random number each."""
        for start in range(0, len(photos), CHUNK):
            some = photos[start : start + CHUNK]
            some[:] = self.search(rng.random(len(some)) * self.cumulative[-1])

    def search(self, points: NDArray[np.float64]) -> NDArray[np.int64]:
        """The same as np.searchsorted(cumulative, points, side="right")."""
        stretch = self._stretch(points)
        low = self.guide[stretch].astype(np.int64)
        high = self.guide[stretch + 1].astype(np.int64)
        unsure = np.flatnonzero(low < high)
        while len(unsure):
            middle = (low[unsure] + high[unsure]) // 2
            beyond = self.cumulative[middle] <= points[unsure]
            low[unsure] = np.where(beyond, middle + 1, low[unsure])
            high[unsure] = np.where(beyond, high[unsure], middle)
            unsure = unsure[low[unsure] < high[unsure]]
        return low

    def _stretch(self, points: NDArray[np.float64]) -> NDArray[np.int64]:
        """Which of the stretches points lie in; never falls as they rise, which is all it takes."""
        return (points * self.scale).astype(np.int64)
