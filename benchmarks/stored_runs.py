"""Finished runs of the benchmarks, stored as small text files in benchmarks/runs.

A stored run is benchmarks/runs/SET/RECIPE/DATA-seedN/ with recipe.yaml, log.jsonl and about.json,
and for each evaluated split metrics.json, the tables of classes and attributes, and
predictions.csv.gz.
"""

from __future__ import annotations

import csv
import gzip
import hashlib
import json
import shutil
import subprocess
import tempfile
import zlib
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

from mineral_recog.comparison.plan import PlannedRun
from mineral_recog.comparison.summary import Trial, read_trial
from mineral_recog.errors import DataError, OutputExistsError, UserError
from mineral_recog.files import atomic_folder
from mineral_recog.recipes.recipe import Recipe
from mineral_recog.recipes.recipe_file import read_recipe

RUNS = Path(__file__).with_name("runs")
ROOT = Path(__file__).parents[1]
ABOUT, RECIPE, LOG, PREDICTIONS = "about.json", "recipe.yaml", "log.jsonl", "predictions.csv"
TABLES = ("metrics.json", "per_class.csv", "per_attribute.csv")  # the last only with attributes


@dataclass(frozen=True, eq=False)
class StoredRun:
    """A stored run.

    Attributes:
        folder: Its folder.
        about: Recipe, data, seed, commit, sha256 of recipe.yaml, fingerprint of the photos, and
            what it was trained with.
    """

    folder: Path
    about: dict[str, Any]

    @property
    def key(self) -> tuple[str, int]:
        """Name of the prepared folder, and seed."""
        return self.about["data"], self.about["seed"]

    def has(self, split: str) -> bool:
        """Return whether the run was evaluated on a split."""
        return (self.folder / split / TABLES[0]).is_file()

    def trial(self, split: str) -> Trial:
        """Return the run as a trial of `compare`; its files are checked as those of any run.

        Raises:
            DataError: The stored files are damaged.
        """
        try:
            with tempfile.TemporaryDirectory() as name:
                return self._unpacked(split, Path(name))
        except (UserError, OSError, ValueError, KeyError, EOFError, zlib.error):
            raise DataError(
                f"The stored run {self.folder} is damaged: take it from the repository again, or "
                "remove it and train it again."
            ) from None

    def _unpacked(self, split: str, run: Path) -> Trial:
        """Write the files of a split as a run folder, and read them."""
        evaluation = run / "evaluation" / split
        evaluation.mkdir(parents=True)
        for file in (RECIPE, LOG):
            shutil.copyfile(self.folder / file, run / file)
        for file in (self.folder / split).iterdir():
            shutil.copyfile(file, evaluation / file.name)
        packed = (evaluation / f"{PREDICTIONS}.gz").read_bytes()
        (evaluation / PREDICTIONS).write_bytes(gzip.decompress(packed))
        with (evaluation / TABLES[1]).open(encoding="utf-8", newline="") as table:
            classes = [row["class"] for row in csv.DictReader(table)]
        data, seed = self.key
        recipe = Recipe.model_construct()  # not read: it may be of an older version
        planned = PlannedRun(self.about["recipe"], recipe, Path(data), data, seed, run)
        return read_trial(planned, split, classes)


def stored_runs(set_name: str, runs: Path = RUNS) -> dict[str, list[StoredRun]]:
    """Return the stored runs of a set, by recipe, in the order of data and seed."""
    found: dict[str, list[StoredRun]] = {}
    for file in sorted((runs / set_name).glob(f"*/*/{ABOUT}")):
        if file.parent.name.startswith("."):
            continue  # left by a process that was killed
        run = StoredRun(file.parent, json.loads(file.read_text("utf-8")))
        found.setdefault(run.about["recipe"], []).append(run)
    return found


