"""The files of a comparison: tables, two pictures, and one page in English and Chinese."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from markupsafe import Markup

from mineral_recog.comparison import comparison_plots as plots
from mineral_recog.comparison.comparison_files import write_tables
from mineral_recog.comparison.comparison_rows import (
    COLUMNS,
    ChangeCell,
    change_cell,
    change_columns,
    figure_cells,
    figure_columns,
    mcnemar_cell,
    strict_p,
)
from mineral_recog.comparison.summary import Comparison, Score
from mineral_recog.evaluation.metric_descriptions import MEANINGS
from mineral_recog.rendering.html import bilingual, write_page
from mineral_recog.rendering.plot_style import save

_MAIN = COLUMNS[0]
_CARDS = ("mean_accuracy", "mean_accuracy_tail", "cw_asd", "accuracy")


def write_comparison(folder: Path, comparison: Comparison) -> None:
    """Write all files of a comparison into a folder that is there.

    They are comparison.html, comparison.md, comparison.csv, trials.csv, per_class.csv,
    accuracy_by_count.png and, where there is a tail, mean_against_tail.png.
    Raises OSError when one cannot be written.
    """
    write_tables(folder, comparison)
    save(plots.accuracy_by_count(comparison, with_legend=True), folder / "accuracy_by_count.png")
    against_tail = plots.mean_against_tail(comparison)
    if against_tail is not None:
        save(against_tail, folder / "mean_against_tail.png")
    write_page(folder / "comparison.html", "comparison/comparison.html", _context(comparison))


def _context(comparison: Comparison) -> dict[str, Any]:
    """All that the template shows."""
    columns = figure_columns(comparison)
    cells = [figure_cells(comparison, column) for column in columns]
    recipes = [score.recipe for score in comparison.scores]
    return {
        "run": comparison,
        "lead": _lead(comparison),
        "cards": _cards(comparison),
        "columns": columns,
        "rows": list(zip(recipes, zip(*cells, strict=True), strict=True)),
        "change_columns": change_columns(comparison),
        "changes": [_changes(score, comparison) for score in comparison.scores[1:]],
        "strict_p": f"{strict_p(comparison):.4f}",
        "looks": [_look(number, recipe) for number, recipe in enumerate(recipes)],
        "meanings": [row for row in MEANINGS if row.key in comparison.first.mean],
        "plots": _plots(comparison),
    }


def _lead(comparison: Comparison) -> dict[str, Any]:
    """What stands first: the best recipe, and its change against the first, or the other way."""
    best, first = comparison.best, comparison.first
    other: Score | None = best
    if best is first:
        others = comparison.scores[1:]
        other = max(others, key=lambda score: score.mean[_MAIN.key]) if others else None
    change = change_cell(other, _MAIN) if other is not None else None
    return {
        "best": best.recipe,
        "first_is_best": best is first,
        "other": other.recipe if other is not None else "",
        "mean": f"{100 * best.mean[_MAIN.key]:.1f}",
        "change": change,
        "points": change.change.lstrip("+-") if change is not None else "",
        "leaves_out_zero": change is not None and change.verdict != "unclear",
    }


def _cards(comparison: Comparison) -> list[dict[str, str]]:
    """The best value of the main figures, and whose it is."""
    cards = []
    for column in figure_columns(comparison):
        if column.key in _CARDS:
            cells = figure_cells(comparison, column)
            winners = [n for n, cell in enumerate(cells) if cell.best]
            meaning = next(meaning for meaning in MEANINGS if meaning.key == column.key)
            cards.append({
                "english": meaning.english,
                "chinese": meaning.chinese,
                "value": cells[winners[0]].mean + ("%" if column.percent else ""),
                "std": cells[winners[0]].std,
                "recipes": ", ".join(comparison.scores[n].recipe for n in winners[:3])
                + (" …" if len(winners) > 3 else ""),
            })  # fmt: skip
    return cards


def _changes(score: Score, comparison: Comparison) -> dict[str, Any]:
    """The changes of a recipe and McNemar's test."""
    photos, p = mcnemar_cell(score)
    cells: list[ChangeCell] = [change_cell(score, column) for column in change_columns(comparison)]
    gain = score.mcnemar.gained - score.mcnemar.lost if score.mcnemar else 0
    return {"recipe": score.recipe, "cells": cells, "photos": photos, "p": p, "gain": gain}


def _look(number: int, recipe: str) -> dict[str, Any]:
    """How a recipe is drawn, for the legend of the page."""
    own = plots.look(number)
    return {"recipe": recipe, "colour": own.colour,
            "dash": " ".join(f"{2 * part:g}" for part in own.dash)}  # fmt: skip


def _plots(comparison: Comparison) -> dict[str, Markup]:
    """The plots by name, as bilingual SVG, without those for which there is nothing to draw."""
    drawn = {
        "accuracy_by_count": plots.accuracy_by_count(comparison, with_legend=False),
        "mean_against_tail": plots.mean_against_tail(comparison),
        "time_against_mean": plots.time_against_mean(comparison),
        "class_heat_map": plots.class_heat_map(comparison),
    }
    return {name: bilingual(figure) for name, figure in drawn.items() if figure is not None}
