"""How many changed photos the near-copy finder finds, and how many pairs it finds wrongly.

    python benchmarks/near_copies.py PHOTOS [--draw 200] [--seed 0] [--same FILE] [--sheet PNG]
        [--scale 1000 10000 100000]

PHOTOS is a folder of photos, nested or not. The thresholds of the finder were set on the half of
the photos whose names have an even SHA-256; from the other half photos are drawn here. Each row of
the Markdown table is one change, its strength drawn evenly from its range and the result saved as a
JPEG of quality 90; the finder then looks through the photos drawn and their changed versions, so
that each has all the others to be mistaken for. A pair is right when both come from one photo.

- Recall: of the photos, how many are found together with their changed version.
- Kind: of those, how many are said to be mirrored, rotated or neither, as they are.
- Precision: of all pairs found, how many are right.

Photo sets hold copies to begin with. FILE lists those that someone looked at and found to be
copies, a line each: `name<TAB>name`, as under PHOTOS; such pairs, and pairs of their changed
versions, are right if found and not missed if not. All other pairs of different photos count as
wrong; with --sheet they are drawn side by side, to be looked at.

Beside it stands `imagehash.phash` alone: a pair is found when at most T of its 64 bits differ, T
with the best F1 over all changes on the half that thresholds are set on.

The second table is of time, for a photo each: of comparing, and of reading, as a part of which it
should be small. Both use all processors. Reading is that of the photos drawn, as they are and
enlarged to JPEGs of 1024 by 768 pixels, measured before and after comparing, so that other work on
the machine slows both. Times are by the clock and, in brackets, of processors. The many photos of
--scale are blends of parts of two of the photos drawn, both turned, which look like photos to the
index and are no copies; each counts as one with a border, which is more to compare. Among them are
the photos drawn and their versions of the last change; how many of these are found tells what the
index loses in a crowd.
"""

from __future__ import annotations

import argparse
import hashlib
import io
import math
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory

import imagehash
import numpy as np
from comparing_time import enlarged, timed
from PIL import Image, ImageDraw, ImageEnhance, ImageFont, ImageOps

from mineral_recog.data.images import is_photo_name, open_photo
from mineral_recog.duplicates.finder import DuplicatePair, find_duplicates
from mineral_recog.duplicates.fingerprints import Fingerprint, fingerprint

Photo = Image.Image
Rng = np.random.Generator


def encoded(photo: Photo, quality: int) -> Photo:
    """A photo saved as JPEG and opened again."""
    file = io.BytesIO()
    photo.save(file, "JPEG", quality=quality)
    return open_photo(file)


def reencode(photo: Photo, rng: Rng) -> Photo:
    """Quality 30 to 95."""
    return encoded(photo, int(rng.integers(30, 96)))


def resize(photo: Photo, rng: Rng, smallest: float = 0.3, largest: float = 3.0) -> Photo:
    """To 30 to 300 %, evenly on a logarithmic scale, by one of three filters."""
    factor = math.exp(rng.uniform(math.log(smallest), math.log(largest)))
    width, height = (max(8, round(side * factor)) for side in photo.size)
    filters = Image.Resampling.BILINEAR, Image.Resampling.BICUBIC, Image.Resampling.LANCZOS
    return photo.resize((width, height), filters[rng.integers(3)])


def crop(photo: Photo, rng: Rng, most: float = 0.15) -> Photo:
    """Up to 15 % off the width and, drawn apart, off the height; anywhere."""
    width, height = (round(side * (1 - rng.uniform(0, most))) for side in photo.size)
    left = int(rng.integers(0, photo.width - width + 1))
    top = int(rng.integers(0, photo.height - height + 1))
    return photo.crop((left, top, left + width, top + height))


def mirror(photo: Photo, rng: Rng) -> Photo:
    """Left to right."""
    return ImageOps.mirror(photo)


def rotate(photo: Photo, rng: Rng) -> Photo:
    """By 90, 180 or 270 degrees."""
    return photo.rotate(90 * int(rng.integers(1, 4)), expand=True)


def watermark(photo: Photo, rng: Rng) -> Photo:
    """White or black letters over 40 to 90 % of the width, 30 to 70 % opaque, anywhere."""
    text = "© " + "".join(rng.choice(list("abcdefghijklmnopqrstuvwxyz"), rng.integers(8, 16)))
    width = photo.width * rng.uniform(0.4, 0.9)
    font = ImageFont.load_default(20 * width / ImageFont.load_default(20).getlength(text))
    high = font.getbbox(text)[3]
    place = rng.uniform(0, photo.width - width), rng.uniform(0, max(1, photo.height - high))
    mask = Image.new("L", photo.size)
    ImageDraw.Draw(mask).text(place, text, fill=round(255 * rng.uniform(0.3, 0.7)), font=font)
    ink = Image.new("RGB", photo.size, "white" if rng.random() < 0.7 else "black")
    return Image.composite(ink, photo, mask)


