"""Thumbnails agree with themselves and not with others."""

from __future__ import annotations

import numpy as np
import pytest

from mineral_recog.duplicates.agreement import agreement
from tests.duplicates.scenes import scene

THUMBNAILS = np.stack(
    [np.asarray(scene(seed, 32, 32).convert("L"), np.float32) for seed in range(3)]
)
FULL_BOXES = np.tile(np.array([0, 0, 1, 1], np.float32), (3, 1))


def test_thumbnail_agrees_with_itself_and_with_no_other() -> None:
    agree, boxes = agreement(THUMBNAILS, THUMBNAILS, FULL_BOXES)
    assert agree.min() > 0.8
    np.testing.assert_allclose(boxes, FULL_BOXES, atol=0.01)
    others = THUMBNAILS[[1, 2, 0]]
    agree, _ = agreement(THUMBNAILS, others, FULL_BOXES)
    assert agree.tolist() == [-1, -1, -1]
    # Pairs that do not agree are also recognised next to pairs that do.
    mixed, _ = agreement(THUMBNAILS, np.stack([THUMBNAILS[0], *others[1:]]), FULL_BOXES)
    assert mixed[0] == pytest.approx(agreement(THUMBNAILS, THUMBNAILS, FULL_BOXES)[0][0], abs=1e-5)
    assert mixed[1:].tolist() == [-1, -1]
