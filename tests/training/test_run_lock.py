"""Only one process writes a run, and its lock blocks nobody after it has ended."""

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
from mineral_recog.training.epoch_log import EpochLog
from mineral_recog.training.run_folder import is_run
from mineral_recog.training.run_lock import lock_run
from tests.conftest import TINY

HOLD = (
    "import sys; from pathlib import Path; from mineral_recog.training.run_lock import lock_run\n"
    "with lock_run(Path(sys.argv[1])): print('held', flush=True); sys.stdin.read()"
)
SMALL = [part for setting in TINY for part in ("--set", setting)]


@contextmanager
def held_elsewhere(folder: Path) -> Iterator[subprocess.Popen[str]]:
    """Hold the lock of a run in another process, until that is killed."""
    command = [sys.executable, "-c", HOLD, str(folder)]
    pipe = subprocess.PIPE
    with subprocess.Popen(command, stdin=pipe, stdout=pipe, text=True) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == "held\n"
        try:
            yield process
        finally:
            process.kill()


def acquire_and_release(run: Path) -> None:
    with lock_run(run):
        pass


def test_lock_ends_with_its_process(tmp_path: Path) -> None:
    run, file = tmp_path / "runs" / "first", tmp_path / "runs" / ".first.lock"
    with held_elsewhere(run) as process:
        with (
            pytest.raises(UserError, match=r"Another process is writing the run .*first"),
            lock_run(run),
        ):
            pass
        acquire_and_release(run.with_name("second"))  # another run is not locked
        process.kill()
        process.wait()
    assert file.exists()  # as after a crash
    refuse_existing(run, force=False)
    refuse_existing(run.parent, force=False, made_by_us=False)
    with lock_run(run), lock_run(run):
        assert file.exists()
    assert not file.exists()


def test_refusal_in_chinese(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MINERAL_RECOG_LANG", "zh")
    with held_elsewhere(tmp_path / "run"), pytest.raises(UserError, match="另一个进程正在写入"):
        acquire_and_release(tmp_path / "run")


def test_parent_folders_of_a_failed_run_are_removed(tmp_path: Path) -> None:
    with pytest.raises(ZeroDivisionError), lock_run(tmp_path / "a" / "b" / "run"):
        raise ZeroDivisionError
    assert list(tmp_path.iterdir()) == []
    with lock_run(tmp_path / "a" / "b" / "run"):
        (tmp_path / "a" / "b" / "run").mkdir()
    assert [path.name for path in (tmp_path / "a" / "b").iterdir()] == ["run"]


def test_locked_run_is_not_overwritten_or_resumed(prepared: Path, tmp_path: Path) -> None:
    run = tmp_path / "run"
    command = [sys.executable, "-m", "mineral_recog", "train", str(prepared), "--out", str(run)]

    def assert_refused(*options: str) -> None:
        result = subprocess.run([*command, *options], capture_output=True, text=True, check=False)
        assert result.returncode == 2
        assert f"Error: Another process is writing the run {run}" in result.stderr

    def while_training(line: EpochLog) -> None:
        assert_refused("--force", *SMALL)
        raise KeyboardInterrupt

    recipe = read_recipe("baseline", [*TINY, "stages.ce.epochs=2"])
    with pytest.raises(KeyboardInterrupt):
        training.train(prepared, recipe, run, device="cpu", workers=0, on_epoch=while_training)
    training.resume(
        prepared, run, device="cpu", workers=0, on_epoch=lambda line: assert_refused("--resume")
    )
    assert read_bundle(run).classes == ("agate", "beryl", "copper")
    assert [path.name for path in tmp_path.iterdir()] == ["run"]


def test_comparison_skips_a_locked_run(
    prepared: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    out = tmp_path / "out"
    arguments = ["compare", str(prepared), "--out", str(out), "--recipes", "baseline,mixup",
                 "--seeds", "0", "--split", "val", "--workers", "0", *SMALL,
                 "--set", "stages.ce.epochs=1"]  # fmt: skip
    locked_run = out / "runs" / "mixup" / f"{prepared.name}-seed0"
    with held_elsewhere(locked_run):
        assert main(arguments) == 2
        error = capsys.readouterr().err
        assert (
            f"mixup, {prepared.name}, seed 0: Another process is writing the run {locked_run}"
            in error
        )
        assert is_run(out / "runs" / "baseline" / locked_run.name)
        assert not locked_run.exists()
    assert main(arguments) == 0
    with held_elsewhere(locked_run):  # finished runs are reused without a lock
        assert main(arguments) == 0
