"""A comparison as CSV, for other programs, and as Markdown, for documents."""

from __future__ import annotations

import csv
import math
import re
import textwrap
from collections.abc import Iterable, Sequence
from pathlib import Path

from mineral_recog.comparison.comparison_rows import (
    change_cell,
    change_columns,
    figure_cells,
    figure_columns,
    mcnemar_cell,
    strict_p,
)
from mineral_recog.comparison.summary import Comparison
from mineral_recog.csv_files import plain_cell


def write_tables(folder: Path, comparison: Comparison) -> None:
    """Write comparison.csv, trials.csv, per_class.csv and comparison.md into a folder.

    Shares are in [0, 1], times in seconds, memory in bytes; a field is empty where there is
    nothing to tell. Markdown is in per cent, and in English. Raises OSError when it cannot.
    """
    _write_csv(folder / "comparison.csv", _figures(comparison))
    _write_csv(folder / "trials.csv", _trials(comparison))
    _write_csv(folder / "per_class.csv", _classes(comparison))
    text = markdown(comparison)
    (folder / "comparison.md").write_text(text, encoding="utf-8", errors="backslashreplace")


def _write_csv(path: Path, rows: Iterable[Sequence[object]]) -> None:
    with path.open("w", encoding="utf-8", newline="") as file:
        for row in rows:
            cells = [plain_cell(cell) if isinstance(cell, str) else cell for cell in row]
            csv.writer(file).writerow(cells)


def _number(value: float) -> str:
    """A number of six digits, or nothing when it is not known."""
    return f"{value:.6g}" if math.isfinite(value) else ""


def _figures(comparison: Comparison) -> Iterable[Sequence[object]]:
    """A row a recipe and figure; McNemar's test is on the row of accuracy over photos."""
    yield ("recipe", "figure", "runs", "mean", "std", "change", "low", "high", "p",
           "photos_lost", "photos_gained", "mcnemar_p")  # fmt: skip
    for score in comparison.scores:
        for key, mean in score.mean.items():
            row = [score.recipe, key, len(score.trials), _number(mean), _number(score.std[key])]
            change = score.changes.get(key)
            row += [""] * 4 if change is None else map(_number, change)
            test = score.mcnemar if key == "accuracy" else None
            row += [""] * 3 if test is None else [test.lost, test.gained, _number(test.p)]
            yield row


def _trials(comparison: Comparison) -> Iterable[Sequence[object]]:
    """A row a trial, with every figure that some trial has."""
    trials = [trial for score in comparison.scores for trial in score.trials]
    keys = list(dict.fromkeys(key for trial in trials for key in trial.figures))
    yield ["recipe", "data", "seed", *keys]
    for trial in trials:
        figures = [_number(trial.figures.get(key, math.nan)) for key in keys]
        yield [trial.recipe, trial.data, trial.seed, *figures]


def _classes(comparison: Comparison) -> Iterable[Sequence[object]]:
    """A row a class, with the mean accuracy of each recipe."""
    yield ["class", "n_train", "group", *(score.recipe for score in comparison.scores)]
    for c, name in enumerate(comparison.classes):
        accuracies = [_number(float(score.class_accuracy[c])) for score in comparison.scores]
        yield [name, _number(comparison.train_counts[c]), comparison.groups[c], *accuracies]


def markdown(comparison: Comparison) -> str:
    """The comparison as Markdown: the command, the figures, and the changes with their tests."""
    parts = [
        textwrap.indent(comparison.command.strip(), "    ", lambda line: True),
        _what_it_is(comparison),
        _table(*_figure_table(comparison)),
    ]
    if len(comparison.scores) > 1:
        first = escaped(comparison.first.recipe)
        parts += [
            f"Change against {first}, with 95 % interval and p value:",
            _table(*_change_table(comparison)),
            _what_the_tests_say(comparison),
        ]
    return "\n\n".join(parts) + "\n"


def _what_it_is(comparison: Comparison) -> str:
    """How much was run, and how the table is to be read."""
    folders, seeds = len(comparison.data), len(comparison.seeds)
    runs = len(comparison.first.trials)
    text = (
        f"{comparison.photos:,} {comparison.split} photos of {len(comparison.classes)} minerals; "
        f"{_plural(folders, 'prepared folder')}, {_plural(seeds, 'seed')}: "
        f"{_plural(runs, 'run')} a recipe. "
    )
    if runs > 1:
        text += "Mean ± standard deviation over runs. "
    return text + "Lower is better for CwASD, CwARange and ECE; the best of each column is bold."


def _plural(number: int, what: str) -> str:
    return f"{number} {what}" + ("" if number == 1 else "s")


def _what_the_tests_say(comparison: Comparison) -> str:
    """What p values cover and what they do not."""
    others = len(comparison.scores) - 1
    text = (
        "Intervals and p values are those of a paired bootstrap over the test photos; McNemar's "
        "exact test counts photos lost and gained. They cover the luck of the photos, not that of "
        "training, which the deviation over seeds shows."
    )
    if others > 1:
        text += (
            f" With {others} recipes tested, some p value is below 0.05 by luck alone: one below "
            f"{strict_p(comparison):.4f} stands for itself."
        )
    return text


def _figure_table(comparison: Comparison) -> tuple[list[str], list[list[str]]]:
    """Head and rows of the figures."""
    columns = figure_columns(comparison)
    cells = [figure_cells(comparison, column) for column in columns]
    rows = [
        [escaped(score.recipe), *(f"**{cell.text}**" if cell.best else cell.text for cell in of)]
        for score, of in zip(comparison.scores, zip(*cells, strict=True), strict=True)
    ]
    return ["recipe", *(column.english for column in columns)], rows


def _change_table(comparison: Comparison) -> tuple[list[str], list[list[str]]]:
    """Head and rows of the changes."""
    columns = change_columns(comparison)
    rows = []
    for score in comparison.scores[1:]:
        cells = [change_cell(score, column) for column in columns]
        told = [f"{cell.change} ({cell.low} to {cell.high}), p {cell.p}" for cell in cells]
        photos, p = mcnemar_cell(score)
        rows.append([escaped(score.recipe), *(text.replace("<", "&lt;") for text in told),
                     f"{photos}, p {p}".replace("<", "&lt;")])  # fmt: skip
    return ["recipe", *(column.english for column in columns), "McNemar (photos)"], rows


def _table(head: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    """A table whose cells are Markdown already."""
    lines = [head, ["---"] * len(head), *rows]
    return "\n".join(f"| {' | '.join(line)} |" for line in lines)


def escaped(text: str) -> str:
    """A name of any characters as plain text of one line in Markdown."""
    line = "".join(char if char.isprintable() else " " for char in text)
    line = line.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")
    line = re.sub(r"([\\`*\[\]|~$])", r"\\\1", line)
    return re.sub(r"(?<![^\W_])_|_(?![^\W_])", r"\\_", line)  # one within a word is plain
