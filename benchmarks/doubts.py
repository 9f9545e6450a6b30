"""How many photos under a wrong class a model doubts, and how many under their right one.

    python benchmarks/doubts.py RUN... [--data DATA...] [--splits val test train] [--draws 100]
        [--share 0.05] [--seed 0] [--others FOLDER]

Of each split so many photos, drawn at random, are put under another class, drawn evenly, and the
model of RUN is asked about all, as `mineral-recog audit --model RUN` does; that many times anew.
The photos themselves stay where they are. Figures are over all draws and runs together:

- precision: of the photos doubted, how many are under a wrong class;
- recall: of the photos under a wrong class, how many are doubted;
- false: of the photos under their right class, how many are doubted;
- named: of the photos doubted that are under a wrong class, for how many the right one is named.

Sets hold photos under wrong classes to begin with; to doubt these counts as false.

Beside it stands confident learning as published (Northcutt et al., JAIR 2021): a photo is doubted
when among the classes that reach their mean self-confidence, over the photos at hand, the likeliest
is not its own; same probabilities.

The model has learnt the photos of `train` under their right names, which in use it has not:

    python benchmarks/doubts.py --spoil DATA NEW [--share 0.05] [--seed 0]

makes a copy of a prepared folder with so many photos of train and of val under another class, which
NEW/moved.json tells. For a RUN trained on NEW, these splits are taken as they lie there; on test,
where all lie right, draws are made as above.

The last table is of pictures: which share is told to be far from every class, of the photos of each
split and of what is in FOLDER.
"""

from __future__ import annotations

import argparse
import json
import shutil
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt

from mineral_recog.curation.label_errors import SHARE, beliefs, self_confidence
from mineral_recog.data.dataset import (
    SPLITS,
    Dataset,
    class_folders,
    files_in,
    photos_in,
    read_split,
)
from mineral_recog.evaluation.evaluator import trained_on
from mineral_recog.identify.identifier import Identifier, load

Floats = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int64]
Flags = npt.NDArray[np.bool_]
MOVED = "moved.json"


@dataclass(frozen=True)
class Asked:
    """What a model says of some photos: probabilities [M, C], and whether they are far [M]."""

    probabilities: Floats
    far: Flags


def ask(identifier: Identifier, paths: list[Path]) -> Asked:
    """Ask a model about photos."""
    sightings = [seen.sighting for seen in identifier.look(identifier.open(path) for path in paths)]
    calibration = identifier.bundle.calibration
    strangeness = np.array([one.strangeness for one in sightings])
    logits = np.stack([one.logits for one in sightings])
    return Asked(calibration.probabilities(logits), strangeness > calibration.ood.threshold)


def ours(asked: Asked, given: Ints, usual: Floats) -> Flags:
    """Which photos the audit would tell as doubted."""
    return ~asked.far & (beliefs(asked.probabilities, given, usual) < SHARE)


def published(asked: Asked, given: Ints) -> Flags:
    """Which photos are off the diagonal of the confident joint."""
    probabilities = asked.probabilities
    means = [
        probabilities[given == c, c].mean() if (given == c).any() else np.inf
        for c in range(probabilities.shape[1])
    ]
    confident = np.where(probabilities >= np.array(means), probabilities, 0)
    return (confident.max(axis=1) > 0) & (confident.argmax(axis=1) != given)


def drawn_wrong(right: Ints, classes: int, share: float, rng: np.random.Generator) -> Ints:
    """The classes of photos, a share of them replaced by another class."""
    chosen = rng.permutation(len(right))[: max(1, round(share * len(right)))]
    given = right.copy()
    given[chosen] = (right[chosen] + rng.integers(1, classes, len(chosen))) % classes
    return given


def counted(flags: Flags, asked: Asked, given: Ints, right: Ints) -> Ints:
    """Photos: doubted and wrong, doubted, wrong, right, and doubted, wrong and named right, [5]."""
    wrong = given != right
    named = asked.probabilities.argmax(axis=1) == right
    kinds = (flags & wrong, flags, wrong, ~wrong, flags & wrong & named)
    return np.array([kind.sum() for kind in kinds])


