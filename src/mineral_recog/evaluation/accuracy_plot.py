"""The plot of the accuracy of each class against its training photos."""

from collections.abc import Sequence
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D

from mineral_recog.calibration.temperature import Ints
from mineral_recog.evaluation import metrics
from mineral_recog.evaluation.plots import ALL_GROUPS, COLOURS, MARKERS
from mineral_recog.evaluation.results import Evaluation
from mineral_recog.rendering.plot_elements import (
    MAX_NAMED_CLASSES,
    PointLabel,
    count_axis,
    legend,
    new_axes,
    place_labels,
    trend,
)
from mineral_recog.rendering.plot_style import INK, drawable, style


@style()
def per_class_accuracy(evaluation: Evaluation, against: Evaluation | None = None) -> Figure:
    """Draw the accuracy of each class against its training photos, with 95 % Wilson intervals.

    Accuracies of `against` are hollow, with arrows to the filled ones; classes are matched by
    name. Names without a free place are left out, those of tail and worst classes last. More
    classes than MAX_NAMED_CLASSES have no names, intervals and arrows but a line, the mean of
    neighbours by training photos.
    """
    counts = np.maximum(evaluation.train_counts, 1)  # zero has no logarithm
    accuracy = evaluation.class_accuracy
    named = len(counts) <= MAX_NAMED_CLASSES
    low, high = metrics.wilson_interval(accuracy, evaluation.test_counts)
    figure, axes = new_axes(9.2, 5.4, layout=None)
    figure.subplots_adjust(left=0.08, right=0.98, top=0.93, bottom=0.11)
    count_axis(axes, counts)
    look: dict[str, Any] = {"ms": 6, "mec": "white", "mew": 0.6}
    if not named:
        look = {"ms": 3.5, "mew": 0, "alpha": 0.4}
    handles = []
    for group in _present_groups(evaluation.groups):
        members = np.array([name == group for name in evaluation.groups])
        colour, marker = COLOURS[group], MARKERS[group]
        if named:
            axes.vlines(
                counts[members], low[members], high[members], colors=colour, lw=0.9, alpha=0.4
            )
        axes.plot(
            counts[members], accuracy[members], marker, c=colour, zorder=3,
            **look,
        )  # fmt: skip
        if group:
            handle = Line2D([], [], ls="", marker=marker, c=colour, ms=6)
            handles.append((handle, f"{group} classes"))
    if not named:
        handles += _draw_trends(axes, evaluation, against)
    elif against is not None:
        _draw_against(axes, evaluation, against)
        hollow = Line2D([], [], ls="", marker="o", mfc="white", mec=INK, ms=5)
        handles.append((hollow, drawable(against.name)))
    bottom = np.nanmin([*(low if named else ()), *axes.dataLim.intervaly, 1.0])
    axes.set_ylim(max(-0.03, bottom - 0.05), 1.04)
    legend(
        axes, [handle for handle, _ in handles], [name for _, name in handles],
        loc="lower right", bbox_to_anchor=(1, 1), ncols=5, borderaxespad=0.2,
    )  # fmt: skip
    if not named:
        return figure
    markers = [line.get_xydata() for line in axes.lines]  # those of `against` too
    place_labels(figure, axes, _labels(evaluation, counts), np.concatenate(markers))
    return figure


def _present_groups(groups: Sequence[str]) -> list[str]:
    """Return the groups that have classes, common ones first; "" if there are no groups."""
    return [group for group in ALL_GROUPS if group in groups]


def _draw_trends(
    axes: Axes, evaluation: Evaluation, against: Evaluation | None
) -> list[tuple[Line2D, str]]:
    """Draw smoothed lines through the accuracies of both runs; return them with their names."""
    runs = [(evaluation, "mean of neighbours", "-")]
    if against is not None:
        runs.append((against, drawable(against.name), "--"))
    lines = []
    for run, name, dash in runs:
        counts = np.maximum(run.train_counts, 1).astype(np.float64)
        line = axes.plot(*trend(counts, run.class_accuracy), c=INK, ls=dash, lw=2, zorder=4)[0]
        lines.append((line, name))
    return lines


def _draw_against(axes: Axes, evaluation: Evaluation, against: Evaluation) -> None:
    """Draw the accuracies of the other run hollow, with arrows to those of this run."""
    before = dict(zip(against.classes, against.class_accuracy, strict=True))
    for c, name in enumerate(evaluation.classes):
        x, old = max(1, evaluation.train_counts[c]), before.get(name, np.nan)
        group = evaluation.groups[c]
        axes.plot(
            x, old, MARKERS[group], mfc="white", mec=COLOURS[group], ms=5.5, mew=0.9, zorder=2.5
        )
        new = evaluation.class_accuracy[c]
        if abs(new - old) > 0.02:  # False for nan
            look = {"arrowstyle": "->", "color": COLOURS[group], "lw": 0.9, "shrinkA": 2.5,
                    "shrinkB": 3}  # fmt: skip
            axes.annotate("", (x, new), (x, old), arrowprops=look)


def _labels(evaluation: Evaluation, counts: Ints) -> list[PointLabel]:
    """Return labels of the classes that have an accuracy, tail and worst classes first."""
    is_tail = np.array(evaluation.groups) == "tail"
    return [
        PointLabel(
            drawable(evaluation.classes[c]),
            (float(counts[c]), float(evaluation.class_accuracy[c])),
            COLOURS["tail"] if is_tail[c] else "#4B565E",
        )
        for c in np.lexsort((evaluation.class_accuracy, ~is_tail))
        if np.isfinite(evaluation.class_accuracy[c])
    ]
