"""Batches of flat arrays are the same as those of array_split."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from mineral_recog.data.epoch_batches import EpochBatches, number_of_batches


def test_longer_parts_of_one_half_meet_shorter_parts_of_the_other() -> None:
    batches = EpochBatches(3, np.arange(4, dtype=np.uint8), np.arange(10, 17, dtype=np.uint8))
    assert [batch.tolist() for batch in batches] == [[0, 1, 15, 16], [2, 13, 14], [3, 10, 11, 12]]


@given(st.integers(1, 400), st.integers(1, 50))
def test_batches_without_halves_equal_array_split(photo_count: int, batch_size: int) -> None:
    order = np.random.default_rng(photo_count).permutation(photo_count)
    batches = EpochBatches(number_of_batches(photo_count, batch_size), order.astype(np.uint16))
    expected = np.array_split(order, -(-photo_count // batch_size))
    assert [batch.tolist() for batch in batches] == [part.tolist() for part in expected]
    assert len(batches) == len(expected)
    assert batches[len(batches) - 1].dtype == np.int64
    with pytest.raises(IndexError):
        batches[len(batches)]
