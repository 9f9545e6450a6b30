"""Precision and recall of the label errors that a model reports, on photos put under wrong classes.

    python benchmarks/doubts.py RUN... [--data DATA...] [--splits val test train] [--draws 100]
        [--share 0.05] [--seed 0] [--others FOLDER]

In each of --draws draws, a share of the photos of each split, drawn at random, is put under another
class, drawn uniformly, and the model of RUN judges all photos, as `mineral-recog audit --model RUN`
does. The files themselves are not moved. The figures cover all draws and runs together:

- precision: share of the reported photos that are under a wrong class;
- recall: share of the photos under a wrong class that are reported;
- false: share of the photos under their right class that are reported;
- named: share of the reported photos under a wrong class for which the right class is predicted.

Photo sets contain photos under wrong classes to begin with; reporting these counts as false.

The baseline is confident learning as published (Northcutt et al., JAIR 2021), on the same
probabilities: a photo is reported if, among the classes that reach their mean self-confidence over
the photos of the split, the most likely one is not its own.

The model was trained on the photos of `train` under their right classes, which is not so in use:

    python benchmarks/doubts.py --spoil DATA NEW [--share 0.05] [--seed 0]

makes a copy of a prepared folder with a share of the photos of train and of val under another
class, which NEW/moved.json records. For a RUN trained on NEW, these splits are used as they are; on
test, where all classes are right, draws are made as above.

The last table gives the share of pictures that are reported as far from every class, of the photos
of each split and of the pictures in FOLDER.
"""

from __future__ import annotations

import argparse
import json
import shutil
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt

from mineral_recog.curation.label_errors import (
    MAX_RELATIVE_CONFIDENCE,
    relative_confidences,
    self_confidence,
)
from mineral_recog.data.dataset import (
    SPLITS,
    Dataset,
    class_folders,
    files_in,
    photos_in,
    read_split,
)
from mineral_recog.identify.identifier import Identifier, load
from mineral_recog.models.run_files import training_data_of

Floats = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int64]
Flags = npt.NDArray[np.bool_]
MOVED = "moved.json"


@dataclass(frozen=True)
class ModelOutputs:
    """Outputs of a model for M photos.

    Attributes:
        probabilities: Calibrated probabilities, [M, C].
        far: Whether a photo is far from every class, [M].
    """

    probabilities: Floats
    far: Flags


def predict(identifier: Identifier, paths: list[Path]) -> ModelOutputs:
    """Run a model on photos."""
    images = (identifier.open(path) for path in paths)
    outputs = [seen.outputs for seen in identifier.observe(images)]
    calibration = identifier.bundle.calibration
    ood_scores = np.array([photo.ood_score for photo in outputs])
    logits = np.stack([photo.logits for photo in outputs])
    return ModelOutputs(calibration.probabilities(logits), ood_scores > calibration.ood.threshold)


def reported_by_audit(outputs: ModelOutputs, labels: Ints, self_confidences: Floats) -> Flags:
    """Return which photos the audit reports as label errors, [M]."""
    confidences = relative_confidences(outputs.probabilities, labels, self_confidences)
    return ~outputs.far & (confidences < MAX_RELATIVE_CONFIDENCE)


def reported_by_confident_learning(outputs: ModelOutputs, labels: Ints) -> Flags:
    """Return which photos are off the diagonal of the confident joint, [M]."""
    probabilities = outputs.probabilities
    means = [
        probabilities[labels == c, c].mean() if (labels == c).any() else np.inf
        for c in range(probabilities.shape[1])
    ]
    confident = np.where(probabilities >= np.array(means), probabilities, 0)
    return (confident.max(axis=1) > 0) & (confident.argmax(axis=1) != labels)


def with_wrong_labels(right: Ints, classes: int, share: float, rng: np.random.Generator) -> Ints:
    """Return the labels with a share of them replaced by another class, [M]."""
    chosen = rng.permutation(len(right))[: max(1, round(share * len(right)))]
    labels = right.copy()
    labels[chosen] = (right[chosen] + rng.integers(1, classes, len(chosen))) % classes
    return labels


def count_reported(flags: Flags, outputs: ModelOutputs, labels: Ints, right: Ints) -> Ints:
    """Count photos, [5].

    Args:
        flags: Whether a photo is reported, [M].
        outputs: Outputs of the model.
        labels: Classes that the photos are under, [M].
        right: Right classes of the photos, [M].

    Returns:
        Photos that are reported and wrong, reported, wrong, right, and reported and wrong with the
        right class predicted.
    """
    wrong = labels != right
    named = outputs.probabilities.argmax(axis=1) == right
    kinds = (flags & wrong, flags, wrong, ~wrong, flags & wrong & named)
    return np.array([kind.sum() for kind in kinds])


