"""The reliability diagram, a matplotlib Figure without global state."""

from collections.abc import Mapping
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.ticker import MaxNLocator, PercentFormatter

from mineral_recog.evaluation.calibration_results import Bin, Reliability
from mineral_recog.evaluation.metrics import wilson_interval
from mineral_recog.rendering.plot_elements import GRID_COLOUR, PALETTE, legend, share_axis
from mineral_recog.rendering.plot_style import style

_TITLES = {"all": "All photos", "tail": "Photos of tail classes"}
_LOOKS: dict[str, dict[str, Any]] = {
    "before": {"c": PALETTE[0], "marker": "s", "mfc": "white", "ls": "--"},
    "after": {"c": PALETTE[1], "marker": "o", "ls": "-"},
}
_NAMES = {"before": "before calibration", "after": "after calibration"}


@style()
def reliability(diagrams: Mapping[str, Reliability]) -> Figure:
    """Draw the accuracy of first guesses against their probability, and the photos per bin.

    One panel per entry; vertical lines are 95 % Wilson intervals.
    """
    figure = Figure(figsize=(4.6 * len(diagrams), 4.9), layout="constrained")
    panels = figure.subplots(
        2,
        len(diagrams),
        sharex=True,
        squeeze=False,
        height_ratios=[4, 1],
        gridspec_kw={"hspace": 0.03},
    )
    for (photos, diagram), upper, lower in zip(diagrams.items(), *panels, strict=True):
        upper.plot([0, 1], [0, 1], c="#8A949C", lw=0.8)
        for stage, look in _LOOKS.items():
            bins = getattr(diagram, stage)
            _draw_accuracy(upper, bins, look)
            _draw_counts(lower, bins, look)
        share_axis(upper)
        upper.set(xlim=(0, 1), ylim=(-0.03, 1.03))
        upper.set_title(_TITLES[photos], loc="left")
        upper.tick_params(axis="x", length=0)
        lower.set_xlabel("Predicted probability")
        lower.xaxis.set_major_formatter(PercentFormatter(1))
        lower.yaxis.set_major_locator(MaxNLocator(2, integer=True))
    panels[0, 0].set_ylabel("Share that is correct")
    panels[1, 0].set_ylabel("Photos")
    handles = [Line2D([], [], ms=6, lw=1.2, **look) for look in _LOOKS.values()]
    legend(panels[0, 0], handles, list(_NAMES.values()), loc="upper left")
    return figure


def _draw_accuracy(axes: Axes, bins: tuple[Bin, ...], look: dict[str, Any]) -> None:
    """Draw a point for each bin with photos, larger for more photos, and join them by a line."""
    counts, confidence, accuracy = np.array([bin_ for bin_ in bins if bin_.photos]).T
    low, high = wilson_interval(accuracy, counts)
    axes.vlines(confidence, low, high, colors=look["c"], lw=0.9, alpha=0.3)
    axes.plot(confidence, accuracy, c=look["c"], ls=look["ls"], lw=0.8, alpha=0.7)
    sizes = 14 + 60 * counts / counts.max()  # square points
    face = look.get("mfc", look["c"])
    axes.scatter(confidence, accuracy, sizes, c=face, marker=look["marker"], ec=look["c"], zorder=3)


def _draw_counts(axes: Axes, bins: tuple[Bin, ...], look: dict[str, Any]) -> None:
    """Draw the photos per bin as steps, filled where the points are filled."""
    edges = np.linspace(0, 1, len(bins) + 1)
    counts = [bin_.photos for bin_ in bins]
    if "mfc" in look:
        axes.stairs(counts, edges, lw=0.9, ec=look["c"], ls=look["ls"], zorder=3)
    else:
        axes.stairs(counts, edges, fill=True, fc=GRID_COLOUR)
