"""Stages that recipes share at their start: one run trains them, and later runs reuse them.

A run is a function of its photos, its recipe and its seed, and a checkpoint holds its complete
state. A run that continues from the stages of another one gives the same result as if it had
trained them itself.
"""

from __future__ import annotations

import hashlib
import json
import shutil
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from mineral_recog.recipes.recipe import Recipe
from mineral_recog.training.run_folder import fork_run

AFTER_TRAINING = ("after", "groups")  # keys of a recipe that do not affect training


@dataclass(frozen=True)
class DataFingerprint:
    """Identity of a prepared folder.

    Attributes:
        data: Prepared folder.
        classes: Names of the classes.
        train: Fingerprint of the training photos.
        val: Fingerprint of the validation photos.
    """

    data: Path
    classes: tuple[str, ...]
    train: str
    val: str


def shared_stage_keys(recipe: Recipe, data: DataFingerprint) -> dict[int, str]:
    """Return a digest of everything that the state at the end of each stage depends on.

    A stage also depends on the epochs of later stages that share its schedule. The folder is part
    of the digest because two splits may have photos with the same names and sizes.

    Returns:
        Digests by the number of epochs until the end of the stage.
    """
    settings = recipe.model_dump(mode="json", exclude={"stages", *AFTER_TRAINING})
    state: list[Any] = [str(data.data.resolve()), data.train, data.val, settings]
    epochs, keys = 0, {}
    for name, stage in recipe.stages.items():
        epochs += stage.epochs
        schedule = recipe.schedule_of(name)
        span = [schedule.first_epoch, schedule.epochs]
        state.append([name, stage.model_dump(mode="json"), span])
        keys[epochs] = hashlib.sha256(json.dumps(state).encode("utf-8")).hexdigest()
    return keys


class SharedStages:
    """A folder of shared stages, each a run folder in the state at the end of a stage.

    Other processes may use the folder at the same time: if a stage cannot be saved or is gone, it
    is trained again, and nothing else is lost.

    Args:
        folder: Folder of the stages.
        reuse: Whether to use stages that an earlier call has left.
    """

    def __init__(self, folder: Path, reuse: bool) -> None:
        self.folder, self.reuse = folder, reuse
        self.saved: set[str] = set()

    def save(self, key: str, recipe: Recipe, run: Path) -> None:
        """Save the current state of a run, which has just written its checkpoint."""
        with suppress(OSError):
            fork_run(run, recipe, self.folder / key)
            self.saved.add(key)

    def restore(self, key: str, recipe: Recipe, run: Path) -> bool:
        """Make a run folder that continues from a stage; return whether the stage exists."""
        if not (self.folder / key).is_dir() or not (self.reuse or key in self.saved):
            return False
        try:
            fork_run(self.folder / key, recipe, run)
        except FileNotFoundError:  # another process has just removed it
            return False
        return True

    def remove(self, keys: set[str]) -> None:
        """Remove stages that no later run needs."""
        for key in keys:
            shutil.rmtree(self.folder / key, ignore_errors=True)
        with suppress(OSError):
            self.folder.rmdir()  # if it is empty
