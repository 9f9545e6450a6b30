"""Copies: each change is found for what it is; photos of one species are told apart."""

import io
from collections.abc import Callable

import numpy as np
import pytest
from PIL import Image, ImageDraw, ImageEnhance, ImageOps

from mineral_recog.duplicates.candidates import CandidateIndex
from mineral_recog.duplicates.finder import DuplicatePair, find_duplicates, groups
from mineral_recog.duplicates.fingerprints import Fingerprint, fingerprint
from mineral_recog.synthetic import draw_photo

SPECIES = ("Agate", "Malachite", "Pyrite", "Stibnite")


def photo(species: str, number: int) -> Image.Image:
    return draw_photo(species, 128, np.random.default_rng((number, 3)))


@pytest.fixture(scope="module")
def photos() -> list[Image.Image]:
    return [photo(species, number) for species in SPECIES for number in range(3)]


@pytest.fixture(scope="module")
def prints(photos: list[Image.Image]) -> list[Fingerprint]:
    return [fingerprint(one) for one in photos]


def jpeg(image: Image.Image, quality: int) -> Image.Image:
    file = io.BytesIO()
    image.save(file, "JPEG", quality=quality)
    return Image.open(file).convert("RGB")


def watermarked(image: Image.Image) -> Image.Image:
    written = image.copy()
    ImageDraw.Draw(written).text((20, 70), "© a collection", fill="white", font_size=12)
    return Image.blend(image, written, 0.6)


def unlike(count: int) -> list[str]:
    return [f"bytes {k}" for k in range(count)]


CHANGES: dict[str, tuple[str, Callable[[Image.Image], Image.Image]]] = {
    "quality 30": ("near", lambda image: jpeg(image, 30)),
    "40 %": ("near", lambda image: image.resize((51, 51), Image.Resampling.LANCZOS)),
    "250 x 180 %": ("near", lambda image: image.resize((320, 230), Image.Resampling.BICUBIC)),
    "a twelfth off two sides": ("near", lambda image: image.crop((11, 0, 128, 117))),
    "15 % off the width": ("near", lambda image: image.crop((8, 0, 117, 128))),
    "watermark": ("near", watermarked),
    "white border": ("near", lambda image: ImageOps.expand(image, 12, "white")),
    "red bar below": ("near", lambda image: ImageOps.pad(image, (128, 150), color="darkred")),
    "darker": ("near", lambda image: ImageEnhance.Brightness(image).enhance(0.7)),
    "less contrast": ("near", lambda image: ImageEnhance.Contrast(image).enhance(0.7)),
    "mirror": ("mirrored", ImageOps.mirror),
    "upside down": ("mirrored", ImageOps.flip),
    "transposed": ("mirrored", lambda image: image.transpose(Image.Transpose.TRANSPOSE)),
    "90 degrees": ("rotated", lambda image: image.rotate(90)),
    "180 degrees": ("rotated", lambda image: image.rotate(180)),
    "270 degrees, cropped": ("rotated", lambda image: image.rotate(270).crop((5, 0, 128, 122))),
    "mirror with a border": ("mirrored", lambda image: ImageOps.expand(ImageOps.mirror(image), 9)),
}


@pytest.fixture(scope="module")
def found(photos: list[Image.Image], prints: list[Fingerprint]) -> list[DuplicatePair]:
    """Of the 12 photos and, in the order of CHANGES, 12 versions of each change."""
    changed = [fingerprint(change(one)) for _, change in CHANGES.values() for one in photos]
    return find_duplicates(prints + changed, unlike(12 * (1 + len(CHANGES))))


@pytest.mark.parametrize("name", CHANGES)
def test_each_changed_photo_is_found_for_what_it_is(name: str, found: list[DuplicatePair]) -> None:
    start = 12 * (1 + list(CHANGES).index(name))
    rows = [copy for copy in found if copy.first < 12 and copy.second in range(start, start + 12)]
    assert [(copy.first, copy.second) for copy in rows] == [(k, start + k) for k in range(12)]
    assert {copy.kind for copy in rows} == {CHANGES[name][0]}
    assert all(0.7 < copy.similarity <= 1 for copy in rows)


