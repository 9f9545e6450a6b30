"""The folder of a run that is not finished: recipe, record, log and checkpoint."""

from __future__ import annotations

import json
import shutil
from collections.abc import Sequence
from pathlib import Path

from pydantic import BaseModel, ConfigDict

from mineral_recog.data.dataset import Dataset
from mineral_recog.data.transforms import Preprocessing
from mineral_recog.errors import UserError
from mineral_recog.files import atomic_file, atomic_folder, link_or_copy
from mineral_recog.i18n import tr
from mineral_recog.recipes.recipe import Recipe
from mineral_recog.text import parse_json
from mineral_recog.training.photo_changes import PHOTOS, write_photo_sizes

RECIPE, RUN, LOG = "recipe.yaml", "run.json", "log.jsonl"
CHECKPOINT = Path("checkpoint", "last.safetensors")


class RunRecord(BaseModel):
    """The photos and the choices that a run was started with.

    Attributes:
        fingerprint: Fingerprint of the training photos.
        preprocessing: Preprocessing of the network.
        cached: Whether the run trains on reduced photos.
    """

    model_config = ConfigDict(frozen=True)

    fingerprint: str
    preprocessing: Preprocessing
    cached: bool = False


def is_run(folder: Path) -> bool:
    """Return whether `train` made a folder."""
    return (folder / RECIPE).is_file() and (folder / RUN).is_file()


def create_run(
    folder: Path, data: Path, recipe: Recipe, record: RunRecord, datasets: Sequence[Dataset]
) -> None:
    """Create a run folder for training on the splits `datasets` of `data`, or replace it."""
    with atomic_folder(folder) as partial:
        (partial / CHECKPOINT).parent.mkdir()
        (partial / RUN).write_text(_facts(data, record), encoding="utf-8")
        (partial / RECIPE).write_text(recipe.to_yaml(), encoding="utf-8")
        write_photo_sizes(partial, datasets)


def update_data(folder: Path, data: Path, record: RunRecord) -> None:
    """Write where the photos of a run are now; they may have been moved since it was started."""
    with atomic_file(folder / RUN) as partial:
        partial.write_text(_facts(data, record), encoding="utf-8")


def _facts(data: Path, record: RunRecord) -> str:
    # An absolute path, so that `evaluate` finds the photos from any working directory.
    return json.dumps({"data": str(data.resolve()), **record.model_dump()})


def fork_run(run: Path, recipe: Recipe, folder: Path) -> None:
    """Copy the progress of a run into a new run folder, which `resume` continues.

    Args:
        run: Folder of an unfinished run.
        recipe: Recipe to continue by, with its precision chosen. For the completed epochs it must
            equal the recipe of `run`.
        folder: Run folder to create or to replace.
    """
    with atomic_folder(folder) as partial:
        (partial / CHECKPOINT).parent.mkdir()
        # A run replaces its checkpoint by a new file, so a link is safe; a log is appended to.
        link_or_copy(run / CHECKPOINT, partial / CHECKPOINT)
        shutil.copyfile(run / LOG, partial / LOG)
        shutil.copyfile(run / RUN, partial / RUN)
        if (run / PHOTOS).is_file():  # not in a run of an older version
            link_or_copy(run / PHOTOS, partial / PHOTOS)
        (partial / RECIPE).write_text(recipe.to_yaml(), encoding="utf-8")


def read_run_record(folder: Path) -> RunRecord:
    """Read the record of a run.

    Raises:
        UserError: The record is damaged.
    """
    try:
        text = (folder / RUN).read_text(encoding="utf-8")
        return RunRecord.model_validate(parse_json(text))
    except ValueError:  # pydantic's errors are of this kind too
        raise UserError(
            tr(
                f"{folder / RUN} is damaged: train again with --force.",
                f"{folder / RUN} 已损坏：请用 --force 重新训练。",
            )
        ) from None
