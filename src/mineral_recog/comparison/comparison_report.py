"""Write the files of a comparison: tables, two PNG plots, and a page in English and Chinese."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from markupsafe import Markup

from mineral_recog.comparison import comparison_plots as plots
from mineral_recog.comparison.comparison_files import write_tables
from mineral_recog.comparison.comparison_rows import (
    COLUMNS,
    bonferroni_p,
    change_cell,
    change_columns,
    mcnemar_cell,
    metric_cells,
    metric_columns,
)
from mineral_recog.comparison.summary import Comparison, Score
from mineral_recog.evaluation.metric_descriptions import (
    DESCRIPTION_OF,
    METRIC_DESCRIPTIONS,
    few_photos_remark,
)
from mineral_recog.rendering.bilingual_plots import bilingual
from mineral_recog.rendering.html import write_page
from mineral_recog.rendering.plot_elements import MAX_NAMED_CLASSES
from mineral_recog.rendering.plot_style import save

COMPARISON_FILES = (
    "comparison.html", "comparison.md", "comparison.csv", "trials.csv", "per_class.csv",
    "accuracy_by_count.png", "mean_against_tail.png",
)  # fmt: skip

_MAIN_COLUMN = COLUMNS[0]
_CARDS = ("mean_accuracy", "mean_accuracy_tail", "cw_asd", "accuracy")


def write_comparison(folder: Path, comparison: Comparison) -> None:
    """Write all files of a comparison into an existing folder.

    They are `COMPARISON_FILES`; mean_against_tail.png only if there are tail classes.

    Raises:
        OSError: A file cannot be written.
    """
    write_tables(folder, comparison)
    save(plots.accuracy_by_count(comparison, with_legend=True), folder / "accuracy_by_count.png")
    against_tail = plots.mean_against_tail(comparison)
    if against_tail is not None:
        save(against_tail, folder / "mean_against_tail.png")
    write_page(folder / "comparison.html", "comparison/comparison.html", _context(comparison))


def _context(comparison: Comparison) -> dict[str, Any]:
    """Return the values that the template shows."""
    columns = metric_columns(comparison)
    cells = [metric_cells(comparison, column) for column in columns]
    recipes = [score.recipe for score in comparison.scores]
    return {
        "run": comparison,
        "lead": _lead(comparison),
        "cards": _cards(comparison),
        "columns": columns,
        "rows": list(zip(recipes, zip(*cells, strict=True), strict=True)),
        "change_columns": change_columns(comparison),
        "changes": [_changes(score, comparison) for score in comparison.scores[1:]],
        "plot_names": len(comparison.classes) <= MAX_NAMED_CLASSES,
        "few_photos": few_photos_remark(comparison.few_photos),
        "bonferroni_p": f"{bonferroni_p(comparison):.4f}",
        "legend": [_legend_entry(index, recipe) for index, recipe in enumerate(recipes)],
        "descriptions": [row for row in METRIC_DESCRIPTIONS if row.key in comparison.first.mean],
        "plots": _plots(comparison),
    }


def _lead(comparison: Comparison) -> dict[str, Any]:
    """Return the values of the first paragraph: the best recipe and its change.

    The change is that of the best recipe against the first one; if the first one is the best,
    that of the second best.
    """
    best, first = comparison.best, comparison.first
    other: Score | None = best
    if best is first:
        others = comparison.scores[1:]
        other = max(others, key=lambda score: score.mean[_MAIN_COLUMN.key]) if others else None
    change = change_cell(other, _MAIN_COLUMN) if other is not None else None
    return {
        "best": best.recipe,
        "first_is_best": best is first,
        "other": other.recipe if other is not None else "",
        "mean": f"{100 * best.mean[_MAIN_COLUMN.key]:.1f}",
        "change": change,
        "points": change.change.lstrip("+-") if change is not None else "",
        "significant": change is not None and change.verdict != "unclear",
    }


def _cards(comparison: Comparison) -> list[dict[str, str]]:
    """Return the best value of each main metric, and the recipes that have it."""
    cards = []
    for column in metric_columns(comparison):
        if column.key in _CARDS:
            cells = metric_cells(comparison, column)
            winners = [index for index, cell in enumerate(cells) if cell.best]
            cards.append({
                "english": DESCRIPTION_OF[column.key].english,
                "chinese": DESCRIPTION_OF[column.key].chinese,
                "value": cells[winners[0]].mean + ("%" if column.percent else ""),
                "std": cells[winners[0]].std,
                "recipes": ", ".join(comparison.scores[index].recipe for index in winners[:3])
                + (" …" if len(winners) > 3 else ""),
            })  # fmt: skip
    return cards


def _changes(score: Score, comparison: Comparison) -> dict[str, Any]:
    """Return the changes of a recipe and McNemar's test."""
    photos, p = mcnemar_cell(score)
    cells = [change_cell(score, column) for column in change_columns(comparison)]
    gain = score.mcnemar.gained - score.mcnemar.lost if score.mcnemar else 0
    return {"recipe": score.recipe, "cells": cells, "photos": photos, "p": p, "gain": gain}


def _legend_entry(index: int, recipe: str) -> dict[str, Any]:
    """Return how a recipe is drawn, for the legend of the page."""
    look = plots.recipe_look(index)
    return {"recipe": recipe, "colour": look.colour,
            "dash": " ".join(f"{2 * length:g}" for length in look.dash)}  # fmt: skip


def _plots(comparison: Comparison) -> dict[str, Markup]:
    """Return the plots by name, as bilingual SVG, without those that have no data."""
    figures = {
        "accuracy_by_count": plots.accuracy_by_count(comparison, with_legend=False),
        "mean_against_tail": plots.mean_against_tail(comparison),
        "time_against_mean": plots.time_against_mean(comparison),
        "class_heat_map": plots.class_heat_map(comparison),
    }
    return {name: bilingual(figure) for name, figure in figures.items() if figure is not None}
