"""How well pictures agree: with themselves wholly, with others not at all."""

from __future__ import annotations

import numpy as np
import pytest

from mineral_recog.duplicates.agreement import agreement
from tests.duplicates.scenes import scene

PICTURES = np.stack([np.asarray(scene(seed, 32, 32).convert("L"), np.float32) for seed in range(3)])
WHOLE = np.tile(np.array([0, 0, 1, 1], np.float32), (3, 1))


def test_a_picture_agrees_with_itself_and_with_no_other() -> None:
    agree, boxes = agreement(PICTURES, PICTURES, WHOLE)
    assert agree.min() > 0.8
    np.testing.assert_allclose(boxes, WHOLE, atol=0.01)
    others = PICTURES[[1, 2, 0]]
    agree, _ = agreement(PICTURES, others, WHOLE)
    assert agree.tolist() == [-1, -1, -1]
    # Beside pictures that agree, those that do not are told all the same.
    mixed, _ = agreement(PICTURES, np.stack([PICTURES[0], *others[1:]]), WHOLE)
    assert mixed[0] == pytest.approx(agreement(PICTURES, PICTURES, WHOLE)[0][0], abs=1e-5)
    assert mixed[1:].tolist() == [-1, -1]