def border(photo: Photo, rng: Rng) -> Photo:
    """White, black, grey or of any colour, 2 to 12 % of the shorter side wide."""
    colours = [(255,) * 3, (0,) * 3, (128,) * 3, tuple(rng.integers(0, 256, 3).tolist())]
    width = round(min(photo.size) * rng.uniform(0.02, 0.12))
    return ImageOps.expand(photo, max(1, width), colours[rng.integers(4)])


def brightness(photo: Photo, rng: Rng) -> Photo:
    """Times 0.7 to 1.3."""
    return ImageEnhance.Brightness(photo).enhance(rng.uniform(0.7, 1.3))


def contrast(photo: Photo, rng: Rng) -> Photo:
    """Times 0.7 to 1.3."""
    return ImageEnhance.Contrast(photo).enhance(rng.uniform(0.7, 1.3))


def combined(photo: Photo, rng: Rng) -> Photo:
    """A crop of up to 8 %, then resized to 50 to 200 %, then quality 50 to 90."""
    smaller = resize(crop(photo, rng, 0.08), rng, 0.5, 2)
    return encoded(smaller, int(rng.integers(50, 91)))


CHANGES: tuple[Callable[[Photo, Rng], Photo], ...] = (
    reencode,
    resize,
    crop,
    mirror,
    rotate,
    watermark,
    border,
    brightness,
    contrast,
    combined,
)
KINDS = {"mirror": "mirrored", "rotate": "rotated"}


@dataclass(frozen=True)
class Found:
    """What was found of one change."""

    found: int
    kind: int
    right: int
    pairs: int
    wrong: dict[tuple[int, int], float]  # of different photos


def drawn(folder: Path, half: int, count: int, rng: Rng) -> list[Path]:
    """Some of the photos of one half."""
    paths = sorted(p for p in folder.rglob("*") if p.is_file() and is_photo_name(p.name))
    paths = [p for p in paths if hashlib.sha256(p.name.encode()).digest()[0] % 2 == half]
    chosen = rng.permutation(len(paths))[:count]
    return [paths[k] for k in sorted(chosen)]


def changed(paths: Sequence[Path], change: Callable[[Photo, Rng], Photo], rng: Rng) -> list[Photo]:
    """Photos changed and saved."""
    photos = (change(open_photo(path), rng) for path in paths)
    return [photo if change is reencode else encoded(photo, 90) for photo in photos]


def score(
    copies: Sequence[DuplicatePair], count: int, kind: str, same: set[tuple[int, int]]
) -> Found:
    """Judge pairs among photos (the first `count` numbers) and their changed versions."""
    found = kinds = right = 0
    wrong: dict[tuple[int, int], float] = {}
    for copy in copies:
        pair = (
            min(copy.first % count, copy.second % count),
            max(copy.first % count, copy.second % count),
        )
        if pair[0] == pair[1]:
            found, kinds, right = found + 1, kinds + (copy.kind == kind), right + 1
        elif pair in same:
            right += 1
        else:
            wrong[pair] = max(copy.similarity, wrong.get(pair, 0))
    return Found(found, kinds, right, len(copies), wrong)


def bits(photos: Sequence[Photo]) -> np.ndarray:
    """The perceptual hash of each, [N, 64]."""
    return np.stack([imagehash.phash(photo).hash.ravel() for photo in photos]).astype(np.float32)


def pairs_by_hash(hashes: np.ndarray, most: int) -> list[DuplicatePair]:
    """Pairs of which at most so many bits differ."""
    apart = hashes @ (1 - hashes.T)
    apart += apart.T
    first, second = np.nonzero(np.triu(apart <= most, 1))
    return [DuplicatePair(int(a), int(b), "near", 0) for a, b in zip(first, second, strict=True)]


def best_threshold(hashes: Sequence[np.ndarray], count: int) -> int:
    """Bits that may differ for the best F1 over all changes."""

    def f1(most: int) -> float:
        rows = [score(pairs_by_hash(one, most), count, "near", set()) for one in hashes]
        right, pairs = sum(row.right for row in rows), sum(row.pairs for row in rows)
        return 2 * right / (pairs + count * len(rows))

    return max(range(25), key=f1)


