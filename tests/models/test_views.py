"""The views that an answer is averaged over, and their means."""

from __future__ import annotations

import pytest
import torch

from mineral_recog.models.network import build_network
from mineral_recog.models.predictor import predict_batch
from mineral_recog.models.views import other_views


def test_five_views_are_the_view_and_its_corners() -> None:
    # A ramp by 10 from left to right, one by 1 from top to bottom: a value says where it is from.
    ramp = 10.0 * torch.arange(16)[None, :] + torch.arange(16)[:, None]
    corners = other_views(ramp.expand(1, 3, 16, 16), 5)
    assert [view.shape for view in corners] == [(1, 3, 16, 16)] * 4
    # A corner has 14 of the 16 rows and columns; its first pixel is the corner's first one.
    assert [float(view[0, 0, 0, 0]) for view in corners] == [0, 20, 2, 22]
    assert [float(view[0, 0, -1, -1]) for view in corners] == [143, 163, 145, 165]
    # Pixel 8 of 16 is at 8.5 / 16 * 14 - 0.5 = 6.9375 of 14.
    assert float(corners[0][0, 0, 8, 8]) == pytest.approx(11 * 6.9375)


def test_one_view_has_no_others_and_two_have_the_mirror_image() -> None:
    pixels = torch.arange(24, dtype=torch.uint8).reshape(1, 3, 2, 4)
    assert other_views(pixels, 1) == []
    (mirrored,) = other_views(pixels, 2)
    assert mirrored[0, 0].tolist() == [[3, 2, 1, 0], [7, 6, 5, 4]]


@pytest.mark.parametrize("count", [1, 2, 5])
def test_outputs_are_the_means_over_the_views(count: int) -> None:
    network = build_network("test_resnet", False, "auto", 32, 3, test_views=count).eval()
    pixels = torch.randint(0, 256, (2, 3, 32, 32), dtype=torch.uint8)
    with torch.inference_mode():
        views = [network(view) for view in (pixels, *other_views(pixels, count))]
    assert len(views) == count
    for made, parts in zip(predict_batch(network, pixels), zip(*views, strict=True), strict=True):
        torch.testing.assert_close(torch.from_numpy(made), torch.stack(parts).mean(0))
