"""Finished runs of the benchmarks, stored as small text files in benchmarks/runs.

A stored run is benchmarks/runs/SET/RECIPE/DATA-seedN/ with recipe.yaml, log.jsonl, about.json and,
for each evaluated split, metrics.json, the tables of classes and attributes, and predictions.csv.gz.
"""

from __future__ import annotations

import gzip
import hashlib
import json
import platform
import shutil
import subprocess
import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch

from mineral_recog.comparison.plan import PlannedRun
from mineral_recog.comparison.summary import Trial, read_trial
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
        about: Recipe, data, seed, commit, sha256 of recipe.yaml, fingerprint of the photos, versions.
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
        """Return the run as a trial of `compare`; its files are checked as those of any run."""
        recipe = read_recipe(str(self.folder / RECIPE))
        with tempfile.TemporaryDirectory() as name:
            run = Path(name)
            evaluation = run / "evaluation" / split
            evaluation.mkdir(parents=True)
            for file in (RECIPE, LOG):
                shutil.copyfile(self.folder / file, run / file)
            for file in (self.folder / split).iterdir():
                shutil.copyfile(file, evaluation / file.name)
            packed = (evaluation / f"{PREDICTIONS}.gz").read_bytes()
            (evaluation / PREDICTIONS).write_bytes(gzip.decompress(packed))
            with (evaluation / TABLES[1]).open(encoding="utf-8") as rows:
                classes = [line.split(",")[0] for line in rows][1:]
            data, seed = self.key
            planned = PlannedRun(self.about["recipe"], recipe, Path(data), data, seed, run)
            return read_trial(planned, split, classes)


def stored_runs(set_name: str, runs: Path = RUNS) -> dict[str, list[StoredRun]]:
    """Return the stored runs of a set, by recipe, in the order of data and seed."""
    found: dict[str, list[StoredRun]] = {}
    for file in sorted((runs / set_name).glob(f"*/*/{ABOUT}")):
        run = StoredRun(file.parent, json.loads(file.read_text("utf-8")))
        found.setdefault(run.about["recipe"], []).append(run)
    return found


def store(run: Path, set_name: str, recipe: str, data: str, seed: int, runs: Path = RUNS) -> Path:
    """Store a finished, evaluated run; a stored run of the same name is replaced.

    Args:
        run: Run folder.
        set_name: Name of the set.
        recipe: Name of the recipe, as the tables show it.
        data: Name of the prepared folder.
        seed: Seed of the run.
        runs: Folder of the stored runs.
    """
    record = json.loads((run / "run.json").read_text("utf-8"))
    folder = runs / set_name / recipe / f"{data}-seed{seed}"
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    for file in (RECIPE, LOG):
        shutil.copyfile(run / file, folder / file)
    for evaluation in sorted((run / "evaluation").iterdir()):
        split = folder / evaluation.name
        split.mkdir()
        for table in TABLES:
            if (evaluation / table).is_file():
                shutil.copyfile(evaluation / table, split / table)
        packed = gzip.compress((evaluation / PREDICTIONS).read_bytes(), mtime=0)
        (split / f"{PREDICTIONS}.gz").write_bytes(packed)
    about = {
        "recipe": recipe,
        "data": data,
        "seed": seed,
        "commit": _commit(),
        "recipe_sha256": recipe_hash(folder),
        "training_photos": record["fingerprint"],
        "torch": torch.__version__,
        "machine": f"{platform.machine()}, {torch.get_num_threads()} threads",
    }
    (folder / ABOUT).write_text(json.dumps(about, indent=1) + "\n", encoding="utf-8")
    return folder


def recipe_hash(run: Path) -> str:
    """Return the sha256 of the resolved recipe of a run."""
    return hashlib.sha256((run / RECIPE).read_bytes()).hexdigest()


def _commit() -> str:
    """Return the commit of this repository, with a plus sign if the package was changed since."""

    def git(*words: str) -> str:
        command = ["git", "-C", str(ROOT), *words]
        return subprocess.run(command, capture_output=True, text=True, check=True).stdout.strip()

    return git("rev-parse", "HEAD") + ("+" if git("status", "--porcelain", "src") else "")
