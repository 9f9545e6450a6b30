"""Gain from physical tests, simulated on the real photos of a test split.

    python benchmarks/evidence.py RUN... [--data DATA...] [--draws 10] [--seed 0]

Prints two Markdown tables over all runs and draws: what each set of tests gains, and what it gains
when observers err more often or the table of minerals is wrong. The probabilities of the photos are
those of the run. The tests are simulated for the true mineral of each photo and are passed, as a
user would type them, to `read_evidence`:

- hardness and density are uniform over the mineral's range; a number has the model's error, and
  scratching is four tests with a fingernail, coin, glass and streak plate, of which each has a
  hardness within 0.5 of the usual one;
- a word is one of those that the table has for the mineral, and for half of the photos two colours
  are said; observers err as `identify/observers.py` says (they confuse similar words, blunder, and
  see no cleavage or glow on some specimens), or as if they erred in either of two tries ("twice as
  often"); then the errors of numbers are twice as large;
- in a table that is wrong with probability p, each fact of the mineral is, once for each draw, that
  of a random other row with probability p. The tests show these facts, and are interpreted by the
  shipped table.

Colour and habit are drawn independently of the photo, which makes them too useful here:
`benchmarks/photo_weight.py` measures colour as photos show it.
"""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from mineral_recog.data.dataset import read_split
from mineral_recog.evaluation import metrics
from mineral_recog.evaluation.measurement import measure
from mineral_recog.identify.evidence import posterior, read_evidence
from mineral_recog.identify.likelihood import DENSITY_ERROR, HARDNESS_ERROR, OUTCOMES, SEVERAL_WORDS
from mineral_recog.identify.likelihood_tables import LikelihoodTables
from mineral_recog.identify.observers import (
    BLUNDER_RATE,
    CONFUSION_RATE,
    CONFUSION_RATES,
    HIDDEN_SHARES,
    REACTIONS,
    SIMILAR,
    UNLISTED_SHARES,
)
from mineral_recog.minerals.facts import Mineral, read_minerals
from mineral_recog.models.bundle import read_bundle
from mineral_recog.models.run_files import training_data_of

OLD = ("hardness", "streak", "lustre", "density", "magnetic", "acid")
CLEAVAGE = ("cleavage", "cleavage_directions")
LAMPS = ("fluorescence_long", "fluorescence_short")
NEW = ("colours", "transparency", "habit", *CLEAVAGE, "fracture", "tenacity", *LAMPS)
ROWS: dict[str, tuple[str, ...]] = {
    "none": (),
    "hardness by scratching": ("scratching",),
    "hardness as a number": ("hardness",),
    "hardness and streak": ("hardness", "streak"),
    "cleavage and its directions": CLEAVAGE,
    "colours": ("colours",),
    "habit": ("habit",),
    "transparency, fracture, tenacity": ("transparency", "fracture", "tenacity"),
    "fluorescence, both lamps": LAMPS,
    "the first six": OLD,
    "the nine others": NEW,
    "the nine others without colours and habit": tuple(
        test for test in NEW if test not in SEVERAL_WORDS
    ),
    "all": OLD + NEW,
}
THINGS = {"fingernail": 2.5, "copper coin": 3.5, "glass": 5.5, "streak plate": 6.5}
FIGURES = ("mean_accuracy", "mean_accuracy_tail", "log_loss", "ece")


@dataclass(frozen=True)
class World:
    """How tests come out: the tries in which an observer may err, and how wrong the table is."""

    name: str
    tries: int = 1
    wrong: float = 0.0


WORLDS = (
    World("as the model assumes"),
    World("observers err twice as often", tries=2),
    World("5 % of facts wrong", wrong=0.05),
    World("10 % of facts wrong", wrong=0.1),
    World("20 % of facts wrong", wrong=0.2),
    World("20 % wrong and twice as many errors", tries=2, wrong=0.2),
)


def simulate(mineral: Mineral, rng: np.random.Generator, tries: int) -> dict[str, str]:
    """Simulate what a user would type after each test; tests that the table lacks are left out."""
    outcomes = {}
    if mineral.hardness is not None:
        hardness = rng.uniform(*mineral.hardness)
        number = np.clip(hardness + rng.normal(0, HARDNESS_ERROR * tries), 1, 10)
        outcomes["hardness"] = f"{number:.1f}"
        outcomes["scratching"] = scratch(hardness, rng, tries)
    if mineral.density is not None:
        error = np.clip(rng.normal(0, DENSITY_ERROR * tries), -0.3, 0.3)
        outcomes["density"] = f"{max(rng.uniform(*mineral.density) * (1 + error), 0.5):.2f}"
    for test in SIMILAR:
        fact = getattr(mineral, test)
        if fact is not None and fact != ():
            words = [say(test, fact, rng, tries)]
            if test == "colours" and rng.random() < 0.5:
                words.append(say(test, fact, rng, tries))
            outcomes[test] = ", ".join(dict.fromkeys(words))
    for test, fact in (("magnetic", mineral.magnetism), ("acid", mineral.acid)):
        if fact is not None:
            said = rng.choice(len(OUTCOMES[test]), p=REACTIONS[test][fact])
            if errs(BLUNDER_RATE, rng, tries):
                said = rng.integers(len(OUTCOMES[test]))
            outcomes[test] = {True: "yes", False: "no"}.get(OUTCOMES[test][said], "weak")  # type: ignore[call-overload]
    return outcomes


def scratch(hardness: float, rng: np.random.Generator, tries: int) -> str:
    """Simulate four scratch tests; contradictory ones are done again."""
    while True:
        usual = np.array(list(THINGS.values()))
        scratched = hardness > usual + rng.uniform(-0.5, 0.5, len(usual)) * tries
        if (np.diff(scratched.astype(int)) <= 0).all():
            return ", ".join(
                f"{'scratches' if is_scratched else 'does not scratch'} {thing}"
                for thing, is_scratched in zip(THINGS, scratched, strict=True)
            )


