"""Writes pictures of photos with their heat maps."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from mineral_recog.files import atomic_file

HEAT_COLOUR = (255, 60, 0)
MAX_OPACITY = 0.62  # where the heat map is 1


def save_overlay(
    path: Path, photo: Image.Image, heat: NDArray[np.float32], center_share: float
) -> None:
    """Write a photo as PNG with a heat map over the part of it that the model sees.

    Args:
        path: Path of the picture; missing folders are created.
        photo: RGB photo.
        heat: Heat map [rows, columns] in 0..1 of the central square without the margin of the view.
        center_share: Side of that square over the photo's short side.
    """
    picture = photo.copy()
    side = round(min(picture.size) * center_share)
    opacity = Image.fromarray((heat * MAX_OPACITY * 255).astype(np.uint8)).resize(
        (side, side), Image.Resampling.BICUBIC
    )
    mask = Image.new("L", picture.size, 0)
    mask.paste(opacity, ((picture.width - side) // 2, (picture.height - side) // 2))
    picture.paste(Image.new("RGB", picture.size, HEAT_COLOUR), mask=mask)
    with atomic_file(path) as partial:
        picture.save(partial, "PNG")
