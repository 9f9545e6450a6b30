"""Comparisons: every run made once, taken up where it was, and the same to the bit as alone."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import yaml

from mineral_recog.cli.main import main
from mineral_recog.comparison import runner as comparing
from mineral_recog.comparison.shared_stages import Photos, beginning_keys
from mineral_recog.recipes.recipe import Recipe
from mineral_recog.recipes.recipe_file import read_recipe
from mineral_recog.training import run as training
from tests.conftest import TINY

PLAIN: dict[str, Any] = {"epochs": 1, "lr": 0.05, "losses": {"cross_entropy": {}}}
HARD: dict[str, Any] = {
    "epochs": 2,
    "schedule": "continue",
    "sampler": "mixed_halves",
    "refresh_epochs": 1,
    "weights": "best",
    "losses": {"frequency_aware": {}, "center": {}},
}
BALANCED: dict[str, Any] = {
    "epochs": 1,
    "lr": 0.02,
    "sampler": "class_balanced",
    "losses": {"cross_entropy": {}},
    "freeze_backbone": True,
}


@pytest.fixture
def data(prepared: Path, tmp_path: Path) -> Path:
    return Path(shutil.copytree(prepared, tmp_path / "data"))


@pytest.fixture
def recipes(tmp_path: Path) -> Path:
    """A folder of recipes that begin alike: `short` is the beginning of `kept` and `anew`."""
    folder = tmp_path / "recipes"
    folder.mkdir()
    begin = {"ce": PLAIN, "hard": HARD}
    for name, stages in {
        "short": begin,
        "kept": {**begin, "crt": BALANCED},
        "anew": {**begin, "crt": {**BALANCED, "classifier": "anew"}},
        "plain": {"ce": PLAIN},
        "bad": {"ce": {**PLAIN, "lr": 1e30}},
    }.items():
        own = dict(setting.split("=") for setting in TINY)
        values = {key: yaml.safe_load(value) for key, value in own.items()}
        text = yaml.safe_dump({**values, "weight_average": 0.9, "stages": stages}, sort_keys=False)
        (folder / f"{name}.yaml").write_text(text)
    return folder


def command(recipes: Path, names: str, *data: Path, seeds: str = "0") -> list[str]:
    files = ",".join(str(recipes / f"{name}.yaml") for name in names.split(","))
    out = str(recipes.parent / "out")
    folders = map(str, data or (recipes.parent / "data",))
    return ["compare", *folders, "--recipes", files, "--seeds", seeds, "--out", out, "--workers=0"]


def told(capsys: pytest.CaptureFixture[str]) -> str:
    """The one line of an error."""
    lines = [line for line in capsys.readouterr().err.splitlines() if line.startswith("Error: ")]
    assert len(lines) == 1
    return lines[0]


def weights(run: Path) -> bytes:
    return (run / "model" / "model.safetensors").read_bytes()


def weights_alone(data: Path, recipe: Path, run: Path, seed: int = 0) -> bytes:
    """Of a run that takes nothing over."""
    read = read_recipe(str(recipe), [f"seed={seed}"])
    training.train(data, read, run, device="cpu", workers=0)
    return weights(run)


def log(run: Path) -> list[dict[str, object]]:
    return [json.loads(line) for line in (run / "log.jsonl").read_text().splitlines()]


def made(out: Path) -> dict[str, int]:
    """When each finished run of a comparison was made."""
    files = out.glob("runs/*/*/model/model.safetensors")
    return {str(file.relative_to(out)): file.stat().st_mtime_ns for file in files}


def test_every_recipe_on_every_split_with_every_seed(
    data: Path, recipes: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    other = Path(shutil.copytree(data, tmp_path / "other"))
    (other / "train" / "agate" / "0.png").unlink()
    arguments = command(recipes, "plain,short", data, other)
    assert main(arguments) == 0
    shown = capsys.readouterr()
    out = tmp_path / "out"
    for recipe in ("plain", "short"):
        for name in ("data-seed0", "other-seed0"):
            run = out / "runs" / recipe / name
            assert (run / "evaluation" / "test" / "report.html").is_file()
            assert not (run / "checkpoint").exists()
        assert recipe in shown.out
    assert str(out / "test" / "comparison.html") in shown.out.replace("\n", "")
    assert "run 1 of 4: plain, data, seed 0\n" in shown.err
    assert "run 4 of 4: short, other, seed 0 (about 0:" in shown.err
    assert "val mean accuracy" not in shown.err  # lines of single epochs
    assert not (out / "beginnings").exists()
    # Another call leaves all runs as they are.
    before = made(out)
    assert len(before) == 4
    assert main(arguments) == 0
    assert made(out) == before
    assert "run 1 of" not in capsys.readouterr().err
    # More seeds and other photos to measure on: only what is lacking is done.
    assert main([*command(recipes, "plain", seeds="0,1"), "--split", "val"]) == 0
    assert before.items() < made(out).items()
    assert len(made(out)) == 5
    assert (out / "val" / "comparison.html").is_file()
    # Seeds and photos make other runs.
    assert len({weights(run) for run in out.glob("runs/plain/*")}) == 3


@pytest.mark.parametrize("order", ["short,kept,anew", "anew,short,kept"])
def test_a_beginning_is_taken_over_to_the_same_bits(
    data: Path, recipes: Path, tmp_path: Path, order: str
) -> None:
    assert main(command(recipes, order)) == 0
    logs = []
    for name in order.split(","):
        run = tmp_path / "out" / "runs" / name / "data-seed0"
        assert weights(run) == weights_alone(data, recipes / f"{name}.yaml", tmp_path / name)
        epochs = {"short": 3}.get(name, 4)
        assert [line["epoch"] for line in log(run)] == list(range(1, epochs + 1))
        assert training.is_run(run)
        logs.append(log(run)[:3])
    # Seconds and all: the stages were trained once. Alone, they take other seconds.
    assert logs[0] == logs[1] == logs[2]
    assert logs[0] != log(tmp_path / order.split(",")[0])[:3]
    assert not (tmp_path / "out" / "beginnings").exists()


def photos(folder: Path) -> Photos:
    return Photos(folder, ("agate", "beryl"), "train", "val")


def keys(data: Path, *settings: str, recipe: str = "multi_stage") -> list[str]:
    return list(beginning_keys(read_recipe(recipe, settings), photos(data)).values())


def shared(first: list[str], second: list[str]) -> int:
    """How many stages two recipes begin with in common."""
    return sum(key in second for key in first)


def test_beginnings_are_the_same_where_all_that_counts_is(tmp_path: Path) -> None:
    whole = keys(tmp_path)
    assert list(beginning_keys(read_recipe("multi_stage"), photos(tmp_path))) == [60, 100, 110]
    assert shared(whole, keys(tmp_path)) == 3
    assert shared(whole, keys(tmp_path, "groups=100,20")) == 3
    assert shared(whole, keys(tmp_path, "stages.crt.lr=1")) == 2
    assert shared(whole, keys(tmp_path, "stages.crt.epochs=3")) == 2
    assert shared(whole, keys(tmp_path, "stages.cfl.refresh_epochs=3")) == 1
    # The schedule of fea is stretched over the epochs of cfl.
    assert shared(whole, keys(tmp_path, "stages.cfl.epochs=39")) == 0
    for setting in ("seed=1", "batch_size=64", "precision=float32", "stages.fea.warmup=0.2"):
        assert shared(whole, keys(tmp_path, setting)) == 0
    # Of two splits, photos may have the same names and sizes.
    assert shared(whole, keys(tmp_path / "other")) == 0
    other = Photos(tmp_path, ("agate", "beryl"), "train", "other val")  # `best` looks at val
    assert shared(whole, list(beginning_keys(read_recipe("multi_stage"), other).values())) == 0


def interrupt_at(monkeypatch: pytest.MonkeyPatch, epoch: int, number: int) -> None:
    """Ctrl-C at the end of an epoch of a run of the plan."""
    keep = comparing.Runner._keep

    def stop(runner: comparing.Runner, run: int, line: dict[str, Any]) -> None:
        if (line["epoch"], run) == (epoch, number):
            raise KeyboardInterrupt
        keep(runner, run, line)

    monkeypatch.setattr(comparing.Runner, "_keep", stop)


@pytest.mark.parametrize(("epoch", "number"), [(2, 0), (4, 1)])
def test_an_interrupted_comparison_goes_on(
    data: Path,
    recipes: Path,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
    epoch: int,
    number: int,
) -> None:
    out, arguments = tmp_path / "out", command(recipes, "short,kept,anew")
    with pytest.MonkeyPatch.context() as patch:
        interrupt_at(patch, epoch, number)
        assert main(arguments) == 130
    assert "a comparison with the same command" in capsys.readouterr().err
    before = made(out)
    assert len(before) == number
    assert not (out / "test").exists()
    assert main(arguments) == 0
    assert before.items() <= made(out).items()
    for name in ("short", "kept", "anew"):
        run = out / "runs" / name / "data-seed0"
        assert weights(run) == weights_alone(data, recipes / f"{name}.yaml", tmp_path / name)
    assert [path.name for path in out.rglob(".*")] == []
    assert not (out / "beginnings").exists()


def test_a_killed_evaluation_is_done_again(data: Path, recipes: Path, tmp_path: Path) -> None:
    assert main(command(recipes, "plain")) == 0
    before = made(tmp_path / "out")
    evaluation = tmp_path / "out" / "runs" / "plain" / "data-seed0" / "evaluation"
    shutil.rmtree(evaluation / "test")
    assert main(command(recipes, "plain")) == 0
    assert (evaluation / "test" / "metrics.json").is_file()
    assert made(tmp_path / "out") == before


def test_two_processes_share_a_folder(data: Path, recipes: Path, tmp_path: Path) -> None:
    processes = [
        subprocess.Popen([sys.executable, "-m", "mineral_recog", *command(recipes, *what)])
        for what in (("short,kept", data), ("anew", data))
    ]
    assert [process.wait(timeout=240) for process in processes] == [0, 0]
    before = made(tmp_path / "out")
    assert len(before) == 3
    assert main(command(recipes, "short,kept,anew")) == 0
    assert made(tmp_path / "out") == before
    page = (tmp_path / "out" / "test" / "comparison.html").read_text("utf-8")
    assert all(name in page for name in ("short", "kept", "anew"))
    run = tmp_path / "out" / "runs" / "anew" / "data-seed0"
    assert weights(run) == weights_alone(data, recipes / "anew.yaml", tmp_path / "alone")


def test_runs_of_other_settings_or_photos_are_not_taken_for_these(
    data: Path, recipes: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    arguments = command(recipes, "plain")
    assert main(arguments) == 0
    before = made(tmp_path / "out")
    other = [*arguments, "--set", "batch_size=7", "--set", "stages.ce.lr=0.01"]
    assert main(other) == 2
    assert "made with other settings (batch_size, stages)" in told(capsys)
    (data / "train" / "agate" / "0.png").unlink()
    assert main(arguments) == 2
    assert "(training photos): choose another --out" in told(capsys)
    assert made(tmp_path / "out") == before
    assert main([*arguments, "--force"]) == 0
    after = made(tmp_path / "out")
    assert after.keys() == before.keys()
    assert after != before


def test_force_makes_all_anew_and_shares_only_what_is_new(
    data: Path, recipes: Path, tmp_path: Path
) -> None:
    arguments = command(recipes, "short,kept")
    with pytest.MonkeyPatch.context() as patch:
        interrupt_at(patch, 4, 1)
        assert main(arguments) == 130
    old = log(tmp_path / "out" / "runs" / "short" / "data-seed0")
    assert any((tmp_path / "out" / "beginnings").iterdir())
    assert main([*arguments, "--force"]) == 0
    short, kept = (log(tmp_path / "out" / "runs" / name / "data-seed0") for name in
                   ("short", "kept"))  # fmt: skip
    assert short == kept[:3]
    assert short != old
    run = tmp_path / "out" / "runs" / "kept" / "data-seed0"
    assert weights(run) == weights_alone(data, recipes / "kept.yaml", tmp_path / "alone")


def test_what_is_not_ours_is_never_replaced(
    data: Path, recipes: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    mine = tmp_path / "out" / "runs" / "short" / "data-seed0" / "mine.txt"
    mine.parent.mkdir(parents=True)
    mine.write_text("mine")
    assert main([*command(recipes, "plain,short"), "--force"]) == 2
    assert "not made by this command" in told(capsys)
    assert mine.read_text() == "mine"
    assert made(tmp_path / "out") == {}  # told before anything is trained
    assert main([*command(recipes, "plain"), "--out", str(data), "--force"]) == 2
    assert "not made by this command" in told(capsys)
    assert (data / "test" / "agate").is_dir()


def test_a_run_that_fails_does_not_stop_the_others(
    data: Path, recipes: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    out = tmp_path / "out"
    assert main(command(recipes, "plain,bad,short", seeds="0,1")) == 2
    shown = capsys.readouterr()
    lines = [line for line in shown.err.splitlines() if line.startswith("Error: ")]
    assert len(lines) == 1
    assert "2 of 6 runs failed" in lines[0]
    assert "bad, data, seed 0 (+1): The loss is not finite" in lines[0]
    assert len(made(out)) == 4
    assert "short" in shown.out
    assert "bad" not in shown.out.replace(str(tmp_path), "")
    assert (out / "test" / "comparison.html").is_file()
    # Without the recipe that the others are measured by there is nothing to tell.
    assert main(command(recipes, "bad,plain")) == 2
    shown = capsys.readouterr()
    assert "1 of 2 runs failed" in shown.err
    assert shown.out == ""


def test_splits_of_other_classes_are_told_before_training(
    data: Path, recipes: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    other = Path(shutil.copytree(data, tmp_path / "other"))
    for split in ("train", "val", "test"):
        (other / split / "copper").rename(other / split / "gold")
    assert main(command(recipes, "plain", data, other)) == 2
    assert "has other classes than" in told(capsys)
    shutil.rmtree(other)
    shutil.copytree(data, other)
    shutil.rmtree(other / "test")
    assert main(command(recipes, "plain", data, other)) == 2
    assert "has no folder test" in told(capsys)
    assert not (tmp_path / "out").exists()


def test_recipes_are_trained_in_one_precision(
    data: Path, recipes: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    choices = iter(["bfloat16", "float32", "float32"])  # as a busy machine may time it
    monkeypatch.setattr("mineral_recog.training.run.choose_precision", lambda *_: next(choices))
    arguments = [*command(recipes, "kept,anew,plain"), "--set", "precision=auto"]
    assert main(arguments) == 0
    runs = sorted((tmp_path / "out" / "runs").glob("*/data-seed0"))
    assert len(runs) == 3
    precisions = {recipe_of(run).precision for run in runs}
    assert precisions == {"bfloat16"}
    assert log(runs[0])[:3] == log(runs[1])[:3]
    assert main([*arguments, "--seeds", "0,1"]) == 0
    later = sorted((tmp_path / "out" / "runs").glob("*/data-seed1"))
    assert {recipe_of(run).precision for run in later} == {"bfloat16"}


def recipe_of(run: Path) -> Recipe:
    return read_recipe(str(run / training.RECIPE))
