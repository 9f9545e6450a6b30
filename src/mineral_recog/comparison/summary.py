"""Recipes side by side: trials read from evaluated runs, and what they say of each recipe."""

from __future__ import annotations

import csv
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from mineral_recog.csv_files import plain_cell
from mineral_recog.errors import UserError
from mineral_recog.evaluation import metrics
from mineral_recog.evaluation.evaluator import read_evaluation
from mineral_recog.evaluation.metrics import Floats, Ints
from mineral_recog.evaluation.results import Answers, Evaluation
from mineral_recog.evaluation.significance import (
    Answered,
    Change,
    McNemar,
    mcnemar,
    mean_resamples,
    paired_change,
)
from mineral_recog.i18n import tr

COSTS = ("seconds", "memory")


@dataclass(frozen=True, eq=False)
class Trial:
    """One recipe, trained on one prepared folder with one seed, and evaluated.

    recipe: as shown. data: name of the prepared folder. photos: its answers, sorted by name.
    seconds: of training. memory: bytes at most while training; nan when not known.
    """

    recipe: str
    data: str
    seed: int
    evaluation: Evaluation
    photos: Answers
    seconds: float
    memory: float

    @property
    def figures(self) -> dict[str, float]:
        """The figures of the evaluation, and what training cost."""
        return {**self.evaluation.figures, "seconds": self.seconds, "memory": self.memory}


@dataclass(frozen=True, eq=False)
class Score:
    """What all trials of one recipe say together.

    mean, std: of every figure that all trials have, in shares, and of COSTS, in seconds and
    bytes; the sample standard deviation over trials, nan for a single one.
    class_accuracy: [C], mean over trials; nan for a class without photos.
    changes: of each figure against the first recipe; none for the first itself.
    mcnemar: of accuracy over photos against the first recipe; None for the first itself.
    """

    recipe: str
    trials: tuple[Trial, ...]
    mean: dict[str, float]
    std: dict[str, float]
    class_accuracy: Floats
    changes: dict[str, Change]
    mcnemar: McNemar | None


@dataclass(frozen=True, eq=False)
class Comparison:
    """Recipes on the same photos; the first is the one that the others are set against.

    command: what made it. train_counts: float [C], mean over prepared folders.
    groups: of each of C classes; empty where prepared folders differ. photos: in the split, of all
    prepared folders together.
    """

    command: str
    split: str
    classes: tuple[str, ...]
    groups: tuple[str, ...]
    train_counts: Floats
    photos: int
    data: tuple[str, ...]
    seeds: tuple[int, ...]
    scores: tuple[Score, ...]

    @property
    def first(self) -> Score:
        """The recipe that the others are set against."""
        return self.scores[0]

    @property
    def best(self) -> Score:
        """The recipe of the highest mean accuracy; of equal ones the earliest."""
        return max(self.scores, key=lambda score: score.mean["mean_accuracy"])


def read_trial(
    run: Path, recipe: str, data: str, seed: int, split: str, classes: Sequence[str]
) -> Trial:
    """A trial from the folder of a run that was evaluated.

    Args:
        run: folder of the run.
        recipe: its name as shown.
        data: name of the prepared folder that it was trained and evaluated on.
        seed: of the training.
        split: of the evaluation.
        classes: that it must know.

    Raises:
        UserError: there is no evaluation, or it is damaged, or of other classes; or the log does
            not tell how long training took.
    """
    evaluation = read_evaluation(run, split, classes)
    path = run / "evaluation" / split / "predictions.csv"
    try:
        photos = _read_answers(path, evaluation.classes)
        _refuse_unlike_figures(evaluation, photos)
    except (OSError, ValueError, KeyError, TypeError):
        raise UserError(
            tr(
                f"{path} is missing, damaged or of an older version: run `mineral-recog evaluate "
                f"{run} --split {split} --force`.",
                f"{path} 缺失、损坏或由旧版本生成：请运行 `mineral-recog evaluate {run} "
                f"--split {split} --force`。",
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
                f"{run / 'log.jsonl'} does not tell how long training took: train the run again.",
                f"{run / 'log.jsonl'} 没有记录训练用时：请重新训练。",
            )
        ) from None
    most = max(memory, default=float("nan"))
    return Trial(recipe, data, seed, evaluation, photos, sum(seconds), most)


