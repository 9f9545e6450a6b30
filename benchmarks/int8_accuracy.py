"""Compare the accuracy of runs with that of their float32 and int8 exports, on test photos.

    python benchmarks/int8_accuracy.py RUN DATA [RUN DATA ...]

DATA is the prepared folder of a run: its validation photos calibrate int8, its test photos are
measured. The means over all runs come last.
"""

from __future__ import annotations

import sys
import tempfile
from pathlib import Path

import numpy as np

from mineral_recog.data.dataset import read_split
from mineral_recog.evaluation.metrics import compute_metrics
from mineral_recog.export.exporter import export_onnx
from mineral_recog.identify.identifier import Identifier, load
from mineral_recog.models.bundle import read_bundle

KEYS = ("mean_accuracy", "mean_accuracy_tail")


def main() -> None:
    """Measure every run."""
    words = [Path(word) for word in sys.argv[1:]]
    if not words or len(words) % 2:
        raise SystemExit(__doc__)
    rows: list[list[float]] = []
    print("| run | torch: mean, tail (%) | float32: mean, tail | int8: mean, tail | same first: "
          "float32, int8 (%) | largest change of a float32 probability |")  # fmt: skip
    print("|---|---|---|---|---|---|")
    for run, data in zip(words[::2], words[1::2], strict=True):
        rows.append(measure_run(run, data))
        print_row(f"{run.parent.name} {run.name}", rows[-1])
    if len(rows) > 1:
        print_row("mean", np.mean(rows, axis=0).tolist())


def measure_run(run: Path, data: Path) -> list[float]:
    """Return the accuracies of the three models, and how the exports differ from torch."""
    groups = read_bundle(run).groups
    with tempfile.TemporaryDirectory() as folder:
        exports = [Path(folder, "float32"), Path(folder, "int8")]
        for export in exports:
            export_onnx(run, export, int8=export.name == "int8", data=data)
        models = [load(run, device="cpu"), *map(load, exports)]
        logits, labels = zip(*(predict(model, data) for model in models), strict=True)
    accuracies = [
        compute_metrics(labels[0], values, groups)[key] for values in logits for key in KEYS
    ]
    first, *others = [values.argmax(axis=1) for values in logits]
    probabilities = [
        model.model.calibration.probabilities(values)
        for model, values in zip(models, logits, strict=True)
    ]
    change = float(np.abs(probabilities[1] - probabilities[0]).max())
    return [*accuracies, *(float((first == other).mean()) for other in others), change]


def predict(identifier: Identifier, data: Path) -> tuple[np.ndarray, np.ndarray]:
    """Return logits [M, C] and labels [M] of the test photos."""
    photos = read_split(data, "test", identifier.classes)
    views = (identifier.open(photos.root / path) for path in photos.paths)
    rows = [observation.outputs.logits for observation in identifier.observe(views)]
    return np.stack(rows), photos.labels


def print_row(name: str, row: list[float]) -> None:
    """Print a line of the table."""
    cells = [f"{100 * row[i]:.1f}, {100 * row[i + 1]:.1f}" for i in (0, 2, 4, 6)]
    print(f"| {name} | {' | '.join(cells)} | {row[8]:.1e} |", flush=True)


if __name__ == "__main__":
    main()
