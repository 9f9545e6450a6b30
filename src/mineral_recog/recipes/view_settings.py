"""Settings of a recipe for the views of photos that training makes."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import BeforeValidator, Field, model_validator

from mineral_recog.i18n import tr
from mineral_recog.recipes.loss_settings import Settings

Share = Annotated[float, Field(ge=0, le=1)]


def _check_center_share(value: Any) -> Any:
    """Refuse what is neither `auto` nor a share, in one sentence instead of one for each kind."""
    is_number = isinstance(value, int | float) and not isinstance(value, bool)
    if value == "auto" or (is_number and 0.5 <= value <= 1):
        return value
    raise ValueError(
        tr("must be auto or a number from 0.5 to 1", "须为 auto，或 0.5 到 1 之间的数")
    )


CenterShare = Annotated[Literal["auto"] | float, BeforeValidator(_check_center_share)]


class Crop(Settings):
    """How training crops a photo, before it may be mirrored.

    Attributes:
        scale: Minimum share of the photo's area in a random crop, which is resized.
        pad: For small pictures, instead of that: the middle square, resized to `image_size`, gets a
            black margin of that many pixels, and a random square of `image_size` is cut from it.
    """

    scale: Annotated[float, Field(gt=0, le=1)] = 0.08
    pad: Annotated[int, Field(ge=0, le=512)] | None = None


class Augmentation(Settings):
    """What training changes in a view after crop and mirror image, in this order.

    Attributes:
        quarter_turns: Whether a view is turned by 0, 90, 180 or 270 degrees, each equally likely.
        trivial_augment: Whether a view gets one change of torchvision's `TrivialAugmentWide`.
        colour: Brightness, contrast and saturation are each multiplied by a factor between
            1 - colour and 1 + colour, in random order; 0 for none.
        hue: Colours are shifted by up to that share of the colour circle; 0 for none.
        keep_colour: Whether the classes that the table of minerals says are told by colour keep
            theirs: their views get no `colour` and no `hue`.
        erasing: Probability that a random rectangle of a view is covered with grey.
    """

    quarter_turns: bool = False
    trivial_augment: bool = False
    colour: Share = 0.0
    hue: Annotated[float, Field(ge=0, le=0.5)] = 0.0
    keep_colour: bool = False
    erasing: Share = 0.0

    @model_validator(mode="after")
    def _check_keep_colour(self) -> Augmentation:
        if self.keep_colour and not (self.colour or self.hue):
            raise ValueError(
                tr(
                    "keep_colour needs colour or hue above 0",
                    "keep_colour 需要 colour 或 hue 大于 0",
                )
            )
        if self.keep_colour and self.trivial_augment:
            raise ValueError(
                tr(
                    "keep_colour cannot undo the colours of trivial_augment: leave out one of them",
                    "trivial_augment 也会改变颜色，无法与 keep_colour 同用：请去掉其中一个",
                )
            )
        return self


UNCHANGED = Augmentation()