def _read_answers(path: Path, classes: Sequence[str]) -> Answers:
    """The lines of predictions.csv by name of photo; ValueError or KeyError when damaged."""
    with path.open(encoding="utf-8", newline="") as file:
        rows = sorted(csv.DictReader(file), key=lambda row: row["photo"])
    label = {plain_cell(name): c for c, name in enumerate(classes)}
    answers = Answers(
        photos=tuple(row["photo"] for row in rows),
        labels=np.array([label[row["class"]] for row in rows], dtype=np.int64),
        ranks=np.array([int(row["rank"]) for row in rows], dtype=np.int64),
        confidence=np.array([float(row["probability"]) for row in rows]),
    )
    if not ((answers.confidence >= 0) & (answers.confidence <= 1) & (answers.ranks >= 1)).all():
        raise ValueError("no probabilities or no ranks")
    return answers


def _refuse_unlike_figures(evaluation: Evaluation, photos: Answers) -> None:
    """Raise ValueError when the figures written are not those of the photos beside them."""
    found = metrics.answered_figures(photos, evaluation.groups)
    found.pop("ece")  # a probability that was rounded may lie in the next bin
    if not found.keys() <= evaluation.figures.keys() or any(
        not abs(evaluation.figures[key] - value) < 1e-6 for key, value in found.items()
    ):
        raise ValueError("figures and predictions do not fit together")


def compare(trials: Sequence[Trial], command: str, split: str) -> Comparison:
    """Work out what trials say of each recipe, in the order in which recipes are first seen.

    Every recipe needs the same trials, a prepared folder with a seed each. Changes and their tests
    are those of `paired`: they tell of the luck of the photos, while the standard deviation over
    trials tells of that of training and splitting. Where several prepared folders are splits of the
    same photos they share some of them, and p values are smaller than they should be; and with
    many recipes and figures some p value will be near 0.05 by luck.

    Args:
        trials: at least one.
        command: what made them, to be shown.
        split: that they were evaluated on.

    Raises:
        UserError: a trial is missing or there twice, or trials that were to have the same photos,
            classes or groups have not.
    """
    if not trials:
        raise ValueError("no trials to compare")
    of_recipe = _by_recipe(trials)
    first, *others = of_recipe.values()
    _refuse_unlike_photos(trials)
    names = list(dict.fromkeys(trial.data for trial in first))
    draws = mean_resamples(_answered(first, names)) if others else {}
    scores = [_score(first, {}, None)]
    for own in others:
        drawn = mean_resamples(_answered(own, names))
        before = scores[0].mean
        after = _means(own)
        changes = {
            key: paired_change(after[key] - before[key], drawn[key] - draws[key])
            for key in after
            if key in before and key in drawn and key in draws
        }
        scores.append(_score(own, changes, mcnemar(_times_right(first), _times_right(own))))
    folders = [next(trial for trial in first if trial.data == name) for name in names]
    groups = [folder.evaluation.groups for folder in folders]
    return Comparison(
        command=command,
        split=split,
        classes=first[0].evaluation.classes,
        groups=tuple(of[0] if len(set(of)) == 1 else "" for of in zip(*groups, strict=True)),
        train_counts=np.mean([folder.evaluation.train_counts for folder in folders], axis=0),
        photos=sum(len(folder.photos.photos) for folder in folders),
        data=tuple(names),
        seeds=tuple(sorted({trial.seed for trial in first})),
        scores=tuple(scores),
    )


