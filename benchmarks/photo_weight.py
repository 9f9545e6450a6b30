"""How much colours tell that the photo did not: the weight of their likelihood, by measurement.

    python benchmarks/photo_weight.py RUN... [--split val]

The colours of each photo are named from its pixels, by hue, saturation and brightness of the middle
of the photo, where the specimen is: the commonest word, and the second if it covers a quarter. This
observer sees nothing that the network did not see, so that a weight of 1 counts the colour twice;
people see the specimen and not the photo, and are between this and independence. Prints accuracy,
log loss and ECE for weights from 0 to 1, over all runs.
"""

from __future__ import annotations

import argparse
import colorsys
from collections import Counter
from pathlib import Path

import numpy as np
import numpy.typing as npt
from PIL import Image

from mineral_recog.data.dataset import read_split
from mineral_recog.evaluation import metrics
from mineral_recog.evaluation.measurement import measure
from mineral_recog.identify.likelihood_tables import LikelihoodTables, fill_unknown
from mineral_recog.minerals.facts import read_minerals
from mineral_recog.models.bundle import read_bundle
from mineral_recog.models.run_files import training_data_of

WEIGHTS = (0.0, 0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.8, 1.0)
SIDE = 48  # of the middle square, reduced
SECOND_SHARE = 0.25
HUES = (  # upper limits in degrees
    (15, "red"), (45, "orange"), (70, "yellow"), (165, "green"), (255, "blue"), (290, "purple"),
    (335, "pink"), (360, "red"),
)  # fmt: skip


def name_colour(red: float, green: float, blue: float) -> str:
    """Return the word of the table for a pixel of values from 0 to 1."""
    hue, saturation, value = colorsys.rgb_to_hsv(red, green, blue)
    if value < 0.2:
        return "black"
    if saturation < 0.18:
        return "white" if value > 0.75 else "grey"
    word = next(word for limit, word in HUES if 360 * hue <= limit)
    if word in ("red", "orange", "yellow") and value < 0.6 and saturation < 0.75:
        return "brown"
    return "pink" if word == "red" and value > 0.7 and saturation < 0.5 else word


def colours_of(photo: Image.Image) -> tuple[str, ...]:
    """Return one or two words for the middle of a photo."""
    width, height = photo.size
    side = min(width, height) // 2
    left, top = (width - side) // 2, (height - side) // 2
    middle = photo.convert("RGB").crop((left, top, left + side, top + side)).resize((SIDE, SIDE))
    pixels = np.asarray(middle, dtype=float).reshape(-1, 3) / 255
    counted = Counter(name_colour(*pixel) for pixel in pixels.tolist()).most_common(2)
    return tuple(
        w for n, (w, count) in enumerate(counted) if n == 0 or count > SECOND_SHARE * SIDE**2
    )


def figures(run: Path, split: str) -> npt.NDArray[np.float64]:
    """Return accuracy, log loss and ECE for each weight: [weights, 3]."""
    bundle = read_bundle(run)
    dataset = read_split(training_data_of(run), split, bundle.classes)
    predictions = measure(run.name, bundle, dataset, split, workers=0).predictions
    assert predictions is not None
    prior, labels = bundle.calibration.probabilities(predictions.logits), predictions.labels
    tables = LikelihoodTables([*map(read_minerals().find, bundle.classes)])
    rows = [
        tables.row("colours", colours_of(Image.open(dataset.open(n)))) for n in range(len(labels))
    ]
    results = []
    for weight in WEIGHTS:
        factors = [
            fill_unknown(row[None] ** weight, p)[0] for row, p in zip(rows, prior, strict=True)
        ]
        joint = prior * np.array(factors)
        logs = np.log(joint / joint.sum(axis=1, keepdims=True))
        found = metrics.compute_metrics(labels, logs, bundle.groups)
        loss = -float(logs[np.arange(len(labels)), labels].mean())
        results.append([found["mean_accuracy"], loss, found["ece"]])
    return np.array(results)


def main() -> None:
    """Measure and print the table."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("runs", type=Path, nargs="+")
    parser.add_argument("--split", default="val")
    options = parser.parse_args()
    results = np.mean([figures(run, options.split) for run in options.runs], axis=0)
    print("| weight | mean accuracy | log loss | ECE |\n|---|---|---|---|")
    for weight, (accuracy, loss, ece) in zip(WEIGHTS, results, strict=True):
        print(f"| {weight:g} | {100 * accuracy:.1f} | {loss:.4f} | {ece:.3f} |")


if __name__ == "__main__":
    main()
