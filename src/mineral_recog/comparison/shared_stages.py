"""Stages that recipes begin with in common: trained by one run, taken over by those that follow.

A run is a function of its photos, its recipe and its seed, and a checkpoint holds its whole state,
so a run that goes on from the end of another's stages ends as if it had trained them itself.
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
from mineral_recog.training.run import branch

AFTER_TRAINING = ("after", "groups")  # keys of a recipe that training does not see


@dataclass(frozen=True)
class Photos:
    """What is to be known of a prepared folder: its classes, and digests of its photos."""

    data: Path
    classes: tuple[str, ...]
    train: str
    val: str


def beginning_keys(recipe: Recipe, photos: Photos) -> dict[int, str]:
    """For each stage, the epochs until its end and a digest of all that the state there hangs on.

    A stage whose schedule later stages share hangs on their epochs as well. The folder counts,
    since two splits may hold photos of the same names and sizes.
    """
    settings = recipe.model_dump(mode="json", exclude={"stages", *AFTER_TRAINING})
    state: list[Any] = [str(photos.data.resolve()), photos.train, photos.val, settings]
    epochs, keys = 0, {}
    for name, stage in recipe.stages.items():
        epochs += stage.epochs
        state.append([name, stage.model_dump(mode="json"), recipe.cycle_of(name)[:2]])
        keys[epochs] = hashlib.sha256(json.dumps(state).encode("utf-8")).hexdigest()
    return keys


class Beginnings:
    """A folder of beginnings, each a run folder as it was when a stage ended.

    Other processes may use the folder at the same time: a beginning that cannot be kept, or that
    is gone, costs the time to train it and nothing else.

    Args:
        folder: that holds them.
        reuse: also take over those that an earlier call has left.
    """

    def __init__(self, folder: Path, reuse: bool) -> None:
        self.folder, self.reuse = folder, reuse
        self.kept: set[str] = set()

    def keep(self, key: str, recipe: Recipe, run: Path) -> None:
        """Keep a run, which has just written its checkpoint, as it is now."""
        with suppress(OSError):
            branch(run, recipe, self.folder / key)
            self.kept.add(key)

    def take(self, key: str, recipe: Recipe, run: Path) -> bool:
        """Make a run folder that goes on from a beginning; tells whether there is such a one."""
        if not (self.folder / key).is_dir() or not (self.reuse or key in self.kept):
            return False
        try:
            branch(self.folder / key, recipe, run)
        except FileNotFoundError:  # another process has just removed it
            return False
        return True

    def forget(self, keys: set[str]) -> None:
        """Remove beginnings that no run wants any more."""
        for key in keys:
            shutil.rmtree(self.folder / key, ignore_errors=True)
        with suppress(OSError):
            self.folder.rmdir()  # if it is empty
