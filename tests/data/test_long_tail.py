"""Class counts lie on an exponential curve."""

from __future__ import annotations

import pytest

from mineral_recog.data.long_tail import exponential_counts
from mineral_recog.errors import UserError


def test_exponential_counts_computed_by_hand() -> None:
    # 500, 500 / 100^(1/2), 500 / 100, in order of the available photos.
    assert exponential_counts([120, 100, 500], 100) == [50, 5, 500]
    # The largest class has 200, but the smallest has 4, so that 4 * 25 = 100, then 20, then 4.
    assert exponential_counts([200, 100, 4], 25) == [100, 20, 4]
    assert exponential_counts([7, 5], 1) == [5, 5]


def test_impossible_imbalance_is_reported() -> None:
    with pytest.raises(UserError, match="1 or more"):
        exponential_counts([10, 10], 0.5)
    with pytest.raises(UserError, match="at most 20"):
        exponential_counts([10, 10], 100)
