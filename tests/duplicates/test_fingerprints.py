"""Fingerprints are small, hardly depend on the photo's size, and remove a plain border."""

import numpy as np
from PIL import Image, ImageOps

from mineral_recog.duplicates.fingerprints import fingerprint
from mineral_recog.synthetic.photo import draw_photo


def photo(size: int) -> Image.Image:
    return draw_photo("Malachite", size, np.random.default_rng(4))


def test_fingerprint_is_small_and_hardly_depends_on_photo_size() -> None:
    original = photo(256)
    resized = original.resize((150, 90), Image.Resampling.LANCZOS)
    large, small = fingerprint(original), fingerprint(resized)
    assert large.grey.nbytes + large.colour.nbytes == 2304
    assert np.abs(large.grey.astype(int) - small.grey).mean() < 1.5
    assert np.abs(large.colour.astype(int) - small.colour).mean() < 1


def test_plain_border_is_removed() -> None:
    plain, framed = fingerprint(photo(256)), ImageOps.expand(photo(256), 24, "navy")
    complete, inner = fingerprint(framed).grey.astype(int)
    assert fingerprint(framed).has_border
    assert np.abs(inner - plain.grey[0]).mean() < 6 < np.abs(complete - inner).mean()


def test_photo_without_plain_edge_has_no_border() -> None:
    noise = np.random.default_rng(0).integers(0, 256, (60, 80, 3), np.uint8)
    assert not fingerprint(Image.fromarray(noise)).has_border


def test_small_object_keeps_its_plain_background() -> None:
    image = Image.new("RGB", (128, 128), "white")
    image.paste("black", (60, 60, 70, 70))
    assert not fingerprint(image).has_border
