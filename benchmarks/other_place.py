"""How far labelled photos of another place repair the calibration there.

    python benchmarks/other_place.py PHOTOS RUN... --per-class 3,5,10,20,50 --draws 20

PHOTOS is a folder of photos with one folder per class, such as the one that the data of the runs
was prepared from. Photos of the training and validation splits of a run (by class and file name)
are left out. The others are changed as another place would have them: the photo shrunk to 60 %, off
centre on the mean colour of its border, in warm and darker light (red x 0.945, green x 0.765,
blue x 0.54), JPEG quality 30. For each number N, N photos of each class are drawn (of a class with
fewer than 1.5 N, two thirds), the calibration of the run is fitted on them, and measured on the
rest. `own` is the run's calibration on the same photos unchanged. The other ways:

    before    the calibration of the run
    after     `refit_calibration`, as `mineral-recog calibrate` does
    both      the same on the drawn and the run's own validation photos together
    missing: before, pooled, kept
              photos of three classes of which none was drawn: by the run's calibration, by
              `refit_calibration`, and with the scores of their own validation photos
"""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from dataclasses import replace
from io import BytesIO
from pathlib import Path
from typing import NamedTuple

import numpy as np
from PIL import Image

from mineral_recog.calibration.calibration import Calibration
from mineral_recog.calibration.conformal import fit_conformal
from mineral_recog.calibration.refit import MIN_PHOTOS, refit_calibration
from mineral_recog.calibration.temperature import Floats, Ints, calibration_error, softmax
from mineral_recog.identify.identifier import Identifier, load
from mineral_recog.models.run_files import training_data_of

COLUMNS = ("ECE", "coverage", "by class", "lowest", "set size", "kept", "accuracy")
DRAWN_CLASSES = 4  # of 7, for those that are missing


class Outputs(NamedTuple):
    """Logits [M, C], labels [M], OOD scores [M] and scores of showing no mineral [M] of photos."""

    logits: Floats
    labels: Ints
    ood_scores: Floats
    no_mineral: Floats

    def rows(self, indices: Ints) -> Outputs:
        """Return some of the photos."""
        return Outputs(*(part[indices] for part in self))


def as_elsewhere(photo: Image.Image) -> Image.Image:
    """Return a photo as another place would have it."""
    width, height = photo.size
    values = np.asarray(photo, np.float64)
    border = np.concatenate([values[0], values[-1], values[:, 0], values[:, -1]]).mean(axis=0)
    small = photo.resize((round(0.6 * width), round(0.6 * height)), Image.Resampling.BILINEAR)
    ground = Image.new("RGB", photo.size, tuple(border.astype(int).tolist()))
    ground.paste(small, (round(0.7 * (width - small.width)), round(0.3 * (height - small.height))))
    lit = np.asarray(ground, np.float64) * (0.945, 0.765, 0.54)
    file = BytesIO()
    Image.fromarray(lit.astype(np.uint8)).save(file, "JPEG", quality=30)
    return Image.open(file).convert("RGB")


def observe(identifier: Identifier, files: Sequence[Path], elsewhere: bool) -> Outputs:
    """Run the model on photos, unchanged or as another place would have them."""

    def view(path: Path) -> object:
        photo = identifier.open(path)
        image = as_elsewhere(photo.image) if elsewhere else photo.image
        return identifier.view(photo._replace(image=image))

    seen = [item for _, item in identifier.observe_each(files, view)]
    labels = [identifier.classes.index(path.parent.name) for path in files]
    return Outputs(
        np.stack([item.outputs.logits for item in seen]),
        np.array(labels),
        np.array([item.outputs.ood_score for item in seen]),
        np.array([item.outputs.gate_score for item in seen], np.float64),
    )


def measure(calibration: Calibration, photos: Outputs) -> list[float]:
    """Return the figures of COLUMNS."""
    logits, labels, *scores = photos
    probabilities = calibration.probabilities(logits)
    sets = calibration.conformal.prediction_set(probabilities)
    held = sets[np.arange(len(labels)), labels]
    by_class = [held[labels == label].mean() for label in np.unique(labels)]
    right = logits.argmax(axis=1) == labels
    accuracy = np.mean([right[labels == label].mean() for label in np.unique(labels)])
    kept = calibration.accepts(*scores)
    sizes = sets.sum(axis=1).mean()
    error = calibration_error(labels, probabilities)
    return [error, held.mean(), np.mean(by_class), min(by_class), sizes, kept.mean(), accuracy]


