"""The plots of an evaluation, matplotlib Figures without global state; names are drawn literally.

Every colour has its marker, so that no distinction depends on colour alone.
"""

from collections.abc import Sequence
from functools import lru_cache
from typing import Any

import numpy as np
import numpy.typing as npt
from matplotlib.axes import Axes
from matplotlib.colors import PowerNorm
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.ticker import FuncFormatter, PercentFormatter

from mineral_recog.calibration.temperature import Floats, Ints
from mineral_recog.data.class_groups import GROUPS
from mineral_recog.evaluation import metrics
from mineral_recog.evaluation.results import Evaluation, Predictions
from mineral_recog.rendering.plot_elements import (
    EMPTY_COLOUR,
    GRID_COLOUR,
    MAX_NAMED_CLASSES,
    PALETTE,
    UNNAMED_CLASSES,
    VERTICAL_TEXT,
    class_font_size,
    legend,
    new_axes,
    share_colorbar,
    write_in_cell,
)
from mineral_recog.rendering.plot_style import INK, drawable, style

COLOURS = {"head": PALETTE[1], "medium": "#7F8C8D", "tail": PALETTE[0], "": PALETTE[1]}
MARKERS = {"head": "o", "medium": "s", "tail": "D", "": "o"}
ALL_GROUPS = (*GROUPS, "")
_TAIL_COLOURS = (*PALETTE, "#1B1B1B")
_TAIL_MARKERS = ("o", "^", "s", "D", "v")  # 7 and 5 are coprime: 35 distinct pairs
_MAX_POINTS = 2000


@style()
def confusion_matrix(evaluation: Evaluation) -> Figure:
    """Draw the confusion matrix as shares of the true classes (rows), common classes first.

    Rows of classes without photos are hatched. More classes than MAX_NAMED_CLASSES have no names
    and no hatches.

    Raises:
        ValueError: The evaluation has no predictions.
    """
    predictions = _predictions(evaluation)
    classes = len(evaluation.classes)
    order = _by_count(evaluation)
    confusion = metrics.confusion_matrix(predictions.labels, predictions.guesses, classes)[
        np.ix_(order, order)
    ]
    counts = confusion.sum(axis=1, keepdims=True)
    shares = np.divide(confusion, counts, out=np.zeros(confusion.shape), where=counts > 0)
    size = float(np.clip(0.24 * classes, 3.6, 13))
    figure, axes = new_axes(size + 2.6, size + 1.9)
    norm = PowerNorm(0.5, 0, 1)  # a linear scale would hide confusions of a few per cent
    image = axes.imshow(shares, cmap="Blues", norm=norm, interpolation="nearest")
    named = classes <= MAX_NAMED_CLASSES
    empty = {"edgecolor": "#999999", "hatch": "//"} if named else {"linewidth": 0}
    for row in np.flatnonzero(counts == 0):
        axes.axhspan(row - 0.5, row + 0.5, facecolor=EMPTY_COLOUR, **empty)
    if classes <= 15:
        for cell in np.argwhere(confusion):
            dark = shares[tuple(cell)] > 0.35
            write_in_cell(axes, cell, f"{confusion[tuple(cell)]:,}", dark, 7.5)
    axes.set(xlabel="Predicted class", ylabel="True class", xticks=[], yticks=[])
    if named:
        names = [drawable(evaluation.classes[c]) for c in order]
        font_size = class_font_size(size, classes, 9)
        axes.set_xticks(range(classes), names, fontsize=font_size, **VERTICAL_TEXT)
        axes.set_yticks(range(classes), names, fontsize=font_size)
    axes.tick_params(length=0)
    _separate_groups(axes, [evaluation.groups[c] for c in order])
    ticks = (0, 0.01, 0.05, 0.2, 0.5, 1)
    bar = share_colorbar(figure, image, ticks, fraction=0.035, pad=0.03, aspect=30)
    bar.set_label("Share of the true class")
    return figure


