"""Comparisons: recipes trained with several seeds on several splits, set side by side.

What is done is not done again: a finished run stays, an interrupted one goes on. Processes may
share a folder, as long as each makes other runs. A run is a function of photos, recipe and seed
alone, so stages that recipes begin with in common are trained once, and the runs that follow go on
from there, to the same bits.
"""

from __future__ import annotations

import time
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from mineral_recog.comparison.comparison_report import write_comparison
from mineral_recog.comparison.plan import Plan, PlannedRun
from mineral_recog.comparison.shared_stages import Beginnings, Photos, beginning_keys
from mineral_recog.comparison.summary import Comparison, compare, read_trial
from mineral_recog.data.dataset import read_split
from mineral_recog.errors import UserError
from mineral_recog.evaluation.evaluator import evaluate
from mineral_recog.files import refuse_existing, whole_folder
from mineral_recog.i18n import tr
from mineral_recog.models.device import choose_device
from mineral_recog.progress import SILENT, Progress
from mineral_recog.recipes.recipe import Recipe
from mineral_recog.recipes.recipe_file import read_recipe
from mineral_recog.text import clock
from mineral_recog.training.run import RECIPE, began_with, is_run, resume, train
from mineral_recog.training.run_lock import locked
from mineral_recog.training.trainer import LogLine

PAGE = "comparison.html"
SHOWN = 5  # different failures that are told

Failure = tuple[PlannedRun, UserError]


@dataclass(frozen=True)
class ComparisonResult:
    """What became of a comparison.

    Attributes:
        comparison: The recipes side by side; None if the first one has failed.
        page: The page that shows them.
        failures: Runs that failed, and why.
        run_count: All runs of the plan.
    """

    comparison: Comparison | None
    page: Path
    failures: tuple[Failure, ...]
    run_count: int


def run_comparison(
    plan: Plan,
    *,
    device: str = "auto",
    workers: int = 2,
    force: bool = False,
    progress: Progress = SILENT,
) -> ComparisonResult:
    """Make the runs of a plan that are not there, and write the tables of all.

    A recipe with a run that failed is left out of the tables; see `refuse_failures`.

    Args:
        plan: what to do.
        device: see `choose_device`.
        workers: loader processes.
        force: make every run of the plan anew.
        progress: receives progress and notices.

    Raises:
        UserError: anything that the user must change in the whole comparison.
    """
    choose_device(device)
    tables = plan.out / plan.split
    refuse_existing(tables, force=True, made_by_us=(tables / PAGE).is_file())
    photos = _photos(plan)
    for run in plan.runs:
        _refuse_other(run, photos[run.data_name], force)
    failed = Runner(plan, photos, device, workers, force, progress).run()
    without = {run.name for run, _ in failed}
    comparison = None
    if plan.runs[0].name not in without:
        runs = [run for run in plan.runs if run.name not in without]
        comparison = _write(plan, runs, photos, tables)
    return ComparisonResult(comparison, tables / PAGE, tuple(failed), len(plan.runs))


def refuse_failures(result: ComparisonResult) -> None:
    """Raise one error for all runs that failed; runs that failed alike are reported together.

    Raises:
        UserError: A run failed.
    """
    if not result.failures:
        return
    runs_by_reason: dict[str, list[PlannedRun]] = {}
    for run, error in result.failures:
        runs_by_reason.setdefault(str(error), []).append(run)
    reasons = [
        f"{runs[0]}{f' (+{len(runs) - 1})' if len(runs) > 1 else ''}: {reason}"
        for reason, runs in runs_by_reason.items()
    ]
    more = f" ... (+{len(reasons) - SHOWN})" if len(reasons) > SHOWN else ""
    failed, count = len(result.failures), result.run_count
    shown = " ".join(reasons[:SHOWN]) + more
    raise UserError(
        tr(
            f"{failed} of {count} runs failed, and their recipes are not in the tables. {shown}",
            f"{count} 次训练中有 {failed} 次失败，相应配方不在表中。{shown}",
        )
    )


def _photos(plan: Plan) -> dict[str, Photos]:
    """The photos of each DATA, by its name; all have what the comparison needs."""
    found: dict[str, Photos] = {}
    for data_name, data in {run.data_name: run.data for run in plan.runs}.items():
        train = read_split(data, "train")
        first = next(iter(found.values()), None)
        if first is not None and first.classes != train.classes:
            raise UserError(
                tr(
                    f"{data} has other classes than {plan.runs[0].data}: compare on splits of the "
                    "same photos.",
                    f"{data} 与 {plan.runs[0].data} 的类别不同：请用同一批照片的不同划分来比较。",
                )
            )
        val = read_split(data, "val", train.classes)
        read_split(data, plan.split, train.classes)
        found[data_name] = Photos(data, train.classes, train.fingerprint(), val.fingerprint())
    return found


def _refuse_other(run: PlannedRun, photos: Photos, force: bool) -> None:
    """Refuse a folder that is in the way: no run, or one of other settings or photos."""
    there = is_run(run.folder)
    refuse_existing(run.folder, force=True, made_by_us=there)
    if force or not there:
        return
    made = read_recipe(str(run.folder / RECIPE))
    wanted = run.recipe
    if wanted.precision == "auto":  # chosen when the run began
        wanted = wanted.model_copy(update={"precision": made.precision})
    differ = [key for key in Recipe.model_fields if getattr(made, key) != getattr(wanted, key)]
    if began_with(run.folder).fingerprint != photos.train:
        differ.append(tr("training photos", "训练照片"))
    if differ:
        raise UserError(
            tr(
                f"{run.folder} was made with other settings ({', '.join(differ)}): choose another "
                "--out, or make all runs of this comparison anew with --force.",
                f"{run.folder} 是用别的设置生成的（{'、'.join(differ)}）：请另选 --out，"
                "或用 --force 重做本次比较的全部训练。",
            )
        )


