"""Train the row `oracle` of the drawn minerals: sampling that knows the variety of each photo.

    python benchmarks/oracle.py OUT [--splits 0,1,2,3,4]

The three stages without the adjustment at their end, but the second half of CFL's batches is drawn
by one over the true share of the photo's variety within its class, instead of by the model's
probabilities. What this gains on rare varieties is what sampling within a class can gain on this
set at best. OUT is that of train_results.py.
"""

from __future__ import annotations

import argparse
import os
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from rates import chosen_rates
from stored_runs import Store, repository_commit
from train_results import (
    SETS,
    make_data,
    numbers,
    plan_rows,
    settings_of,
    train_missing,
    write_row,
)

from mineral_recog.data import samplers
from mineral_recog.data.dataset import read_split
from mineral_recog.data.photo_columns import read_attributes

ROW = "oracle"


def true_weights(data: Path) -> NDArray[np.float64]:
    """Return one over the share of each photo's variety, [N], which sum to 1 in each class."""
    train = read_split(data, "train")
    attributes = read_attributes(train)
    if attributes is None:
        raise SystemExit(f"{data} has no attributes.csv")
    pairs = np.array(
        [f"{label} {name}" for label, name in zip(train.labels, attributes, strict=True)]
    )
    _, pair_of_photo, sizes = np.unique(pairs, return_inverse=True, return_counts=True)
    weights = 1 / sizes[pair_of_photo]
    sums = np.bincount(train.labels, weights)
    return np.asarray(weights / sums[train.labels])


def main() -> None:
    """Train the row on every split and store its runs."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("out", type=Path)
    parser.add_argument("--splits", type=numbers, default="0,1,2,3,4", help="0,1 and so on")
    options = parser.parse_args()
    store = Store("drawn", repository_commit())
    options.out.mkdir(parents=True, exist_ok=True)
    os.chdir(options.out)
    benchmark = SETS["drawn"]
    data = make_data(benchmark, None, 0)
    weights = true_weights(Path(data))
    samplers.inverse_probability_weights = lambda *_: weights.copy()
    rate = chosen_rates("drawn")["multi_stage"]
    file = write_row("without_adjustment", rate, Path("drawn/oracle"))
    file = file.rename(file.with_stem(ROW))
    for seed in options.splits:
        settings = settings_of(benchmark)
        plan = plan_rows(data, [file], seed, benchmark.tests[0], "drawn-oracle", settings)
        train_missing(store, plan, benchmark.tests)


if __name__ == "__main__":
    main()
