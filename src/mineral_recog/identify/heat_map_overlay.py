"""A heat map laid over its photo, as a picture."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from mineral_recog.data.transforms import CENTER_SHARE
from mineral_recog.files import whole_file

SIDE = 512  # pixels of the longer side of the picture
GLOW = (255, 60, 0)  # colour of the places that count
STRONGEST = 0.62  # opacity of the place that counts most


def save_overlay(path: Path, photo: Image.Image, heat: NDArray[np.float32]) -> None:
    """Write a photo as PNG with a heat map over the part of it that the model looked at.

    Args:
        path: of the picture; a folder that is missing is made.
        photo: RGB.
        heat: [rows, columns] in 0..1, over the middle square less the margin of the view.
    """
    shown = photo.copy()
    shown.thumbnail((SIDE, SIDE))
    side = round(min(shown.size) * CENTER_SHARE)
    opacity = Image.fromarray((heat * STRONGEST * 255).astype(np.uint8)).resize(
        (side, side), Image.Resampling.BICUBIC
    )
    mask = Image.new("L", shown.size, 0)
    mask.paste(opacity, ((shown.width - side) // 2, (shown.height - side) // 2))
    shown.paste(Image.new("RGB", shown.size, GLOW), mask=mask)
    with whole_file(path) as partial:
        shown.save(partial, "PNG")