def say(test: str, fact: Any, rng: np.random.Generator, tries: int) -> str:
    """Simulate the word that an observer says."""
    words = [str(word) for word in OUTCOMES[test]]
    if errs(BLUNDER_RATE + UNLISTED_SHARES.get(test, 0), rng, tries):
        return str(rng.choice(words))
    true = str(rng.choice([*map(str, fact)] if isinstance(fact, tuple) else [str(fact)]))
    if errs(HIDDEN_SHARES.get(test, 0), rng, tries):
        true = words[0]
    pairs = [pair.split() for pair in SIMILAR[test]]
    similar = [other for pair in pairs if true in pair for other in pair if other != true]
    if similar and errs(CONFUSION_RATES.get(test, CONFUSION_RATE), rng, tries):
        return str(rng.choice(similar))
    return true


def errs(rate: float, rng: np.random.Generator, tries: int) -> bool:
    """Return whether an observer errs in any of several tries."""
    return bool(rng.random() < 1 - (1 - rate) ** tries)


def perturb(
    mineral: Mineral, table: Sequence[Mineral], rng: np.random.Generator, wrong: float
) -> Mineral:
    """Return a mineral of which each known fact is another row's with probability `wrong`."""
    facts = {}
    for test in OUTCOMES:
        column = "magnetism" if test == "magnetic" else test
        others = [o for o in table if getattr(o, column) not in (None, ()) and o is not mineral]
        if getattr(mineral, column) not in (None, ()) and rng.random() < wrong:
            facts[column] = getattr(others[rng.integers(len(others))], column)
    return replace(mineral, **facts)


def figures(
    run: Path, data: Path | None, draws: int, rng: np.random.Generator
) -> npt.NDArray[np.float64]:
    """Return FIGURES for each of WORLDS and ROWS: [worlds, rows, figures]."""
    bundle = read_bundle(run)
    dataset = read_split(data or training_data_of(run), "test", bundle.classes)
    predictions = measure(run.name, bundle, dataset, "test", workers=0).predictions
    assert predictions is not None
    prior, labels = bundle.calibration.probabilities(predictions.logits), predictions.labels
    table = list(read_minerals())
    minerals = [read_minerals().find(name) for name in bundle.classes]
    tables = LikelihoodTables(minerals)
    unknown = [n for n, mineral in zip(bundle.classes, minerals, strict=True) if mineral is None]
    print(f"{run.name}: {len(labels)} photos; not in the table: {', '.join(unknown) or 'none'}")
    results = np.zeros((draws, len(WORLDS), len(ROWS), len(FIGURES)))
    for draw in range(draws):
        for w, world in enumerate(WORLDS):
            true = [m and perturb(m, table, rng, world.wrong) for m in minerals]
            outcomes = [
                simulate(mineral, rng, world.tries) if (mineral := true[label]) else {}
                for label in labels
            ]
            for r, tests in enumerate(ROWS.values()):
                logs = np.log(
                    [
                        posterior(p, tables, read_evidence(**arguments(tests, photo_outcomes)))
                        for p, photo_outcomes in zip(prior, outcomes, strict=True)
                    ]
                )
                found = metrics.compute_metrics(labels, logs, bundle.groups)
                found["log_loss"] = -float(logs[np.arange(len(labels)), labels].mean())
                results[draw, w, r] = [found.get(figure, np.nan) for figure in FIGURES]
    return np.asarray(results.mean(axis=0))


def arguments(tests: Sequence[str], outcomes: dict[str, str]) -> dict[str, str]:
    """Return the arguments of `read_evidence` for some of the tests."""
    found = {test.replace("scratching", "hardness"): test for test in tests if test in outcomes}
    values = {name: outcomes[test] for name, test in found.items()}
    if (values.get("cleavage") == "none") != (values.get("cleavage_directions") == "0"):
        values.pop("cleavage_directions", None)  # nobody counts the directions of no cleavage
    return values


def main() -> None:
    """Measure and print the tables."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("runs", type=Path, nargs="+")
    parser.add_argument("--data", type=Path, nargs="+", help="a prepared folder for each run")
    parser.add_argument("--draws", type=int, default=10)
    parser.add_argument("--seed", type=int, default=0)
    options = parser.parse_args()
    folders = options.data or [None] * len(options.runs)
    rng = np.random.default_rng(options.seed)
    pairs = zip(options.runs, folders, strict=True)
    results = np.mean([figures(run, data, options.draws, rng) for run, data in pairs], axis=0)
    print("\n| evidence | mean | tail | log loss | ECE |\n|---|---|---|---|---|")
    for name, row in zip(ROWS, results[0], strict=True):
        print(f"| {name} | {' | '.join(_cells(row))} |")
    shown = {"none": "none", "the first six": "first six", "all": "all fifteen"}
    print(f"\n| mean accuracy, log loss, ECE | {' | '.join(shown.values())} |\n|---|---|---|---|")
    for world, rows in zip(WORLDS, results, strict=True):
        cells = (_cells(rows[list(ROWS).index(name)]) for name in shown)
        print(f"| {world.name} | {' | '.join(f'{a}, {n}, {e}' for a, _, n, e in cells)} |")


def _cells(row: npt.NDArray[np.float64]) -> list[str]:
    mean, tail, nll, ece = row
    return [f"{100 * mean:.1f}", f"{100 * tail:.1f}", f"{nll:.3f}", f"{ece:.3f}"]


if __name__ == "__main__":
    main()
