"""What is kept of a photo: small, the same at any size, and without a plain border."""

import numpy as np
from PIL import Image, ImageOps

from mineral_recog.duplicates.fingerprints import fingerprint
from mineral_recog.synthetic import draw_photo


def photo(size: int) -> Image.Image:
    return draw_photo("Malachite", size, np.random.default_rng(4))


def test_it_is_small_and_hardly_depends_on_the_size_of_the_photo() -> None:
    one = photo(256)
    large, small = fingerprint(one), fingerprint(one.resize((150, 90), Image.Resampling.LANCZOS))
    assert large.grey.nbytes + large.colour.nbytes == 2304
    assert np.abs(large.grey.astype(int) - small.grey).mean() < 1.5
    assert np.abs(large.colour.astype(int) - small.colour).mean() < 1


def test_inside_a_plain_border_is_the_photo() -> None:
    plain, framed = photo(256), ImageOps.expand(photo(256), 24, "navy")
    inside = fingerprint(framed)
    assert inside.bordered
    difference = np.abs(inside.grey[1].astype(int) - fingerprint(plain).grey[0])
    assert difference.mean() < 6 < np.abs(inside.grey[0].astype(int) - inside.grey[1]).mean()


def test_a_photo_without_a_plain_edge_has_no_border() -> None:
    noise = np.random.default_rng(0).integers(0, 256, (60, 80, 3), np.uint8)
    assert not fingerprint(Image.fromarray(noise)).bordered


def test_a_small_thing_on_a_plain_ground_keeps_its_ground() -> None:
    image = Image.new("RGB", (128, 128), "white")
    image.paste("black", (60, 60, 70, 70))
    assert not fingerprint(image).bordered
