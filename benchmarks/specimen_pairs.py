"""Two photos of one specimen: how often they "do not look alike", and a good photo with a bad one.

    python benchmarks/specimen_pairs.py RUN... [--data DATA...] [--split test]

Prints a Markdown table with a row for each run, in per cent:

- `false alarms`: pairs of photos of one class that are reported as unlike. They show different
  specimens, so the photos of one specimen should be reported less often;
- `found`: pairs of photos of two classes that are reported;
- `two good`, `blurred`, `dark`, `noisy`: accuracy of the answer from a photo and another one of its
  class, as it is or spoilt, `equal` with equal weights, `weighted` as `identify` weighs them.
"""

from __future__ import annotations

import argparse
from collections.abc import Callable
from pathlib import Path

import numpy as np
from PIL import Image, ImageEnhance, ImageFilter

from mineral_recog.calibration.calibration import specimen_logits
from mineral_recog.data.dataset import read_split
from mineral_recog.data.images import open_photo
from mineral_recog.identify.alike import unlike_photos
from mineral_recog.identify.answer import PhotoOutputs
from mineral_recog.identify.identifier import Identifier, load
from mineral_recog.models.run_files import training_data_of

PAIRS = 6  # of each photo
SEED = 3


def blur(photo: Image.Image) -> Image.Image:
    """Return a photo out of focus."""
    return photo.filter(ImageFilter.GaussianBlur(0.025 * min(photo.size)))


def darken(photo: Image.Image) -> Image.Image:
    """Return a photo with an eighth of its light."""
    return ImageEnhance.Brightness(photo).enhance(0.12)


def add_noise(photo: Image.Image) -> Image.Image:
    """Return a photo with strong noise."""
    noise = np.random.default_rng(0).normal(0, 50, (photo.height, photo.width, 3))
    return Image.fromarray((np.asarray(photo) + noise).clip(0, 255).astype(np.uint8))


SPOILT: dict[str, Callable[[Image.Image], Image.Image]] = {
    "two good": lambda photo: photo,
    "blurred": blur,
    "dark": darken,
    "noisy": add_noise,
}


def draw_pairs(labels: np.ndarray, is_same: bool) -> list[tuple[int, int]]:
    """Return up to PAIRS pairs for each photo, with others of its class or of other classes."""
    rng = np.random.default_rng(SEED)
    pairs = []
    for first, label in enumerate(labels):
        others = np.flatnonzero((labels == label) == is_same)
        others = rng.permutation(others[others != first])[:PAIRS]
        pairs += [(first, int(second)) for second in others]
    return pairs


def share_unlike(identifier: Identifier, logits: np.ndarray, pairs: list[tuple[int, int]]) -> float:
    """Return the share of pairs that are reported as unlike."""
    probabilities = identifier.model.calibration.probabilities(logits)
    return float(np.mean([unlike_photos(probabilities[[*pair]]) is not None for pair in pairs]))


def measure(identifier: Identifier, photos: list[Image.Image], labels: np.ndarray) -> list[float]:
    """Return the figures of a row."""
    outputs: dict[str, list[PhotoOutputs]] = {
        name: [
            seen.outputs
            for seen in identifier.observe_views(
                identifier.look_at(spoil(photo)) for photo in photos
            )
        ]
        for name, spoil in SPOILT.items()
    }
    good = outputs["two good"]
    logits = np.stack([photo.logits for photo in good])
    same = draw_pairs(labels, is_same=True)
    figures = [
        share_unlike(identifier, logits, same),
        share_unlike(identifier, logits, draw_pairs(labels, is_same=False)),
    ]
    for others in outputs.values():
        equal, weighted = [], []
        for first, second in same:
            both = [good[first], others[second]]
            mean = specimen_logits(np.stack([photo.logits for photo in both]))
            name = identifier.answer(both).candidates[0].name
            equal.append(mean.argmax() == labels[first])
            weighted.append(identifier.classes.index(name) == labels[first])
        figures += [float(np.mean(equal)), float(np.mean(weighted))]
    return figures


def main() -> None:
    """Measure runs."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("runs", nargs="+", type=Path, metavar="RUN")
    parser.add_argument("--data", nargs="+", type=Path, help="data of each run")
    parser.add_argument("--split", default="test")
    options = parser.parse_args()
    columns = [f"{name}, {way}" for name in SPOILT for way in ("equal", "weighted")]
    print(f"| run | false alarms | found | {' | '.join(columns)} |")
    print("|" + "---|" * (len(columns) + 3))
    for number, run in enumerate(options.runs):
        identifier = load(run, device="cpu")
        data = options.data[number] if options.data else training_data_of(run)
        dataset = read_split(data, options.split, identifier.classes)
        photos = [open_photo(dataset.root / path) for path in dataset.paths]
        figures = measure(identifier, photos, np.asarray(dataset.labels))
        print(f"| {run} | {' | '.join(f'{100 * figure:.1f}' for figure in figures)} |", flush=True)


if __name__ == "__main__":
    main()
