"""Comparisons: runs are made once, can be continued, and equal separate runs bit for bit."""

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
from mineral_recog.comparison import runner
from mineral_recog.comparison.comparison_report import COMPARISON_FILES
from mineral_recog.comparison.plan import PlannedRun, plan_comparison
from mineral_recog.comparison.shared_stages import DataFingerprint, shared_stage_keys
from mineral_recog.recipes.recipe import Recipe
from mineral_recog.recipes.recipe_file import read_recipe
from mineral_recog.training import run as training
from mineral_recog.training.epoch_log import EpochLog
from mineral_recog.training.run_folder import RECIPE, is_run
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
    "train": "classifier",
}


@pytest.fixture
def data(prepared: Path, tmp_path: Path) -> Path:
    return Path(shutil.copytree(prepared, tmp_path / "data"))


@pytest.fixture
def recipes(tmp_path: Path) -> Path:
    """Write recipes with shared stages: `kept` and `anew` begin with the stages of `short`."""
    folder = tmp_path / "recipes"
    folder.mkdir()
    shared = {"ce": PLAIN, "hard": HARD}
    for name, stages in {
        "short": shared,
        "kept": {**shared, "crt": BALANCED},
        "anew": {**shared, "crt": {**BALANCED, "classifier": "anew"}},
        "plain": {"ce": PLAIN},
        "bad": {"ce": {**PLAIN, "lr": 1e30}},
    }.items():
        tiny = dict(setting.split("=") for setting in TINY)
        values = {key: yaml.safe_load(value) for key, value in tiny.items()}
        text = yaml.safe_dump(
            {**values, "weight_average_epochs": 1, "stages": stages}, sort_keys=False
        )
        (folder / f"{name}.yaml").write_text(text)
    return folder


def command(recipes: Path, names: str, *data: Path, seeds: str = "0") -> list[str]:
    files = ",".join(str(recipes / f"{name}.yaml") for name in names.split(","))
    out = str(recipes.parent / "out")
    folders = map(str, data or (recipes.parent / "data",))
    return ["compare", *folders, "--recipes", files, "--seeds", seeds, "--out", out, "--workers=0"]


def error_message(capsys: pytest.CaptureFixture[str]) -> str:
    """Return the single line of an error."""
    lines = [line for line in capsys.readouterr().err.splitlines() if line.startswith("Error: ")]
    assert len(lines) == 1
    return lines[0]


def weights(run: Path) -> bytes:
    return (run / "model" / "model.safetensors").read_bytes()


def separate_weights(data: Path, recipe: Path, run: Path, seed: int = 0) -> bytes:
    """Return the weights of a run that reuses nothing."""
    settings = read_recipe(str(recipe), [f"seed={seed}"])
    training.train(data, settings, run, device="cpu", workers=0)
    return weights(run)


def log(run: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in (run / "log.jsonl").read_text().splitlines()]


def run_times(out: Path) -> dict[str, int]:
    """Return the time of the weights of each finished run of a comparison."""
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
    # A second call changes no run.
    before = run_times(out)
    assert len(before) == 4
    assert main(arguments) == 0
    assert run_times(out) == before
    assert "run 1 of" not in capsys.readouterr().err
    # With more seeds and another split, only the missing work is done.
    assert main([*command(recipes, "plain", seeds="0,1"), "--split", "val"]) == 0
    assert before.items() < run_times(out).items()
    assert len(run_times(out)) == 5
    assert (out / "val" / "comparison.html").is_file()
    # Runs with different seeds or photos differ.
    assert len({weights(run) for run in out.glob("runs/plain/*")}) == 3


@pytest.mark.parametrize("order", ["short,kept,anew", "anew,short,kept"])
def test_shared_stages_give_the_same_weights_bit_for_bit(
    data: Path, recipes: Path, tmp_path: Path, order: str
) -> None:
    assert main(command(recipes, order)) == 0
    logs = []
    for name in order.split(","):
        run = tmp_path / "out" / "runs" / name / "data-seed0"
        assert weights(run) == separate_weights(data, recipes / f"{name}.yaml", tmp_path / name)
        epochs = {"short": 3}.get(name, 4)
        assert [line["epoch"] for line in log(run)] == list(range(1, epochs + 1))
        assert is_run(run)
        logs.append(log(run)[:3])
    # Even the measured times and memory are equal: the stages were trained once.
    assert logs[0] == logs[1] == logs[2]
    assert not (tmp_path / "out" / "beginnings").exists()


def fingerprint(folder: Path) -> DataFingerprint:
    return DataFingerprint(folder, ("agate", "beryl"), "train", "val")


def stage_keys(data: Path, *settings: str, recipe: str = "multi_stage") -> list[str]:
    return list(shared_stage_keys(read_recipe(recipe, settings), fingerprint(data)).values())


def shared_count(first: list[str], second: list[str]) -> int:
    """Return the number of stages that two recipes share at their start."""
    return sum(key in second for key in first)


