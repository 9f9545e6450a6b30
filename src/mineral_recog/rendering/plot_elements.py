"""Parts that plots share: colours, axes, cells, and names that find their place beside points."""

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

# Colours of Okabe and Ito, told apart by the colour-blind too.
PALETTE = ("#D55E00", "#0072B2", "#009E73", "#CC79A7", "#E69F00", "#56B4E9")
FAINT, EMPTY = "#D5DADE", "#F2F2F2"  # of grids; of cells without photos
_RADII = (6, 11, 18, 26, 36)
# anchored, so that in SVG a name ends at its tick however wide the browser's font is
UPRIGHT: dict[str, Any] = {
    "rotation": 90,
    "rotation_mode": "anchor",
    "ha": "right",
    "va": "center",
}


def new_axes(width: float, height: float, layout: Any = "constrained") -> tuple[Figure, Axes]:
    """A figure of so many inches with one pair of axes."""
    figure = Figure(figsize=(width, height), layout=layout)
    return figure, figure.subplots()


def legend(
    where: Figure | Axes, handles: Sequence[Any], names: Sequence[str], **place: Any
) -> None:
    """A legend of any names: matplotlib leaves out those with a leading underscore."""
    box = where.legend(handles, [" "] * len(names), handletextpad=0.3, **place)
    for text, name in zip(box.get_texts(), names, strict=True):
        text.set_text(name)


def count_axis(axes: Axes, counts: Ints) -> None:
    """A logarithmic axis of training photos, in plain numbers, and one of accuracy."""
    axes.set(xscale="log", xlabel="Training photos (log scale)", ylabel="Accuracy")
    axes.set_xlim(counts.min() / 1.35, counts.max() * 1.35)
    decades = 10.0 ** np.arange(7)
    ticks = np.sort(np.concatenate([decades, 2 * decades, 5 * decades]))
    low, high = axes.get_xlim()
    shown = ticks[(low <= ticks) & (ticks <= high)]
    axes.set_xticks(shown, [f"{tick:,.0f}" for tick in shown])
    axes.xaxis.set_minor_formatter(NullFormatter())
    axes.tick_params(axis="x", which="minor", length=0)
    share_axis(axes)


def share_axis(axes: Axes) -> None:
    """An upright axis of shares in per cent, with a grid."""
    axes.yaxis.set_major_formatter(PercentFormatter(1))
    axes.grid(color=FAINT, lw=0.6)


def class_size(width: float, classes: int, largest: float) -> float:
    """Font size at which the names of classes fit side by side on so many inches."""
    return float(np.clip(width * 72 / classes * 0.62, 4, largest))


def write_in_cell(axes: Axes, cell: Ints, text: str, dark: bool, size: float) -> None:
    """Text in a cell [row, column] of a matrix, white where the cell is dark."""
    ink = "white" if dark else INK
    axes.text(cell[1], cell[0], text, ha="center", va="center", color=ink, fontsize=size)


def share_bar(figure: Figure, image: AxesImage, shares: Sequence[float], **place: Any) -> Colorbar:
    """What the colours of a matrix stand for, in per cent."""
    bar = figure.colorbar(image, ax=image.axes, **place)
    bar.set_ticks(shares, labels=[f"{share:.0%}" for share in shares])
    bar.outline.set_visible(False)
    return bar


class Name(NamedTuple):
    """A name to be written beside a point, in data coordinates."""

    text: str
    where: tuple[float, float]
    ink: str


def place_names(
    figure: Figure,
    axes: Axes,
    names: Sequence[Name],
    marks: Floats,
    radii: Sequence[float] = _RADII,
) -> None:
    """Write names, in their order, each at the best place still free; others are left out.

    marks: [m, 2], what must stay free, in data coordinates. radii: how far from its point a name
    may stand, in points. Limits of the axes must be settled before.
    """
    scale = figure.dpi / 72
    frame = np.array(axes.get_window_extent().extents)
    pixels = axes.transData.transform(marks)
    pixels = pixels[np.isfinite(pixels).all(axis=1)]
    taken = [np.array([*(mark - 4 * scale), *(mark + 4 * scale)]) for mark in pixels]
    renderer = FigureCanvasAgg(figure).get_renderer()  # type: ignore[no-untyped-call]
    for name in names:
        note = axes.annotate(
            name.text, name.where, (0, 0), textcoords="offset points", fontsize=7.5, color=name.ink,
            zorder=4, bbox={"fc": "white", "ec": "none", "alpha": 0.7, "pad": 0.4},
        )  # fmt: skip
        extent = note.get_window_extent(renderer)
        size = np.array([extent.width, extent.height])
        point = axes.transData.transform(name.where)
        place = _free_place(point, size, scale, frame, taken, radii)
        if place is None:
            note.remove()
            continue
        offset, ha, va, box = place
        taken.append(box)
        note.set(position=offset, ha=ha, va=va)
        if np.hypot(*offset) > 12:
            look = {"arrowstyle": "-", "color": "#9AA5AD", "lw": 0.6, "shrinkA": 0, "shrinkB": 3}
            axes.annotate("", name.where, offset, textcoords="offset points", arrowprops=look)


def _free_place(
    point: Floats,
    size: Floats,
    scale: float,
    frame: Floats,
    taken: Sequence[Floats],
    radii: Sequence[float],
) -> tuple[tuple[float, float], str, str, Floats] | None:
    """The nearest free place for a name: offset in points, alignment, box in pixels."""
    boxes = np.array(taken)
    for radius in radii:
        for degrees in (0, 180, 90, 270, 45, 315, 135, 225, 20, 340, 160, 200):
            x, y = np.cos(np.radians(degrees)), np.sin(np.radians(degrees))
            across = 0.0 if x > 0.1 else 1.0 if x < -0.1 else 0.5  # the share left of the anchor
            below = 0.0 if y > 0.5 else 1.0 if y < -0.5 else 0.5
            offset = (radius * x, radius * y)
            corner = point + np.array(offset) * scale - size * (across, below)
            box = np.concatenate([corner, corner + size])
            clear = (box[2:] < boxes[:, :2]).any(axis=1) | (box[:2] > boxes[:, 2:]).any(axis=1)
            if clear.all() and (box[:2] > frame[:2]).all() and (box[2:] < frame[2:]).all():
                ha = {0.0: "left", 0.5: "center", 1.0: "right"}[across]
                va = {0.0: "bottom", 0.5: "center", 1.0: "top"}[below]
                return offset, ha, va, box
    return None
