"""A run is made by one process at a time, and a lock is in nobody's way when that has ended."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from mineral_recog.cli.main import main
from mineral_recog.errors import UserError
from mineral_recog.files import refuse_existing
from mineral_recog.models.bundle import read_bundle
from mineral_recog.recipes.recipe_file import read_recipe
from mineral_recog.training import run as training
from mineral_recog.training.run_lock import locked
from tests.conftest import TINY

HOLD = (
    "import sys; from pathlib import Path; from mineral_recog.training.run_lock import locked\n"
    "with locked(Path(sys.argv[1])): print('held', flush=True); sys.stdin.read()"
)
SMALL = [part for setting in TINY for part in ("--set", setting)]


@contextmanager
def held_elsewhere(folder: Path) -> Iterator[subprocess.Popen[str]]:
    """Another process that holds the lock of a run until it is killed."""
    command = [sys.executable, "-c", HOLD, str(folder)]
    pipe = subprocess.PIPE
    with subprocess.Popen(command, stdin=pipe, stdout=pipe, text=True) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == "held\n"
        try:
            yield process
        finally:
            process.kill()


def with_lock(run: Path) -> None:
    with locked(run):
        pass


def test_a_lock_ends_with_its_process(tmp_path: Path) -> None:
    run, file = tmp_path / "runs" / "first", tmp_path / "runs" / ".first.lock"
    with held_elsewhere(run) as process:
        with (
            pytest.raises(UserError, match=r"Another process is making the run .*first"),
            locked(run),
        ):
            pass
        with_lock(run.with_name("second"))  # another run is free
        process.kill()
        process.wait()
    assert file.exists()  # as after a crash
    refuse_existing(run, force=False)
    refuse_existing(run.parent, force=False, made_by_us=False)
    with locked(run), locked(run):
        assert file.exists()
    assert not file.exists()


def test_the_refusal_is_told_in_chinese(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MINERAL_RECOG_LANG", "zh")
    with held_elsewhere(tmp_path / "run"), pytest.raises(UserError, match="另一个进程正在生成"):
        with_lock(tmp_path / "run")


def test_folders_of_a_run_that_came_to_nothing_are_removed(tmp_path: Path) -> None:
    with pytest.raises(ZeroDivisionError), locked(tmp_path / "a" / "b" / "run"):
        raise ZeroDivisionError
    assert list(tmp_path.iterdir()) == []
    with locked(tmp_path / "a" / "b" / "run"):
        (tmp_path / "a" / "b" / "run").mkdir()
    assert [path.name for path in (tmp_path / "a" / "b").iterdir()] == ["run"]


def test_a_run_that_is_being_made_is_left_alone(prepared: Path, tmp_path: Path) -> None:
    run = tmp_path / "run"
    again = [sys.executable, "-m", "mineral_recog", "train", str(prepared), "--out", str(run)]

    def refused(*options: str) -> None:
        done = subprocess.run([*again, *options], capture_output=True, text=True, check=False)
        assert done.returncode == 2
        assert f"Error: Another process is making the run {run}" in done.stderr

    def while_training(line: dict[str, object]) -> None:
        refused("--force", *SMALL)
        raise KeyboardInterrupt

    recipe = read_recipe("baseline", [*TINY, "stages.ce.epochs=2"])
    with pytest.raises(KeyboardInterrupt):
        training.train(prepared, recipe, run, device="cpu", workers=0, on_epoch=while_training)
    training.resume(
        prepared, run, device="cpu", workers=0, on_epoch=lambda line: refused("--resume")
    )
    assert read_bundle(run).classes == ("agate", "beryl", "copper")
    assert [path.name for path in tmp_path.iterdir()] == ["run"]


def test_a_comparison_makes_the_other_runs(
    prepared: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    out = tmp_path / "out"
    arguments = ["compare", str(prepared), "--out", str(out), "--recipes", "baseline,mixup",
                 "--seeds", "0", "--split", "val", "--workers", "0", *SMALL,
                 "--set", "stages.ce.epochs=1"]  # fmt: skip
    other = out / "runs" / "mixup" / f"{prepared.name}-seed0"
    with held_elsewhere(other):
        assert main(arguments) == 2
        told = capsys.readouterr().err
        assert f"mixup, {prepared.name}, seed 0: Another process is making the run {other}" in told
        assert training.is_run(out / "runs" / "baseline" / other.name)
        assert not other.exists()
    assert main(arguments) == 0
    with held_elsewhere(other):  # what is finished needs no lock
        assert main(arguments) == 0