class Runner:
    """Makes the runs of a plan, one after the other.

    Args:
        plan: what to do.
        photos: of each DATA, by its name.
        device: see `choose_device`.
        workers: loader processes.
        force: make every run anew.
        progress: receives progress and notices.
    """

    def __init__(
        self,
        plan: Plan,
        photos: dict[str, Photos],
        device: str,
        workers: int,
        force: bool,
        progress: Progress = SILENT,
    ) -> None:
        self.plan, self.photos, self.force = plan, photos, force
        self.device, self.workers, self.progress = device, workers, progress
        self.beginnings = Beginnings(plan.out / "beginnings", reuse=not force)
        # What `auto` stands for: chosen once, so that all recipes are trained alike.
        self.precision = None if force else _precision_in(plan.out)
        self.epochs, self.seconds = 0, 0.0  # of the runs that this call has trained

    def run(self) -> list[Failure]:
        """Make all runs; gives those that failed, and why."""
        failed = []
        for number, run in enumerate(self.plan.runs):
            began, trains = time.monotonic(), self._to_train(run)
            if trains or not self._evaluation(run).is_dir():
                self.progress.notice(self._heading(number))
                try:
                    with locked(run.folder):
                        self._make(number)
                except UserError as error:
                    failed.append((run, error))
            if trains:
                self.epochs += run.recipe.epochs
                self.seconds += time.monotonic() - began
            self.beginnings.forget(set(self._keys(run).values()) - self._wanted_after(number))
        return failed

    def _make(self, number: int) -> None:
        """Train and evaluate a run, as far as that is not done."""
        run = self.plan.runs[number]
        on_epoch = partial(self._keep, number)
        if self.force or not is_run(run.folder):
            recipe = self._settled(run.recipe)
            keys = reversed(self._keys(run).values())
            if not any(self.beginnings.take(key, recipe, run.folder) for key in keys):
                train(
                    run.data,
                    recipe,
                    run.folder,
                    device=self.device,
                    workers=self.workers,
                    force=self.force,
                    on_epoch=on_epoch,
                    progress=self.progress,
                )
        if not _finished(run):
            resume(
                run.data,
                run.folder,
                device=self.device,
                workers=self.workers,
                on_epoch=on_epoch,
                progress=self.progress,
            )
        if not self._evaluation(run).is_dir():
            evaluate(
                run.folder,
                data=run.data,
                split=self.plan.split,
                device=self.device,
                workers=self.workers,
                progress=self.progress,
            )

    def _keep(self, number: int, line: LogLine) -> None:
        """At the end of a stage, keep what the run has come to if one that follows wants it."""
        run = self.plan.runs[number]
        if line["epoch"] not in self._keys(run):
            return
        recipe = read_recipe(str(run.folder / RECIPE))
        self.precision = self.precision or recipe.precision
        key = beginning_keys(recipe, self.photos[run.data_name])[line["epoch"]]
        if key in self._wanted_after(number):
            self.beginnings.keep(key, recipe, run.folder)

    def _wanted_after(self, number: int) -> set[str]:
        """Beginnings that runs after this one can go on from."""
        after = self.plan.runs[number + 1 :]
        fresh = [run for run in after if self.force or not is_run(run.folder)]
        return {key for run in fresh for key in self._keys(run).values()}

    def _keys(self, run: PlannedRun) -> dict[int, str]:
        return beginning_keys(self._settled(run.recipe), self.photos[run.data_name])

    def _settled(self, recipe: Recipe) -> Recipe:
        """The recipe with the precision that runs of this comparison have, if one is known."""
        if recipe.precision != "auto" or self.precision is None:
            return recipe
        return recipe.model_copy(update={"precision": self.precision})

    def _to_train(self, run: PlannedRun) -> bool:
        return self.force or not _finished(run)

    def _evaluation(self, run: PlannedRun) -> Path:
        return run.folder / "evaluation" / self.plan.split

    def _heading(self, number: int) -> str:
        """Return which run of how many this is, and the time left for all by the pace so far."""
        runs = self.plan.runs
        text = tr(
            f"run {number + 1} of {len(runs)}: {runs[number]}",
            f"第 {number + 1}/{len(runs)} 次训练：{runs[number]}",
        )
        if not self.epochs:
            return text
        left = sum(run.recipe.epochs for run in runs[number:] if self._to_train(run))
        time_left = clock(left * self.seconds / self.epochs)
        return text + tr(f" (about {time_left} left for all)", f"（全部约剩 {time_left}）")


def _finished(run: PlannedRun) -> bool:
    return (run.folder / "model").is_dir()


def _precision_in(out: Path) -> str | None:
    """The precision of a run that is there, whichever; None if there is none."""
    for file in sorted((out / "runs").glob(f"*/*/{RECIPE}")):
        with suppress(UserError):  # not one of ours, or of another version
            return read_recipe(str(file)).precision
    return None


def _write(
    plan: Plan, runs: Sequence[PlannedRun], photos: dict[str, Photos], folder: Path
) -> Comparison:
    """Write the tables of finished runs."""
    trials = [
        read_trial(
            run.folder,
            run.name,
            run.data_name,
            run.seed,
            plan.split,
            photos[run.data_name].classes,
        )
        for run in runs
    ]
    comparison = compare(trials, plan.command, plan.split)
    with whole_folder(folder) as whole:
        write_comparison(whole, comparison)
    return comparison
