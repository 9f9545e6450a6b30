"""Each kind of duplicate is found, and photos of one species are kept apart."""

import io
from collections.abc import Callable

import numpy as np
import pytest
from PIL import Image, ImageDraw, ImageEnhance, ImageOps

from mineral_recog.duplicates.candidates import CandidateIndex
from mineral_recog.duplicates.finder import DuplicatePair, find_duplicates
from mineral_recog.duplicates.fingerprints import Fingerprint, fingerprint
from mineral_recog.synthetic.photo import draw_photo

SPECIES = ("Agate", "Malachite", "Pyrite", "Stibnite")


def photo(species: str, number: int) -> Image.Image:
    return draw_photo(species, 128, np.random.default_rng((number, 3)))


@pytest.fixture(scope="module")
def photos() -> list[Image.Image]:
    return [photo(species, number) for species in SPECIES for number in range(3)]


@pytest.fixture(scope="module")
def prints(photos: list[Image.Image]) -> list[Fingerprint]:
    return [fingerprint(image) for image in photos]


def jpeg(image: Image.Image, quality: int) -> Image.Image:
    file = io.BytesIO()
    image.save(file, "JPEG", quality=quality)
    return Image.open(file).convert("RGB")


def watermarked(image: Image.Image) -> Image.Image:
    written = image.copy()
    ImageDraw.Draw(written).text((20, 70), "© a collection", fill="white", font_size=12)
    return Image.blend(image, written, 0.6)


def distinct_digests(count: int) -> list[str]:
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
def duplicates(photos: list[Image.Image], prints: list[Fingerprint]) -> list[DuplicatePair]:
    """Find duplicates among the 12 photos and, in the order of CHANGES, 12 versions per change."""
    changed = [fingerprint(change(image)) for _, change in CHANGES.values() for image in photos]
    return find_duplicates(prints + changed, distinct_digests(12 * (1 + len(CHANGES))))


@pytest.mark.parametrize("name", CHANGES)
def test_each_changed_photo_is_found_with_its_kind(
    name: str, duplicates: list[DuplicatePair]
) -> None:
    start = 12 * (1 + list(CHANGES).index(name))
    pairs = [
        pair for pair in duplicates if pair.first < 12 and pair.second in range(start, start + 12)
    ]
    assert [(pair.first, pair.second) for pair in pairs] == [(k, start + k) for k in range(12)]
    assert {pair.kind for pair in pairs} == {CHANGES[name][0]}
    assert all(0.7 < pair.similarity <= 1 for pair in pairs)


def test_versions_of_different_photos_are_not_duplicates(duplicates: list[DuplicatePair]) -> None:
    assert {pair.second % 12 - pair.first % 12 for pair in duplicates} == {0}


def test_photos_of_one_species_are_not_duplicates() -> None:
    agates = [fingerprint(photo("Agate", number)) for number in range(16)]
    assert find_duplicates(agates, distinct_digests(16)) == []


def test_same_picture_in_other_colours_is_not_a_duplicate(photos: list[Image.Image]) -> None:
    red, green, blue = photos[3].split()
    other = Image.merge("RGB", (green, red, blue))
    assert find_duplicates([fingerprint(photos[3]), fingerprint(other)], distinct_digests(2)) == []


def test_two_stones_with_one_outline_on_white_are_not_duplicates() -> None:
    def stone(number: int) -> Image.Image:
        texture = np.random.default_rng(number).normal(110, 40, (24, 24)).clip(0, 255)
        image = Image.fromarray(texture.astype(np.uint8)).resize((128, 128)).convert("RGB")
        mask = Image.new("L", image.size)
        ImageDraw.Draw(mask).ellipse((24, 34, 104, 94), fill=255)
        return Image.composite(image, Image.new("RGB", image.size, "white"), mask)

    prints = [fingerprint(image) for image in (stone(1), stone(2), jpeg(stone(1), 40))]
    assert [(pair.first, pair.second) for pair in find_duplicates(prints, distinct_digests(3))] == [
        (0, 2)
    ]