def test_versions_of_different_photos_are_never_copies(found: list[DuplicatePair]) -> None:
    assert {copy.second % 12 - copy.first % 12 for copy in found} == {0}


def test_photos_of_one_species_are_no_copies() -> None:
    agates = [fingerprint(photo("Agate", number)) for number in range(16)]
    assert find_duplicates(agates, unlike(16)) == []


def test_the_same_picture_in_other_colours_is_another(photos: list[Image.Image]) -> None:
    red, green, blue = photos[3].split()
    other = Image.merge("RGB", (green, red, blue))
    assert find_duplicates([fingerprint(photos[3]), fingerprint(other)], unlike(2)) == []


def test_two_stones_of_one_outline_on_white_are_two() -> None:
    def stone(number: int) -> Image.Image:
        texture = np.random.default_rng(number).normal(110, 40, (24, 24)).clip(0, 255)
        image = Image.fromarray(texture.astype(np.uint8)).resize((128, 128)).convert("RGB")
        mask = Image.new("L", image.size)
        ImageDraw.Draw(mask).ellipse((24, 34, 104, 94), fill=255)
        return Image.composite(image, Image.new("RGB", image.size, "white"), mask)

    one, other, again = stone(1), stone(2), jpeg(stone(1), 40)
    prints = [fingerprint(image) for image in (one, other, again)]
    assert [(copy.first, copy.second) for copy in find_duplicates(prints, unlike(3))] == [(0, 2)]


def test_flat_pictures_are_copies_only_when_their_bytes_are_the_same() -> None:
    grey = fingerprint(Image.new("RGB", (90, 60), (128, 128, 128)))
    white = fingerprint(Image.new("RGB", (64, 64), "white"))
    copies = find_duplicates([grey, grey, white, grey], ["a", "b", "c", "a"])
    assert copies == [DuplicatePair(0, 3, "exact", 1.0)]


def test_the_same_bytes_are_each_named_once_with_the_first(prints: list[Fingerprint]) -> None:
    one, other = prints[0], prints[5]
    copies = find_duplicates([one, other, one, one, one], ["a", "b", "a", "c", "a"])
    assert [(copy.first, copy.second, copy.kind) for copy in copies] == [
        (0, 2, "exact"),
        (0, 3, "near"),
        (0, 4, "exact"),
    ]


def test_no_photos_no_copies_and_progress_reaches_the_last(prints: list[Fingerprint]) -> None:
    assert find_duplicates([], []) == []
    compared: list[int] = []
    find_duplicates(prints, unlike(12), compared.append)
    assert compared[-1] == 12


def test_the_same_photos_give_the_same_copies(
    photos: list[Image.Image], prints: list[Fingerprint]
) -> None:
    both = prints + [fingerprint(jpeg(one, 50)) for one in photos]
    assert find_duplicates(both, unlike(24)) == find_duplicates(both, unlike(24))


def test_few_pairs_of_unlike_photos_are_compared() -> None:
    noise = np.random.default_rng(0).integers(0, 256, (1500, 6, 6), np.uint8)
    large = [np.asarray(Image.fromarray(one).resize((32, 32))) for one in noise]
    found = CandidateIndex(np.stack(large), np.arange(1500)).look_up(0, 1500)
    assert len(found) < 0.002 * 1500**2


def test_bits_are_counted_the_same_by_an_older_numpy(
    prints: list[Fingerprint], monkeypatch: pytest.MonkeyPatch
) -> None:
    both = [*prints, fingerprint(photo("Agate", 0).resize((60, 70)))]
    found = find_duplicates(both, unlike(13))
    assert [(copy.first, copy.second) for copy in found] == [(0, 12)]
    monkeypatch.delattr(np, "bitwise_count", raising=False)
    assert find_duplicates(both, unlike(13)) == found


def test_groups_are_copies_of_copies() -> None:
    pairs = [(4, 7), (1, 4), (2, 3)]
    copies = [DuplicatePair(first, second, "near", 0.9) for first, second in pairs]
    assert groups(9, copies) == [(1, 4, 7), (2, 3)]
    assert groups(9, []) == []