def _by_recipe(trials: Sequence[Trial]) -> dict[str, list[Trial]]:
    """The trials of each recipe, in the order of those of the first."""
    found: dict[str, dict[tuple[str, int], Trial]] = {}
    for trial in trials:
        own = found.setdefault(trial.recipe, {})
        if (trial.data, trial.seed) in own:
            raise UserError(
                tr(
                    f"{trial.recipe} has two runs on {trial.data} with seed {trial.seed}: give "
                    "each recipe, folder and seed once.",
                    f"{trial.recipe} 在 {trial.data} 上以种子 {trial.seed} 有两次训练："
                    "每个配方、文件夹与种子只能给一次。",
                )
            )
        own[trial.data, trial.seed] = trial
    first = next(iter(found))
    for recipe, own in found.items():
        for data, seed in found[first].keys() ^ own.keys():
            lacking = recipe if (data, seed) in found[first] else first
            raise UserError(
                tr(
                    f"{lacking} has no run on {data} with seed {seed}: recipes are compared on "
                    "the same folders and seeds.",
                    f"{lacking} 缺少在 {data} 上以种子 {seed} 的训练：各配方须用相同的文件夹"
                    "与种子比较。",
                )
            )
    return {recipe: [own[key] for key in found[first]] for recipe, own in found.items()}


def _refuse_unlike_photos(trials: Sequence[Trial]) -> None:
    """Refuse trials whose figures are of other photos, classes or groups than they should be."""
    seen: dict[str, Trial] = {}
    for trial in trials:
        other = seen.setdefault(trial.data, trial)
        own, known = trial.evaluation, other.evaluation
        same_photos = trial.photos.photos == other.photos.photos and np.array_equal(
            trial.photos.labels, other.photos.labels
        )
        same_counts = own.train_counts == known.train_counts
        if not (same_photos and same_counts and own.groups == known.groups):
            raise UserError(
                tr(
                    f"{trial.recipe} with seed {trial.seed} was trained or evaluated on other "
                    f"photos of {trial.data}, or with other groups, than {other.recipe} with seed "
                    f"{other.seed}: run both again on the same photos.",
                    f"{trial.recipe}（种子 {trial.seed}）与 {other.recipe}（种子 {other.seed}）"
                    f"在 {trial.data} 上所用的照片或分组不同：请用相同的照片重新运行两者。",
                )
            )
        if own.classes != trials[0].evaluation.classes:
            raise UserError(
                tr(
                    f"{trial.data} has other classes than {trials[0].data}: compare on folders "
                    "of the same minerals.",
                    f"{trial.data} 与 {trials[0].data} 的类别不同：请比较类别相同的文件夹。",
                )
            )


def _answered(trials: Sequence[Trial], names: Sequence[str]) -> list[Answered]:
    """The answers of trials; those on the same prepared folder share their draws."""
    return [
        Answered(trial.photos, trial.evaluation.groups, names.index(trial.data)) for trial in trials
    ]


def _times_right(trials: Sequence[Trial]) -> Ints:
    """In how many seeds each photo is right: [M], photos of all prepared folders in turn."""
    right: dict[str, Ints] = {}
    for trial in trials:
        own = (trial.photos.ranks == 1).astype(np.int64)
        right[trial.data] = right.get(trial.data, 0) + own
    return np.concatenate(list(right.values()))


def _means(trials: Sequence[Trial]) -> dict[str, float]:
    """Means of the figures that all trials have; costs that one does not know are nan."""
    figures = [trial.figures for trial in trials]
    keys = [key for key in figures[0] if all(key in own for own in figures)]
    return {key: float(np.mean([own[key] for own in figures])) for key in keys}


def _score(trials: list[Trial], changes: dict[str, Change], test: McNemar | None) -> Score:
    """What trials of one recipe say, beside its changes."""
    mean = _means(trials)
    values = {key: [trial.figures[key] for trial in trials] for key in mean}
    return Score(
        recipe=trials[0].recipe,
        trials=tuple(trials),
        mean=mean,
        std={
            key: float(np.std(of, ddof=1)) if len(of) > 1 else float("nan")
            for key, of in values.items()
        },
        class_accuracy=_mean_over_seen([trial.evaluation.class_accuracy for trial in trials]),
        changes=changes,
        mcnemar=test,
    )


def _mean_over_seen(accuracies: Sequence[Floats]) -> Floats:
    """Mean accuracy of each class over the trials that have photos of it: [C], nan for none."""
    stacked = np.array(accuracies)
    seen = np.isfinite(stacked)
    times = seen.sum(axis=0)
    mean: Floats = np.where(seen, stacked, 0).sum(axis=0) / np.where(times > 0, times, np.nan)
    return mean
