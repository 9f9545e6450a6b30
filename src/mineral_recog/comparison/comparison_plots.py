"""The plots of a comparison; a recipe has the same colour and dashes in all of them.

In SVG the elements of a recipe have ids with its index, so that the page can highlight them.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np
from matplotlib import colormaps
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.ticker import PercentFormatter

from mineral_recog.calibration.temperature import Floats
from mineral_recog.comparison.summary import Comparison, Score
from mineral_recog.rendering.plot_elements import (
    EMPTY_COLOUR,
    FEW_CLASSES,
    MAX_NAMED_CLASSES,
    PALETTE,
    UNNAMED_CLASSES,
    VERTICAL_TEXT,
    PointLabel,
    class_font_size,
    count_axis,
    legend,
    new_axes,
    place_labels,
    share_axis,
    share_colorbar,
    trend,
    write_in_cell,
)
from mineral_recog.rendering.plot_style import INK, drawable, style

_DASHES: tuple[tuple[float, ...], ...] = ((), (5, 1.6), (1.2, 1.4), (6, 1.4, 1.2, 1.4))
_RADII = (7, 12, 20, 30, 44, 60, 80, 105)  # far enough to place the names of many recipes
_UNITS = ((3600.0, "h", 100 * 60.0), (60.0, "min", 99.5), (1.0, "s", 0.0))


class Look(NamedTuple):
    """How a recipe is drawn: colour, and dashes on and off in points, () for a solid line."""

    colour: str
    dash: tuple[float, ...]

    @property
    def line(self) -> dict[str, Any]:
        """The properties of a line of matplotlib."""
        return {"c": self.colour, "ls": (0, self.dash) if self.dash else "-"}


def recipe_look(index: int) -> Look:
    """Return the look of a recipe; the first one, which the others are compared with, is dark."""
    if index == 0:
        return Look(INK, ())
    turn, colour = divmod(index - 1, len(PALETTE))
    return Look(PALETTE[colour], _DASHES[turn % len(_DASHES)])


@style()
def accuracy_by_count(comparison: Comparison, with_legend: bool) -> Figure:
    """Draw the accuracy of each class against its training photos: points and a line per recipe.

    With more than FEW_CLASSES classes, each position of a line is the mean of a quarter of them,
    neighbours by count, both in accuracy and in the logarithm of the count.

    Args:
        comparison: Recipes to draw.
        with_legend: Whether to add a legend, which the page does not need.
    """
    counts = np.maximum(comparison.train_counts, 1)  # zero has no logarithm
    few_classes = len(counts) <= FEW_CLASSES
    few_recipes = len(comparison.scores) <= 4
    figure, axes = new_axes(11.4 if with_legend else 9.2, 5.2)
    count_axis(axes, counts)
    for index, score in enumerate(comparison.scores):
        look, thick = recipe_look(index), score in (comparison.first, comparison.best)
        axes.scatter(
            counts, score.class_accuracy, s=24 if few_recipes else 8, color=look.colour,
            linewidths=0, alpha=1 if few_classes else 0.5 if few_recipes else 0.22,
            zorder=5 if few_classes else 2, gid=f"recipe-{index}-points",
        )  # fmt: skip
        positions, means = trend(counts, score.class_accuracy)
        axes.plot(
            positions, means, lw=2.6 if thick else 1.4, zorder=4 if thick else 3,
            gid=f"recipe-{index}-line", **look.line,
        )  # fmt: skip
    axes.set_ylim(-0.03, 1.03)
    if with_legend:
        names = [drawable(score.recipe) for score in comparison.scores]
        handles = [Line2D([], [], lw=2.2, **recipe_look(index).line) for index in range(len(names))]
        legend(figure, handles, names, loc="outside right upper", handlelength=3)
    return figure


@style()
def mean_against_tail(comparison: Comparison) -> Figure | None:
    """Draw mean accuracy of all classes against that of the tail; None without tail classes."""
    if any("mean_accuracy_tail" not in score.mean for score in comparison.scores):
        return None
    points, spread = _mean_and_std(comparison, "mean_accuracy", "mean_accuracy_tail")
    figure, axes = _recipe_axes(points, spread)
    axes.set(xlabel="Mean accuracy, all classes", ylabel="Mean accuracy, tail classes")
    axes.xaxis.set_major_formatter(PercentFormatter(1))
    _draw_recipes(figure, axes, comparison, points, spread, "tail")
    return figure


@style()
def time_against_mean(comparison: Comparison) -> Figure:
    """Draw training time against mean accuracy, one point per recipe."""
    points, spread = _mean_and_std(comparison, "seconds", "mean_accuracy")
    unit, name, _ = next(entry for entry in _UNITS if points[:, 0].max() >= entry[2])
    for values in (points, spread):
        values[:, 0] /= unit
    figure, axes = _recipe_axes(points, spread)
    axes.set(xlabel=f"Training time ({name})", ylabel="Mean accuracy, all classes")
    axes.set_xlim(left=0)  # distances are then proportional to times
    _draw_recipes(figure, axes, comparison, points, spread, "time")
    return figure


@style()
def class_heat_map(comparison: Comparison) -> Figure:
    """Draw the accuracy of each class (column, most training photos first) by recipe (row).

    Numbers in per cent are written into the cells if these are large enough; more classes than
    MAX_NAMED_CLASSES have no names.
    """
    order = np.argsort(-comparison.train_counts, kind="stable").astype(np.int64)
    shares = np.array([score.class_accuracy[order] for score in comparison.scores])
    rows, classes = shares.shape
    width = float(np.clip(0.29 * classes, 2.6, 13))
    figure, axes = new_axes(width + 2.2, 0.26 * rows + 1.5)
    colours = colormaps["Blues"].with_extremes(bad=EMPTY_COLOUR)
    image = axes.imshow(
        np.ma.masked_invalid(shares), cmap=colours, vmin=0, vmax=1, aspect="auto",
        interpolation="nearest",
    )  # fmt: skip
    if width / classes > 0.22:
        for cell in np.argwhere(np.isfinite(shares)):
            share = shares[tuple(cell)]
            write_in_cell(axes, cell, f"{100 * share:.0f}", share > 0.6, 6.8)
    if classes <= MAX_NAMED_CLASSES:
        font_size = class_font_size(width, classes, 8.5)
        class_names = [
            f"{drawable(comparison.classes[c])} ({comparison.train_counts[c]:,.0f})" for c in order
        ]
        axes.set_xticks(range(classes), class_names, fontsize=font_size, **VERTICAL_TEXT)
        axes.set_xticks(np.arange(1, classes) - 0.5, minor=True)
    else:
        axes.set(xticks=[], xlabel=UNNAMED_CLASSES)
    names = [drawable(score.recipe) for score in comparison.scores]
    axes.set_yticks(range(rows), names, fontsize=8.5)
    axes.tick_params(length=0)
    axes.spines[:].set_visible(False)
    axes.set_yticks(np.arange(1, rows) - 0.5, minor=True)
    axes.grid(which="minor", color="white", lw=0.8)
    axes.tick_params(which="minor", length=0)
    share_colorbar(figure, image, (0, 0.5, 1), fraction=0.03, pad=0.015, aspect=max(4, rows))
    return figure


def _mean_and_std(comparison: Comparison, x: str, y: str) -> tuple[Floats, Floats]:
    """Return means and standard deviations of two metrics of each recipe, each [N, 2]."""
    scores = comparison.scores
    return (
        np.array([(score.mean[x], score.mean[y]) for score in scores]),
        np.array([(score.std[x], score.std[y]) for score in scores]),
    )


def _recipe_axes(points: Floats, spread: Floats) -> tuple[Figure, Axes]:
    """Return axes for one point per recipe, with a fixed layout so that names can be placed.

    Limits leave room for points, bars of the deviation and names around them.
    """
    figure, axes = new_axes(9.2, 5.2, layout=None)
    figure.subplots_adjust(left=0.08, right=0.98, top=0.97, bottom=0.11)
    share_axis(axes)
    bars = np.nan_to_num(spread)
    low, high = (points - bars).min(axis=0), (points + bars).max(axis=0)
    room = np.maximum(0.1 * (high - low), 0.02 * np.abs(high) + 1e-3)
    axes.set_xlim(low[0] - room[0], high[0] + 1.6 * room[0])
    axes.set_ylim(low[1] - room[1], high[1] + room[1])
    return figure, axes


def _draw_recipes(
    figure: Figure, axes: Axes, comparison: Comparison, points: Floats, spread: Floats, plot: str
) -> None:
    """Draw a named point per recipe, with bars of the standard deviation over trials.

    Args:
        figure: Figure of the axes.
        axes: Axes whose limits do not change any more.
        comparison: Recipes to draw, N.
        points: Positions, [N, 2].
        spread: Standard deviations, [N, 2].
        plot: Name of the plot, for the ids of its elements.
    """
    bars = np.nan_to_num(spread)
    for index, ((x, y), (x_std, y_std)) in enumerate(zip(points, bars, strict=True)):
        look = recipe_look(index)
        faint: dict[str, Any] = {"colors": look.colour, "lw": 1, "alpha": 0.35, "zorder": 2}
        axes.hlines(y, x - x_std, x + x_std, gid=f"recipe-{index}-{plot}-across", **faint)
        axes.vlines(x, y - y_std, y + y_std, gid=f"recipe-{index}-{plot}-up", **faint)
        axes.plot(x, y, "s" if index == 0 else "o", c=look.colour, ms=7, mec="white", mew=0.8,
                  zorder=3, gid=f"recipe-{index}-{plot}")  # fmt: skip
    labels = [
        PointLabel(drawable(score.recipe), (float(points[n, 0]), float(points[n, 1])), INK)
        for n, score in _crowded_first(comparison.scores, points)
    ]
    place_labels(figure, axes, labels, points, _RADII)


def _crowded_first(scores: Sequence[Score], points: Floats) -> list[tuple[int, Score]]:
    """Return recipes with their indices; the most crowded first, as they have least room."""
    size = np.maximum(np.ptp(points, axis=0), 1e-9)
    gaps = np.linalg.norm((points[:, None] - points[None]) / size, axis=2)
    near = (gaps < 0.15).sum(axis=1)
    return [(int(n), scores[n]) for n in np.argsort(-near, kind="stable")]
