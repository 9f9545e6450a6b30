"""The views of a photo that a network's answer is averaged over."""

from __future__ import annotations

from torch import Tensor
from torch.nn.functional import interpolate

CORNER_SHARE = 7 / 8  # side of a corner view over that of the complete view


def other_views(pixels: Tensor, count: int) -> list[Tensor]:
    """Return the views beside the complete one.

    Args:
        pixels: Complete views, [B, 3, S, S].
        count: 1 for none; 2 for the mirror image; 5 for the four corners, enlarged to S x S.

    Returns:
        Each [B, 3, S, S]; corners are float.
    """
    if count == 1:
        return []
    if count == 2:
        return [pixels.flip(3)]
    side = pixels.shape[-1]
    start = side - round(CORNER_SHARE * side)
    parts = slice(None, side - start), slice(start, None)
    corners = [pixels[:, :, rows, columns].float() for rows in parts for columns in parts]
    return [
        interpolate(corner, (side, side), mode="bilinear", align_corners=False)
        for corner in corners
    ]
