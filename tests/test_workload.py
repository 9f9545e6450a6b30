"""How the time of a run is spread over its epochs."""

from __future__ import annotations

import pytest

from mineral_recog.recipe_file import read_recipe
from mineral_recog.workload import share_of_time

EPOCHS = ["stages.fea.epochs=4", "stages.cfl.epochs=4", "stages.crt.epochs=2"]


def test_even_epochs_take_even_times() -> None:
    share = share_of_time(read_recipe("baseline", ["stages.ce.epochs=5"]), 10)
    assert [share(steps) for steps in (0, 10, 25, 50)] == pytest.approx([0, 0.2, 0.5, 1])


def test_small_views_and_known_features_take_less() -> None:
    settings = [*EPOCHS, "stages.fea.view_size=[0.5, 0.5]"]
    share = share_of_time(read_recipe("multi_stage", settings), 10)
    fea, cfl, crt = share(40), share(80) - share(40), share(100) - share(80)
    assert fea == pytest.approx(cfl / 4)  # a quarter of the pixels
    assert share(20) == pytest.approx(fea / 2)
    assert 0 < crt < cfl / 8
    assert share(90) - share(80) > share(100) - share(90)  # the features are computed once
    assert share(100) == 1


def test_a_frozen_backbone_takes_less() -> None:
    settings = [*EPOCHS, "stages.crt.feature_views=0"]
    share = share_of_time(read_recipe("multi_stage", settings), 10)
    assert share(90) - share(80) == pytest.approx((share(80) - share(70)) / 3)
