"""How often do 95 % intervals contain the truth? Simulated test sets of known class accuracies.

    python benchmarks/interval_coverage.py [--sets 1000]

Each row is a metric. The columns are the share of test sets whose interval contains the true
value, and the mean width of the interval, for one model and for the change to a second model that
answers the same photos; first with the plain bootstrap (basic intervals, photos resampled within
their class), then with that of `evaluation/resampling.py`. It takes about two minutes.
"""

from __future__ import annotations

import argparse

import numpy as np

from mineral_recog.calibration.temperature import ECE_BINS, Floats, Ints
from mineral_recog.evaluation.metrics import metrics_from_sums, photos_from_answers
from mineral_recog.evaluation.resampling import interval, resampled_metrics
from mineral_recog.evaluation.results import Answers
from mineral_recog.evaluation.significance import paired_change

RESAMPLES = 400
KEYS = (
    "accuracy", "mean_accuracy", "cw_asd", "cw_arange", "lowest_accuracy", "harmonic_mean_accuracy",
)  # fmt: skip
MIXED = (0.95, 0.9, 0.8, 0.7, 0.6, 0.5, 0.9, 0.8, 0.7, 0.3, 0.4, 0.2)
TEST_SETS = {  # photos of each class, and true accuracies
    "8 classes of 1 photo, 20 %": ([1] * 8, [0.2] * 8),
    "36 classes of 1 photo, 90 %": ([1] * 36, [0.9] * 36),
    "12 classes of 2 photos, 90 %": ([2] * 12, [0.9] * 12),
    "12 classes of 5 photos, 20 to 95 %": ([5] * 12, MIXED),
    "12 classes of 20 photos, 20 to 95 %": ([20] * 12, MIXED),
    "12 classes of 20 photos, 90 %": ([20] * 12, [0.9] * 12),
    "16 classes of 1, 2, 5 and 20 photos": ([1, 2, 5, 20] * 4, [0.5, 0.7, 0.8, 0.95] * 4),
}
LOST, GAINED = 0.05, 0.3  # shares of right and wrong answers that differ in the second model


def main() -> None:
    """Print a table per kind of test set."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--sets", type=int, default=1000, help="test sets of each kind")
    sets = parser.parse_args().sets
    for name, (counts, accuracies) in TEST_SETS.items():
        columns = ("one model, plain", "smoothed", "change, plain", "smoothed")
        print(f"\n{name:36}" + "".join(f"{column:>18}" for column in columns))
        results = simulate(np.array(counts), np.array(accuracies), sets)
        for key, row in zip(KEYS, results, strict=True):
            cells = [f"{100 * covered:10.1f} % {width:5.2f}" for covered, width in row]
            print(f"{key:36}" + "".join(cells), flush=True)


def simulate(counts: Ints, accuracies: Floats, sets: int) -> Floats:
    """Return coverage and width of the four intervals of each metric, [K, 4, 2]."""
    rng, labels = np.random.default_rng(0), np.repeat(np.arange(len(counts)), counts)
    groups, starts = ["head"] * len(counts), np.cumsum(counts) - counts
    true = metrics(labels, counts * accuracies)
    true_change = metrics(labels, counts * (accuracies * (1 - LOST) + (1 - accuracies) * GAINED))
    true_change = {key: true_change[key] - true[key] for key in KEYS}
    total = np.zeros((len(KEYS), 4, 2))
    for number in range(sets):
        first = rng.random(len(labels)) < accuracies[labels]
        second = first ^ (rng.random(len(labels)) < np.where(first, LOST, GAINED))
        draws = starts[labels] + (rng.random((RESAMPLES, len(labels))) * counts[labels]).astype(int)
        measured, plain, smooth = [], [], []
        for answerer, right in enumerate((first, second)):
            measured.append(metrics(labels, np.add.reduceat(right * 1.0, starts)))
            plain.append(metrics(labels, np.add.reduceat(right[draws] * 1.0, starts, axis=1)))
            answers = Answers(("",) * len(labels), labels, 2 - right, np.full(len(labels), 0.8))
            photos = photos_from_answers(answers)
            smooth.append(resampled_metrics(photos, groups, RESAMPLES, number, answerer))
        for row, key in enumerate(KEYS):
            one, two = measured[0][key], measured[1][key]
            change = paired_change(key, float(two - one), smooth[0][key], smooth[1][key])
            intervals = (
                (*basic(one, plain[0][key], 0), true[key]),
                (*interval(key, float(one), smooth[0][key], (0, 1)), true[key]),
                (*basic(two - one, plain[1][key] - plain[0][key], -1), true_change[key]),
                (change.low, change.high, true_change[key]),
            )
            for column, (low, high, truth) in enumerate(intervals):
                total[row, column] += low - 1e-9 <= truth <= high + 1e-9, high - low
    return total / sets


def metrics(labels: Ints, correct: Floats) -> dict[str, Floats]:
    """Return the metrics for numbers of correct photos per class, [..., C]."""
    gap = np.zeros((*correct.shape[:-1], ECE_BINS))
    return metrics_from_sums(labels, ["head"] * correct.shape[-1], correct, correct, gap)


def basic(measured: Floats, resampled: Floats, lowest: float) -> tuple[float, float]:
    """Return the interval of the basic bootstrap, between `lowest` and 1."""
    low, high = np.clip(2 * measured - np.quantile(resampled, (0.975, 0.025)), lowest, 1)
    return min(low, measured), max(high, measured)


if __name__ == "__main__":
    main()
