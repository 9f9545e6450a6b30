"""Planning of the runs of a comparison, and its error messages."""

from __future__ import annotations

import shlex
from pathlib import Path

import pytest

from mineral_recog.comparison.plan import Plan, plan_comparison
from mineral_recog.errors import UserError
from mineral_recog.recipes.recipe_file import shipped_recipes


def plan(
    *data: str, recipes: str = "baseline,multi_stage", seeds: str = "0,1", settings: str = ""
) -> Plan:
    folders = [Path(name) for name in data or ("photos",)]
    return plan_comparison(folders, recipes, seeds, settings.split(), Path("out"), "test")


def test_every_recipe_on_every_split_with_every_seed() -> None:
    runs = plan("a", "elsewhere/b").runs
    assert [str(run) for run in runs] == [
        f"{recipe}, {data}, seed {seed}"
        for seed in (0, 1)
        for data in ("a", "b")
        for recipe in ("baseline", "multi_stage")
    ]
    assert len({run.folder for run in runs}) == 8
    assert runs[3].folder == Path("out/runs/multi_stage/b-seed0")
    assert [run.recipe.seed for run in runs] == [run.seed for run in runs]
    assert list(runs[3].recipe.stages) == ["fea", "cfl", "crt"]


def test_settings_apply_to_every_recipe() -> None:
    runs = plan(settings="image_size=64 batch_size=7").runs
    assert {(run.recipe.image_size, run.recipe.batch_size) for run in runs} == {(64, 7)}


def test_all_recipes_begin_with_the_baseline() -> None:
    names = [run.name for run in plan(recipes="all", seeds="0").runs]
    assert names[0] == "baseline"
    assert sorted(names) == sorted(shipped_recipes())


def test_recipe_file_is_shown_by_its_name(tmp_path: Path) -> None:
    mine = tmp_path / "mine.yaml"
    mine.write_text("stages: {ce: {epochs: 3, lr: 0.1, losses: {cross_entropy: {}}}}")
    runs = plan(recipes=f"baseline, {mine}", seeds="4").runs
    assert [run.name for run in runs] == ["baseline", "mine"]
    assert runs[1].recipe.epochs == 3


def test_folder_has_the_same_name_whatever_its_path(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "split-0").mkdir()
    monkeypatch.chdir(tmp_path / "split-0")
    assert plan(".").runs[0].data_name == "split-0"
    with pytest.raises(UserError, match="DATA has split-0 twice"):
        plan(".", "../split-0/")


def test_command_repeats_the_comparison(tmp_path: Path) -> None:
    words = shlex.split(plan("my photos", settings="image_size=64 groups=thirds").command)
    assert words[:3] == ["mineral-recog", "compare", "my photos"]
    options = dict(zip(words[3::2], words[4::2], strict=True))
    assert options["--recipes"] == "baseline,multi_stage"
    assert options["--seeds"] == "0,1"
    assert (options["--split"], options["--out"]) == ("test", "out")
    assert [words[i + 1] for i, word in enumerate(words) if word == "--set"] == [
        "image_size=64",
        "groups=thirds",
    ]


@pytest.mark.parametrize(
    ("arguments", "reason"),
    [
        ({"recipes": "baseline,none"}, "No recipe none"),
        ({"recipes": "baseline,multi_stage,baseline"}, "--recipes has baseline twice"),
        ({"recipes": "all,baseline"}, "--recipes has baseline twice"),
        ({"recipes": "baseline,,multi_stage"}, "single commas"),
        ({"recipes": ""}, "single commas"),
        ({"seeds": "0,x"}, "whole numbers.*0,1,2"),
        ({"seeds": "-1"}, "whole numbers"),
        ({"seeds": "1.5"}, "whole numbers"),
        ({"seeds": "9" * 5000}, "whole numbers"),
        ({"seeds": "4294967296"}, "seed: Input should be less than 4294967296"),
        ({"seeds": "1,01"}, "--seeds has 1 twice"),
        ({"settings": "seed=3"}, "give the seeds by --seeds"),
        ({"settings": "colour=red"}, "Recipe baseline: colour: unknown key"),
        ({"settings": "stages.crt.lr=1"}, "the recipe has no stage crt"),
    ],
)
def test_wrong_arguments_are_reported(arguments: dict[str, str], reason: str) -> None:
    with pytest.raises(UserError, match=reason):
        plan(**arguments)


def test_two_recipes_with_one_name_are_reported(tmp_path: Path) -> None:
    with pytest.raises(UserError, match="--recipes has baseline twice"):
        plan(recipes=f"baseline,{tmp_path / 'baseline.yaml'}")


def test_recipes_with_different_groups_are_reported(tmp_path: Path) -> None:
    text = "groups: 100,20\nstages: {ce: {epochs: 1, lr: 0.1, losses: {cross_entropy: {}}}}"
    (tmp_path / "mine.yaml").write_text(text)
    with pytest.raises(UserError, match=r"different groups \(thirds, 100,20\)"):
        plan(recipes=f"baseline,{tmp_path / 'mine.yaml'}")
