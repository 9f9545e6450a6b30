"""Run comparisons: recipes trained with several seeds on several splits.

Finished runs are reused and interrupted ones continued. Several processes may share a folder if
each makes different runs. A run is a function of photos, recipe and seed alone, so stages that
recipes share at their start are trained once; later runs continue from them, bit for bit the same.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from mineral_recog.comparison.comparison_report import COMPARISON_FILES, write_comparison
from mineral_recog.comparison.plan import Plan, PlannedRun
from mineral_recog.comparison.shared_stages import DataFingerprint, SharedStages, shared_stage_keys
from mineral_recog.comparison.summary import Comparison, compare, read_trial
from mineral_recog.data.dataset import read_split
from mineral_recog.errors import UserError
from mineral_recog.evaluation.evaluator import evaluate
from mineral_recog.files import atomic_folder, refuse_existing, refuse_user_files
from mineral_recog.i18n import tr
from mineral_recog.models.device import choose_device
from mineral_recog.progress import SILENT, Progress
from mineral_recog.recipes.recipe import Recipe
from mineral_recog.rendering.plot_style import font_notice
from mineral_recog.text import format_duration
from mineral_recog.training.epoch_log import EpochLog
from mineral_recog.training.run import resume, train
from mineral_recog.training.run_folder import (
    RECIPE,
    is_run,
    read_run_recipe,
    read_run_record,
    refuse_existing_run,
)
from mineral_recog.training.run_lock import lock_run

PAGE = "comparison.html"
MAX_REASONS = 5  # different reasons of failure that are shown

Failure = tuple[PlannedRun, UserError]


@dataclass(frozen=True)
class ComparisonResult:
    """The result of a comparison.

    Attributes:
        comparison: Comparison of the recipes; None if the first one has failed.
        page: HTML page of the comparison.
        failures: Runs that failed, with their errors.
        run_count: Number of runs of the plan.
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
    on_run: Callable[[PlannedRun], None] = lambda run: None,
    progress: Progress = SILENT,
) -> ComparisonResult:
    """Make the missing runs of a plan, and write the tables of all its runs.

    A recipe with a failed run is left out of the tables; see `refuse_failures`.

    Args:
        plan: Plan of the comparison.
        device: See `choose_device`.
        workers: Number of loader processes.
        force: Make every run of the plan again.
        on_run: Called with each run that is trained and evaluated, by this call or an earlier one.
        progress: Receives progress and notices.

    Raises:
        UserError: Input or settings of the comparison are wrong; the message says what to change.
    """
    choose_device(device)
    tables = plan.out / plan.split
    refuse_existing(tables, force=True, made_by_us=(tables / PAGE).is_file())
    refuse_user_files(tables, lambda path: path in COMPARISON_FILES)
    fingerprints = _fingerprints(plan)
    for run in plan.runs:
        _refuse_different_run(run, fingerprints[run.data_name], force)
    runner = Runner(plan, fingerprints, device, workers, force, progress)
    failures = runner.run(on_run)
    failed_recipes = {run.name for run, _ in failures}
    comparison = None
    if plan.runs[0].name not in failed_recipes:
        trials = [
            read_trial(run, plan.split, fingerprints[run.data_name].classes)
            for run in plan.runs
            if run.name not in failed_recipes
        ]
        comparison = compare(trials, plan.command, plan.split)
        with atomic_folder(tables) as folder:
            write_comparison(folder, comparison)
        if notice := font_notice([run.name for run in plan.runs]):
            progress.notice(notice)
    return ComparisonResult(comparison, tables / PAGE, tuple(failures), len(plan.runs))


