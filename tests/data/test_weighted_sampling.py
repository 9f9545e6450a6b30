"""The search with a guide table gives the same result as a plain binary search."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from mineral_recog.data import weighted_sampling
from mineral_recog.data.weighted_sampling import WeightedDraw

WEIGHTS = st.lists(st.sampled_from([0.0, 1e-300, 1e-50, 1e-5, 0.1, 0.5, 1.0, 1e9]), max_size=60)


@given(WEIGHTS, st.lists(st.floats(0, 1, exclude_max=True), max_size=20))
def test_search_equals_binary_search(weights: list[float], shares: list[float]) -> None:
    sums = np.cumsum([*weights, 1.0])
    draw = WeightedDraw(np.array([*weights, 1.0]))
    # Also the exact ends of intervals, and the numbers next to them.
    points = np.concatenate([np.array(shares) * sums[-1], sums, np.nextafter(sums, 0)])
    points = points[points < sums[-1]]
    expected = np.searchsorted(sums, points, side="right")
    assert draw.search(points).tolist() == expected.tolist()


def test_photos_are_drawn_by_weight_and_never_with_weight_zero(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(weighted_sampling, "CHUNK_SIZE", 1000)
    drawn = np.empty(100_500, np.uint8)
    WeightedDraw(np.array([1.0, 0.0, 2.0, 5.0])).fill(drawn, np.random.default_rng(0))
    assert np.bincount(drawn) / len(drawn) == pytest.approx([1 / 8, 0, 2 / 8, 5 / 8], abs=0.006)
    assert (drawn == 1).sum() == 0
