"""Corruptions of photos: reproducible, stronger step by step, and what each of them does."""

from __future__ import annotations

import numpy as np
import pytest
from PIL import Image

from mineral_recog.data.corruptions import KINDS, corrupted_views, corruption_names
from mineral_recog.data.evaluation_view import evaluation_view

SIZE, SHARE = 56, 0.875
NAMES = corruption_names()


@pytest.fixture(scope="module")
def photo() -> Image.Image:
    """A dark textured stone on a bright ground."""
    rng = np.random.default_rng(0)
    values = np.full((90, 120, 3), (210, 200, 190), np.float32)
    values[20:70, 35:85] = rng.uniform(40, 120, (50, 50, 3))
    return Image.fromarray(values.astype(np.uint8))


@pytest.fixture(scope="module")
def views(photo: Image.Image) -> dict[tuple[str, int], np.ndarray]:
    made = corrupted_views(photo, SIZE, SHARE)
    assert made.shape == (len(NAMES), SIZE, SIZE, 3)
    assert made.dtype == np.uint8
    return {name: view.astype(np.float64) for name, view in zip(NAMES, made, strict=True)}


def test_first_view_is_that_of_the_evaluation(photo: Image.Image) -> None:
    made = corrupted_views(photo, SIZE, SHARE)
    np.testing.assert_array_equal(made[0], evaluation_view(photo, SIZE, SHARE))
    np.testing.assert_array_equal(made, corrupted_views(photo, SIZE, SHARE))


@pytest.mark.parametrize("kind", KINDS)
def test_strengths_increase(kind: str, views: dict[tuple[str, int], np.ndarray]) -> None:
    plain = views["", 0]
    distances = [np.abs(views[kind, strength] - plain).mean() for strength in (1, 2, 3)]
    assert 0.2 < distances[0] < distances[1] < distances[2]


def test_each_kind_changes_what_it_says(views: dict[tuple[str, int], np.ndarray]) -> None:
    plain = views["", 0]
    assert views["blur", 3].std() < plain.std()
    assert np.abs(np.diff(views["noise", 3], axis=0)).mean() > np.abs(np.diff(plain, axis=0)).mean()
    np.testing.assert_allclose(views["dark", 2], 0.35 * plain, atol=0.51)
    np.testing.assert_allclose(views["bright", 1], np.minimum(1.4 * plain, 255), atol=0.51)
    changes = views["cast", 1].mean((0, 1)) / plain.mean((0, 1))
    assert changes[1] == pytest.approx(1)
    assert sorted(changes[[0, 2]]) == pytest.approx([0.85, 1.15], abs=0.06)
    # The stone of 34 pixels is a quarter as wide, whole, and away from the middle.
    dark = views["small", 3].mean(axis=2) < 150
    rows, columns = np.flatnonzero(dark.any(axis=1)), np.flatnonzero(dark.any(axis=0))
    assert 6 <= np.ptp(rows) + 1 <= 11
    assert 6 <= np.ptp(columns) + 1 <= 11
    middle = (SIZE - 1) / 2
    assert max(abs(rows.mean() - middle), abs(columns.mean() - middle)) > 12


@pytest.mark.parametrize("shape", [(1, 1), (3, 400), (400, 3)])
def test_tiny_and_long_photos_are_changed(shape: tuple[int, int]) -> None:
    made = corrupted_views(Image.new("RGB", shape, (90, 60, 30)), 32, 1.0)
    assert made.shape == (len(NAMES), 32, 32, 3)
