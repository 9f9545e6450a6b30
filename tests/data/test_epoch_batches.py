"""Batches cut from flat arrays are those that array_split makes."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from mineral_recog.data.epoch_batches import EpochBatches, number_of_batches


def test_the_longer_parts_of_one_half_meet_the_shorter_of_the_other() -> None:
    drawn = EpochBatches(3, np.arange(4, dtype=np.uint8), np.arange(10, 17, dtype=np.uint8))
    assert [batch.tolist() for batch in drawn] == [[0, 1, 15, 16], [2, 13, 14], [3, 10, 11, 12]]


@given(st.integers(1, 400), st.integers(1, 50))
def test_without_halves_it_is_array_split(photos: int, batch_size: int) -> None:
    order = np.random.default_rng(photos).permutation(photos)
    drawn = EpochBatches(number_of_batches(photos, batch_size), order.astype(np.uint16))
    wanted = np.array_split(order, -(-photos // batch_size))
    assert [batch.tolist() for batch in drawn] == [part.tolist() for part in wanted]
    assert len(drawn) == len(wanted)
    assert drawn[len(drawn) - 1].dtype == np.int64
    with pytest.raises(IndexError):
        drawn[len(drawn)]
