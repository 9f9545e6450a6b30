"""The log of a run: log.jsonl, one line per epoch."""

from __future__ import annotations

import json
import math
from collections.abc import Mapping
from dataclasses import dataclass
from itertools import takewhile
from pathlib import Path
from typing import Any

from mineral_recog.files import atomic_file


@dataclass(frozen=True)
class EpochLog:
    """The results of an epoch.

    Attributes:
        stage: Name of the stage.
        epoch: Number of the epoch in the run, from 1.
        lr: Last learning rate.
        losses: Mean over the epoch of the loss, under the name `loss`, and of each of its parts.
        val_accuracy: Accuracy on the validation photos.
        val_mean_accuracy: Mean of the accuracies of all classes on the validation photos.
        seconds: Duration.
        memory: Peak memory of the run until now, in bytes.
        skipped: Epochs of the stage that are left out after this one, since it ended early.
    """

    stage: str
    epoch: int
    lr: float
    losses: Mapping[str, float]
    val_accuracy: float
    val_mean_accuracy: float
    seconds: float
    memory: int
    skipped: int = 0

    def to_json(self) -> dict[str, Any]:
        """Return the line of log.jsonl."""
        return {
            "stage": self.stage,
            "epoch": self.epoch,
            "lr": self.lr,
            **self.losses,
            "val_accuracy": self.val_accuracy,
            "val_mean_accuracy": self.val_mean_accuracy,
            "seconds": self.seconds,
            "memory": self.memory,
            **({"skipped": self.skipped} if self.skipped else {}),
        }


def append_to_log(file: Path, line: EpochLog) -> None:
    """Append a line to a log."""
    with file.open("a", encoding="utf-8") as log:
        log.write(json.dumps(line.to_json()) + "\n")


def cut_log(file: Path, epochs: int) -> None:
    """Keep only the lines of a log up to an epoch, if there is one; the last may be incomplete."""
    if file.is_file():
        lines = file.read_text(encoding="utf-8").splitlines()
        lines = list(takewhile(lambda line: _epoch_of(line) <= epochs, lines))
        with atomic_file(file) as partial:
            partial.write_text("".join(f"{line}\n" for line in lines), encoding="utf-8")


def _epoch_of(line: str) -> float:
    """Return the epoch of a line; infinity if the line is incomplete."""
    try:
        return float(json.loads(line)["epoch"])
    except (ValueError, KeyError, TypeError):
        return math.inf
