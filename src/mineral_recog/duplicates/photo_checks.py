"""Check whether a photo is too small, dark, blurred, flat, blank, elongated, or of too few bits.

The limits are few and generous: nearly every photo of a real collection passes. A photo that fails
is shown to the user and is never left out for that reason.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from mineral_recog.data.bit_depth import FILE_BITS
from mineral_recog.data.images import Header
from mineral_recog.data.readers.source import Remark

SIDE = 256  # pixels of the short side for the checks; the evaluation view is cut from this size
# Half of the 224 pixels that recipes show to the network; the rest would be interpolated.
MIN_SHORT_SIDE = 112
MAX_ASPECT_RATIO = 3.0  # beyond it, the central square shows less than a third of the photo
MIN_BRIGHTNESS = 40  # of 255; a photo is dark if 99 % of its pixels are below this level
# Variance of the Laplacian in the sharpest of 4 x 4 parts. A photo of 256 pixels blurred with a
# deviation of 3 pixels has about 5; a sharp stone on a blurred background has hundreds.
MIN_SHARPNESS = 10.0
# Share of pixels within 2 grey levels of their neighbours; photos on studio backgrounds stay below.
MAX_FLAT_SHARE = 0.95
# Standard deviation of each channel around a plane, in grey levels; photos of minerals that are
# blurred with a deviation of 8 pixels keep more than 20.
MAX_BLANK_CONTRAST = 5.0
PARTS = 4

Grey = NDArray[np.float32]


def check_photo(image: Image.Image, header: Header) -> tuple[Remark, ...]:
    """Return a remark for each problem with a photo.

    Args:
        image: Upright RGB image, decoded to a short side of at least `SIDE` pixels if the photo has
            that many.
        header: Header of the photo's file.
    """
    remarks = []
    width, height = header.width, header.height
    if min(width, height) < MIN_SHORT_SIDE:
        remarks.append(Remark("small", f"{width} × {height}"))
    if max(width, height) > MAX_ASPECT_RATIO * min(width, height):
        remarks.append(Remark("ribbon", f"{width} × {height}"))
    if header.used_bits < FILE_BITS:
        remarks.append(Remark("bit_depth", f"{header.used_bits} / {FILE_BITS}"))
    luminance = _reduced(image).convert("L")
    grey = np.asarray(luminance, np.float32)
    flat_share = _flat_share(grey)
    if flat_share > MAX_FLAT_SHARE:
        remarks.append(Remark("flat", f"{100 * flat_share:.0f}%"))
    elif (brightness := _brightness(luminance)) < MIN_BRIGHTNESS:
        remarks.append(Remark("dark", f"{brightness} / 255"))
    elif (sharpness := _sharpness(grey)) < MIN_SHARPNESS:
        remarks.append(Remark("blurred", f"{sharpness:.1f}"))
    return tuple(remarks)


def is_blank(image: Image.Image) -> bool:
    """Return whether an RGB image is of one colour, apart from a little noise and uneven light.

    Uneven light is a plane: brightness that changes evenly across the image.
    """
    pixels = np.asarray(_reduced(image), np.float32)
    centred = pixels - pixels.mean(axis=(0, 1))
    variance = centred.var(axis=(0, 1))
    # Rows and columns of a grid are uncorrelated, so each has its own part of the variance.
    for axis in (0, 1):
        place = np.arange(pixels.shape[axis]) - (pixels.shape[axis] - 1) / 2
        spread = max(float((place**2).mean()), 1.0)  # 0 for a single row, as its covariance
        covariance = (centred.mean(axis=1 - axis) * place[:, None]).mean(axis=0)
        variance = variance - covariance**2 / spread
    return bool(np.sqrt(np.maximum(variance, 0)).max() < MAX_BLANK_CONTRAST)


def _reduced(image: Image.Image) -> Image.Image:
    """Return the photo with a short side of `SIDE`; smaller photos are not enlarged."""
    scale = SIDE / min(image.size)
    if scale >= 1:
        return image
    size = (max(1, round(image.width * scale)), max(1, round(image.height * scale)))
    return image.resize(size, Image.Resampling.BOX)


def _flat_share(grey: Grey) -> float:
    """Return the share of pixels that hardly differ from their left and upper neighbours."""
    if min(grey.shape) < 2:
        return 1.0
    pixels = grey[1:, 1:]
    flat = (np.abs(pixels - grey[1:, :-1]) <= 2) & (np.abs(pixels - grey[:-1, 1:]) <= 2)
    return float(flat.mean())


def _brightness(luminance: Image.Image) -> int:
    """Return the 99th percentile of the grey levels."""
    counts = np.cumsum(luminance.histogram())
    return int(np.searchsorted(counts, 0.99 * counts[-1]))


def _sharpness(grey: Grey) -> float:
    """Return the variance of the Laplacian in the sharpest part of the photo.

    Pech-Pacheco et al., "Diatom autofocusing in brightfield microscopy", ICPR 2000; by parts,
    because close-ups are sharp only in places.
    """
    if min(grey.shape) < 2 + PARTS:
        return float("inf")  # such a photo is already reported as too small
    neighbours = grey[1:-1, :-2] + grey[1:-1, 2:] + grey[:-2, 1:-1] + grey[2:, 1:-1]
    laplacian = neighbours - 4 * grey[1:-1, 1:-1]
    parts = (
        part
        for band in np.array_split(laplacian, PARTS, axis=0)
        for part in np.array_split(band, PARTS, axis=1)
    )
    return max(float(part.var()) for part in parts)
