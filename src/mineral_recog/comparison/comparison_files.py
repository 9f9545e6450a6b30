"""Write a comparison as CSV for other programs and as Markdown for documents."""

from __future__ import annotations

import math
import re
import textwrap
from collections.abc import Iterable, Sequence
from pathlib import Path

from mineral_recog.comparison.comparison_rows import (
    bonferroni_p,
    change_cell,
    change_columns,
    mcnemar_cell,
    metric_cells,
    metric_columns,
)
from mineral_recog.comparison.summary import Comparison
from mineral_recog.csv_files import write_rows
from mineral_recog.evaluation.metric_descriptions import few_photos_remark


def write_tables(folder: Path, comparison: Comparison) -> None:
    """Write comparison.csv, trials.csv, per_class.csv and comparison.md into a folder.

    In CSV, shares are in [0, 1], times in seconds, memory in bytes; an unknown value is empty.
    Markdown is in per cent, and in English.

    Raises:
        OSError: A file cannot be written.
    """
    write_rows(folder / "comparison.csv", _metric_rows(comparison))
    write_rows(folder / "trials.csv", _trial_rows(comparison))
    write_rows(folder / "per_class.csv", _class_rows(comparison))
    text = markdown(comparison)
    (folder / "comparison.md").write_text(text, encoding="utf-8", errors="backslashreplace")


def _format_number(value: float) -> str:
    """Format a number with six significant digits; "" if it is not finite."""
    return f"{value:.6g}" if math.isfinite(value) else ""


def _metric_rows(comparison: Comparison) -> Iterable[Sequence[object]]:
    """Yield a row per recipe and metric; McNemar's test is in the row of accuracy over photos."""
    yield ("recipe", "figure", "runs", "mean", "std", "change", "low", "high", "p",
           "photos_lost", "photos_gained", "mcnemar_p")  # fmt: skip
    for score in comparison.scores:
        for key, mean in score.mean.items():
            row = [
                score.recipe,
                key,
                len(score.trials),
                _format_number(mean),
                _format_number(score.std[key]),
            ]
            change = score.changes.get(key)
            row += [""] * 4 if change is None else map(_format_number, change)
            test = score.mcnemar if key == "accuracy" else None
            row += [""] * 3 if test is None else [test.lost, test.gained, _format_number(test.p)]
            yield row


def _trial_rows(comparison: Comparison) -> Iterable[Sequence[object]]:
    """Yield a row per trial, with every metric that any trial has."""
    trials = [trial for score in comparison.scores for trial in score.trials]
    keys = list(dict.fromkeys(key for trial in trials for key in trial.metrics))
    yield ["recipe", "data", "seed", *keys]
    for trial in trials:
        values = [_format_number(trial.metrics.get(key, math.nan)) for key in keys]
        yield [trial.recipe, trial.data, trial.seed, *values]


def _class_rows(comparison: Comparison) -> Iterable[Sequence[object]]:
    """Yield a row per class, with the mean accuracy of each recipe."""
    yield ["class", "n_train", "group", *(score.recipe for score in comparison.scores)]
    for c, name in enumerate(comparison.classes):
        accuracies = [_format_number(float(score.class_accuracy[c])) for score in comparison.scores]
        yield [name, _format_number(comparison.train_counts[c]), comparison.groups[c], *accuracies]


def markdown(comparison: Comparison) -> str:
    """Return the comparison as Markdown: command, metrics, and changes with their tests."""
    parts = [
        textwrap.indent(comparison.command.strip(), "    ", lambda line: True),
        _summary(comparison),
        _metric_table(comparison),
    ]
    if len(comparison.scores) > 1:
        first = escape_markdown(comparison.first.recipe)
        parts += [
            f"Change against {first}, with 95 % interval and p value:",
            _change_table(comparison),
            _test_notes(comparison),
        ]
    return "\n\n".join(parts) + "\n"


def _summary(comparison: Comparison) -> str:
    """Return how much was run, and how to read the table."""
    folders, seeds = len(comparison.data), len(comparison.seeds)
    runs = len(comparison.first.trials)
    text = (
        f"{comparison.photo_count:,} {comparison.split} photos of "
        f"{len(comparison.classes)} classes; {_plural(folders, 'prepared folder')}, "
        f"{_plural(seeds, 'seed')}: {_plural(runs, 'run')} per recipe. "
    )
    if runs > 1:
        text += "Values are mean ± standard deviation over runs. "
    text += "Lower is better for CwASD, CwARange and ECE; the best of each column is bold."
    remark = few_photos_remark(comparison.few_photos)
    return f"{text} {escape_markdown(remark[0])}" if remark else text


def _plural(count: int, noun: str) -> str:
    return f"{count} {noun}" + ("" if count == 1 else "s")


def _test_notes(comparison: Comparison) -> str:
    """Return what the p values cover and what they do not."""
    others = len(comparison.scores) - 1
    text = (
        "Intervals and p values are those of a paired smoothed bootstrap over the test photos; "
        "McNemar's exact test counts photos lost and gained. They cover the sampling of the "
        "photos, not the randomness of training, which the deviation over seeds shows."
    )
    if others > 1:
        text += (
            f" With {others} recipes tested, some p values are below 0.05 by chance alone; one "
            f"below {bonferroni_p(comparison):.4f} is significant on its own."
        )
    return text


def _metric_table(comparison: Comparison) -> str:
    """Return the table of the metrics."""
    columns = metric_columns(comparison)
    cells = [metric_cells(comparison, column) for column in columns]
    rows = [
        [
            escape_markdown(score.recipe),
            *(f"**{cell.text}**" if cell.best else cell.text for cell in row),
        ]
        for score, row in zip(comparison.scores, zip(*cells, strict=True), strict=True)
    ]
    return _table(["recipe", *(column.english for column in columns)], rows)


def _change_table(comparison: Comparison) -> str:
    """Return the table of the changes."""
    columns = change_columns(comparison)
    rows = []
    for score in comparison.scores[1:]:
        cells = [change_cell(score, column) for column in columns]
        texts = [f"{cell.change} ({cell.low} to {cell.high}), p {cell.p}" for cell in cells]
        photos, p = mcnemar_cell(score)
        rows.append([escape_markdown(score.recipe), *(text.replace("<", "&lt;") for text in texts),
                     f"{photos}, p {p}".replace("<", "&lt;")])  # fmt: skip
    header = ["recipe", *(column.english for column in columns), "McNemar (photos)"]
    return _table(header, rows)


def _table(header: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    """Return a table of cells that are already Markdown."""
    lines = [header, ["---"] * len(header), *rows]
    return "\n".join(f"| {' | '.join(line)} |" for line in lines)


def escape_markdown(text: str) -> str:
    """Escape a name, with any characters, as one line of plain text in Markdown."""
    line = "".join(char if char.isprintable() else " " for char in text)
    line = line.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")
    line = re.sub(r"([\\`*\[\]|~$])", r"\\\1", line)
    return re.sub(r"(?<![^\W_])_|_(?![^\W_])", r"\\_", line)  # within a word it is literal