@dataclass(frozen=True)
class Store:
    """The stored runs of a set, to which finished runs are added.

    Attributes:
        set_name: Name of the set.
        commit: Commit that new runs are trained with, see `repository_commit`.
        force: Whether a stored run may be replaced by one of another recipe or other photos.
        runs: Folder of the stored runs of all sets.
    """

    set_name: str
    commit: str
    force: bool = False
    runs: Path = RUNS

    def has(self, run: PlannedRun, training_photos: str, splits: Sequence[str]) -> bool:
        """Return whether a planned run is stored with its evaluations on all splits.

        Args:
            run: The run; its recipe has no setting that is chosen in training.
            training_photos: Fingerprint of the training photos.
            splits: Splits to evaluate on.

        Raises:
            OutputExistsError: A run of another recipe or of other photos is stored.
        """
        folder = self._folder(run)
        if (
            self._is_other_run(folder, run.recipe, training_photos)
            or not (folder / ABOUT).is_file()
        ):
            return False
        return all((folder / split / TABLES[0]).is_file() for split in splits)

    def add(self, run: PlannedRun) -> Path:
        """Store a finished, evaluated run; one of the same recipe and photos is replaced.

        Raises:
            OutputExistsError: A run of another recipe or of other photos is stored.
        """
        folder = self._folder(run)
        record = json.loads((run.folder / "run.json").read_text("utf-8"))
        config = json.loads((run.folder / "model" / "config.json").read_text("utf-8"))
        recipe = read_recipe(str(run.folder / RECIPE))
        self._is_other_run(folder, recipe, record["fingerprint"])
        about = {
            "recipe": run.name,
            "data": run.data_name,
            "seed": run.seed,
            "commit": self.commit,
            "training_photos": record["fingerprint"],
            "recipe_sha256": hashlib.sha256((run.folder / RECIPE).read_bytes()).hexdigest(),
            "torch": config["provenance"]["torch"],
            "machine": config["provenance"]["hardware"],
        }
        with atomic_folder(folder) as partial:
            for file in (RECIPE, LOG):
                shutil.copyfile(run.folder / file, partial / file)
            for evaluation in sorted((run.folder / "evaluation").iterdir()):
                _store_evaluation(evaluation, partial / evaluation.name)
            (partial / ABOUT).write_text(json.dumps(about, indent=1) + "\n", encoding="utf-8")
        return folder

    def _folder(self, run: PlannedRun) -> Path:
        return self.runs / self.set_name / run.name / f"{run.data_name}-seed{run.seed}"

    def _is_other_run(self, folder: Path, recipe: Recipe, training_photos: str) -> bool:
        """Return whether a folder holds another run; refuse it without `force`."""
        if not (folder / ABOUT).is_file():
            return False
        about = json.loads((folder / ABOUT).read_text("utf-8"))
        different = [] if about["training_photos"] == training_photos else ["training photos"]
        stored = yaml.safe_load((folder / RECIPE).read_text("utf-8"))
        # A setting that the program did not have then is the same if it has its default.
        changed = recipe.model_dump(mode="json", exclude_defaults=True)
        if not _is_same(stored, recipe.model_dump(mode="json"), changed):
            different.append("recipe")
        if different and not self.force:
            raise OutputExistsError(
                f"{folder} holds another run, of other {' and '.join(different)}: replace it "
                "with --force."
            )
        return bool(different)


def _is_same(stored: Any, settings: Any, changed: Any) -> bool:
    """Return whether settings are the stored ones; `changed` has those that are not defaults."""
    if not isinstance(stored, dict) or not isinstance(settings, dict):
        return bool(stored == settings)
    changed = changed if isinstance(changed, dict) else {}
    if stored.keys() - settings.keys():
        return False
    return all(
        _is_same(stored[key], value, changed.get(key)) if key in stored else key not in changed
        for key, value in settings.items()
    )


def _store_evaluation(evaluation: Path, split: Path) -> None:
    """Copy the tables of an evaluation, and its predictions, the same bytes each time."""
    split.mkdir()
    for table in TABLES:
        if (evaluation / table).is_file():
            shutil.copyfile(evaluation / table, split / table)
    packed = gzip.compress((evaluation / PREDICTIONS).read_bytes(), mtime=0)
    (split / f"{PREDICTIONS}.gz").write_bytes(packed)


def repository_commit() -> str:
    """Return the commit of this repository, with a plus sign if the package was changed since."""

    def git(*words: str) -> str:
        command = ["git", "-C", str(ROOT), *words]
        return subprocess.run(command, capture_output=True, text=True, check=True).stdout.strip()

    return git("rev-parse", "HEAD") + ("+" if git("status", "--porcelain", "src") else "")
