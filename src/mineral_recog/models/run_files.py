"""The files that this program writes to a run folder; all others in it belong to the user."""

from __future__ import annotations

from pathlib import Path

from mineral_recog.data.dataset import EVALUATED_SPLITS
from mineral_recog.files import matches, refuse_user_files

# Names of everything that `train` and `evaluate` write. A folder with other files is not replaced.
EVALUATION_FILES = (
    "metrics.json", "trust.json", "copies.json", "per_class.csv", "per_attribute.csv",
    "predictions.csv", "confusion_matrix.png", "feature_distribution.png",
    "per_class_accuracy.png", "report.html",
)  # fmt: skip
RUN_FILES = (
    "recipe.yaml", "run.json", "log.jsonl",
    "checkpoint/last.safetensors", "checkpoint/before.last.safetensors",
    "checkpoint/photos.json",
    "tensorboard/events.out.tfevents.*",
    "model/config.json", "model/model.safetensors", "model/trust.safetensors",
    "model/gate.safetensors",
    "gallery/gallery.json", "gallery/gallery.safetensors",
    *(f"evaluation/{split}/{name}" for split in EVALUATED_SPLITS for name in EVALUATION_FILES),
)  # fmt: skip


def refuse_replacing_run(folder: Path) -> None:
    """Refuse to replace a run folder that holds files of the user.

    Raises:
        OutputExistsError: It does.
    """
    refuse_user_files(folder, lambda path: matches(path, RUN_FILES))


def refuse_replacing_evaluation(folder: Path) -> None:
    """Refuse to replace the folder of an evaluation that holds files of the user.

    Raises:
        OutputExistsError: It does.
    """
    refuse_user_files(folder, lambda path: path in EVALUATION_FILES)
