"""How many pictures that show none of the minerals are taken for one, and which gate refuses them.

    python benchmarks/gates.py RUN --others FOLDER... [--data DATA] [--most 200]

Of each FOLDER, at most --most pictures are drawn at random. Beside them are the photos of the split
`test`, and pictures that are made here: blank ones (one colour, one pixel), noise, gradients, text
and grains, mosaics like thin sections of rock between crossed polarisers. A real thin section was
refused less often than these (docs/identify.md). Each picture is answered as `mineral-recog
identify` does. The columns:

- taken: share of the pictures that are taken for one of the minerals;
- no mineral, unknown: share that the first gate refuses, and the second one after it;
- AUROC of both gates and of plain softmax, against the photos of test.
"""

from __future__ import annotations

import argparse
from collections.abc import Iterator, Sequence
from pathlib import Path

import numpy as np
from PIL import Image, ImageDraw, ImageFilter
from scipy.spatial import cKDTree
from sklearn.metrics import roc_auc_score

from mineral_recog.calibration.ood import msp_score
from mineral_recog.data.dataset import photos_in, read_split
from mineral_recog.data.given_photos import GivenPhoto
from mineral_recog.identify.identifier import Identifier, load
from mineral_recog.models.run_files import training_data_of

PHOTOS = "(photos of test)"  # no name of a folder
REASONS = ("no_mineral", "unknown_mineral")
Scores = tuple[np.ndarray, np.ndarray, np.ndarray]
SIDE = 300  # pixels of the pictures that are made
COLOURS = ("black", "white", "grey", "red", "green", "blue", "brown", "#202020", "#f0e8d8")


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("run", type=Path)
    parser.add_argument("--others", type=Path, nargs="+", default=[])
    parser.add_argument("--data", type=Path)
    parser.add_argument("--most", type=int, default=200)
    arguments = parser.parse_args()
    identifier = load(arguments.run, device="cpu")
    data = arguments.data or training_data_of(arguments.run)
    test = read_split(data, "test", identifier.classes)
    sets: dict[str, Sequence[GivenPhoto]] = {
        PHOTOS: [test.root / path for path in test.paths],
        **{folder.name: draw(folder, arguments.most) for folder in arguments.others},
        **made_pictures(),
    }
    print("| pictures | n | taken | no mineral | unknown | AUROC no mineral | unknown | plain |")
    print("|---|---|---|---|---|---|---|---|")
    photos = None
    for name, pictures in sets.items():
        scores, reasons = measure(identifier, pictures)
        photos = scores if photos is None else photos
        shares = [np.mean([r == reason for r in reasons]) for reason in (None, *REASONS)]
        areas = [area(mine, theirs) for mine, theirs in zip(photos, scores, strict=True)]
        cells = [f"{100 * share:.1f} %" for share in shares]
        cells += ["" if name == PHOTOS else f"{value:.3f}" for value in areas]
        print(f"| {name} | {len(pictures)} | {' | '.join(cells)} |", flush=True)


def measure(
    identifier: Identifier, pictures: Sequence[GivenPhoto]
) -> tuple[Scores, list[str | None]]:
    """Return the scores of both gates and of plain softmax, and the reason of each refusal."""
    outputs = [seen.outputs for seen in identifier.observe(map(identifier.open, pictures))]
    reasons = [identifier.answer([output]).none_reason for output in outputs]
    gate = np.array([output.gate_score or 0.0 for output in outputs])
    ood = np.array([output.ood_score for output in outputs])
    plain = msp_score(np.stack([output.logits for output in outputs]))
    return (gate, ood, plain), list(reasons)


def area(photos: np.ndarray, pictures: np.ndarray) -> float:
    """Return the area under the ROC curve of scores that ought to be higher for pictures."""
    is_other = np.repeat([False, True], [len(photos), len(pictures)])
    return float(roc_auc_score(is_other, np.concatenate([photos, pictures])))


