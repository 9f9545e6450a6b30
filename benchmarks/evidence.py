"""What hand tests add to a photo, measured by simulated tests on the real photos of a test split.

    python benchmarks/evidence.py RUN... [--data DATA...] [--draws 10] [--seed 0]

Prints a Markdown table of mean and tail accuracy in per cent, over all runs and draws. The photos'
probabilities are those of the run; the tests are simulated for the true mineral of each photo and
go, as a user would type them, through `read_evidence`. They are drawn from the table of minerals,
but not by the model that judges them:

- the specimen's hardness H and density are even over the mineral's range;
- hardness as a number is H with normal noise of 0.5; density has normal noise of 3 %;
- scratching is four tests, fingernail, coin, glass and streak plate, and each of these things has
  a hardness of its own, even within 0.5 of the usual one; nothing else goes wrong;
- streak and lustre are one of the mineral's words and never a similar one; magnet and acid are as
  the table says, and weak magnets and powders go either way;
- when one test in ten is wrong, each test is replaced, with chance 0.1, by the same test of
  another mineral of the whole table; magnet and acid are turned round.

The noise of density is smaller than the model takes it to be, and a wrong test looks like another
mineral where the model takes any outcome to be as likely.
"""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import numpy.typing as npt

from mineral_recog.data.dataset import read_split
from mineral_recog.evaluation import metrics
from mineral_recog.evaluation.evaluator import measure, trained_on
from mineral_recog.identify.evidence import posterior, read_evidence
from mineral_recog.minerals.facts import Mineral, read_minerals
from mineral_recog.models.bundle import read_bundle

WRONG = 0.1
ROWS = {
    "no evidence": (),
    "hardness by scratching": ("scratching",),
    "hardness as a number": ("hardness",),
    "hardness and streak": ("hardness", "streak"),
    "all six": ("hardness", "streak", "lustre", "density", "magnetic", "acid"),
}
THINGS = {"fingernail": 2.5, "copper coin": 3.5, "glass": 5.5, "streak plate": 6.5}
YES = {"strong": 1.0, "fizzes": 1.0, "weak": 0.5, "fizzes when powdered": 0.5, "none": 0.0}


def simulate(mineral: Mineral, rng: np.random.Generator) -> dict[str, str]:
    """What a user would type after each test of a specimen; tests without a fact are left out."""
    told = {}
    if mineral.hardness is not None:
        hardness = rng.uniform(*mineral.hardness)
        told["hardness"] = f"{np.clip(hardness + rng.normal(0, 0.5), 1, 10):.1f}"
        own = {thing: usual + rng.uniform(-0.5, 0.5) for thing, usual in THINGS.items()}
        told["scratching"] = ", ".join(
            f"{'scratches' if hardness > of_thing else 'does not scratch'} {thing}"
            for thing, of_thing in own.items()
        )
    if mineral.density is not None:
        told["density"] = f"{rng.uniform(*mineral.density) * (1 + rng.normal(0, 0.03)):.2f}"
    for test in ("streak", "lustre"):
        if words := getattr(mineral, test):
            told[test] = str(rng.choice(words))
    for test, word in (("magnetic", mineral.magnetism), ("acid", mineral.acid)):
        if word is not None:
            told[test] = "yes" if rng.random() < YES[word] else "no"
    return told


def spoil(
    told: dict[str, str], mineral: Mineral, table: Sequence[Mineral], rng: np.random.Generator
) -> dict[str, str]:
    """The same tests, each wrong with chance WRONG."""
    spoilt = dict(told)
    for test, outcome in told.items():
        if rng.random() >= WRONG:
            continue
        if test in ("magnetic", "acid"):
            spoilt[test] = "no" if outcome == "yes" else "yes"
            continue
        for other in rng.permutation(len(table)):  # the first one that has the fact
            found = simulate(table[other], rng)
            if test in found and table[other].name != mineral.name:
                spoilt[test] = found[test]
                break
    return spoilt


def accuracies(
    run: Path, data: Path | None, draws: int, rng: np.random.Generator
) -> npt.NDArray[np.float64]:
    """[rows, 4]: mean and tail accuracy with right tests, then with one in ten wrong."""
    bundle = read_bundle(run)
    dataset = read_split(data or trained_on(run), "test", bundle.classes)
    predictions = measure(run.name, bundle, dataset, "test", workers=0).predictions
    assert predictions is not None
    prior, labels = bundle.calibration.probabilities(predictions.logits), predictions.labels
    table = read_minerals()
    minerals = [table.find(name) for name in bundle.classes]
    unknown = [n for n, one in zip(bundle.classes, minerals, strict=True) if one is None]
    print(f"{run.name}: {len(labels)} photos; not in the table: {', '.join(unknown) or 'none'}")
    truth = [minerals[label] for label in labels]
    found = np.zeros((draws, len(ROWS), 4))
    for draw in range(draws):
        right = [simulate(one, rng) if one else {} for one in truth]
        wrong = [
            spoil(told, one, list(table), rng) if one else {}
            for told, one in zip(right, truth, strict=True)
        ]
        for row, tests in enumerate(ROWS.values()):
            for column, outcomes in ((0, right), (2, wrong)):
                after = [
                    posterior(of_photo, minerals, read_evidence(**typed(tests, told)))
                    for of_photo, told in zip(prior, outcomes, strict=True)
                ]
                figures = metrics.figures(labels, np.log(np.array(after)), bundle.groups)
                found[draw, row, column] = figures["mean_accuracy"]
                found[draw, row, column + 1] = figures.get("mean_accuracy_tail", np.nan)
    return np.asarray(found.mean(axis=0))


def typed(tests: Sequence[str], told: dict[str, str]) -> dict[str, str]:
    """The arguments of `read_evidence` for some of the tests."""
    return {test.replace("scratching", "hardness"): told[test] for test in tests if test in told}


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("runs", type=Path, nargs="+")
    parser.add_argument("--data", type=Path, nargs="+", help="a prepared folder for each run")
    parser.add_argument("--draws", type=int, default=10)
    parser.add_argument("--seed", type=int, default=0)
    given = parser.parse_args()
    folders = given.data or [None] * len(given.runs)
    rng = np.random.default_rng(given.seed)
    pairs = zip(given.runs, folders, strict=True)
    found = np.mean([accuracies(run, data, given.draws, rng) for run, data in pairs], axis=0)
    print("\n| evidence | mean | tail | mean, 1 in 10 wrong | tail, 1 in 10 wrong |")
    print("|---|---|---|---|---|")
    for name, figures in zip(ROWS, found, strict=True):
        print(f"| {name} | " + " | ".join(f"{100 * figure:.1f}" for figure in figures) + " |")


if __name__ == "__main__":
    main()
