"""The evaluation's view, which needs no torch, has the pixels of torchvision's transforms."""

from __future__ import annotations

import numpy as np
import pytest
from PIL import Image
from torchvision.transforms import v2

from mineral_recog.data.evaluation_view import evaluation_side, evaluation_view
from mineral_recog.data.transforms import evaluation_transform


@pytest.mark.parametrize(
    "size", [(300, 200), (201, 300), (183, 183), (64, 64), (7, 500), (501, 500)]
)
@pytest.mark.parametrize(("image_size", "share"), [(64, 0.875), (160, 0.875), (33, 1.0), (50, 0.7)])
@pytest.mark.parametrize("interpolation", ["bilinear", "bicubic"])
def test_view_has_the_pixels_of_torchvision(
    size: tuple[int, int], image_size: int, share: float, interpolation: str
) -> None:
    rng = np.random.default_rng(0)
    photo = Image.fromarray(rng.integers(0, 256, (size[1], size[0], 3), dtype=np.uint8))
    square = v2.functional.center_crop(photo, [min(size)])
    resize = v2.Resize(evaluation_side(image_size, share), v2.InterpolationMode(interpolation))
    expected = v2.Compose([resize, v2.CenterCrop(image_size), v2.PILToTensor()])(square)
    view = evaluation_view(photo, image_size, share, interpolation)
    assert view.shape == (image_size, image_size, 3)
    assert view.dtype == np.uint8
    np.testing.assert_array_equal(view, expected.permute(1, 2, 0).numpy())
    np.testing.assert_array_equal(
        evaluation_transform(image_size, share, interpolation)(photo), expected
    )
