"""The plot of the class counts in a prepared folder, where the packages for plots are installed."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from mineral_recog.data.class_groups import class_groups
from mineral_recog.errors import MissingPackageError
from mineral_recog.i18n import tr
from mineral_recog.installation import training_packages

PICTURE = "distribution.png"


def draw_distribution(train_counts: Mapping[str, int], folder: Path) -> str | None:
    """Draw the number of training photos of each class.

    Args:
        train_counts: Number of training photos of each class.
        folder: The prepared folder.

    Returns:
        What the user can do if the plot or some of its characters are left out, else None.
    """
    try:
        with training_packages():
            from mineral_recog.evaluation.plots import class_counts
            from mineral_recog.rendering.plot_style import font_notice, save
    except MissingPackageError as error:
        return tr(f"Left out: {PICTURE}. {error}", f"未生成 {PICTURE}。{error}")
    names, counts = list(train_counts), list(train_counts.values())
    save(class_counts(names, counts, class_groups("thirds", names, counts)), folder / PICTURE)
    return font_notice(names)
