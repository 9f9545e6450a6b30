"""Accuracy on photos of small specimens off centre: middle alone, with close-ups, and with --crop.

    python benchmarks/framing.py RUN... [--data DATA...] [--split test] [--pictures FOLDER]

Prints a Markdown table for each run, and one over all runs, of accuracies in per cent:

- `filling the frame`: the photos of the split as they are;
- the others: the middle square of each photo as a quarter of the width of a scene of 1024 x 768
  pixels, off centre, half of them cut out as an ellipse with a soft edge; on a plain colour, on a
  drawn ground (paper, cloth, wood, sand, stone, skin), on an enlarged corner of a training photo,
  and, with `--pictures`, on photographs of other things. Scenes are JPEG files, so that they are
  decoded as photos of cameras are.

`middle` is the view that training's evaluation sees, `answer` is what `identify` answers from,
`crop` the given true region. `close-ups` is the share of photos that the network looks at twice;
`overlap` the mean of intersection over union of close-up and true region. The cut-outs bring their
own ground with them, so that their outline helps to find them; real scenes are harder.
"""

from __future__ import annotations

import argparse
import time
from collections.abc import Iterator, Sequence
from io import BytesIO
from pathlib import Path
from typing import NamedTuple

import numpy as np
from PIL import Image, ImageDraw, ImageFilter

from mineral_recog.data.dataset import Dataset, photos_in, read_split
from mineral_recog.data.evaluation_view import middle_square
from mineral_recog.data.images import open_photo
from mineral_recog.identify.identifier import Identifier, load
from mineral_recog.identify.observation import View
from mineral_recog.identify.region import Region
from mineral_recog.models.run_files import training_data_of
from mineral_recog.synthetic.film import develop
from mineral_recog.synthetic.grounds import random_ground

WIDTH, HEIGHT = 1024, 768
SIDE = WIDTH // 4  # of the specimen
OFF_CENTRE = 0.15  # least distance of its centre from that of the scene, along one axis
CORNER = 0.3  # sides of a corner over those of its photo
SEED = 7


class Scene(NamedTuple):
    """A scene as a JPEG file, and where the specimen is; None if it fills the frame."""

    photo: bytes
    region: Region | None


def make_scene(
    specimen: Image.Image, kind: str, others: Sequence[Path], rng: np.random.Generator
) -> Scene:
    """Place a photo of a specimen into a scene.

    Args:
        specimen: The photo.
        kind: Kind of the background, see `background`.
        others: Photos for backgrounds.
        rng: Draws background, place and outline.
    """
    scene = background(kind, others, rng)
    while True:
        left, top = int(rng.integers(WIDTH - SIDE + 1)), int(rng.integers(HEIGHT - SIDE + 1))
        offsets = (left + SIDE / 2) / WIDTH - 0.5, (top + SIDE / 2) / HEIGHT - 0.5
        if max(map(abs, offsets)) > OFF_CENTRE:
            break
    outline = Image.new("L", (SIDE, SIDE), 255)
    if rng.random() < 0.5:
        outline = Image.new("L", (SIDE, SIDE), 0)
        ImageDraw.Draw(outline).ellipse((4, 4, SIDE - 5, SIDE - 5), fill=255)
        outline = outline.filter(ImageFilter.GaussianBlur(3))
    square = middle_square(specimen).resize((SIDE, SIDE), Image.Resampling.LANCZOS)
    scene.paste(square, (left, top), outline)
    region = Region(left / WIDTH, top / HEIGHT, SIDE / WIDTH, SIDE / HEIGHT)
    return Scene(_jpeg(scene), region)


