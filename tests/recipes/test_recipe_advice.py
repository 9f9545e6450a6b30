"""`train` names a better recipe only where the measurements say so."""

from __future__ import annotations

import pytest

from mineral_recog.recipes.recipe_advice import advice
from mineral_recog.recipes.recipe_file import read_recipe


@pytest.mark.parametrize(
    ("recipe", "settings", "counts", "named"),
    [
        ("multi_stage", [], (120, 60, 6), "frozen_features"),
        ("best", [], (120, 60, 6), "frozen_features"),
        ("frozen_features", [], (120, 60, 6), None),
        ("multi_stage", ["pretrained=false"], (120, 60, 6), None),
        ("multi_stage", [], (3000, 600, 60), None),
        ("baseline", [], (3000, 600, 60), "best"),
        ("focal", [], (3000, 600, 60), "best"),
        ("baseline", [], (3000, 3000, 2900), None),
        ("baseline", ["pretrained=false"], (3000, 600, 60), "best"),
        ("class_balanced_loss", ["pretrained=false"], (3000, 600, 60), None),
        ("crt", [], (3000, 600, 60), None),
        ("logit_adjusted_after", [], (3000, 600, 60), None),
    ],
)
def test_a_better_recipe_is_named(
    recipe: str, settings: list[str], counts: tuple[int, ...], named: str | None
) -> None:
    line = advice(read_recipe(recipe, settings), counts)
    if named is None:
        assert line is None
    else:
        assert line is not None
        assert f"`--recipe {named}`" in line
