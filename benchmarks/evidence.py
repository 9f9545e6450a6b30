"""Gain in accuracy from physical tests, simulated on the real photos of a test split.

    python benchmarks/evidence.py RUN... [--data DATA...] [--draws 10] [--seed 0]

Prints a Markdown table of mean and tail accuracy in per cent, over all runs and draws. The
probabilities of the photos are those of the run. The tests are simulated for the true mineral of
each photo and are passed, as a user would type them, to `read_evidence`. They are drawn from the
table of minerals, but not by the model that interprets them:

- the specimen's hardness H and density are uniform over the mineral's range;
- hardness as a number is H with normal noise of 0.5; density has normal noise of 3 %;
- scratching is four tests, fingernail, coin, glass and streak plate, and the hardness of each of
  these objects is uniform within 0.5 of the usual one; there is no other error;
- streak and lustre are one of the mineral's words and never a similar one; magnet and acid are as
  in the table, and weak magnets and powders are read either way;
- when one test in ten is wrong, each test is replaced, with probability 0.1, by the same test of
  another mineral of the complete table; magnet and acid are reversed.

The noise of density is smaller than the model assumes, and a wrong test resembles another mineral,
whereas the model assumes that all outcomes of a wrong test are equally likely.
"""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import numpy.typing as npt

from mineral_recog.data.dataset import read_split
from mineral_recog.evaluation import metrics
from mineral_recog.evaluation.evaluator import measure
from mineral_recog.identify.evidence import posterior, read_evidence
from mineral_recog.identify.likelihood_tables import LikelihoodTables
from mineral_recog.minerals.facts import Mineral, read_minerals
from mineral_recog.models.bundle import read_bundle
from mineral_recog.models.run_files import training_data_of

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
    """Simulate what a user would type after each test; tests that the table lacks are left out."""
    outcomes = {}
    if mineral.hardness is not None:
        hardness = rng.uniform(*mineral.hardness)
        outcomes["hardness"] = f"{np.clip(hardness + rng.normal(0, 0.5), 1, 10):.1f}"
        hardness_of = {thing: usual + rng.uniform(-0.5, 0.5) for thing, usual in THINGS.items()}
        outcomes["scratching"] = ", ".join(
            f"{'scratches' if hardness > thing_hardness else 'does not scratch'} {thing}"
            for thing, thing_hardness in hardness_of.items()
        )
    if mineral.density is not None:
        outcomes["density"] = f"{rng.uniform(*mineral.density) * (1 + rng.normal(0, 0.03)):.2f}"
    for test in ("streak", "lustre"):
        if words := getattr(mineral, test):
            outcomes[test] = str(rng.choice(words))
    for test, word in (("magnetic", mineral.magnetism), ("acid", mineral.acid)):
        if word is not None:
            outcomes[test] = "yes" if rng.random() < YES[word] else "no"
    return outcomes


def spoil(
    outcomes: dict[str, str], mineral: Mineral, table: Sequence[Mineral], rng: np.random.Generator
) -> dict[str, str]:
    """Return the same tests, each wrong with probability WRONG."""
    spoilt = dict(outcomes)
    for test, outcome in outcomes.items():
        if rng.random() >= WRONG:
            continue
        if test in ("magnetic", "acid"):
            spoilt[test] = "no" if outcome == "yes" else "yes"
            continue
        for other in rng.permutation(len(table)):  # the first mineral that has the fact
            simulated = simulate(table[other], rng)
            if test in simulated and table[other].name != mineral.name:
                spoilt[test] = simulated[test]
                break
    return spoilt


def accuracies(
    run: Path, data: Path | None, draws: int, rng: np.random.Generator
) -> npt.NDArray[np.float64]:
    """Return mean and tail accuracy with right tests, then with one in ten wrong: [rows, 4]."""
    bundle = read_bundle(run)
    dataset = read_split(data or training_data_of(run), "test", bundle.classes)
    predictions = measure(run.name, bundle, dataset, "test", workers=0).predictions
    assert predictions is not None
    prior, labels = bundle.calibration.probabilities(predictions.logits), predictions.labels
    table = read_minerals()
    minerals = [table.find(name) for name in bundle.classes]
    tables = LikelihoodTables(minerals)
    unknown = [
        name for name, mineral in zip(bundle.classes, minerals, strict=True) if mineral is None
    ]
    print(f"{run.name}: {len(labels)} photos; not in the table: {', '.join(unknown) or 'none'}")
    true_minerals = [minerals[label] for label in labels]
    results = np.zeros((draws, len(ROWS), 4))
    for draw in range(draws):
        right = [simulate(mineral, rng) if mineral else {} for mineral in true_minerals]
        wrong = [
            spoil(tests, mineral, list(table), rng) if mineral else {}
            for tests, mineral in zip(right, true_minerals, strict=True)
        ]
        for row, tests in enumerate(ROWS.values()):
            for column, outcomes in ((0, right), (2, wrong)):
                posteriors = [
                    posterior(
                        probabilities, tables, read_evidence(**arguments(tests, photo_outcomes))
                    )
                    for probabilities, photo_outcomes in zip(prior, outcomes, strict=True)
                ]
                figures = metrics.compute_metrics(
                    labels, np.log(np.array(posteriors)), bundle.groups
                )
                results[draw, row, column] = figures["mean_accuracy"]
                results[draw, row, column + 1] = figures.get("mean_accuracy_tail", np.nan)
    return np.asarray(results.mean(axis=0))


def arguments(tests: Sequence[str], outcomes: dict[str, str]) -> dict[str, str]:
    """Return the arguments of `read_evidence` for some of the tests."""
    return {
        test.replace("scratching", "hardness"): outcomes[test] for test in tests if test in outcomes
    }


def main() -> None:
    """Measure and print the table."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("runs", type=Path, nargs="+")
    parser.add_argument("--data", type=Path, nargs="+", help="a prepared folder for each run")
    parser.add_argument("--draws", type=int, default=10)
    parser.add_argument("--seed", type=int, default=0)
    options = parser.parse_args()
    folders = options.data or [None] * len(options.runs)
    rng = np.random.default_rng(options.seed)
    pairs = zip(options.runs, folders, strict=True)
    results = np.mean([accuracies(run, data, options.draws, rng) for run, data in pairs], axis=0)
    print("\n| evidence | mean | tail | mean, 1 in 10 wrong | tail, 1 in 10 wrong |")
    print("|---|---|---|---|---|")
    for name, figures in zip(ROWS, results, strict=True):
        print(f"| {name} | " + " | ".join(f"{100 * figure:.1f}" for figure in figures) + " |")


if __name__ == "__main__":
    main()