@style()
def feature_distribution(evaluation: Evaluation) -> Figure:
    """Draw a t-SNE map of the features; tail classes are bright and named, others muted.

    Without groups all classes are bright and named. If there are too many to be told apart by
    colour and marker, see `names_on_map`, all of them have one colour and no names.

    The map has at most 2,000 photos. Features are scaled to length 1 and reduced to 50 dimensions
    first. The choice of photos (tail classes first) and the map depend on the data alone.

    Raises:
        ValueError: The evaluation has no predictions.
    """
    predictions = _predictions(evaluation)
    groups = np.array(evaluation.groups)
    chosen, positions = _feature_map(predictions, evaluation.groups)
    labels = predictions.labels[chosen]
    figure, axes = new_axes(9.2, 6)
    handles, names = [], []
    for group, colour in (("head", "#C3CCD3"), ("medium", "#9AA8B3")):
        members = groups[labels] == group
        axes.scatter(
            positions[members, 0],
            positions[members, 1],
            s=7,
            c=colour,
            linewidths=0,
            rasterized=True,
        )
        if members.any():
            handles.append(Line2D([], [], ls="", marker="o", ms=4, c=colour))
            names.append(f"{group} classes")
    bright = [c for c in _by_count(evaluation) if groups[c] in ("tail", "")]
    parts = [(drawable(evaluation.classes[c]), labels == c) for c in bright]
    if not names_on_map(evaluation):
        parts = [("tail classes" if any(evaluation.groups) else "", np.isin(labels, bright))]
    for i, (name, members) in enumerate(part for part in parts if part[1].any()):
        look: dict[str, Any] = {"c": _TAIL_COLOURS[i % 7], "marker": _TAIL_MARKERS[i % 5]}
        axes.scatter(
            positions[members, 0], positions[members, 1], s=22, linewidths=0.4, edgecolors="white",
            rasterized=len(chosen) > 500, **look,
        )  # fmt: skip
        if name:
            handles.append(Line2D([], [], ls="", ms=5, **look))
            names.append(name)
    axes.set(xticks=[], yticks=[])  # positions on the map have no unit
    axes.spines[:].set(visible=True, color=GRID_COLOUR)
    legend(figure, handles, names, loc="outside right upper", ncols=1 + len(names) // 28)
    return figure


def names_on_map(evaluation: Evaluation) -> bool:
    """Return whether the map of features names the tail classes, or all without groups."""
    bright = [group for group in evaluation.groups if group in ("tail", "")]
    return len(bright) <= len(_TAIL_COLOURS) * len(_TAIL_MARKERS)


@style()
def training_curves(history: Sequence[dict[str, Any]]) -> Figure:
    """Draw loss and validation accuracy by epoch; stages are shaded bands with their names.

    Args:
        history: Lines of log.jsonl; an epoch without a metric leaves a gap.

    Raises:
        ValueError: The history is empty.
    """
    if not history:
        raise ValueError("no epochs to draw")
    epochs = [line["epoch"] for line in history]
    panels = (
        ("Training loss", (("loss", INK, "loss"),)),
        (
            "Accuracy on validation photos",
            (("val_mean_accuracy", COLOURS["tail"], "mean over classes"),
             ("val_accuracy", COLOURS["head"], "over photos")),
        ),
    )  # fmt: skip
    figure = Figure(figsize=(9.2, 3.8), layout="constrained")
    for axes, (title, lines) in zip(figure.subplots(1, 2), panels, strict=True):
        for key, colour, label in lines:
            values = np.array([line.get(key) for line in history], dtype=float)
            if np.isfinite(values).any():
                dots = "." if len(epochs) < 30 else ""
                axes.plot(epochs, values, c=colour, lw=1.6, marker=dots, label=label)
        axes.set_title(title, loc="left", pad=18)
        axes.set_xlabel("Epoch")
        axes.xaxis.get_major_locator().set_params(integer=True)
        axes.grid(axis="y", color=GRID_COLOUR, lw=0.6)
        _shade_stages(axes, history)
        if len(lines) > 1 and axes.lines:
            axes.yaxis.set_major_formatter(PercentFormatter(1))
            axes.legend(loc="lower right")
    return figure


@style()
def class_counts(
    names: Sequence[str], train_counts: Sequence[int], groups: Sequence[str]
) -> Figure:
    """Draw the training photos per class as bars, largest first, coloured by group.

    More classes than MAX_NAMED_CLASSES have no names.
    """
    order = np.argsort(-np.array(train_counts), kind="stable")
    counts = np.array(train_counts)[order]
    classes = len(order)
    figure, axes = new_axes(float(np.clip(0.27 * classes, 6, 13)), 4.2)
    colours = [COLOURS[groups[c]] for c in order]
    bars = axes.bar(range(classes), counts, color=colours, width=0.78)
    font_size = float(np.clip(300 / classes, 5, 9))
    if classes <= 60:
        axes.bar_label(
            bars, [f"{count:,}" for count in counts], rotation=90 if classes > 12 else 0,
            padding=3, fontsize=font_size - 0.5,
        )  # fmt: skip
    if classes <= MAX_NAMED_CLASSES:
        labels = [drawable(names[c]) for c in order]
        axes.set_xticks(
            range(classes), labels, fontsize=font_size, **(VERTICAL_TEXT if classes > 8 else {})
        )
    else:
        axes.set(xticks=[], xlabel=UNNAMED_CLASSES)
    axes.set(
        ylabel="Training photos", xlim=(-0.7, classes - 0.3), ylim=(0, counts.max() * 1.15 + 1)
    )
    axes.yaxis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:,.0f}"))
    axes.tick_params(axis="x", length=0)
    present = [group for group in GROUPS if group in groups]
    patches = [Line2D([], [], ls="", marker="s", ms=7, c=COLOURS[group]) for group in present]
    legend(axes, patches, [f"{group} classes" for group in present], loc="upper right")
    return figure


