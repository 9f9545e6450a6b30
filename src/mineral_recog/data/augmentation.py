"""Changes of training views in light, colour and orientation, as a recipe's augmentation says."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor
from torchvision.transforms import v2

from mineral_recog.minerals.facts import read_minerals
from mineral_recog.recipes.view_settings import UNCHANGED, Augmentation

GREY = 124, 116, 104  # what erased rectangles are filled with: the mean colour of ImageNet


class Augmenter:
    """Changes views, uint8 [3, S, S], at random by torch's default generator.

    Args:
        settings: What is changed.
        classes: Names of the classes, in the order of their indices.
    """

    def __init__(self, settings: Augmentation, classes: Sequence[str]) -> None:
        self.settings, self.is_active = settings, settings != UNCHANGED
        kept = told_by_colour(classes) if settings.keep_colour else []
        self.kept = frozenset(classes.index(name) for name in kept)
        strength = settings.colour
        self.colour = v2.ColorJitter(strength, strength, strength, settings.hue)
        self.trivial = v2.TrivialAugmentWide(
            interpolation=v2.InterpolationMode.BILINEAR, fill=list(GREY)
        )
        self.erasing = v2.RandomErasing(settings.erasing, value=list(GREY))

    def __call__(self, view: Tensor, label: int | None = None) -> Tensor:
        """Return a changed view.

        Args:
            view: uint8 [3, S, S].
            label: Its class; None for a picture of none of the classes.
        """
        settings = self.settings
        if settings.quarter_turns:
            view = view.rot90(int(torch.randint(4, ())), (1, 2))
        if settings.trivial_augment:
            view = self.trivial(view)
        if (settings.colour or settings.hue) and label not in self.kept:
            view = self.colour(view)
        if settings.erasing:
            view = self.erasing(view)
        return view


def told_by_colour(classes: Sequence[str]) -> list[str]:
    """Return the classes whose row in the table of minerals has a coloured streak.

    A class without a row, such as a rock, is none of them.
    """
    table = read_minerals()
    rows = {name: table.find(name) for name in classes}
    return [name for name, row in rows.items() if row is not None and row.is_told_by_colour]
