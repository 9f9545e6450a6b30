"""Photos of one specimen that look like different minerals are reported."""

from __future__ import annotations

import numpy as np
import pytest

from mineral_recog.identify.alike import MIN_AGREEMENT, unlike_photos, unlike_warnings

AGATE, BERYL, UNSURE = (0.98, 0.01, 0.01), (0.01, 0.98, 0.01), (0.4, 0.3, 0.3)


@pytest.mark.parametrize(
    ("photos", "unlike"),
    [
        ([AGATE], None),
        ([AGATE, AGATE], None),
        ([AGATE, UNSURE], None),  # an unsure photo contradicts nothing
        ([AGATE, BERYL], (0, 1)),  # agreement 0.0197
        ([AGATE, AGATE, UNSURE], None),
        ([AGATE, AGATE, (0.0, 1.0, 0.0)], (0, 2)),  # agreement 0.01
    ],
)
def test_photos_that_do_not_look_alike_are_found(
    photos: list[tuple[float, ...]], unlike: tuple[int, int] | None
) -> None:
    assert unlike_photos(np.array(photos)) == unlike
    warnings = unlike_warnings(np.array(photos))
    assert len(warnings) == (unlike is not None)
    if unlike is not None:
        assert f"Photos {unlike[0] + 1} and {unlike[1] + 1} " in warnings[0]["en"]
        assert f"照片 {unlike[1] + 1}" in warnings[0]["zh"]


def test_more_photos_need_a_clearer_difference() -> None:
    agreement = 0.6 * MIN_AGREEMENT
    other = (agreement, 1 - agreement, 0.0)
    assert unlike_photos(np.array([(1, 0, 0), other])) == (0, 1)
    assert unlike_photos(np.array([(1, 0, 0), other, (0.5, 0.5, 0)])) is None