def stone_in_a_photo_box(number: int, ground: int) -> Image.Image:
    """Draw a stone on a ground that is darker to a side, with noise and a highlight."""
    rng = np.random.default_rng(number)
    small = rng.normal(1, 0.25, (9, 9, 1)) * rng.uniform(40, 200, 3)
    stone = Image.fromarray(small.clip(0, 255).astype(np.uint8)).resize((90, 90))
    mask = Image.new("L", stone.size)
    left, top = rng.integers(4, 20, 2).tolist()
    ImageDraw.Draw(mask).ellipse((left, top, 78, 82), fill=255)
    ImageDraw.Draw(stone).ellipse((30, 24, 40, 30), fill="white")
    shade = ground * (1 - 0.15 * np.linspace(0, 1, 300) ** 2)[None, :, None]
    box = np.broadcast_to(shade, (200, 300, 3)) + rng.normal(0, 1.5, (200, 300, 3))
    image = Image.fromarray(box.clip(0, 255).astype(np.uint8))
    image.paste(stone, tuple(rng.integers((90, 40), (110, 60)).tolist()), mask)
    return image


@pytest.mark.parametrize("ground", [245, 150, 14])
def test_different_stones_on_one_ground_are_not_duplicates_but_their_copies_are(
    ground: int,
) -> None:
    stones = [stone_in_a_photo_box(number, ground) for number in range(24)]
    copies = [
        jpeg(stones[0], 40),
        ImageOps.mirror(stones[1]),
        stones[2].resize((180, 120)),
        stones[3].crop((8, 6, 290, 200)),
        ImageOps.expand(stones[4], 14, "navy"),
        stones[5].rotate(90, expand=True),
    ]
    prints = [fingerprint(image) for image in stones + copies]
    assert all(one.subject is not None for one in prints)
    pairs = find_duplicates(prints, distinct_digests(30))
    assert [(pair.first, pair.second) for pair in pairs] == [(k, 24 + k) for k in range(6)]


def test_flat_pictures_are_duplicates_only_if_their_bytes_are_equal() -> None:
    grey = fingerprint(Image.new("RGB", (90, 60), (128, 128, 128)))
    white = fingerprint(Image.new("RGB", (64, 64), "white"))
    duplicates = find_duplicates([grey, grey, white, grey], ["a", "b", "c", "a"])
    assert duplicates == [DuplicatePair(0, 3, "exact", 1.0)]


def test_photos_with_equal_bytes_are_paired_once_with_the_first(prints: list[Fingerprint]) -> None:
    first, other = prints[0], prints[5]
    duplicates = find_duplicates([first, other, first, first, first], ["a", "b", "a", "c", "a"])
    assert [(pair.first, pair.second, pair.kind) for pair in duplicates] == [
        (0, 2, "exact"),
        (0, 3, "near"),
        (0, 4, "exact"),
    ]


def test_no_photos_give_no_duplicates_and_progress_reaches_the_last(
    prints: list[Fingerprint],
) -> None:
    assert find_duplicates([], []) == []
    compared: list[int] = []
    find_duplicates(prints, distinct_digests(12), compared.append)
    assert compared[-1] == 12


def test_same_photos_give_the_same_duplicates(
    photos: list[Image.Image], prints: list[Fingerprint]
) -> None:
    prints = prints + [fingerprint(jpeg(image, 50)) for image in photos]
    assert find_duplicates(prints, distinct_digests(24)) == find_duplicates(
        prints, distinct_digests(24)
    )


def test_few_pairs_of_different_photos_are_compared() -> None:
    noise = np.random.default_rng(0).integers(0, 256, (1500, 6, 6), np.uint8)
    thumbnails = [np.asarray(Image.fromarray(small).resize((32, 32))) for small in noise]
    candidates = CandidateIndex(np.stack(thumbnails), np.arange(1500)).search(0, 1500)
    assert len(candidates) < 0.002 * 1500**2


def test_older_numpy_counts_bits_the_same(
    prints: list[Fingerprint], monkeypatch: pytest.MonkeyPatch
) -> None:
    prints = [*prints, fingerprint(photo("Agate", 0).resize((60, 70)))]
    duplicates = find_duplicates(prints, distinct_digests(13))
    assert [(pair.first, pair.second) for pair in duplicates] == [(0, 12)]
    monkeypatch.delattr(np, "bitwise_count", raising=False)
    assert find_duplicates(prints, distinct_digests(13)) == duplicates
