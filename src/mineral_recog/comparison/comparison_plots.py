"""The plots of a comparison; a recipe has the same colour and dash in all of them.

Parts of a recipe carry an id of its number in SVG, so that the page can bring them out.
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

from mineral_recog.comparison.summary import Comparison, Score
from mineral_recog.evaluation.metrics import Floats, Ints
from mineral_recog.rendering.plot_elements import (
    EMPTY,
    PALETTE,
    UPRIGHT,
    Name,
    class_size,
    count_axis,
    legend,
    new_axes,
    place_names,
    share_axis,
    share_bar,
    write_in_cell,
)
from mineral_recog.rendering.plot_style import INK, drawable, style

_DASHES: tuple[tuple[float, ...], ...] = ((), (5, 1.6), (1.2, 1.4), (6, 1.4, 1.2, 1.4))
_FEW_CLASSES = 12  # at most so many are joined as they are, more are smoothed
_RADII = (7, 12, 20, 30, 44, 60, 80, 105)  # so that the names of many recipes find a place
_UNITS = ((3600.0, "h", 100 * 60.0), (60.0, "min", 99.5), (1.0, "s", 0.0))


class Look(NamedTuple):
    """How a recipe is drawn: its colour, and dashes on and off in points, () for a whole line."""

    colour: str
    dash: tuple[float, ...]


def look(recipe: int) -> Look:
    """The look of a recipe by its number; the first, which all are set against, is in ink."""
    if recipe == 0:
        return Look(INK, ())
    turn, colour = divmod(recipe - 1, len(PALETTE))
    return Look(PALETTE[colour], _DASHES[turn % len(_DASHES)])


def accuracy_by_count(comparison: Comparison, with_legend: bool) -> Figure:
    """Accuracy of each class against its training photos: faint points, and a line a recipe.

    With more than _FEW_CLASSES classes, each place of a line is the mean of a quarter of them,
    neighbours by count, in accuracy and in logarithm of the count alike. with_legend: a picture
    needs one, the page has its own.
    """
    counts = np.maximum(comparison.train_counts, 1)  # a class without photos has no logarithm
    joined = len(counts) <= _FEW_CLASSES  # then lines go through the points
    few = len(comparison.scores) <= 4
    with style():
        figure, axes = new_axes(11.4 if with_legend else 9.2, 5.2)
        count_axis(axes, counts)
        for number, score in enumerate(comparison.scores):
            own, main = look(number), score in (comparison.first, comparison.best)
            axes.scatter(
                counts, score.class_accuracy, s=24 if few else 8, color=own.colour, linewidths=0,
                alpha=1 if joined else 0.5 if few else 0.22, zorder=5 if joined else 2,
                gid=f"recipe-{number}-points",
            )  # fmt: skip
            places, means = trend(counts, score.class_accuracy)
            line = axes.plot(
                places, means, c=own.colour, lw=2.6 if main else 1.4, zorder=4 if main else 3,
                gid=f"recipe-{number}-line",
            )  # fmt: skip
            _dash(line[0], own)
        axes.set_ylim(-0.03, 1.03)
        if with_legend:
            names = [drawable(score.recipe) for score in comparison.scores]
            handles = [_handle(number) for number in range(len(names))]
            legend(figure, handles, names, loc="outside right upper", handlelength=3)
    return figure


def trend(counts: Floats, accuracy: Floats) -> tuple[Floats, Floats]:
    """Places and heights of a line through accuracies [C] at counts [C]; nan is left out.

    Classes of the same count are one place. At the ends a place has fewer neighbours, all of them
    on its side or the other, so that its height stays that of the classes it stands for.
    """
    seen = np.isfinite(accuracy)
    where, place = np.unique(np.log(counts[seen]), return_inverse=True)
    heights = np.bincount(place, accuracy[seen]) / np.bincount(place)
    half = 0 if seen.sum() <= _FEW_CLASSES else max(1, len(where) // 8)
    windows = [slice(max(0, i - half), i + half + 1) for i in range(len(where))]
    return (
        np.exp([where[window].mean() for window in windows]),
        np.array([heights[window].mean() for window in windows]),
    )


def mean_against_tail(comparison: Comparison) -> Figure | None:
    """Mean accuracy of all classes against that of the tail; None without a tail."""
    if any("mean_accuracy_tail" not in score.mean for score in comparison.scores):
        return None
    with style():
        figure, axes = _plane()
        points = np.array([
            (score.mean["mean_accuracy"], score.mean["mean_accuracy_tail"])
            for score in comparison.scores
        ])  # fmt: skip
        spread = np.array([
            (score.std["mean_accuracy"], score.std["mean_accuracy_tail"])
            for score in comparison.scores
        ])  # fmt: skip
        axes.set(xlabel="Mean accuracy, all classes", ylabel="Mean accuracy, tail classes")
        axes.xaxis.set_major_formatter(PercentFormatter(1))
        _set_limits(axes, points, spread)
        _draw_recipes(figure, axes, comparison, points, spread, "tail")
    return figure


def time_against_mean(comparison: Comparison) -> Figure:
    """What training took against mean accuracy, a point a recipe."""
    seconds = np.array([score.mean["seconds"] for score in comparison.scores])
    unit, name, _ = next(of for of in _UNITS if seconds.max() >= of[2])
    with style():
        figure, axes = _plane()
        accuracy = [score.mean["mean_accuracy"] for score in comparison.scores]
        spread = np.array([
            (score.std["seconds"] / unit, score.std["mean_accuracy"])
            for score in comparison.scores
        ])  # fmt: skip
        axes.set(xlabel=f"Training time ({name})", ylabel="Mean accuracy, all classes")
        points = np.column_stack([seconds / unit, accuracy])
        _set_limits(axes, points, spread)
        axes.set_xlim(left=0)  # so that twice the time is twice as far
        _draw_recipes(figure, axes, comparison, points, spread, "time")
    return figure


def class_heat_map(comparison: Comparison) -> Figure:
    """The accuracy of each class (column, most training photos first) by recipe (row), in colour.

    Per cent are written into the cells where they can be read.
    """
    order = np.argsort(-comparison.train_counts, kind="stable").astype(np.int64)
    shares = np.array([score.class_accuracy[order] for score in comparison.scores])
    rows, classes = shares.shape
    wide = float(np.clip(0.29 * classes, 2.6, 13))
    with style():
        figure, axes = new_axes(wide + 2.2, 0.26 * rows + 1.5)
        colours = colormaps["Blues"].with_extremes(bad=EMPTY)
        image = axes.imshow(
            np.ma.masked_invalid(shares), cmap=colours, vmin=0, vmax=1, aspect="auto",
            interpolation="nearest",
        )  # fmt: skip
        if wide / classes > 0.22:
            _write_per_cent(axes, shares)
        small = class_size(wide, classes, 8.5)
        axes.set_xticks(range(classes), _with_counts(comparison, order), fontsize=small, **UPRIGHT)
        names = [drawable(score.recipe) for score in comparison.scores]
        axes.set_yticks(range(rows), names, fontsize=8.5)
        axes.tick_params(length=0)
        axes.spines[:].set_visible(False)
        axes.set_xticks(np.arange(1, classes) - 0.5, minor=True)
        axes.set_yticks(np.arange(1, rows) - 0.5, minor=True)
        axes.grid(which="minor", color="white", lw=0.8)
        axes.tick_params(which="minor", length=0)
        share_bar(figure, image, (0, 0.5, 1), fraction=0.03, pad=0.015, aspect=max(4, rows))
    return figure


def _with_counts(comparison: Comparison, order: Ints) -> list[str]:
    """Names of the classes with their training photos."""
    return [f"{drawable(comparison.classes[c])} ({comparison.train_counts[c]:,.0f})" for c in order]


def _write_per_cent(axes: Axes, shares: Floats) -> None:
    """The accuracy into each cell that has one."""
    for cell in np.argwhere(np.isfinite(shares)):
        share = shares[tuple(cell)]
        write_in_cell(axes, cell, f"{100 * share:.0f}", share > 0.6, 6.8)


def _dash(line: Line2D, own: Look) -> None:
    """Give a line the dashes of a recipe."""
    if own.dash:
        line.set_dashes(own.dash)


def _handle(recipe: int) -> Line2D:
    """What stands for a recipe in a legend."""
    own = look(recipe)
    handle = Line2D([], [], c=own.colour, lw=2.2)
    _dash(handle, own)
    return handle


def _plane() -> tuple[Figure, Axes]:
    """Axes for a point a recipe; they do not move any more, so that names can be placed."""
    figure, axes = new_axes(9.2, 5.2, layout=None)
    figure.subplots_adjust(left=0.08, right=0.98, top=0.97, bottom=0.11)
    share_axis(axes)
    return figure, axes


def _draw_recipes(
    figure: Figure, axes: Axes, comparison: Comparison, points: Floats, spread: Floats, what: str
) -> None:
    """A named point a recipe, with bars of the deviation over trials: points and spread [n, 2].

    what: makes the ids of the points those of this plot. Limits of the axes must be settled before.
    """
    bars = np.nan_to_num(spread)
    for number, ((x, y), (across, up)) in enumerate(zip(points, bars, strict=True)):
        own = look(number)
        faint: dict[str, Any] = {"colors": own.colour, "lw": 1, "alpha": 0.35, "zorder": 2}
        axes.hlines(y, x - across, x + across, gid=f"recipe-{number}-{what}-across", **faint)
        axes.vlines(x, y - up, y + up, gid=f"recipe-{number}-{what}-up", **faint)
        axes.plot(x, y, "s" if number == 0 else "o", c=own.colour, ms=7, mec="white", mew=0.8,
                  zorder=3, gid=f"recipe-{number}-{what}")  # fmt: skip
    names = [
        Name(drawable(score.recipe), (float(points[n, 0]), float(points[n, 1])), INK)
        for n, score in _crowded_first(comparison.scores, points)
    ]
    place_names(figure, axes, names, points, _RADII)


def _set_limits(axes: Axes, points: Floats, spread: Floats) -> None:
    """Room for points, bars of the deviation and the names around them."""
    bars = np.nan_to_num(spread)
    low, high = (points - bars).min(axis=0), (points + bars).max(axis=0)
    room = np.maximum(0.1 * (high - low), 0.02 * np.abs(high) + 1e-3)
    axes.set_xlim(low[0] - room[0], high[0] + 1.6 * room[0])
    axes.set_ylim(low[1] - room[1], high[1] + room[1])


def _crowded_first(scores: Sequence[Score], points: Floats) -> list[tuple[int, Score]]:
    """Recipes with their numbers, those with near neighbours first: they have least choice."""
    size = np.maximum(np.ptp(points, axis=0), 1e-9)
    gaps = np.linalg.norm((points[:, None] - points[None]) / size, axis=2)
    near = (gaps < 0.15).sum(axis=1)
    return [(int(n), scores[n]) for n in np.argsort(-near, kind="stable")]