def row(name: str, counts: Ints) -> str:
    """A line of the table."""
    both, doubted, wrong, right, named = counts.tolist()
    figures = (
        both / doubted if doubted else float("nan"),
        both / wrong,
        (doubted - both) / right,
        named / both if both else float("nan"),
    )
    return f"| {name} | " + " | ".join(f"{100 * figure:.1f}" for figure in figures) + " |"


def right_classes(data: Path, split: str, dataset: Dataset) -> Ints:
    """The classes of photos before `spoil`, [M]."""
    file = data / MOVED
    moved = json.loads(file.read_text("utf-8")) if file.is_file() else {}
    right = dataset.labels.copy()
    for place, path in enumerate(dataset.paths):
        if (old := moved.get(f"{split}/{path}")) is not None:
            right[place] = dataset.classes.index(old)
    return right


def spoil(data: Path, new: Path, share: float, seed: int) -> None:
    """Copy a prepared folder, with a share of the photos of train and val under another class."""
    rng = np.random.default_rng(seed)
    moved = {}
    for split in SPLITS:
        photos, classes = files_in(data / split), class_folders(data / split)
        right = np.array([classes.index(photo.split("/")[0]) for photo in photos])
        given = right if split == "test" else drawn_wrong(right, len(classes), share, rng)
        for photo, old, place in zip(photos, right.tolist(), given.tolist(), strict=True):
            # Files of two classes may share a name.
            to = f"{split}/{classes[place]}/{photo.replace('/', '__')}"
            (new / to).parent.mkdir(parents=True, exist_ok=True)
            shutil.copyfile(data / split / photo, new / to)
            if place != old:
                moved[to] = classes[old]
    (new / MOVED).write_text(json.dumps(moved, indent=1, ensure_ascii=False), encoding="utf-8")
    print(f"{len(moved)} photos are under another class; mineral-recog train {new}")


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("runs", type=Path, nargs="*")
    parser.add_argument("--data", type=Path, nargs="+", help="a prepared folder for each run")
    parser.add_argument("--splits", choices=SPLITS, nargs="+", default=("val", "test", "train"))
    parser.add_argument("--draws", type=int, default=100)
    parser.add_argument("--share", type=float, default=0.05)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--others", type=Path)
    parser.add_argument("--spoil", type=Path, nargs=2, metavar=("DATA", "NEW"))
    told = parser.parse_args()
    if told.spoil:
        spoil(*told.spoil, told.share, told.seed)
        return

    rng = np.random.default_rng(told.seed)
    counts: dict[tuple[str, str], Ints] = {}
    far: dict[str, list[Flags]] = {}
    for run, folder in zip(told.runs, told.data or [None] * len(told.runs), strict=True):
        identifier, data = load(run), folder or trained_on(run)
        usual = self_confidence(identifier.bundle.calibration.conformal)
        for split in told.splits:
            dataset = read_split(data, split, identifier.classes)
            asked = ask(identifier, [dataset.path(photo) for photo in range(len(dataset))])
            far.setdefault(split, []).append(asked.far)
            right = right_classes(data, split, dataset)
            for _ in range(told.draws):
                given = dataset.labels
                if (right == given).all():
                    given = drawn_wrong(right, len(dataset.classes), told.share, rng)
                rules = {
                    "audit": ours(asked, given, usual),
                    "confident learning": published(asked, given),
                }
                for rule, flags in rules.items():
                    before = counts.get((split, rule), 0)
                    counts[split, rule] = before + counted(flags, asked, given, right)
        if told.others:
            pictures = [told.others / name for name in photos_in(told.others)]
            far.setdefault("others", []).append(ask(identifier, pictures).far)
    print("| photos, rule | precision | recall | false | named |\n|---|---|---|---|---|")
    for (split, rule), of in counts.items():
        print(row(f"{split}, {rule}", of))
    print("\n| pictures | far from every class |\n|---|---|")
    for name, flags in far.items():
        every = np.concatenate(flags)
        print(f"| {name}, {len(every)} | {100 * every.mean():.1f} |")


if __name__ == "__main__":
    main()
