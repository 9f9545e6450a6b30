"""The specimen is found where a photo differs from its border."""

from __future__ import annotations

import numpy as np
import pytest
from PIL import Image

from mineral_recog.identify.specimen_finder import find_specimen


def ground(kind: str, width: int, height: int) -> Image.Image:
    rng = np.random.default_rng(0)
    values = np.full((height, width, 3), 130.0)
    if kind == "noise":
        values += rng.normal(0, 25, values.shape)
    elif kind == "two grounds":  # such as a table and a wall
        values[height // 2 :] = (60, 90, 140)
    elif kind == "shade":
        values += np.linspace(-70, 70, width)[None, :, None]
    return Image.fromarray(values.clip(0, 255).astype(np.uint8))


@pytest.mark.parametrize("kind", ["plain", "noise", "two grounds", "shade"])
@pytest.mark.parametrize("size", [(640, 480), (480, 640)])
@pytest.mark.parametrize("place", [(0.1, 0.15), (0.65, 0.6), (0.74, 0.3)])
def test_specimen_off_centre_is_found(
    kind: str, size: tuple[int, int], place: tuple[float, float]
) -> None:
    photo, side = ground(kind, *size), 120
    left, top = (round(fraction * length) for fraction, length in zip(place, size, strict=True))
    photo.paste((150, 60, 40), (left, top, left + side, top + side))
    found = find_specimen(photo)
    assert found is not None
    assert found.left * size[0] == pytest.approx(left, abs=30)
    assert found.top * size[1] == pytest.approx(top, abs=30)
    assert found.width * size[0] == pytest.approx(side, abs=36)


def test_roughness_alone_tells_a_specimen_from_its_ground() -> None:
    photo, rng = Image.new("RGB", (400, 300), (128, 128, 128)), np.random.default_rng(0)
    cells = rng.choice((40, 216), (10, 10)).astype(np.uint8)
    rough = Image.fromarray(cells).resize((100, 100), Image.Resampling.NEAREST)
    photo.paste(rough.convert("RGB"), (250, 30))
    found = find_specimen(photo)
    assert found is not None
    assert found.left * 400 == pytest.approx(250, abs=30)
    assert found.top * 300 == pytest.approx(30, abs=30)


@pytest.mark.parametrize("size", [(640, 480), (1, 1), (3000, 2), (2, 3000), (9, 9)])
def test_nothing_stands_out_of_one_colour(size: tuple[int, int]) -> None:
    assert find_specimen(Image.new("RGB", size, "white")) is None


@pytest.mark.parametrize("size", [(1, 1), (3000, 2), (2, 3000), (9, 9), (100, 8)])
def test_photos_of_any_shape_are_searched(size: tuple[int, int]) -> None:
    noise = np.random.default_rng(1).integers(0, 256, (size[1], size[0], 3), dtype=np.uint8)
    found = find_specimen(Image.fromarray(noise))
    if found is not None:
        left, top, width, height = found
        assert min(left, top) >= 0
        assert max(left + width, top + height) <= 1 + 1e-9
