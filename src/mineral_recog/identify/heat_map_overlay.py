"""Writes pictures of photos with their heat maps."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from mineral_recog.files import atomic_file
from mineral_recog.identify.region import Region

HEAT_COLOUR = (255, 60, 0)
MAX_OPACITY = 0.62  # where the heat map is 1


def save_overlay(path: Path, photo: Image.Image, heat: NDArray[np.float32], region: Region) -> None:
    """Write a photo as PNG with a heat map over the part of it that the model sees.

    Args:
        path: Path of the picture; missing folders are created.
        photo: RGB photo.
        heat: Heat map [rows, columns] in 0..1 of the region.
        region: Part of the photo.
    """
    picture = photo.copy()
    left, width = (round(value * photo.width) for value in (region.left, region.width))
    top, height = (round(value * photo.height) for value in (region.top, region.height))
    opacity = Image.fromarray((heat * MAX_OPACITY * 255).astype(np.uint8)).resize(
        (max(width, 1), max(height, 1)), Image.Resampling.BICUBIC
    )
    mask = Image.new("L", picture.size, 0)
    mask.paste(opacity, (left, top))
    picture.paste(Image.new("RGB", picture.size, HEAT_COLOUR), mask=mask)
    with atomic_file(path) as partial:
        picture.save(partial, "PNG")