def draw_pairs(wrong: dict[tuple[int, int], float], paths: Sequence[Path], sheet: Path) -> None:
    """Pairs of different photos side by side, the most alike first."""
    across, cell = 6, 128
    ranked = sorted(wrong, key=lambda pair: -wrong[pair])
    size = across * (2 * cell + 12), max(1, math.ceil(len(ranked) / across)) * (cell + 28)
    picture = Image.new("RGB", size, "white")
    pen = ImageDraw.Draw(picture)
    for number, pair in enumerate(ranked):
        x, y = number % across * (2 * cell + 12), number // across * (cell + 28)
        for place, photo in enumerate(pair):
            picture.paste(open_photo(paths[photo]).resize((cell, cell)), (x + place * cell, y + 24))
            name = "/".join(paths[photo].parts[-2:])
            pen.text((x + place * cell, y + 11), name[-22:], fill="black")
        pen.text((x, y), f"{wrong[pair]:.3f}", fill="black")
    picture.save(sheet)


def main() -> None:
    """Print the two tables."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n", 1)[0])
    parser.add_argument("photos", type=Path)
    parser.add_argument("--draw", type=int, default=200)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--same", type=Path)
    parser.add_argument("--sheet", type=Path)
    parser.add_argument("--scale", type=int, nargs="*", default=[1000, 10_000])
    told = parser.parse_args()

    rng = np.random.default_rng(told.seed)
    chosen_on = drawn(told.photos, 0, told.draw, rng)
    plain = bits([open_photo(path) for path in chosen_on])
    hashes = [np.concatenate([plain, bits(changed(chosen_on, c, rng))]) for c in CHANGES]
    most = best_threshold(hashes, len(chosen_on))

    paths = drawn(told.photos, 1, told.draw, rng)
    place = {path.relative_to(told.photos).as_posix(): k for k, path in enumerate(paths)}
    listed = told.same.read_text("utf-8").splitlines() if told.same else []
    names = [line.split("\t") for line in listed]
    same = {
        (min(place[a], place[b]), max(place[a], place[b]))
        for a, b in names
        if a in place and b in place
    }

    start = time.process_time()
    photos = [open_photo(path) for path in paths]
    decoded = time.process_time()
    prints = [fingerprint(photo) for photo in photos]
    fingerprinted = time.process_time()
    plain = bits(photos)
    count = len(paths)
    print(f"{count} photos; phash: at most {most} of 64 bits differ.\n")
    print("| change | recall | kind | precision | wrong pairs | phash recall | phash precision |")
    print("|---|---|---|---|---|---|---|")
    wrong: dict[tuple[int, int], float] = {}
    right = pairs = 0
    others: list[Fingerprint] = []
    for change in CHANGES:
        versions = changed(paths, change, rng)
        others = [fingerprint(photo) for photo in versions]
        kind = KINDS.get(change.__name__, "near")
        copies = find_duplicates(prints + others, [str(k) for k in range(2 * count)])
        mine = score(copies, count, kind, same)
        hashed = pairs_by_hash(np.concatenate([plain, bits(versions)]), most)
        theirs = score(hashed, count, kind, same)
        wrong |= mine.wrong
        right, pairs = right + mine.right, pairs + mine.pairs
        print(
            f"| {change.__name__} | {mine.found / count:.3f} "
            f"| {mine.kind / max(1, mine.found):.3f} "
            f"| {mine.right / max(1, mine.pairs):.4f} | {mine.pairs - mine.right} "
            f"| {theirs.found / count:.3f} | {theirs.right / max(1, theirs.pairs):.4f} |",
            flush=True,
        )
    print(f"\nOver all changes {right} of {pairs} pairs are right: {right / max(1, pairs):.4f}.")
    for (a, b), like in sorted(wrong.items()):
        print(f"wrong, {like:.3f}: {list(place)[a]}\t{list(place)[b]}")
    if told.sheet:
        draw_pairs(wrong, paths, told.sheet)

    print(f"\nDecoding {1000 * (decoded - start) / count:.2f} ms a photo of about ", end="")
    width, height = np.median([photo.size for photo in photos], axis=0)
    print(f"{width:.0f} x {height:.0f} pixels, ", end="")
    print(f"fingerprint {1000 * (fingerprinted - decoded) / count:.2f} ms.\n")
    print("| photos compared | comparing, ms | reading, ms | part | 1024 x 768, ms | part ", end="")
    print("| recall of the last change |\n|---|---|---|---|---|---|---|")
    with TemporaryDirectory() as folder:
        large = enlarged(paths, Path(folder))
        for size in told.scale:
            print(timed(prints, others, size, rng, [paths, large]), flush=True)


if __name__ == "__main__":
    main()