def refuse_failures(result: ComparisonResult) -> None:
    """Raise one error for all failed runs; runs with the same error are reported together.

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
    rest = f" ... (+{len(reasons) - MAX_REASONS})" if len(reasons) > MAX_REASONS else ""
    failed, count = len(result.failures), result.run_count
    shown = " ".join(reasons[:MAX_REASONS]) + rest
    raise UserError(
        tr(
            f"{failed} of {count} runs failed, so their recipes are not in the tables. {shown}",
            f"{count} 次训练中有 {failed} 次失败，相应配方不在表中。{shown}",
        )
    )


def _fingerprints(plan: Plan) -> dict[str, DataFingerprint]:
    """Check that every DATA has what the comparison needs; return fingerprints by its name."""
    fingerprints: dict[str, DataFingerprint] = {}
    for data_name, data in {run.data_name: run.data for run in plan.runs}.items():
        train = read_split(data, "train")
        first = next(iter(fingerprints.values()), None)
        if first is not None and first.classes != train.classes:
            raise UserError(
                tr(
                    f"{data} and {plan.runs[0].data} have different classes: compare on splits of "
                    "the same photos.",
                    f"{data} 与 {plan.runs[0].data} 的类别不同：请用同一批照片的不同划分来比较。",
                )
            )
        val = read_split(data, "val", train.classes)
        read_split(data, plan.split, train.classes)
        fingerprints[data_name] = DataFingerprint(
            data, train.classes, train.fingerprint(), val.fingerprint()
        )
    return fingerprints


def _refuse_different_run(run: PlannedRun, fingerprint: DataFingerprint, force: bool) -> None:
    """Refuse a folder that is not a run, or a run with different settings or photos."""
    exists = is_run(run.folder)
    if force or not exists:
        refuse_existing_run(run.data, run.folder, force=True)
        return
    existing = read_run_recipe(run.folder)
    wanted = run.recipe
    if wanted.precision == "auto":  # chosen when the run was started
        wanted = wanted.model_copy(update={"precision": existing.precision})
    differing = [
        key for key in Recipe.model_fields if getattr(existing, key) != getattr(wanted, key)
    ]
    if read_run_record(run.folder).fingerprint != fingerprint.train:
        differing.append(tr("training photos", "训练照片"))
    if differing:
        raise UserError(
            tr(
                f"{run.folder} was made with different settings ({', '.join(differing)}): choose "
                "another --out, or repeat all runs of this comparison with --force.",
                f"{run.folder} 是用不同的设置生成的（{'、'.join(differing)}）：请另选 --out，"
                "或用 --force 重新进行本次比较的全部训练。",
            )
        )


class Runner:
    """Makes the runs of a plan, one after the other.

    Args:
        plan: Plan of the comparison.
        fingerprints: Fingerprint of each DATA, by its name.
        device: See `choose_device`.
        workers: Number of loader processes.
        force: Make every run again.
        progress: Receives progress and notices.
    """

    def __init__(
        self,
        plan: Plan,
        fingerprints: dict[str, DataFingerprint],
        device: str,
        workers: int,
        force: bool,
        progress: Progress = SILENT,
    ) -> None:
        self.plan, self.fingerprints, self.force = plan, fingerprints, force
        self.device, self.workers, self.progress = device, workers, progress
        self.shared_stages = SharedStages(plan.out / "beginnings", reuse=not force)
        # The precision of `auto` is chosen once, so that all recipes are trained with the same.
        self.precision = None if force else _existing_precision(plan.out)
        self.epochs, self.seconds = 0, 0.0  # of runs trained by this call

    def run(self, on_run: Callable[[PlannedRun], None]) -> list[Failure]:
        """Make all runs, calling `on_run` with each; return failed runs with their errors."""
        failures = []
        for index, run in enumerate(self.plan.runs):
            start, trains = time.monotonic(), self._needs_training(run)
            if trains or not self._evaluation_folder(run).is_dir():
                self.progress.notice(self._heading(index))
                try:
                    with lock_run(run.folder):
                        self._complete(index)
                except UserError as error:
                    failures.append((run, error))
            if not failures or failures[-1][0] is not run:
                on_run(run)
            if trains:
                self.epochs += run.recipe.epochs
                self.seconds += time.monotonic() - start
            self.shared_stages.remove(set(self._keys(run).values()) - self._needed_after(index))
        return failures

    def _complete(self, index: int) -> None:
        """Train and evaluate a run, except for what is already done."""
        run = self.plan.runs[index]
        on_epoch = partial(self._save_shared_stage, index)
        needed = self._needed_after(index)
        save_after = [epochs for epochs, key in self._keys(run).items() if key in needed]
        if self.force or not is_run(run.folder):
            recipe = self._with_precision(run.recipe)
            keys = reversed(self._keys(run).values())
            if not any(self.shared_stages.restore(key, recipe, run.folder) for key in keys):
                train(
                    run.data,
                    recipe,
                    run.folder,
                    device=self.device,
                    workers=self.workers,
                    force=self.force,
                    on_epoch=on_epoch,
                    save_after=save_after,
                    progress=self.progress,
                )
        if not _finished(run):
            resume(
                run.data,
                run.folder,
                device=self.device,
                workers=self.workers,
                on_epoch=on_epoch,
                save_after=save_after,
                progress=self.progress,
            )
        if not self._evaluation_folder(run).is_dir():
            evaluate(
                run.folder,
                data=run.data,
                split=self.plan.split,
                device=self.device,
                workers=self.workers,
                progress=self.progress,
            )

    def _save_shared_stage(self, index: int, line: EpochLog) -> None:
        """At the end of a stage, save the state of the run if a later run needs it."""
        run, epochs_done = self.plan.runs[index], line.epoch + line.skipped
        if epochs_done not in self._keys(run):
            return
        recipe = read_run_recipe(run.folder)
        self.precision = self.precision or recipe.precision
        key = shared_stage_keys(recipe, self.fingerprints[run.data_name])[epochs_done]
        if key in self._needed_after(index):
            self.shared_stages.save(key, recipe, run.folder)

    def _needed_after(self, index: int) -> set[str]:
        """Return the keys of shared stages that later runs can continue from."""
        later = self.plan.runs[index + 1 :]
        new = [run for run in later if self.force or not is_run(run.folder)]
        return {key for run in new for key in self._keys(run).values()}

    def _keys(self, run: PlannedRun) -> dict[int, str]:
        return shared_stage_keys(self._with_precision(run.recipe), self.fingerprints[run.data_name])

    def _with_precision(self, recipe: Recipe) -> Recipe:
        """Return the recipe with the precision of this comparison, once that is known."""
        if recipe.precision != "auto" or self.precision is None:
            return recipe
        return recipe.model_copy(update={"precision": self.precision})

    def _needs_training(self, run: PlannedRun) -> bool:
        return self.force or not _finished(run)

    def _evaluation_folder(self, run: PlannedRun) -> Path:
        return run.folder / "evaluation" / self.plan.split

    def _heading(self, index: int) -> str:
        """Return the position of the run among all, and the estimated time left for all."""
        runs = self.plan.runs
        text = tr(
            f"run {index + 1} of {len(runs)}: {runs[index]}",
            f"第 {index + 1}/{len(runs)} 次训练：{runs[index]}",
        )
        if not self.epochs:
            return text
        epochs_left = sum(run.recipe.epochs for run in runs[index:] if self._needs_training(run))
        time_left = format_duration(epochs_left * self.seconds / self.epochs)
        return text + tr(f" (about {time_left} left for all)", f"（全部约剩 {time_left}）")


def _finished(run: PlannedRun) -> bool:
    return (run.folder / "model").is_dir()


def _existing_precision(out: Path) -> str | None:
    """Return the precision of any existing run; None without runs."""
    for file in sorted((out / "runs").glob(f"*/*/{RECIPE}")):
        with suppress(UserError):  # no recipe of this program, or of another version
            return read_run_recipe(file.parent).precision
    return None