def _predictions(evaluation: Evaluation) -> Predictions:
    """Return the predictions, which some plots need."""
    if evaluation.predictions is None:
        raise ValueError(f"{evaluation.name} has no predictions to draw")
    return evaluation.predictions


def _by_count(evaluation: Evaluation) -> Ints:
    """Return class indices by group, then by training photos, largest first: [C]."""
    ranks = [ALL_GROUPS.index(group) for group in evaluation.groups]
    keys = (-np.array(evaluation.train_counts), np.array(ranks))
    return np.lexsort(keys).astype(np.int64)


def _separate_groups(axes: Axes, groups: Sequence[str]) -> None:
    """Draw lines between groups of classes, and the names of the groups above the matrix."""
    for group in dict.fromkeys(groups):
        members = [i for i, name in enumerate(groups) if name == group]
        start, end = members[0] - 0.5, members[-1] + 0.5
        if start > 0:
            axes.axhline(start, c=INK, lw=0.7)
            axes.axvline(start, c=INK, lw=0.7)
        axes.annotate(
            group, ((start + end) / 2, 1), (0, 4), ha="center", color=COLOURS[group], weight="bold",
            xycoords=("data", "axes fraction"), textcoords="offset points",
        )  # fmt: skip


def _choose_photos(labels: Ints, groups: npt.NDArray[np.str_]) -> Ints:
    """Return indices of at most _MAX_POINTS photos, deterministic; up to half are tail photos."""
    order = np.random.default_rng(0).permutation(len(labels))
    is_tail = groups[labels[order]] == "tail"
    tail = order[is_tail][: _MAX_POINTS // 2]
    return np.sort(np.concatenate([tail, order[~is_tail][: _MAX_POINTS - len(tail)]]))


@lru_cache(maxsize=1)  # PNG and report share a map that takes seconds
def _feature_map(predictions: Predictions, groups: tuple[str, ...]) -> tuple[Ints, Floats]:
    """Return indices of the photos on the map, and their positions [n, 2]."""
    chosen = _choose_photos(predictions.labels, np.array(groups))
    return chosen, _embed(predictions.features[chosen])


def _embed(features: npt.NDArray[np.float32]) -> Floats:
    """Return positions [n, 2] on a map of features [n, D].

    With fewer than 8 photos, too few for t-SNE, these are the first two principal components.
    """
    from sklearn.manifold import TSNE  # slow to import, and only this plot needs it
    from sklearn.utils.extmath import randomized_svd
    from threadpoolctl import threadpool_limits

    scaled = features.astype(np.float64)
    scaled /= np.maximum(np.linalg.norm(scaled, axis=1, keepdims=True), 1e-12)
    scaled -= scaled.mean(axis=0)
    left, singular_values, _ = randomized_svd(scaled, min(50, *scaled.shape), random_state=0)
    reduced: Floats = left * singular_values
    start: Floats = np.zeros((len(scaled), 2))
    start[:, : min(2, reduced.shape[1])] = reduced[:, :2]
    if len(scaled) < 8:
        return start
    start *= 1e-4 / max(start[:, 0].std(), 1e-12)
    perplexity = min(30.0, (len(scaled) - 1) / 3)
    tsne = TSNE(perplexity=perplexity, init=start, random_state=0)
    with threadpool_limits(1):  # waiting threads spin, much slower on a busy machine
        positions: Floats = tsne.fit_transform(reduced)
    return positions


def _shade_stages(axes: Axes, history: Sequence[dict[str, Any]]) -> None:
    """Draw a band for each stage, with its name above."""
    stages = [str(line["stage"]) for line in history]
    starts = [i for i, name in enumerate(stages) if i == 0 or name != stages[i - 1]]
    for index, (start, end) in enumerate(zip(starts, [*starts[1:], len(stages)], strict=True)):
        first, last = history[start]["epoch"] - 0.5, history[end - 1]["epoch"] + 0.5
        axes.axvspan(first, last, color="#EEF2F5" if index % 2 == 0 else "#FFFFFF", zorder=0, lw=0)
        axes.annotate(
            drawable(stages[start]), ((first + last) / 2, 1), (0, 3), ha="center", color="#5B6770",
            xycoords=("data", "axes fraction"), textcoords="offset points", fontsize=8,
        )  # fmt: skip
    axes.set_xlim(history[0]["epoch"] - 0.5, history[-1]["epoch"] + 0.5)