def with_kept_scores(
    fitted: Calibration, drawn: Outputs, val: Outputs, groups: tuple[str, ...]
) -> Calibration:
    """Return a calibration in which classes without photos have the scores of validation photos."""
    rows = val.rows(np.flatnonzero(~np.isin(val.labels, drawn.labels)))
    logits = np.concatenate([drawn.logits, rows.logits])
    labels = np.concatenate([drawn.labels, rows.labels])
    probabilities = softmax(logits, fitted.temperature)
    return replace(fitted, conformal=fit_conformal(probabilities, labels, groups))


def draw(labels: Ints, count: int, rng: np.random.Generator) -> Ints:
    """Return N photos of each class, or two thirds of those that it has."""
    drawn = []
    for label in np.unique(labels):
        members = rng.permutation(np.flatnonzero(labels == label))
        drawn.append(members[: min(count, len(members) * 2 // 3)])
    return np.concatenate(drawn)


def try_run(run: Path, photos: Path, counts: list[int], draws: int) -> dict[str, list[list[float]]]:
    """Return the figures of a run by way, a row per draw."""
    identifier, data = load(run), training_data_of(run)
    seen = {
        f"{path.parent.name}/{path.name}"
        for split in ("train", "val")
        for path in (data / split).glob("*/*")
    }
    files = [
        path for path in sorted(photos.glob("*/*")) if f"{path.parent.name}/{path.name}" not in seen
    ]
    val = observe(identifier, sorted((data / "val").glob("*/*")), elsewhere=False)
    place = observe(identifier, files, elsewhere=True)
    old = identifier.model.calibration
    groups, rng = old.conformal.groups, np.random.default_rng(0)
    rows = {"own": [measure(old, observe(identifier, files, elsewhere=False))]}
    for count in counts:
        for _ in range(draws):
            drawn = draw(place.labels, count, rng)
            given = place.rows(drawn)
            rest = place.rows(np.setdiff1d(np.arange(len(place.labels)), drawn))
            both = Outputs(*(np.concatenate(parts) for parts in zip(given, val, strict=True)))
            ways = {
                "before": (old, rest),
                "after": (refit_calibration(old, *given), rest),
                "both": (refit_calibration(old, *both), rest),
            }
            present = rng.permutation(len(groups))[:DRAWN_CLASSES]
            some = given.rows(np.flatnonzero(np.isin(given.labels, present)))
            others = rest.rows(np.flatnonzero(~np.isin(rest.labels, present)))
            if len(some.labels) >= MIN_PHOTOS:
                fitted = refit_calibration(old, *some)
                ways["missing: before"] = (old, others)
                ways["missing: pooled"] = (fitted, others)
                ways["missing: kept"] = (with_kept_scores(fitted, some, val, groups), others)
            for way, (calibration, measured) in ways.items():
                rows.setdefault(f"{count:3} {way}", []).append(measure(calibration, measured))
    return rows


def main() -> None:
    """Print the mean figures of each way over runs and draws."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("photos", type=Path)
    parser.add_argument("runs", type=Path, nargs="+")
    parser.add_argument("--per-class", default="3,5,10,20,50")
    parser.add_argument("--draws", type=int, default=20)
    arguments = parser.parse_args()
    counts = [int(count) for count in arguments.per_class.split(",")]
    rows: dict[str, list[list[float]]] = {}
    for run in arguments.runs:
        for way, figures in try_run(run, arguments.photos, counts, arguments.draws).items():
            rows.setdefault(way, []).extend(figures)
    print(f"{'':24}" + "".join(f"{name:>10}" for name in COLUMNS))
    for way, figures in rows.items():
        print(f"{way:24}" + "".join(f"{value:10.3f}" for value in np.mean(figures, axis=0)))


if __name__ == "__main__":
    main()
