"""The subject of a photo: what differs from a plain ground."""

from __future__ import annotations

import numpy as np
import pytest
from PIL import Image, ImageDraw, ImageOps

from mineral_recog.duplicates.crops import TURNS, turned, turned_boxes
from mineral_recog.duplicates.fingerprints import fingerprint
from mineral_recog.duplicates.subjects import subject_box
from tests.duplicates.scenes import scene


def photo_box(ground: tuple[int, int, int], darker: float = 0.2) -> Image.Image:
    """Draw a dark red stone at 40 to 60 % of the width and 30 to 70 % of the height."""
    shade = (1 - darker * np.linspace(0, 1, 128) ** 2)[None, :, None]
    pixels = np.random.default_rng(1).normal(0, 1.5, (128, 128, 3)) + np.array(ground) * shade
    image = Image.fromarray(pixels.clip(0, 255).astype(np.uint8))
    ImageDraw.Draw(image).ellipse((51, 38, 77, 90), fill=(120, 30, 40))
    return image


@pytest.mark.parametrize("ground", [(248, 248, 246), (150, 148, 160), (12, 12, 14), (40, 70, 150)])
def test_stone_is_found_on_a_ground_that_darkens(ground: tuple[int, int, int]) -> None:
    box = subject_box(np.asarray(photo_box(ground), np.float32))
    assert box == pytest.approx([0.4, 0.3, 0.61, 0.72], abs=0.03)


@pytest.mark.parametrize(
    "image",
    [
        scene(1, 128, 128),
        Image.new("RGB", (128, 128), "grey"),
        ImageOps.expand(scene(1, 108, 108), 10, "white"),
    ],
    ids=["no ground", "nothing on it", "border"],
)
def test_other_photos_have_no_subject(image: Image.Image) -> None:
    assert subject_box(np.asarray(image, np.float32)) is None


def test_subject_is_found_within_a_border() -> None:
    plain = fingerprint(photo_box((150, 148, 160)))
    framed = fingerprint(ImageOps.expand(photo_box((150, 148, 160)), 16, "white"))
    assert plain.subject is not None
    assert framed.subject is not None
    assert framed.subject.boxes[1] == pytest.approx(plain.subject.boxes[0], abs=0.04)
    assert framed.subject.boxes[0] == pytest.approx(0.1 + 0.8 * plain.subject.boxes[0], abs=0.03)
    assert np.abs(framed.subject.grey.astype(int) - plain.subject.grey).mean() < 12


def test_boxes_turn_like_pictures() -> None:
    box = np.array([[0.125, 0.25, 0.5, 0.375]], np.float32)
    picture = np.zeros((1, 8, 8), np.float32)
    picture[0, 2:3, 1:4] = 1
    for turn in range(len(TURNS)):
        turns = np.array([turn])
        left, top, right, bottom = (8 * turned_boxes(box, turns)[0]).astype(int)
        expected = np.zeros((8, 8))
        expected[top:bottom, left:right] = 1
        assert (turned(picture, turns)[0] == expected).all()
