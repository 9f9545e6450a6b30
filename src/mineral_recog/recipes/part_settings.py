"""Which part of the network a stage trains, beside the classifier."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field

from mineral_recog.recipes.loss_settings import Positive, Settings

Part = Literal["all", "last_blocks", "norm_and_bias", "lora", "classifier"]


class Lora(Settings):
    """Low-rank updates of the weights, see `models/lora.py`.

    Attributes:
        rank: Rank r of each update.
        alpha: An update is multiplied by alpha / r.
    """

    rank: Annotated[int, Field(ge=1, le=1024)] = 8
    alpha: Positive = 8.0
