"""What `train --from` says before it trains: the classes that are kept, new or left out."""

from __future__ import annotations

import os
from collections.abc import Iterable, Sequence
from pathlib import Path

from rich.text import Text

from mineral_recog.cli.tables import add_class_rows, new_console, new_table
from mineral_recog.data.dataset import read_split
from mineral_recog.errors import RecipeError
from mineral_recog.i18n import tr
from mineral_recog.recipes.recipe import Recipe
from mineral_recog.text import printable
from mineral_recog.training.start import contradictions, kept_classes


def refuse_contradicting_settings(recipe: Recipe, settings: Iterable[str], run: Path) -> None:
    """Refuse a --set that contradicts the model to go on from.

    Args:
        recipe: Recipe with the settings applied.
        settings: Settings as `key=value`.
        run: Run folder of the model.

    Raises:
        RecipeError: A setting contradicts the model.
    """
    differing = contradictions(recipe, run)
    keys = {setting.partition("=")[0].strip() for setting in settings}
    for key in ("pretrained", "normalisation"):  # of the model, whatever the value
        if key in keys:
            raise RecipeError(
                tr(
                    f"--set {key}: --from takes that of the model: leave the setting out.",
                    f"--set {key}：--from 沿用模型的设置：请去掉该项。",
                )
            )
    for key in differing:
        if key in keys:
            own, value = differing[key]
            raise RecipeError(
                tr(
                    f"--set {key}={own}: the model in {run} has {value}. Leave the setting out, or "
                    f"take its backbone alone with --set pretrained={run} instead of --from.",
                    f"--set {key}={own}：{run} 里的模型为 {value}。请去掉该项，"
                    f"或不用 --from 而用 --set pretrained={run} 只取其骨干网络。",
                )
            )


def print_kept_classes(data: Path, run: Path, aliases: Sequence[str]) -> None:
    """Print which classes of the photos and of a model are kept, new or left out.

    Args:
        data: Folder with train/ and val/.
        run: Run folder of the model.
        aliases: Tables of names.

    Raises:
        UserError: The photos or the model cannot be read.
    """
    dataset = read_split(data, "train")
    kept, left_out = kept_classes(run, dataset.classes, aliases)
    if os.environ.get("RANK", "0") != "0":  # in distributed training the first process prints
        return
    rows = []
    for name, count in zip(dataset.classes, dataset.counts.tolist(), strict=True):
        old = kept.get(name)
        if old is None:
            state = tr("new", "新增")
        elif old == name:
            state = tr("kept", "保留")
        else:
            state = tr(f"kept, was {old}", f"保留，原名 {old}")
        rows.append((Text(printable(name)), Text(printable(state)), f"{count:,}"))
    rows += [(Text(printable(name)), Text(tr("left out", "去除")), "0") for name in left_out]
    table = new_table(
        tr("class", "类别"), Text(tr(f"model of {run}", f"{run} 的模型")), tr("photos", "照片"),
        numbers_from=2,
    )  # fmt: skip
    add_class_rows(table, rows)
    new_console().print(table)
