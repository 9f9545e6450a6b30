"""The folder of a run that is not finished: recipe, record, log and checkpoint."""

from __future__ import annotations

import json
import shutil
from collections.abc import Sequence
from pathlib import Path

from pydantic import BaseModel, ConfigDict

from mineral_recog.data.dataset import Dataset
from mineral_recog.data.evaluation_view import Preprocessing
from mineral_recog.errors import RecipeError, UserError
from mineral_recog.files import atomic_file, atomic_folder, link_or_copy, refuse_existing
from mineral_recog.i18n import tr
from mineral_recog.models.run_files import refuse_replacing_run
from mineral_recog.recipes.recipe import Recipe
from mineral_recog.recipes.recipe_file import read_recipe
from mineral_recog.text import command_line, parse_json
from mineral_recog.training.photo_changes import PHOTOS, write_photo_sizes
from mineral_recog.training.start import Start

RECIPE, RUN, LOG = "recipe.yaml", "run.json", "log.jsonl"
CHECKPOINT = Path("checkpoint", "last.safetensors")


class RunRecord(BaseModel):
    """The photos and the choices that a run was started with.

    Attributes:
        fingerprint: Fingerprint of the training photos.
        classes: Names of the classes, in the order of their indices; none in a run of an older
            version, which sorted them by their characters.
        preprocessing: Preprocessing of the network.
        cached: Whether the run trains on reduced photos.
        start: The model that the run goes on from; none if it began with the recipe's backbone.
    """

    model_config = ConfigDict(frozen=True)

    fingerprint: str
    classes: tuple[str, ...] = ()
    preprocessing: Preprocessing
    cached: bool = False
    start: Start | None = None


def is_run(folder: Path) -> bool:
    """Return whether `train` made a folder."""
    return (folder / RECIPE).is_file() and (folder / RUN).is_file()


def refuse_existing_run(data: Path, folder: Path, force: bool) -> None:
    """Refuse a run folder that exists, unless it may be replaced and is all our own.

    Args:
        data: Folder with the photos, for the advice.
        folder: Run folder to create.
        force: Whether the user allows replacing it.

    Raises:
        OutputExistsError: It exists and may not be replaced, or holds files of the user.
    """
    if (folder / "model").is_dir():
        command = command_line("mineral-recog", "evaluate", folder)
        advice = tr(
            f"{folder} holds a finished run: evaluate it with `{command}`, choose another "
            "--out, or train again with --force, which deletes it.",
            f"{folder} 里的训练已完成：可用 `{command}` 评估，或另选 --out；"
            "也可用 --force 重新训练（会删除现有结果）。",
        )
    else:
        command = command_line("mineral-recog", "train", data, "--out", folder, "--resume")
        advice = tr(
            f"{folder} holds an interrupted run: continue it with `{command}`, choose "
            "another --out, or start again with --force, which deletes it.",
            f"{folder} 里有中断的训练：请用 `{command}` 继续，或另选 --out；"
            "也可用 --force 从头训练（会删除现有进度）。",
        )
    refuse_existing(folder, force, made_by_us=is_run(folder), advice=advice)
    refuse_replacing_run(folder)


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
                f"{folder / RUN} is damaged or was written by another version of this program: "
                "continue with that version, or train again with --force.",
                f"{folder / RUN} 已损坏，或由本程序的其他版本写出：请用该版本继续，"
                "或用 --force 重新训练。",
            )
        ) from None


def read_run_recipe(folder: Path) -> Recipe:
    """Read the recipe of a run.

    Raises:
        RecipeError: It is damaged, was changed by hand, or is of another version.
    """
    try:
        return read_recipe(str(folder / RECIPE))
    except RecipeError as error:
        reason = str(error).rstrip(".。")
        raise RecipeError(
            tr(
                f"{reason}. If {folder / RECIPE} was not changed by hand, another version of this "
                "program wrote it: continue with that version, or train again with --force.",
                f"{reason}。若 {folder / RECIPE} 没有手工改动过，则由本程序的其他版本写出："
                "请用该版本继续，或用 --force 重新训练。",
            )
        ) from None
