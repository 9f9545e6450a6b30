"""Copies among photos of different stones on one plain ground.

    python benchmarks/photo_boxes.py [PHOTOS] [--stones 40] [--views 8] [--seed 0]

Puts stones on a white, a grey, a black and a blue ground, each several times: turned by any angle,
a little moved, under other light, with shadow, noise and JPEG. Without PHOTOS, the stones are drawn
pebbles. PHOTOS is a folder of photos, nested or not; the stones are then cut out of those that
have a plain ground. Stones take 30 to 80 % of the height. Photos
that `imagehash.phash` takes for copies give one stone.

The finder searches all photos of a ground, together with changed versions of one photo per stone;
the changes are those of `near_copies.py`. A row of the Markdown table is one ground.

- Wrong: pairs of different stones, among the unchanged photos, and over all changes.
- Precision: share of the pairs found, over all changes, that are not wrong. Pairs of photos of one
  stone from other sides count as neither.
- Recall: share of the photos that are found together with their changed version, over all changes,
  and the lowest of a single change.
"""

from __future__ import annotations

import argparse
from collections.abc import Iterator
from pathlib import Path

import imagehash
import numpy as np
from near_copies import CHANGES, Photo, Rng, changed, encoded
from PIL import Image
from scipy.ndimage import binary_erosion, binary_fill_holes, gaussian_filter, label

from mineral_recog.data.images import is_photo_name, open_photo
from mineral_recog.duplicates.finder import DuplicatePair, find_duplicates
from mineral_recog.duplicates.fingerprints import Fingerprint, fingerprint
from mineral_recog.duplicates.subjects import subject_box

WIDTH, HEIGHT = 480, 320
GROUNDS = {
    "white": (246, 246, 244),
    "grey": (150, 148, 158),
    "black": (14, 14, 16),
    "blue": (40, 70, 150),
}
SIZES = 0.3, 0.45, 0.6, 0.8  # of the height
COLOURS = [
    *("#19191c", "#78281e", "#c8beb4", "#3c6e46", "#283c78"),
    *("#966e3c", "#aa5a6e", "#ebe8e4", "#5a504b", "#6e468c"),
]
MAX_BITS = 16  # of 64 in which the hashes of copies differ


def pebble(stone: Rng, view: Rng, side: int = 256) -> Photo:
    """Draw a side of a tumbled stone, RGBA; `stone` gives what all its sides have in common."""
    line = np.linspace(-1.25, 1.25, side)
    x, y = np.meshgrid(line, line)
    angle, radius = np.arctan2(y, x), np.ones_like(x)
    flattened = stone.uniform(0.65, 1)
    for k in range(2, 6):
        radius += stone.normal(0, 0.1 / k) * np.cos(k * angle)
        radius += view.normal(0, 0.06 / k) * np.cos(k * angle + view.uniform(0, 6))
    depth = 1 - (np.hypot(x, y / flattened) / radius) ** 2
    texture = gaussian_filter(view.normal(0, 1, x.shape), stone.uniform(4, 30))
    texture *= stone.uniform(0, 0.35) / texture.std()
    colour = np.array(Image.new("RGB", (1, 1), str(stone.choice(COLOURS))), float)
    lit = 0.9 * np.sqrt(depth.clip(0)) - 0.2 * x - 0.3 * y
    pixels = colour * ((1 + texture) * (0.55 + 0.6 * lit.clip(0)))[..., None]
    for _ in range(2):  # lamps of the box: nearly at the same place for all stones
        across, up = view.normal((-0.25, -0.35), 0.08)
        lamp = np.exp(-(((x - across) / 0.18) ** 2) - ((y - up) / 0.1) ** 2)
        pixels += 190 * stone.uniform(0.2, 1) * lamp[..., None]
    return Image.fromarray(np.dstack([pixels.clip(0, 255), 255 * (depth > 0)]).astype(np.uint8))


def cut_out(photo: Photo) -> Photo | None:
    """Cut the stone out of a photo with a plain ground, RGBA; None if there is no single stone."""
    pixels = np.asarray(photo, np.float32)
    square = np.asarray(photo.resize((128, 128), Image.Resampling.BILINEAR), np.float32)
    if subject_box(square) is None:
        return None
    edge = np.concatenate([pixels[:3].reshape(-1, 3), pixels[:, :3].reshape(-1, 3)])
    differs = np.abs(pixels - np.median(edge, 0)).max(2) > 20
    parts, _ = label(binary_fill_holes(differs))
    sizes = np.bincount(parts.ravel())[1:]
    if (
        not len(sizes)
        or sizes.max() < 0.9 * sizes.sum()
        or not 0.1 < sizes.max() / parts.size < 0.7
    ):
        return None
    mask = binary_erosion(parts == 1 + sizes.argmax(), iterations=2)
    rows, columns = np.flatnonzero(mask.any(1)), np.flatnonzero(mask.any(0))
    if min(rows[0], columns[0]) < 3 or rows[-1] > len(mask) - 4 or columns[-1] > mask.shape[1] - 4:
        return None
    if mask.sum() < 0.6 * np.ptp(rows) * np.ptp(columns):
        return None  # several stones, or one with a long shadow
    whole = np.dstack([pixels, 255 * mask]).astype(np.uint8)
    return Image.fromarray(whole[rows[0] : rows[-1] + 1, columns[0] : columns[-1] + 1])