def test_shared_stage_keys_depend_on_all_that_affects_training(tmp_path: Path) -> None:
    reference = stage_keys(tmp_path)
    keys = shared_stage_keys(read_recipe("multi_stage"), fingerprint(tmp_path))
    assert list(keys) == [60, 100, 110]
    assert shared_count(reference, stage_keys(tmp_path)) == 3
    assert shared_count(reference, stage_keys(tmp_path, "groups=100,20")) == 3
    assert shared_count(reference, stage_keys(tmp_path, "stages.crt.lr=1")) == 2
    assert shared_count(reference, stage_keys(tmp_path, "stages.crt.epochs=3")) == 2
    assert shared_count(reference, stage_keys(tmp_path, "stages.cfl.refresh_epochs=3")) == 1
    # The schedule of fea spans the epochs of cfl.
    assert shared_count(reference, stage_keys(tmp_path, "stages.cfl.epochs=39")) == 0
    for setting in ("seed=1", "batch_size=64", "precision=float32", "stages.fea.warmup=0.2"):
        assert shared_count(reference, stage_keys(tmp_path, setting)) == 0
    # Two splits may have photos with the same names and sizes.
    assert shared_count(reference, stage_keys(tmp_path / "other")) == 0
    # `best` depends on the validation photos.
    other = DataFingerprint(tmp_path, ("agate", "beryl"), "train", "other val")
    other_keys = list(shared_stage_keys(read_recipe("multi_stage"), other).values())
    assert shared_count(reference, other_keys) == 0


def interrupt_at(monkeypatch: pytest.MonkeyPatch, epoch: int, number: int) -> None:
    """Raise KeyboardInterrupt at the end of an epoch of a run of the plan."""
    save = runner.Runner._save_shared_stage

    def stop(self: runner.Runner, index: int, line: EpochLog) -> None:
        if (line.epoch, index) == (epoch, number):
            raise KeyboardInterrupt
        save(self, index, line)

    monkeypatch.setattr(runner.Runner, "_save_shared_stage", stop)


