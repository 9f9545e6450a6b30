"""Elements that plots share: colours, axes, cells, and labels placed next to points."""

from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt
from matplotlib.axes import Axes
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.colorbar import Colorbar
from matplotlib.figure import Figure
from matplotlib.image import AxesImage
from matplotlib.ticker import NullFormatter, PercentFormatter

from mineral_recog.rendering.plot_style import INK

Floats = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int64]

# Colours of Okabe and Ito, which colour-blind people can distinguish.
PALETTE = ("#D55E00", "#0072B2", "#009E73", "#CC79A7", "#E69F00", "#56B4E9")
GRID_COLOUR, EMPTY_COLOUR = "#D5DADE", "#F2F2F2"  # EMPTY_COLOUR: cells without photos
MAX_NAMED_CLASSES = 120  # on a plot; more names would be black bars
UNNAMED_CLASSES = "Classes, most training photos first"  # label of an axis without names
FEW_CLASSES = 12  # up to this number lines go through the points; with more they are smoothed
_RADII = (6, 11, 18, 26, 36)
# Anchored: in SVG a label ends at its tick, whatever the width of the browser's font.
VERTICAL_TEXT: dict[str, Any] = {
    "rotation": 90,
    "rotation_mode": "anchor",
    "ha": "right",
    "va": "center",
}


def new_axes(width: float, height: float, layout: Any = "constrained") -> tuple[Figure, Axes]:
    """Return a figure of this size in inches with one pair of axes."""
    figure = Figure(figsize=(width, height), layout=layout)
    return figure, figure.subplots()


def legend(
    parent: Figure | Axes, handles: Sequence[Any], names: Sequence[str], **options: Any
) -> None:
    """Add a legend, unless it is empty, also with names that begin with an underscore."""
    if not handles:
        return
    box = parent.legend(handles, [" "] * len(names), handletextpad=0.3, **options)
    for text, name in zip(box.get_texts(), names, strict=True):
        text.set_text(name)


def count_axis(axes: Axes, counts: Ints) -> None:
    """Set a logarithmic axis of training photos, with plain numbers, and an axis of accuracy."""
    axes.set(xscale="log", xlabel="Training photos (log scale)", ylabel="Accuracy")
    axes.set_xlim(counts.min() / 1.35, counts.max() * 1.35)
    ticks = np.outer(10.0 ** np.arange(7), (1, 2, 5)).ravel()
    low, high = axes.get_xlim()
    visible = ticks[(low <= ticks) & (ticks <= high)]
    axes.set_xticks(visible, [f"{tick:,.0f}" for tick in visible])
    axes.xaxis.set_minor_formatter(NullFormatter())
    axes.tick_params(axis="x", which="minor", length=0)
    share_axis(axes)


def share_axis(axes: Axes) -> None:
    """Set a vertical axis of shares in per cent, with a grid."""
    axes.yaxis.set_major_formatter(PercentFormatter(1))
    axes.grid(color=GRID_COLOUR, lw=0.6)


def class_font_size(width: float, classes: int, max_size: float) -> float:
    """Return the font size at which vertical class names fit side by side on `width` inches."""
    return float(np.clip(width * 72 / classes * 0.62, 4, max_size))


def write_in_cell(axes: Axes, cell: Ints, text: str, dark: bool, size: float) -> None:
    """Write text in a cell [row, column] of a matrix, white if the cell is dark."""
    colour = "white" if dark else INK
    axes.text(cell[1], cell[0], text, ha="center", va="center", color=colour, fontsize=size)


def share_colorbar(
    figure: Figure, image: AxesImage, shares: Sequence[float], **options: Any
) -> Colorbar:
    """Add a colour bar of a matrix, in per cent."""
    bar = figure.colorbar(image, ax=image.axes, **options)
    bar.set_ticks(shares, labels=[f"{share:.0%}" for share in shares])
    bar.outline.set_visible(False)
    return bar