def photograph(stone: Photo, colour: tuple[int, int, int], share: float, view: Rng) -> Photo:
    """Photograph a stone on a ground that is darker to one side."""
    stone = stone.rotate(view.uniform(0, 360), Image.Resampling.BICUBIC, expand=True)
    scale = share * HEIGHT / max(stone.size) * view.uniform(0.93, 1.07)
    stone = stone.resize((round(stone.width * scale), round(stone.height * scale)))
    canvas = Image.new("RGBA", (WIDTH, HEIGHT))
    across, down = view.normal(0, 0.03, 2)
    left, top = (
        (WIDTH - stone.width) / 2 + across * WIDTH,
        (HEIGHT - stone.height) / 2 + down * HEIGHT,
    )
    canvas.paste(stone, (round(left), round(top)))
    layers = np.asarray(canvas, float)
    shown = layers[..., 3:] / 255
    x, y = np.meshgrid(np.linspace(-1, 1, WIDTH), np.linspace(-1, 1, HEIGHT))
    ground = (np.array(colour) + view.normal(0, 1.2, 3)) * (
        1 - 0.12 * (0.5 * x + 0.3 * y)[..., None] ** 2
    )
    ground *= 1 - 0.25 * gaussian_filter(np.roll(shown, (5, 3), (0, 1)), (7, 7, 0))
    tilt = view.normal(0, 0.08, 2)
    light = 1 + (tilt[0] * x + tilt[1] * y)[..., None]
    pixels = ground * (1 - shown) + layers[..., :3] * light * shown
    pixels = pixels * view.uniform(0.96, 1.04) + view.normal(0, 1.8, pixels.shape)
    return encoded(
        Image.fromarray(pixels.clip(0, 255).astype(np.uint8)), int(view.integers(82, 96))
    )


def stones(folder: Path | None, count: int, views: int, seed: int) -> Iterator[list[Photo]]:
    """Yield the sides of each stone; a stone that was cut out has one side only."""
    if folder is None:
        for number in range(count):
            sides = [np.random.default_rng([seed, number, view]) for view in range(views)]
            yield [pebble(np.random.default_rng([seed, number]), side) for side in sides]
        return
    paths = sorted(p for p in folder.rglob("*") if p.is_file() and is_photo_name(p.name))
    hashes: list[imagehash.ImageHash] = []
    for place in np.random.default_rng(seed).permutation(len(paths)):
        photo = open_photo(paths[place])
        new = imagehash.phash(photo)
        if len(hashes) == count or any(new - known <= MAX_BITS for known in hashes):
            continue
        if stone := cut_out(photo):
            hashes.append(new)
            yield [stone] * views


def row(name: str, photos: list[list[Photo]], rng: Rng) -> str:
    """Search the photos of one ground, [stone][view], and return the row of the table."""
    views, total = len(photos[0]), sum(map(len, photos))
    prints = [fingerprint(photo) for stone in photos for photo in stone]
    first_sides = [stone[0] for stone in photos]
    wrong = others = 0
    found = dict.fromkeys((change.__name__ for change in CHANGES), 0)

    def search(versions: list[Fingerprint]) -> list[DuplicatePair]:
        return find_duplicates(prints + versions, [str(k) for k in range(total + len(versions))])

    def stone_of(index: int) -> int:
        return index // views if index < total else index - total

    def is_wrong(pair: DuplicatePair) -> bool:
        return stone_of(pair.first) != stone_of(pair.second)

    for change in CHANGES:
        versions = [fingerprint(version) for version in changed(first_sides, change, rng)]
        for pair in search(versions):
            if is_wrong(pair):
                wrong += 1
            elif pair.second >= total and pair.first == stone_of(pair.second) * views:
                found[change.__name__] += 1
            else:
                others += 1  # sides of one stone that look alike
    right = sum(found.values())
    lowest = min(found, key=lambda change: found[change])
    return (
        f"| {name} | {total} | {sum(map(is_wrong, search([])))} | {wrong} | {others} "
        f"| {right / max(1, right + wrong):.4f} | {right / len(photos) / len(CHANGES):.3f} "
        f"| {found[lowest] / len(photos):.3f} ({lowest}) |"
    )


def main() -> None:
    """Print a row for each ground."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n", 1)[0])
    parser.add_argument("photos", type=Path, nargs="?")
    parser.add_argument("--stones", type=int, default=40)
    parser.add_argument("--views", type=int, default=8)
    parser.add_argument("--seed", type=int, default=0)
    options = parser.parse_args()
    made = list(stones(options.photos, options.stones, options.views, options.seed))
    print(f"{len(made)} stones, {options.views} photos of each on every ground.\n")
    print("| ground | photos | wrong, unchanged | wrong, all changes | sides of one stone ", end="")
    print("| precision | recall | lowest recall |\n|---|---|---|---|---|---|---|---|")
    for name, colour in GROUNDS.items():
        rng = np.random.default_rng([options.seed, 1])
        photos = [
            [photograph(side, colour, SIZES[k % len(SIZES)], rng) for side in sides]
            for k, sides in enumerate(made)
        ]
        print(row(name, photos, rng), flush=True)


if __name__ == "__main__":
    main()
