"""What a run takes over from a trained model that it goes on from: classes and settings."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from pydantic import BaseModel, ConfigDict

from mineral_recog.data.class_match import classes_of_folders
from mineral_recog.errors import UserError
from mineral_recog.i18n import tr
from mineral_recog.models.bundle_config import CONFIG, Config, find_bundle, read_config
from mineral_recog.recipes.recipe import Recipe

# Keys that the weights of a model fix.
FIXED = ("backbone", "image_size", "center_share", "head")


class Start(BaseModel):
    """The model that a run goes on from, as run.json records it.

    Attributes:
        folder: Its run folder or bundle folder, an absolute path.
        fingerprint: Fingerprint of its bundle.
        kept: Class of the model that each kept class of the run continues.
    """

    model_config = ConfigDict(frozen=True)

    folder: str
    fingerprint: str
    kept: dict[str, str]


def kept_classes(
    run: Path, classes: Sequence[str], aliases: Sequence[str] = ()
) -> tuple[dict[str, str], tuple[str, ...]]:
    """Match the classes of photos with those of the model in a run folder.

    Args:
        run: Run folder or bundle folder.
        classes: Classes of the photos.
        aliases: Tables of names; a class without its name in the model continues the class whose
            name means the same. See `open_with_aliases`.

    Returns:
        The class of the model that each kept class continues, and the classes of the model that
        are left out.

    Raises:
        UserError: There is no model, or a table cannot be used.
    """
    old = read_config(find_bundle(run) / CONFIG).classes
    matched = classes_of_folders(classes, old, aliases)
    kept: dict[str, str] = {}
    for name in sorted(matched, key=lambda name: matched[name] != name):  # equal names first
        if matched[name] not in kept.values():
            kept[name] = matched[name]
    return kept, tuple(name for name in old if name not in kept.values())


def contradictions(recipe: Recipe, run: Path) -> dict[str, tuple[object, object]]:
    """Return the keys in which a recipe differs from the model in a run folder, with both values.

    Raises:
        BundleError: There is no model, or it is damaged.
    """
    fixed = _fixed_settings(read_config(find_bundle(run) / CONFIG))
    return {
        key: (getattr(recipe, key), value)
        for key, value in fixed.items()
        if getattr(recipe, key) != value
    }


def _fixed_settings(config: Config) -> dict[str, object]:
    preprocessing = config.preprocessing
    values = (
        config.backbone,
        preprocessing.image_size,
        preprocessing.center_share,
        config.head,
    )
    return dict(zip(FIXED, values, strict=True))


def adapt_recipe(recipe: Recipe, run: Path) -> Recipe:
    """Return a recipe with the backbone and the preprocessing of the model that it goes on from.

    Raises:
        UserError: The model has another head than the recipe needs.
    """
    differing = contradictions(recipe, run)
    if "head" in differing:
        needed, found = differing["head"]
        raise UserError(
            tr(
                f"The recipe needs head: {needed}, and the model in {run} has {found}: choose "
                f"another recipe, or take its backbone alone with --set pretrained={run}.",
                f"配方需要 head: {needed}，而 {run} 里的模型是 {found}：请换一个配方，"
                f"或用 --set pretrained={run} 只取其骨干网络。",
            )
        )
    update: dict[str, object] = {key: value for key, (_, value) in differing.items()}
    return recipe.model_copy(update={**update, "normalisation": "auto", "pretrained": str(run)})
