"""What was seen of photos goes from one process to another."""

from __future__ import annotations

import numpy as np
import pytest
from PIL import Image

from mineral_recog.errors import UserError
from mineral_recog.identify.answer import PhotoOutputs
from mineral_recog.identify.observation import Observation, View
from mineral_recog.identify.region import Region
from mineral_recog.identify.shared_photos import pack, unpack


def make_observation(region: Region | None, close_up: bool) -> Observation:
    rng = np.random.default_rng(0)
    pixels = rng.integers(256, size=(8, 8, 3)).astype(np.uint8)
    image, problems = Image.fromarray(pixels), {"en": "dark", "zh": "暗"}
    view = View(pixels, image, 12, pixels[::-1] if close_up else None, region, problems)
    logits = rng.normal(size=3).astype(np.float32)
    outputs = PhotoOutputs(logits, 0.1 + 0.2, 12, region, None if close_up else 1 / 3, problems)
    return Observation(outputs, rng.normal(size=5).astype(np.float32), view)


@pytest.mark.parametrize("with_views", [False, True])
@pytest.mark.parametrize(
    ("region", "close_up"), [(None, False), (Region(0, 1 / 3, 0.5, 0.5), True)]
)
def test_an_observation_keeps_all_bits(
    region: Region | None, close_up: bool, with_views: bool
) -> None:
    expected = make_observation(region, close_up)
    (seen,) = unpack(pack([expected], with_views))
    assert isinstance(seen, Observation)
    assert np.array_equal(seen.outputs.logits, expected.outputs.logits)
    assert np.array_equal(seen.features, expected.features)
    for name in ("ood_score", "used_bits", "region", "gate_score", "problems"):
        assert getattr(seen.outputs, name) == getattr(expected.outputs, name)
    assert seen.view.region == region
    if with_views:
        assert np.array_equal(seen.view.pixels, expected.view.pixels)
        assert np.array_equal(np.asarray(seen.view.image), np.asarray(expected.view.image))
        assert (seen.view.close_up is not None) == close_up


def test_skipped_and_unreadable_photos_keep_their_places() -> None:
    error = UserError("名字\udcff.jpg cannot be read")  # a name in no known encoding
    skipped, unreadable, last = unpack(pack([None, error, make_observation(None, False)], False))
    assert skipped is None
    assert isinstance(unreadable, UserError)
    assert str(unreadable) == str(error)
    assert isinstance(last, Observation)
    assert unpack(pack([], False)) == []