def background(kind: str, others: Sequence[Path], rng: np.random.Generator) -> Image.Image:
    """Make a background: `plain`, `ground` (drawn), `corner` or `picture` of another photo."""
    if kind == "plain":
        red, green, blue = map(int, rng.integers(0, 256, 3))
        return Image.new("RGB", (WIDTH, HEIGHT), (red, green, blue))
    if kind == "ground":
        colour, _ = random_ground(rng, WIDTH // 2)
        return _cover(develop(colour, WIDTH // 2, rng))
    photo = open_photo(others[int(rng.integers(len(others)))])
    if kind == "corner":
        width, height = (round(CORNER * side) for side in photo.size)
        left, top = rng.choice((0, photo.width - width)), rng.choice((0, photo.height - height))
        photo = photo.crop((left, top, left + width, top + height))
    return _cover(photo)


def _cover(image: Image.Image) -> Image.Image:
    """Return an image enlarged until it covers the scene."""
    scale = max(WIDTH / image.width, HEIGHT / image.height)
    size = (WIDTH / scale, HEIGHT / scale)
    return image.resize((WIDTH, HEIGHT), Image.Resampling.BICUBIC, box=(0, 0, *size))


def _jpeg(image: Image.Image) -> bytes:
    file = BytesIO()
    image.save(file, "JPEG", quality=92)
    return file.getvalue()


def scenes_of(kind: str, paths: Sequence[Path], others: Sequence[Path]) -> Iterator[Scene]:
    """Yield the scene of each photo; the photo itself for the kind `filling the frame`."""
    rng = np.random.default_rng(SEED)
    for path in paths:
        if kind == "filling the frame":
            yield Scene(path.read_bytes(), None)
        else:
            yield make_scene(open_photo(path), kind, others, rng)


def logits_of(identifier: Identifier, views: Sequence[View]) -> np.ndarray:
    """Return the logits of views, [M, C]."""
    return np.stack([seen.outputs.logits for seen in identifier.observe_views(views)])


class Row(NamedTuple):
    """Figures of one kind of scene; `crop` and `overlap` are NaN for photos as they are."""

    middle: float
    answer: float
    crop: float
    close_ups: float
    overlap: float
    cost: float


def measure_kind(identifier: Identifier, scenes: Sequence[Scene], labels: np.ndarray) -> Row:
    """Measure one kind of scene."""

    def accuracy(views: Sequence[View]) -> float:
        return float((logits_of(identifier, views).argmax(axis=1) == labels).mean())

    started = time.process_time()
    middle = accuracy([identifier.view(identifier.open(scene.photo)) for scene in scenes])
    between = time.process_time()
    views = [identifier.look_at(scene.photo) for scene in scenes]
    answer = accuracy(views)
    cost = (time.process_time() - between) / (between - started)
    crop = overlap = np.nan
    if scenes[0].region is not None:
        crop = accuracy([identifier.look_at(scene.photo, scene.region) for scene in scenes])
        pairs = zip(views, scenes, strict=True)
        overlap = np.mean([_overlap(view.region, scene.region) for view, scene in pairs])
    close_ups = np.mean([view.close_up is not None for view in views])
    return Row(middle, answer, crop, float(close_ups), float(overlap), cost)


def _overlap(first: Region | None, second: Region | None) -> float:
    """Return intersection over union; 0 without a region."""
    if first is None or second is None:
        return 0.0
    width, height = (
        min(first[axis] + first[axis + 2], second[axis] + second[axis + 2])
        - max(first[axis], second[axis])
        for axis in (0, 1)
    )
    common = max(width, 0) * max(height, 0)
    return common / (first.width * first.height + second.width * second.height - common)


def _photo_paths(dataset: Dataset) -> list[Path]:
    return [dataset.root / path for path in dataset.paths]


def _print_table(rows: dict[str, Row]) -> None:
    print("| photos | middle | answer | crop | close-ups | overlap | time |\n|" + "---|" * 7)
    for kind, row in rows.items():
        shares = " | ".join("" if np.isnan(value) else f"{100 * value:.1f}" for value in row[:5])
        print(f"| {kind} | {shares} | x {row.cost:.2f} |")
    print(flush=True)


def main() -> None:
    """Measure runs."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("runs", nargs="+", type=Path, metavar="RUN")
    parser.add_argument("--data", nargs="+", type=Path, help="data of each run")
    parser.add_argument("--split", default="test")
    parser.add_argument("--pictures", type=Path, help="folder of photographs of other things")
    options = parser.parse_args()
    tables = []
    for number, run in enumerate(options.runs):
        identifier = load(run, device="cpu")
        data = options.data[number] if options.data else training_data_of(run)
        dataset = read_split(data, options.split, identifier.classes)
        backgrounds = {"plain": [], "ground": []}
        backgrounds["corner"] = _photo_paths(read_split(data, "train", identifier.classes))
        if options.pictures:
            backgrounds["picture"] = [
                options.pictures / path for path in photos_in(options.pictures)
            ]
        rows = {}
        for kind, others in {"filling the frame": [], **backgrounds}.items():
            scenes = list(scenes_of(kind, _photo_paths(dataset), others))
            rows[kind] = measure_kind(identifier, scenes, np.asarray(dataset.labels))
        print(f"{run}, {options.split}, {len(dataset)} photos\n")
        _print_table(rows)
        tables.append(rows)
    print("all runs\n")
    means = {kind: np.mean([rows[kind] for rows in tables], axis=0) for kind in tables[0]}
    _print_table({kind: Row(*mean) for kind, mean in means.items()})


if __name__ == "__main__":
    main()
