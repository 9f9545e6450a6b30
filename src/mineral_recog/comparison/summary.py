"""Read trials from evaluated runs, and compare recipes by their trials."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property

import numpy as np

from mineral_recog.calibration.temperature import Floats, Ints
from mineral_recog.comparison.plan import PlannedRun
from mineral_recog.comparison.saved_answers import read_answers, refuse_different_metrics
from mineral_recog.errors import UserError
from mineral_recog.evaluation.by_attribute import answers_by_pair, attribute_values
from mineral_recog.evaluation.evaluation_files import read_evaluation
from mineral_recog.evaluation.metric_descriptions import attribute_keys
from mineral_recog.evaluation.resampling import Resampled
from mineral_recog.evaluation.results import Answers, Evaluation
from mineral_recog.evaluation.significance import (
    Change,
    McNemar,
    ModelAnswers,
    mcnemar,
    mean_resamples,
    paired_change,
)
from mineral_recog.i18n import tr
from mineral_recog.text import command_line

COSTS = ("seconds", "memory")


@dataclass(frozen=True, eq=False)
class Trial:
    """One recipe, trained on one prepared folder with one seed, and evaluated.

    Attributes:
        recipe: Name of the recipe.
        data: Name of the prepared folder.
        seed: Seed of the training.
        evaluation: Evaluation of the run.
        answers: Answers of the run, sorted by name of photo.
        seconds: Training time.
        memory: Peak memory of training in bytes; nan if unknown.
    """

    recipe: str
    data: str
    seed: int
    evaluation: Evaluation
    answers: Answers
    seconds: float
    memory: float

    @property
    def metrics(self) -> dict[str, float]:
        """Metrics of the evaluation, those by attribute with a prefix, and costs of training."""
        by_attribute = self.evaluation.by_attribute
        return {
            **self.evaluation.figures,
            **attribute_keys({} if by_attribute is None else by_attribute.figures),
            "seconds": self.seconds,
            "memory": self.memory,
        }

    @cached_property
    def by_attribute(self) -> tuple[Answers, tuple[str, ...]] | None:
        """Answers by attribute, see `answers_by_pair`; None if attributes are unknown."""
        results = self.evaluation.by_attribute
        return None if results is None else answers_by_pair(self.answers, results.pairs)


@dataclass(frozen=True, eq=False)
class Score:
    """The results of one recipe over all its trials.

    Attributes:
        recipe: Name of the recipe.
        trials: Trials of the recipe.
        mean: Mean of every metric that all trials have, in shares, and of COSTS, in seconds and
            bytes.
        std: Sample standard deviation of the same over trials; nan for a single trial.
        class_accuracy: Mean accuracy per class over trials, [C]; nan for a class without photos.
        changes: Change of each metric against the first recipe; empty for the first itself.
        mcnemar: McNemar's test of accuracy over photos against the first recipe; None for the
            first itself.
    """

    recipe: str
    trials: tuple[Trial, ...]
    mean: dict[str, float]
    std: dict[str, float]
    class_accuracy: Floats
    changes: dict[str, Change] = field(default_factory=dict)
    mcnemar: McNemar | None = None


@dataclass(frozen=True, eq=False)
class Comparison:
    """Recipes on the same photos; the others are compared with the first.

    Attributes:
        command: Command line that made the comparison.
        split: Split of the evaluations.
        classes: Names of the classes, C.
        groups: Group per class, C; "" where prepared folders differ.
        train_counts: Mean training photos per class over prepared folders, float [C].
        photo_count: Photos in the split, summed over prepared folders.
        data: Names of the prepared folders.
        seeds: Seeds, ascending.
        scores: Results of each recipe.
    """

    command: str
    split: str
    classes: tuple[str, ...]
    groups: tuple[str, ...]
    train_counts: Floats
    photo_count: int
    data: tuple[str, ...]
    seeds: tuple[int, ...]
    scores: tuple[Score, ...]

    @property
    def first(self) -> Score:
        """The recipe that the others are compared with."""
        return self.scores[0]

    @property
    def few_photos(self) -> tuple[str, ...]:
        """Names of the classes with too few photos in some prepared folder, see `Evaluation`."""
        few = {name for trial in self.first.trials for name in trial.evaluation.few_photos}
        return tuple(name for name in self.classes if name in few)

    @property
    def best(self) -> Score:
        """The recipe with the highest mean accuracy; of equal ones the earliest."""
        return max(self.scores, key=lambda score: score.mean["mean_accuracy"])


def read_trial(run: PlannedRun, split: str, classes: Sequence[str]) -> Trial:
    """Read a trial from the folder of an evaluated run.

    Args:
        run: The run.
        split: Split of the evaluation.
        classes: Classes that the run must have.

    Raises:
        UserError: The evaluation is missing, damaged or has different classes; or the log does
            not have the training time.
    """
    folder = run.folder
    evaluation = read_evaluation(folder, split, classes)
    path = folder / "evaluation" / split / "predictions.csv"
    try:
        answers = read_answers(path, evaluation.classes)
        refuse_different_metrics(evaluation, answers)
    except (OSError, ValueError, KeyError, TypeError):
        command = command_line("mineral-recog", "evaluate", folder, "--split", split, "--force")
        raise UserError(
            tr(
                f"{path} is missing, damaged or of an older version: run `{command}`.",
                f"{path} 缺失、损坏或由旧版本生成：请运行 `{command}`。",
            )
        ) from None
    try:
        seconds = [float(line["seconds"]) for line in evaluation.history]
        memory = [float(line["memory"]) for line in evaluation.history if line.get("memory")]
        if not seconds:
            raise ValueError
    except (ValueError, KeyError, TypeError, AttributeError):
        raise UserError(
            tr(
                f"{folder / 'log.jsonl'} does not have the training time: train the run again.",
                f"{folder / 'log.jsonl'} 没有记录训练用时：请重新训练。",
            )
        ) from None
    peak_memory = max(memory, default=float("nan"))
    return Trial(run.name, run.data_name, run.seed, evaluation, answers, sum(seconds), peak_memory)


def compare(trials: Sequence[Trial], command: str, split: str) -> Comparison:
    """Compare recipes, in the order in which they first appear in the trials.

    Every recipe needs the same trials: one per prepared folder and seed. Changes and their tests
    are those of `paired_change` and `mcnemar`, which cover the sampling of the photos; the
    standard deviation over trials covers the randomness of training and splitting. If several
    prepared folders are splits of the same photos, they share some of them, and p values are
    smaller than they should be. With many recipes and metrics some p value is near 0.05 by chance.

    Args:
        trials: At least one trial.
        command: Command line that made them, which the page shows.
        split: Split that they were evaluated on.

    Raises:
        UserError: A trial is missing or given twice, or photos, classes or groups differ between
            trials that must have the same.
        ValueError: There are no trials.
    """
    if not trials:
        raise ValueError("no trials to compare")
    trials_by_recipe = _by_recipe(trials)
    first, *others = trials_by_recipe.values()
    _refuse_different_photos(trials)
    names = list(dict.fromkeys(trial.data for trial in first))
    first_resamples = _resamples(first, names, 0) if others else {}
    scores = [_score(first)]
    before = scores[0].mean
    for recipe_trials in others:
        resamples = _resamples(recipe_trials, names, 1)
        score = _score(recipe_trials)
        changes = {
            key: paired_change(key, mean - before[key], first_resamples[key], resamples[key])
            for key, mean in score.mean.items()
            if key in before and key in resamples and key in first_resamples
        }
        test = mcnemar(_correct_counts(first), _correct_counts(recipe_trials))
        scores.append(replace(score, changes=changes, mcnemar=test))
    folders = [next(trial for trial in first if trial.data == name) for name in names]
    groups = [folder.evaluation.groups for folder in folders]
    return Comparison(
        command=command,
        split=split,
        classes=first[0].evaluation.classes,
        groups=tuple(
            class_groups[0] if len(set(class_groups)) == 1 else ""
            for class_groups in zip(*groups, strict=True)
        ),
        train_counts=np.mean([folder.evaluation.train_counts for folder in folders], axis=0),
        photo_count=sum(len(folder.answers.paths) for folder in folders),
        data=tuple(names),
        seeds=tuple(sorted({trial.seed for trial in first})),
        scores=tuple(scores),
    )


def _by_recipe(trials: Sequence[Trial]) -> dict[str, list[Trial]]:
    """Return the trials of each recipe, in the order of those of the first recipe."""
    by_recipe: dict[str, dict[tuple[str, int], Trial]] = {}
    for trial in trials:
        recipe_trials = by_recipe.setdefault(trial.recipe, {})
        if (trial.data, trial.seed) in recipe_trials:
            raise UserError(
                tr(
                    f"{trial.recipe} has two runs on {trial.data} with seed {trial.seed}: give "
                    "each recipe, folder and seed once.",
                    f"{trial.recipe} 在 {trial.data} 上以种子 {trial.seed} 有两次训练："
                    "每个配方、文件夹与种子只能给一次。",
                )
            )
        recipe_trials[trial.data, trial.seed] = trial
    first = next(iter(by_recipe))
    for recipe, recipe_trials in by_recipe.items():
        for data, seed in by_recipe[first].keys() ^ recipe_trials.keys():
            incomplete = recipe if (data, seed) in by_recipe[first] else first
            raise UserError(
                tr(
                    f"{incomplete} has no run on {data} with seed {seed}: all recipes need the "
                    "same folders and seeds.",
                    f"{incomplete} 缺少在 {data} 上以种子 {seed} 的训练：各配方须用相同的文件夹"
                    "与种子。",
                )
            )
    return {
        recipe: [recipe_trials[key] for key in by_recipe[first]]
        for recipe, recipe_trials in by_recipe.items()
    }


def _refuse_different_photos(trials: Sequence[Trial]) -> None:
    """Refuse trials whose photos, classes or groups differ although they must be the same."""
    first_by_data: dict[str, Trial] = {}
    for trial in trials:
        other = first_by_data.setdefault(trial.data, trial)
        evaluation, expected = trial.evaluation, other.evaluation
        same_photos = trial.answers.paths == other.answers.paths and all(
            np.array_equal(getattr(trial.answers, field), getattr(other.answers, field))
            for field in ("labels", "specimens")
        )
        same_photos = same_photos and _same_attributes(trial, other)
        same_counts = evaluation.train_counts == expected.train_counts
        if not (same_photos and same_counts and evaluation.groups == expected.groups):
            raise UserError(
                tr(
                    f"{trial.recipe} with seed {trial.seed} and {other.recipe} with seed "
                    f"{other.seed} have different photos of {trial.data}, or different groups: "
                    "run both again on the same photos.",
                    f"{trial.recipe}（种子 {trial.seed}）与 {other.recipe}（种子 {other.seed}）"
                    f"在 {trial.data} 上所用的照片或分组不同：请用相同的照片重新运行两者。",
                )
            )
        if evaluation.classes != trials[0].evaluation.classes:
            raise UserError(
                tr(
                    f"{trial.data} and {trials[0].data} have different classes: compare on folders "
                    "of the same minerals.",
                    f"{trial.data} 与 {trials[0].data} 的类别不同：请比较类别相同的文件夹。",
                )
            )


def _same_attributes(trial: Trial, other: Trial) -> bool:
    """Return whether attributes and rare ones are the same, or one trial does not know them."""
    first, second = trial.by_attribute, other.by_attribute
    if first is None or second is None:
        return True
    return trial.answers.attributes == other.answers.attributes and first[1] == second[1]


def _resamples(
    trials: Sequence[Trial], names: Sequence[str], answerer: int
) -> dict[str, Resampled]:
    """Return the result of `mean_resamples`, and that by attribute if all trials have attributes.

    Trials on the same prepared folder share their draw.
    """
    by_class = [
        ModelAnswers(trial.answers, trial.evaluation.groups, names.index(trial.data))
        for trial in trials
    ]
    by_pair = [
        ModelAnswers(*trial.by_attribute, names.index(trial.data))
        for trial in trials
        if trial.by_attribute is not None
    ]
    resamples = mean_resamples(by_class, answerer)
    if len(by_pair) == len(trials):
        resamples |= attribute_keys(attribute_values(mean_resamples(by_pair, answerer)))
    return resamples


def _correct_counts(trials: Sequence[Trial]) -> Ints:
    """Return the number of seeds with a correct answer per photo, over all folders: [M]."""
    counts: dict[str, Ints] = {}
    for trial in trials:
        correct = (trial.answers.ranks == 1).astype(np.int64)
        counts[trial.data] = counts.get(trial.data, 0) + correct
    return np.concatenate(list(counts.values()))


def _score(trials: Sequence[Trial]) -> Score:
    """Return the results of one recipe, without changes; an unknown cost makes its mean nan."""
    rows = [trial.metrics for trial in trials]
    values = {key: [row[key] for row in rows] for key in rows[0] if all(key in row for row in rows)}
    class_accuracy = np.ma.masked_invalid([trial.evaluation.class_accuracy for trial in trials])
    return Score(
        recipe=trials[0].recipe,
        trials=tuple(trials),
        mean={key: float(np.mean(samples)) for key, samples in values.items()},
        std={
            key: float(np.std(samples, ddof=1)) if len(samples) > 1 else float("nan")
            for key, samples in values.items()
        },
        class_accuracy=class_accuracy.mean(axis=0).filled(np.nan),
    )
