"""How much does the choice of tau depend on the validation photos, by accuracy or balanced loss?

    python benchmarks/tau_choice.py RUN [RUN ...] [--halves 20]

For each finished run, the validation photos are halved at random, class by class. The strength tau
of logit adjustment is chosen on one half, by mean accuracy or as training does; mean and tail
accuracy are measured on the other half, and without an adjustment. Prints means over the halves,
and the deviation of tau.
"""

from __future__ import annotations

import argparse
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray

from mineral_recog.data.dataset import read_split
from mineral_recog.data.loaders import EvaluationLoader
from mineral_recog.evaluation.metrics import compute_metrics
from mineral_recog.models.bundle import read_bundle
from mineral_recog.models.heads import LinearHead
from mineral_recog.models.predictor import predict
from mineral_recog.models.run_files import training_data_of
from mineral_recog.recipes.recipe import Adjustment
from mineral_recog.training.posthoc import adjust

TAUS = Adjustment(kind="logit_adjustment").taus
Logits, Labels = NDArray[np.float32], NDArray[np.int64]


def no_adjustment(logits: Logits, labels: Labels, log_prior: Logits) -> float:
    """Return 0: the classifier stays as it is."""
    return 0.0


def by_accuracy(logits: Logits, labels: Labels, log_prior: Logits) -> float:
    """Return the tau with the best mean accuracy over classes; of equal ones the first."""
    counts = np.bincount(labels, minlength=len(log_prior))

    def mean_accuracy(tau: float) -> float:
        correct = (logits - tau * log_prior).argmax(1) == labels
        return float((np.bincount(labels, correct, len(counts)) / np.maximum(counts, 1)).mean())

    return max(TAUS, key=mean_accuracy)


def by_balanced_loss(logits: Logits, labels: Labels, log_prior: Logits) -> float:
    """Return the tau that training chooses; a head that copies its input stands for the network."""
    classes = len(log_prior)
    head = LinearHead(classes, classes)
    with torch.no_grad():
        head.weight.copy_(torch.eye(classes))
        head.bias.zero_()
    prior = torch.from_numpy(log_prior).exp()
    return adjust(head, Adjustment(kind="logit_adjustment"), prior, logits, labels)


def halves(labels: Labels, rng: np.random.Generator) -> tuple[Labels, Labels]:
    """Return the indices of two halves; of an odd number in a class the first has one more."""
    order = rng.permutation(len(labels))
    order = order[np.argsort(labels[order], kind="stable")]
    rank = np.arange(len(labels)) - np.searchsorted(labels[order], labels[order])
    return order[rank % 2 == 0], order[rank % 2 == 1]


WAYS = {"nothing": no_adjustment, "accuracy": by_accuracy, "balanced loss": by_balanced_loss}


def measure(run: Path, repeats: int) -> None:
    """Print a line per way of choosing."""
    bundle = read_bundle(run)
    view = bundle.network.preprocessing
    val = read_split(training_data_of(run), "val", bundle.classes)
    loader = EvaluationLoader(val, view.image_size, 64, 0, center_share=view.center_share)
    outputs = predict(bundle.network, loader)
    counts = np.array(bundle.train_counts)
    log_prior = np.log(counts / counts.sum()).astype(np.float32)
    for name, choose in WAYS.items():
        rng, rows = np.random.default_rng(0), []
        for _ in range(repeats):
            chosen, other = halves(outputs.labels, rng)
            tau = choose(outputs.logits[chosen], outputs.labels[chosen], log_prior)
            adjusted = outputs.logits[other] - tau * log_prior
            figures = compute_metrics(outputs.labels[other], adjusted, bundle.groups)
            rows.append((tau, figures["mean_accuracy"], figures["mean_accuracy_tail"]))
        (tau, mean, tail), deviation = np.mean(rows, 0), np.std(rows, 0)[0]
        print(f"{run.name}  {name:13}  tau {tau:.2f} ± {deviation:.2f}  "
              f"mean {100 * mean:.1f}  tail {100 * tail:.1f}")  # fmt: skip


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("runs", type=Path, nargs="+")
    parser.add_argument("--halves", type=int, default=20)
    options = parser.parse_args()
    for folder in options.runs:
        measure(folder, options.halves)