def draw(folder: Path, most: int) -> list[GivenPhoto]:
    """Return at most a number of random pictures of a folder."""
    paths = photos_in(folder)
    chosen = np.random.default_rng(0).permutation(len(paths))[:most]
    return [folder / paths[index] for index in sorted(chosen)]


def made_pictures() -> dict[str, list[GivenPhoto]]:
    """Return pictures that show nothing."""
    return {
        "blank": [
            *(Image.new("RGB", (SIDE, SIDE), colour) for colour in COLOURS),
            Image.new("RGB", (1, 1), "sienna"),
        ],
        "noise": list(_noise(30)),
        "gradients": list(_gradients(30)),
        "text": list(_text(30)),
        "grains": list(_grains(100)),
    }


def _noise(count: int) -> Iterator[Image.Image]:
    rng = np.random.default_rng(1)
    for number in range(count):
        values = rng.normal(rng.integers(60, 200, 3), 8 + 3 * number, (SIDE, SIDE, 3))
        yield Image.fromarray(np.clip(values, 0, 255).astype(np.uint8))


def _gradients(count: int) -> Iterator[Image.Image]:
    rng = np.random.default_rng(2)
    for _ in range(count):
        first, last = rng.integers(0, 256, (2, 3))
        row = np.linspace(first, last, SIDE)[None]
        image = Image.fromarray(np.repeat(row, SIDE, axis=0).astype(np.uint8))
        yield image.rotate(90 * int(rng.integers(4)))


def _text(count: int) -> Iterator[Image.Image]:
    rng = np.random.default_rng(3)
    for _ in range(count):
        image = Image.new("RGB", (SIDE, SIDE), tuple(rng.integers(180, 256, 3).tolist()))
        lines = ["".join(map(chr, rng.integers(97, 123, 45))) for _ in range(SIDE // 14)]
        colour = tuple(rng.integers(0, 90, 3).tolist())
        ImageDraw.Draw(image).multiline_text((5, 5), "\n".join(lines), fill=colour)
        yield image


def _grains(count: int) -> Iterator[Image.Image]:
    """Draw mosaics of grey and coloured grains, some with parallel twins, with dark boundaries."""
    rng, (rows, columns) = np.random.default_rng(4), np.mgrid[:SIDE, :SIDE]
    for _ in range(count):
        grains = int(rng.integers(15, 160))
        bends = [_waves(rng) * rng.uniform(1, 8) for _ in range(2)]
        places = np.stack([rows + bends[0], columns + bends[1]], axis=-1)
        distances, nearest = cKDTree(rng.uniform(0, SIDE, (grains, 2))).query(places, k=2)
        grey = rng.uniform(0.05, 0.9, (grains, 1))
        coloured = rng.random((grains, 1)) < rng.uniform(0, 0.6)
        colours = np.where(coloured, rng.uniform(0, 1, (grains, 3)), grey)
        angles, periods = rng.uniform(0, np.pi, grains), rng.uniform(6, 30, grains)
        grain = nearest[..., 0]
        along = np.cos(angles[grain]) * rows + np.sin(angles[grain]) * columns
        is_dark = (rng.random(grains) < 0.3)[grain] & (along % periods[grain] < periods[grain] / 2)
        edges = np.clip((distances[..., 1] - distances[..., 0]) / 2 + 0.3, 0, 1)
        light = edges * np.where(is_dark, 0.6, 1)
        values = colours[grain] * light[..., None] + rng.normal(0, 0.02, (SIDE, SIDE, 1))
        image = Image.fromarray((255 * np.clip(values, 0, 1)).astype(np.uint8))
        yield image.filter(ImageFilter.GaussianBlur(0.8))


def _waves(rng: np.random.Generator) -> np.ndarray:
    """Return a smooth random field, float32 [SIDE, SIDE]."""
    field = Image.fromarray(rng.normal(size=(12, 12)).astype(np.float32))
    return np.asarray(field.resize((SIDE, SIDE), Image.Resampling.BICUBIC))


if __name__ == "__main__":
    main()