def row(name: str, counts: Ints) -> str:
    """Return a line of the table."""
    hits, reported, wrong, right, named = counts.tolist()
    figures = (
        hits / reported if reported else float("nan"),
        hits / wrong,
        (reported - hits) / right,
        named / hits if hits else float("nan"),
    )
    return f"| {name} | " + " | ".join(f"{100 * figure:.1f}" for figure in figures) + " |"


def right_classes(data: Path, split: str, dataset: Dataset) -> Ints:
    """Return the classes that photos had before `spoil`, [M]."""
    file = data / MOVED
    moved = json.loads(file.read_text("utf-8")) if file.is_file() else {}
    right = dataset.labels.copy()
    for index, path in enumerate(dataset.paths):
        if (old_class := moved.get(f"{split}/{path}")) is not None:
            right[index] = dataset.classes.index(old_class)
    return right


def spoil(data: Path, new: Path, share: float, seed: int) -> None:
    """Copy a prepared folder and put a share of the photos of train and val under another class."""
    rng = np.random.default_rng(seed)
    moved = {}
    for split in SPLITS:
        paths, classes = files_in(data / split), class_folders(data / split)
        right = np.array([classes.index(path.split("/")[0]) for path in paths])
        labels = right if split == "test" else with_wrong_labels(right, len(classes), share, rng)
        for path, old, label in zip(paths, right.tolist(), labels.tolist(), strict=True):
            # Files of two classes may share a name.
            target = f"{split}/{classes[label]}/{path.replace('/', '__')}"
            (new / target).parent.mkdir(parents=True, exist_ok=True)
            shutil.copyfile(data / split / path, new / target)
            if label != old:
                moved[target] = classes[old]
    (new / MOVED).write_text(json.dumps(moved, indent=1, ensure_ascii=False), encoding="utf-8")
    print(f"{len(moved)} photos are under another class; mineral-recog train {new}")


def main() -> None:
    """Measure and print the tables."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("runs", type=Path, nargs="*")
    parser.add_argument("--data", type=Path, nargs="+", help="a prepared folder for each run")
    parser.add_argument("--splits", choices=SPLITS, nargs="+", default=("val", "test", "train"))
    parser.add_argument("--draws", type=int, default=100)
    parser.add_argument("--share", type=float, default=0.05)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--others", type=Path)
    parser.add_argument("--spoil", type=Path, nargs=2, metavar=("DATA", "NEW"))
    options = parser.parse_args()
    if options.spoil:
        spoil(*options.spoil, options.share, options.seed)
        return

    rng = np.random.default_rng(options.seed)
    counts: dict[tuple[str, str], Ints] = {}
    far: dict[str, list[Flags]] = {}
    for run, folder in zip(options.runs, options.data or [None] * len(options.runs), strict=True):
        identifier, data = load(run), folder or training_data_of(run)
        self_confidences = self_confidence(identifier.bundle.calibration.conformal)
        for split in options.splits:
            dataset = read_split(data, split, identifier.classes)
            outputs = predict(identifier, [dataset.root / path for path in dataset.paths])
            far.setdefault(split, []).append(outputs.far)
            right = right_classes(data, split, dataset)
            for _ in range(options.draws):
                labels = dataset.labels
                if (right == labels).all():
                    labels = with_wrong_labels(right, len(dataset.classes), options.share, rng)
                rules = {
                    "audit": reported_by_audit(outputs, labels, self_confidences),
                    "confident learning": reported_by_confident_learning(outputs, labels),
                }
                for rule, flags in rules.items():
                    before = counts.get((split, rule), 0)
                    counts[split, rule] = before + count_reported(flags, outputs, labels, right)
        if options.others:
            pictures = [options.others / name for name in photos_in(options.others)]
            far.setdefault("others", []).append(predict(identifier, pictures).far)
    print("| photos, rule | precision | recall | false | named |\n|---|---|---|---|---|")
    for (split, rule), rule_counts in counts.items():
        print(row(f"{split}, {rule}", rule_counts))
    print("\n| pictures | far from every class |\n|---|---|")
    for name, split_flags in far.items():
        all_flags = np.concatenate(split_flags)
        print(f"| {name}, {len(all_flags)} | {100 * all_flags.mean():.1f} |")


if __name__ == "__main__":
    main()
