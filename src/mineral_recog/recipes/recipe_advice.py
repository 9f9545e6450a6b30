"""Says when another recipe suits the photos better, by the measurements in docs/results.md."""

from __future__ import annotations

from collections.abc import Sequence

from mineral_recog.i18n import tr
from mineral_recog.recipes.recipe import Recipe

FEW_PHOTOS = 500  # in all: with 308, a classifier on frozen features did best (docs/choosing.md)
LONG_TAIL = 10  # photos of the largest class over those of the smallest


def advice(recipe: Recipe, counts: Sequence[int]) -> str | None:
    """Return a line that names a better recipe for the photos; None if there is none.

    Args:
        recipe: Recipe that was chosen.
        counts: Training photos of each class, [C].
    """
    stages = recipe.stages.values()
    total, imbalance = sum(counts), max(counts) / min(counts)
    if recipe.pretrained and total < FEW_PHOTOS and any(s.train != "classifier" for s in stages):
        return tr(
            f"With so few photos ({total}), `--recipe frozen_features` is probably as good, and "
            "trained in a few minutes: see docs/choosing.md.",
            f"照片很少（{total} 张）时，`--recipe frozen_features` 往往同样好，几分钟即可训练完："
            "见 docs/choosing.md。",
        )
    balances = recipe.after is not None or any(
        stage.sampler != "natural"
        or set(stage.losses.terms) - {"cross_entropy", "focal"}
        or (stage.losses.cross_entropy and stage.losses.cross_entropy.effective_number)
        for stage in stages
    )
    if imbalance >= LONG_TAIL and not balances:
        return tr(
            f"The largest class has {imbalance:.0f} times as many photos as the smallest: "
            "`--recipe best` is better for the rare ones, see docs/choosing.md.",
            f"最大类的照片数是最小类的 {imbalance:.0f} 倍：`--recipe best` 对稀有类更好，"
            "见 docs/choosing.md。",
        )
    return None