@pytest.mark.parametrize(("epoch", "number"), [(2, 0), (4, 1)])
def test_interrupted_comparison_continues(
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
    assert "continues the comparison" in capsys.readouterr().err
    before = run_times(out)
    assert len(before) == number
    assert not (out / "test").exists()
    assert main(arguments) == 0
    assert before.items() <= run_times(out).items()
    for name in ("short", "kept", "anew"):
        run = out / "runs" / name / "data-seed0"
        assert weights(run) == separate_weights(data, recipes / f"{name}.yaml", tmp_path / name)
    assert [path.name for path in out.rglob(".*")] == []
    assert not (out / "beginnings").exists()


def test_missing_evaluation_is_repeated(data: Path, recipes: Path, tmp_path: Path) -> None:
    assert main(command(recipes, "plain")) == 0
    before = run_times(tmp_path / "out")
    evaluation = tmp_path / "out" / "runs" / "plain" / "data-seed0" / "evaluation"
    shutil.rmtree(evaluation / "test")
    assert main(command(recipes, "plain")) == 0
    assert (evaluation / "test" / "metrics.json").is_file()
    assert run_times(tmp_path / "out") == before


def test_two_processes_share_a_folder(data: Path, recipes: Path, tmp_path: Path) -> None:
    processes = [
        subprocess.Popen([sys.executable, "-m", "mineral_recog", *command(recipes, *arguments)])
        for arguments in (("short,kept", data), ("anew", data))
    ]
    assert [process.wait(timeout=240) for process in processes] == [0, 0]
    before = run_times(tmp_path / "out")
    assert len(before) == 3
    assert main(command(recipes, "short,kept,anew")) == 0
    assert run_times(tmp_path / "out") == before
    page = (tmp_path / "out" / "test" / "comparison.html").read_text("utf-8")
    assert all(name in page for name in ("short", "kept", "anew"))
    run = tmp_path / "out" / "runs" / "anew" / "data-seed0"
    assert weights(run) == separate_weights(data, recipes / "anew.yaml", tmp_path / "alone")


def test_runs_with_different_settings_or_photos_are_refused(
    data: Path, recipes: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    arguments = command(recipes, "plain")
    assert main(arguments) == 0
    before = run_times(tmp_path / "out")
    other = [*arguments, "--set", "batch_size=7", "--set", "stages.ce.lr=0.01"]
    assert main(other) == 2
    assert "made with different settings (batch_size, stages)" in error_message(capsys)
    (data / "train" / "agate" / "0.png").unlink()
    assert main(arguments) == 2
    assert "(training photos): choose another --out" in error_message(capsys)
    assert run_times(tmp_path / "out") == before
    assert main([*arguments, "--force"]) == 0
    after = run_times(tmp_path / "out")
    assert after.keys() == before.keys()
    assert after != before


def test_force_repeats_all_runs_and_shares_only_new_stages(
    data: Path, recipes: Path, tmp_path: Path
) -> None:
    arguments = command(recipes, "short,kept")
    with pytest.MonkeyPatch.context() as patch:
        interrupt_at(patch, 4, 1)
        assert main(arguments) == 130
    stored = list((tmp_path / "out" / "beginnings").glob("*/log.jsonl"))
    assert stored
    for file in stored:  # mark what must not be reused
        file.write_text(file.read_text().replace('"seconds": ', '"seconds": -'))
    assert main([*arguments, "--force"]) == 0
    short, kept = (log(tmp_path / "out" / "runs" / name / "data-seed0") for name in
                   ("short", "kept"))  # fmt: skip
    assert short == kept[:3]
    assert all(line["seconds"] >= 0 for line in kept)
    run = tmp_path / "out" / "runs" / "kept" / "data-seed0"
    assert weights(run) == separate_weights(data, recipes / "kept.yaml", tmp_path / "alone")


def test_foreign_folders_are_never_replaced(
    data: Path, recipes: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    mine = tmp_path / "out" / "runs" / "short" / "data-seed0" / "mine.txt"
    mine.parent.mkdir(parents=True)
    mine.write_text("mine")
    assert main([*command(recipes, "plain,short"), "--force"]) == 2
    assert "not made by this command" in error_message(capsys)
    assert mine.read_text() == "mine"
    assert run_times(tmp_path / "out") == {}  # reported before anything is trained
    assert main([*command(recipes, "plain"), "--out", str(data), "--force"]) == 2
    assert "not made by this command" in error_message(capsys)
    assert (data / "test" / "agate").is_dir()


def test_notes_of_the_user_are_never_deleted(
    data: Path, recipes: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(command(recipes, "plain")) == 0
    before = run_times(tmp_path / "out")
    tables = tmp_path / "out" / "test"
    assert {path.name for path in tables.iterdir()} <= set(COMPARISON_FILES)
    for folder in (tables, tmp_path / "out" / "runs" / "plain" / "data-seed0"):
        (folder / "notes.txt").write_text("mine")
        capsys.readouterr()
        assert main([*command(recipes, "plain"), "--force"]) == 2
        assert "1 file that this program did not write (notes.txt)" in error_message(capsys)
        (folder / "notes.txt").unlink()
    assert run_times(tmp_path / "out") == before


def test_failed_run_does_not_stop_the_others(
    data: Path, recipes: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    out = tmp_path / "out"
    assert main(command(recipes, "plain,bad,short", seeds="0,1")) == 2
    shown = capsys.readouterr()
    lines = [line for line in shown.err.splitlines() if line.startswith("Error: ")]
    assert len(lines) == 1
    assert "2 of 6 runs failed" in lines[0]
    assert "bad, data, seed 0 (+1): The loss is not finite" in lines[0]
    assert len(run_times(out)) == 4
    assert "short" in shown.out
    assert "bad" not in shown.out.replace(str(tmp_path), "")
    assert (out / "test" / "comparison.html").is_file()
    # Without the first recipe there is nothing to compare with.
    assert main(command(recipes, "bad,plain")) == 2
    shown = capsys.readouterr()
    assert "1 of 2 runs failed" in shown.err
    assert shown.out == ""


def test_each_evaluated_run_is_reported(data: Path, recipes: Path, tmp_path: Path) -> None:
    files = ",".join(str(recipes / f"{name}.yaml") for name in ("plain", "bad", "short"))
    plan = plan_comparison([data], files, "0", [], tmp_path / "out", "test")
    reported: list[str] = []

    def report(run: PlannedRun) -> None:
        assert (run.folder / "evaluation" / "test" / "metrics.json").is_file()
        reported.append(run.name)

    for _ in range(2):  # the second time, two runs are finished already
        runner.run_comparison(plan, device="cpu", workers=0, on_run=report)
    assert reported == ["plain", "short"] * 2


def test_splits_with_different_classes_are_reported_before_training(
    data: Path, recipes: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    other = Path(shutil.copytree(data, tmp_path / "other"))
    for split in ("train", "val", "test"):
        (other / split / "copper").rename(other / split / "gold")
    assert main(command(recipes, "plain", data, other)) == 2
    assert "have different classes" in error_message(capsys)
    shutil.rmtree(other)
    shutil.copytree(data, other)
    shutil.rmtree(other / "test")
    assert main(command(recipes, "plain", data, other)) == 2
    assert "has no folder test" in error_message(capsys)
    assert not (tmp_path / "out").exists()


def test_all_recipes_are_trained_in_one_precision(
    data: Path, recipes: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    choices = iter(["bfloat16", "float32", "float32"])  # timing may vary on a busy machine
    monkeypatch.setattr("mineral_recog.training.run.choose_precision", lambda *_: next(choices))
    arguments = [*command(recipes, "kept,anew,plain"), "--set", "precision=auto"]
    assert main(arguments) == 0
    runs = sorted((tmp_path / "out" / "runs").glob("*/data-seed0"))
    assert len(runs) == 3
    precisions = {run_recipe(run).precision for run in runs}
    assert precisions == {"bfloat16"}
    assert log(runs[0])[:3] == log(runs[1])[:3]
    assert main([*arguments, "--seeds", "0,1"]) == 0
    later = sorted((tmp_path / "out" / "runs").glob("*/data-seed1"))
    assert {run_recipe(run).precision for run in later} == {"bfloat16"}


def run_recipe(run: Path) -> Recipe:
    return read_recipe(str(run / RECIPE))