def trend(counts: Floats, accuracy: Floats) -> tuple[Floats, Floats]:
    """Return a line through the accuracies of classes, smoothed if there are many classes.

    Classes with the same count are one position. Windows are shorter at the ends; positions are
    means over the window like heights, so that both belong to the same classes.

    Args:
        counts: Training photos, [C].
        accuracy: Accuracies, [C]; nan is left out.

    Returns:
        Positions and heights of the line, each [K] with K <= C.
    """
    has_photos = np.isfinite(accuracy)
    logs, group = np.unique(np.log(counts[has_photos]), return_inverse=True)
    heights = np.bincount(group, accuracy[has_photos]) / np.bincount(group)
    half = 0 if has_photos.sum() <= FEW_CLASSES else max(1, len(logs) // 8)
    windows = [slice(max(0, i - half), i + half + 1) for i in range(len(logs))]
    return (
        np.exp([logs[window].mean() for window in windows]),
        np.array([heights[window].mean() for window in windows]),
    )


class PointLabel(NamedTuple):
    """A label to write next to a point, whose position is in data coordinates."""

    text: str
    position: tuple[float, float]
    colour: str


def place_labels(
    figure: Figure,
    axes: Axes,
    labels: Sequence[PointLabel],
    marks: Floats,
    radii: Sequence[float] = _RADII,
) -> None:
    """Write labels in their order, each at the best free place; labels without one are left out.

    Args:
        figure: Figure of the axes.
        axes: Axes whose limits do not change any more.
        labels: Labels, most important first.
        marks: Points that must not be covered, in data coordinates, [M, 2].
        radii: Distances to try between a label and its point, in typographic points.
    """
    scale = figure.dpi / 72
    frame = np.array(axes.get_window_extent().extents)
    pixels = axes.transData.transform(marks)
    pixels = pixels[np.isfinite(pixels).all(axis=1)]
    taken = [np.array([*(mark - 4 * scale), *(mark + 4 * scale)]) for mark in pixels]
    renderer = FigureCanvasAgg(figure).get_renderer()  # type: ignore[no-untyped-call]
    for label in labels:
        note = axes.annotate(
            label.text, label.position, (0, 0), textcoords="offset points", fontsize=7.5,
            color=label.colour, zorder=4,
            bbox={"fc": "white", "ec": "none", "alpha": 0.7, "pad": 0.4},
        )  # fmt: skip
        extent = note.get_window_extent(renderer)
        size = np.array([extent.width, extent.height])
        point = axes.transData.transform(label.position)
        place = _free_place(point, size, scale, frame, taken, radii)
        if place is None:
            note.remove()
            continue
        offset, ha, va, box = place
        taken.append(box)
        note.set(position=offset, ha=ha, va=va)
        if np.hypot(*offset) > 12:
            look = {"arrowstyle": "-", "color": "#9AA5AD", "lw": 0.6, "shrinkA": 0, "shrinkB": 3}
            axes.annotate("", label.position, offset, textcoords="offset points", arrowprops=look)


def _free_place(
    point: Floats,
    size: Floats,
    scale: float,
    frame: Floats,
    taken: Sequence[Floats],
    radii: Sequence[float],
) -> tuple[tuple[float, float], str, str, Floats] | None:
    """Return the nearest free place of a label: offset in points, alignment, box in pixels."""
    boxes = np.array(taken)
    for radius in radii:
        for degrees in (0, 180, 90, 270, 45, 315, 135, 225, 20, 340, 160, 200):
            x, y = np.cos(np.radians(degrees)), np.sin(np.radians(degrees))
            left = 0.0 if x > 0.1 else 1.0 if x < -0.1 else 0.5  # share left of the anchor
            below = 0.0 if y > 0.5 else 1.0 if y < -0.5 else 0.5
            offset = (radius * x, radius * y)
            corner = point + np.array(offset) * scale - size * (left, below)
            box = np.concatenate([corner, corner + size])
            clear = (box[2:] < boxes[:, :2]).any(axis=1) | (box[:2] > boxes[:, 2:]).any(axis=1)
            if clear.all() and (box[:2] > frame[:2]).all() and (box[2:] < frame[2:]).all():
                ha = {0.0: "left", 0.5: "center", 1.0: "right"}[left]
                va = {0.0: "bottom", 0.5: "center", 1.0: "top"}[below]
                return offset, ha, va, box
    return None
