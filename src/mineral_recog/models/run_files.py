"""The files that this program writes to a run folder, and where its photos are.

All other files in the folder belong to the user.
"""

from __future__ import annotations

from pathlib import Path

from mineral_recog.data.dataset import EVALUATED_SPLITS, read_split
from mineral_recog.errors import DataError, UserError
from mineral_recog.files import matches, refuse_user_files
from mineral_recog.i18n import tr
from mineral_recog.text import parse_json

# Names of everything that `train` and `evaluate` write. A folder with other files is not replaced.
EVALUATION_FILES = (
    "metrics.json", "trust.json", "copies.json", "per_class.csv", "per_attribute.csv",
    "corruptions.csv", "predictions.csv", "confusion_matrix.png", "feature_distribution.png",
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


def holds_training_photos(run: Path, data: Path) -> bool:
    """Return whether a prepared folder is the one that a run was trained on, even if moved."""
    try:
        document = parse_json((run / "run.json").read_text(encoding="utf-8"))
        if Path(document["data"]).resolve() == data.resolve():
            return True
        train = read_split(data, "train", document["classes"])
        return train.fingerprint() == str(document["fingerprint"])
    except (OSError, ValueError, KeyError, TypeError, UserError):
        return False


def training_data_of(run: Path) -> Path:
    """Return the prepared folder that a run was trained on.

    Raises:
        UserError: The folder is unknown or no longer exists.
    """
    try:
        data = Path(parse_json((run / "run.json").read_text(encoding="utf-8"))["data"])
    except (OSError, ValueError, KeyError, TypeError):
        data = None
    if data is None or not data.is_dir():
        raise DataError(
            tr(
                f"The photos that {run} was trained on have been moved or deleted: give their "
                "folder by --data.",
                f"{run} 训练所用的照片已被移动或删除：请用 --data 指定照片文件夹。",
            )
        )
    return data
