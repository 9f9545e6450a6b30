"""Recall and precision of the near-copy finder on changed photos.

    python benchmarks/near_copies.py PHOTOS [--draw 200] [--seed 0] [--same FILE] [--sheet PNG]
        [--scale 1000 10000 100000]

PHOTOS is a folder of photos, nested or not. The thresholds of the finder were set on the half of
the photos whose names have an even SHA-256; the photos of this benchmark are drawn from the other
half. Each row of the Markdown table is one change, with a strength drawn uniformly from its range
and the result saved as a JPEG of quality 90. The finder then searches all drawn photos and their
changed versions, so that each photo can be confused with all others. A pair is right when both
come from one photo.

- Recall: share of the photos that are found together with their changed version.
- Kind: share of those that are correctly reported as mirrored, rotated or neither.
- Precision: share of all pairs found that are right.

Photo sets contain copies to begin with. FILE lists those that a person has checked, one pair per
line: `name<TAB>name`, as under PHOTOS. Such pairs, and pairs of their changed versions, are right
if found and not missed if not found. All other pairs of different photos count as wrong; --sheet
draws them side by side, to be checked.

The baseline is `imagehash.phash` alone: a pair is found when at most T of its 64 bits differ, with
the T of the best F1 over all changes on the half that thresholds are set on.

The second table compares, per photo, the time of comparing with that of reading, of which it
should be a small share. Both use all processors. Reading is that of the drawn photos, unchanged and
enlarged to JPEGs of 1024 by 768 pixels, measured before and after comparing, so that other load
slows both. Times are wall-clock times and, in brackets, processor times. The photos of --scale are
blends of parts of two of the drawn photos, both rotated, which look like photos to the index but
are not copies; each counts as one with a border, which needs more comparisons. Among them are the
drawn photos and their versions of the last change; the recall for these shows what the index loses
among many photos.
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
from comparing_time import enlarged, time_row
from PIL import Image, ImageDraw, ImageEnhance, ImageFont, ImageOps

from mineral_recog.data.images import is_photo_name, open_photo
from mineral_recog.duplicates.finder import DuplicatePair, find_duplicates
from mineral_recog.duplicates.fingerprints import Fingerprint, fingerprint

Photo = Image.Image
Rng = np.random.Generator


def encoded(photo: Photo, quality: int) -> Photo:
    """Save a photo as JPEG and open it again."""
    file = io.BytesIO()
    photo.save(file, "JPEG", quality=quality)
    return open_photo(file)


def reencode(photo: Photo, rng: Rng) -> Photo:
    """Re-encode with quality 30 to 95."""
    return encoded(photo, int(rng.integers(30, 96)))


def resize(photo: Photo, rng: Rng, smallest: float = 0.3, largest: float = 3.0) -> Photo:
    """Resize to 30 to 300 %, uniformly on a logarithmic scale, with one of three filters."""
    factor = math.exp(rng.uniform(math.log(smallest), math.log(largest)))
    width, height = (max(8, round(side * factor)) for side in photo.size)
    filters = Image.Resampling.BILINEAR, Image.Resampling.BICUBIC, Image.Resampling.LANCZOS
    return photo.resize((width, height), filters[rng.integers(3)])


def crop(photo: Photo, rng: Rng, max_share: float = 0.15) -> Photo:
    """Crop up to 15 % of the width and, drawn separately, of the height; anywhere."""
    width, height = (round(side * (1 - rng.uniform(0, max_share))) for side in photo.size)
    left = int(rng.integers(0, photo.width - width + 1))
    top = int(rng.integers(0, photo.height - height + 1))
    return photo.crop((left, top, left + width, top + height))


def mirror(photo: Photo, rng: Rng) -> Photo:
    """Mirror left to right."""
    return ImageOps.mirror(photo)


def rotate(photo: Photo, rng: Rng) -> Photo:
    """Rotate by 90, 180 or 270 degrees."""
    return photo.rotate(90 * int(rng.integers(1, 4)), expand=True)


def watermark(photo: Photo, rng: Rng) -> Photo:
    """Add white or black text over 40 to 90 % of the width, 30 to 70 % opaque, anywhere."""
    text = "© " + "".join(rng.choice(list("abcdefghijklmnopqrstuvwxyz"), rng.integers(8, 16)))
    width = photo.width * rng.uniform(0.4, 0.9)
    font = ImageFont.load_default(20 * width / ImageFont.load_default(20).getlength(text))
    height = font.getbbox(text)[3]
    position = rng.uniform(0, photo.width - width), rng.uniform(0, max(1, photo.height - height))
    mask = Image.new("L", photo.size)
    ImageDraw.Draw(mask).text(position, text, fill=round(255 * rng.uniform(0.3, 0.7)), font=font)
    ink = Image.new("RGB", photo.size, "white" if rng.random() < 0.7 else "black")
    return Image.composite(ink, photo, mask)


def border(photo: Photo, rng: Rng) -> Photo:
    """Add a white, black, grey or coloured border, 2 to 12 % of the shorter side wide."""
    colours = [(255,) * 3, (0,) * 3, (128,) * 3, tuple(rng.integers(0, 256, 3).tolist())]
    width = round(min(photo.size) * rng.uniform(0.02, 0.12))
    return ImageOps.expand(photo, max(1, width), colours[rng.integers(4)])


def brightness(photo: Photo, rng: Rng) -> Photo:
    """Multiply the brightness by 0.7 to 1.3."""
    return ImageEnhance.Brightness(photo).enhance(rng.uniform(0.7, 1.3))


def contrast(photo: Photo, rng: Rng) -> Photo:
    """Multiply the contrast by 0.7 to 1.3."""
    return ImageEnhance.Contrast(photo).enhance(rng.uniform(0.7, 1.3))


def combined(photo: Photo, rng: Rng) -> Photo:
    """Crop up to 8 %, then resize to 50 to 200 %, then re-encode with quality 50 to 90."""
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
class Score:
    """Counts of the pairs found for one change.

    Attributes:
        found: Photos found together with their changed version.
        kind_matches: Those of them with the correct kind.
        right: Pairs that are right.
        pairs: All pairs found.
        wrong: Similarity of the wrong pairs, by the indices of the two photos.
    """

    found: int
    kind_matches: int
    right: int
    pairs: int
    wrong: dict[tuple[int, int], float]


def drawn(folder: Path, half: int, count: int, rng: Rng) -> list[Path]:
    """Draw `count` photos of one half."""
    paths = sorted(p for p in folder.rglob("*") if p.is_file() and is_photo_name(p.name))
    paths = [p for p in paths if hashlib.sha256(p.name.encode()).digest()[0] % 2 == half]
    chosen = rng.permutation(len(paths))[:count]
    return [paths[k] for k in sorted(chosen)]


def changed(
    photos: Sequence[Photo], change: Callable[[Photo, Rng], Photo], rng: Rng
) -> list[Photo]:
    """Change photos and save them as JPEG."""
    versions = (change(photo, rng) for photo in photos)
    return [photo if change is reencode else encoded(photo, 90) for photo in versions]


def score(
    duplicates: Sequence[DuplicatePair], count: int, kind: str, known_copies: set[tuple[int, int]]
) -> Score:
    """Count the pairs among photos (the first `count` indices) and their changed versions."""
    found = kind_matches = right = 0
    wrong: dict[tuple[int, int], float] = {}
    for duplicate in duplicates:
        pair = (
            min(duplicate.first % count, duplicate.second % count),
            max(duplicate.first % count, duplicate.second % count),
        )
        if pair[0] == pair[1]:
            found, right = found + 1, right + 1
            kind_matches += duplicate.kind == kind
        elif pair in known_copies:
            right += 1
        else:
            wrong[pair] = max(duplicate.similarity, wrong.get(pair, 0))
    return Score(found, kind_matches, right, len(duplicates), wrong)


def perceptual_hashes(photos: Sequence[Photo]) -> np.ndarray:
    """Return the perceptual hash of each photo, [N, 64]."""
    return np.stack([imagehash.phash(photo).hash.ravel() for photo in photos]).astype(np.float32)


def pairs_by_hash(hashes: np.ndarray, max_bits: int) -> list[DuplicatePair]:
    """Return pairs that differ in at most `max_bits` bits."""
    distances = hashes @ (1 - hashes.T)
    distances += distances.T
    first, second = np.nonzero(np.triu(distances <= max_bits, 1))
    return [DuplicatePair(int(a), int(b), "near", 0) for a, b in zip(first, second, strict=True)]


def best_threshold(hashes: Sequence[np.ndarray], count: int) -> int:
    """Return how many bits may differ for the best F1 over all changes."""

    def f1(max_bits: int) -> float:
        rows = [
            score(pairs_by_hash(of_change, max_bits), count, "near", set()) for of_change in hashes
        ]
        right, pairs = sum(row.right for row in rows), sum(row.pairs for row in rows)
        return 2 * right / (pairs + count * len(rows))

    return max(range(25), key=f1)


def draw_pairs(wrong: dict[tuple[int, int], float], paths: Sequence[Path], sheet: Path) -> None:
    """Draw pairs of different photos side by side, the most similar first."""
    columns, cell = 6, 128
    ranked = sorted(wrong, key=lambda pair: -wrong[pair])
    size = columns * (2 * cell + 12), max(1, math.ceil(len(ranked) / columns)) * (cell + 28)
    picture = Image.new("RGB", size, "white")
    pen = ImageDraw.Draw(picture)
    for number, pair in enumerate(ranked):
        x, y = number % columns * (2 * cell + 12), number // columns * (cell + 28)
        for column, index in enumerate(pair):
            left = x + column * cell
            picture.paste(open_photo(paths[index]).resize((cell, cell)), (left, y + 24))
            name = "/".join(paths[index].parts[-2:])
            pen.text((left, y + 11), name[-22:], fill="black")
        pen.text((x, y), f"{wrong[pair]:.3f}", fill="black")
    picture.save(sheet)


def main() -> None:
    """Measure and print the two tables."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n", 1)[0])
    parser.add_argument("photos", type=Path)
    parser.add_argument("--draw", type=int, default=200)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--same", type=Path)
    parser.add_argument("--sheet", type=Path)
    parser.add_argument("--scale", type=int, nargs="*", default=[1000, 10_000])
    options = parser.parse_args()

    rng = np.random.default_rng(options.seed)
    tuning = [open_photo(path) for path in drawn(options.photos, 0, options.draw, rng)]
    plain = perceptual_hashes(tuning)
    hashes = [np.concatenate([plain, perceptual_hashes(changed(tuning, c, rng))]) for c in CHANGES]
    max_bits = best_threshold(hashes, len(tuning))

    paths = drawn(options.photos, 1, options.draw, rng)
    indices = {path.relative_to(options.photos).as_posix(): k for k, path in enumerate(paths)}
    listed = options.same.read_text("utf-8").splitlines() if options.same else []
    names = [line.split("\t") for line in listed]
    known_copies = {
        (min(indices[a], indices[b]), max(indices[a], indices[b]))
        for a, b in names
        if a in indices and b in indices
    }

    start = time.process_time()
    photos = [open_photo(path) for path in paths]
    decoded = time.process_time()
    prints = [fingerprint(photo) for photo in photos]
    fingerprinted = time.process_time()
    plain = perceptual_hashes(photos)
    count = len(paths)
    print(f"{count} photos; phash: at most {max_bits} of 64 bits differ.\n")
    print("| change | recall | kind | precision | wrong pairs | phash recall | phash precision |")
    print("|---|---|---|---|---|---|---|")
    wrong: dict[tuple[int, int], float] = {}
    right = pairs = 0
    others: list[Fingerprint] = []
    for change in CHANGES:
        versions = changed(photos, change, rng)
        others = [fingerprint(photo) for photo in versions]
        kind = KINDS.get(change.__name__, "near")
        duplicates = find_duplicates(prints + others, [str(k) for k in range(2 * count)])
        ours = score(duplicates, count, kind, known_copies)
        hashed = pairs_by_hash(np.concatenate([plain, perceptual_hashes(versions)]), max_bits)
        phash = score(hashed, count, kind, known_copies)
        wrong |= ours.wrong
        right, pairs = right + ours.right, pairs + ours.pairs
        print(
            f"| {change.__name__} | {ours.found / count:.3f} "
            f"| {ours.kind_matches / max(1, ours.found):.3f} "
            f"| {ours.right / max(1, ours.pairs):.4f} | {ours.pairs - ours.right} "
            f"| {phash.found / count:.3f} | {phash.right / max(1, phash.pairs):.4f} |",
            flush=True,
        )
    print(f"\nOver all changes {right} of {pairs} pairs are right: {right / max(1, pairs):.4f}.")
    for (a, b), similarity in sorted(wrong.items()):
        print(f"wrong, {similarity:.3f}: {list(indices)[a]}\t{list(indices)[b]}")
    if options.sheet:
        draw_pairs(wrong, paths, options.sheet)

    print(f"\nDecoding {1000 * (decoded - start) / count:.2f} ms per photo of about ", end="")
    width, height = np.median([photo.size for photo in photos], axis=0)
    print(f"{width:.0f} x {height:.0f} pixels, ", end="")
    print(f"fingerprint {1000 * (fingerprinted - decoded) / count:.2f} ms.\n")
    print(
        "| photos compared | comparing, ms | reading, ms | share | 1024 x 768, ms | share ", end=""
    )
    print("| recall of the last change |\n|---|---|---|---|---|---|---|")
    with TemporaryDirectory() as folder:
        large = enlarged(paths, Path(folder))
        for size in options.scale:
            print(time_row(prints, others, size, rng, [paths, large]), flush=True)


if __name__ == "__main__":
    main()
