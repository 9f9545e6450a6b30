"""`evaluate` and `identify` under torchrun give what one process gives."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from mineral_recog.cli.main import main

FILES = ("metrics.json", "trust.json", "predictions.csv", "per_class.csv", "corruptions.csv",
         "copies.json", "report.html")  # fmt: skip


def run(processes: int, *arguments: object, text: str = "") -> tuple[int, str, str]:
    """Run a command under torchrun; return its exit status, output and errors."""
    torchrun = ["-m", "torch.distributed.run", "--standalone", f"--nproc-per-node={processes}"]
    done = subprocess.run(
        [sys.executable, *torchrun, "-m", "mineral_recog", *map(str, arguments)],
        env={**os.environ, "OMP_NUM_THREADS": "1"},
        input=text,
        capture_output=True,
        text=True,
        timeout=300,
        check=False,
    )
    return done.returncode, done.stdout, done.stderr


def copy_run(trained: Path, parent: Path) -> Path:
    """Copy a run without its evaluations; its name is part of the report."""
    ignored = shutil.ignore_patterns("evaluation")
    return Path(shutil.copytree(trained, parent / "run", ignore=ignored))


@pytest.fixture
def photos(prepared: Path, tmp_path: Path) -> list[Path]:
    """Return more photos than a process takes at once; two that cannot be read are the last."""
    paths = []
    for number in range(3):
        folder = tmp_path / "photos" / str(number)
        shutil.copytree(prepared / "test", folder)
        paths += sorted(folder.rglob("*.png"))
    (tmp_path / "broken.jpg").write_text("no photo")
    assert len(paths) == 36
    return [*paths, tmp_path / "broken.jpg", tmp_path / "missing.jpg"]


def test_evaluate_writes_the_same_bytes(prepared: Path, trained: Path, tmp_path: Path) -> None:
    # 12 photos are one batch of an evaluation, so two processes have none, and four of corruptions.
    one, several = copy_run(trained, tmp_path / "one"), copy_run(trained, tmp_path / "several")
    options = ("--data", prepared, "--others", prepared / "val", "--corruptions",
               "--device", "cpu", "--workers", 0)  # fmt: skip
    assert main(["evaluate", str(one), *map(str, options)]) == 0
    status, output, error = run(3, "evaluate", several, *options)
    assert status == 0, error
    assert output.count("report.html") == 1
    for name in FILES:
        expected = (one / "evaluation" / "test" / name).read_bytes()
        assert (several / "evaluation" / "test" / name).read_bytes() == expected, name


@pytest.mark.parametrize("form", ["--csv", "--json"])
def test_identify_answers_in_the_order_of_the_photos(
    form: str, photos: list[Path], trained: Path, tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    """The status 3 of one process is named in torchrun's lines; its own is 1 for any failure."""
    options = {"--csv": ["--csv", "answers.csv"], "--json": ["--json", "--heat-maps", "maps"]}[form]
    common = ("--model", trained, "--device", "cpu")
    text = "\n".join(map(str, photos))
    (tmp_path / "photos.txt").write_text(text, encoding="utf-8")
    results = []
    for name in ("one", "several"):
        (tmp_path / name).mkdir()
        places = [tmp_path / name / word if word[0] != "-" else word for word in options]
        if name == "one":
            assert main(["identify", *map(str, [f"@{tmp_path}/photos.txt", *common, *places])]) == 3
            output, error = capfd.readouterr()
        else:
            status, output, error = run(2, "identify", "-", *common, *places, text=text)
            assert status == 1
            assert "exitcode  : 3" in error
            assert error.count("Skipped: ") == 2
        results.append(output.replace(str(tmp_path / name), ""))
    assert results[0] == results[1]
    files = {path.relative_to(tmp_path / "one") for path in (tmp_path / "one").rglob("*.*")}
    assert len(files) == (1 if form == "--csv" else 36)
    for file in files:
        expected = (tmp_path / "one" / file).read_bytes()
        assert (tmp_path / "several" / file).read_bytes() == expected


def test_answers_of_a_csv_file_are_skipped(
    photos: list[Path], trained: Path, tmp_path: Path
) -> None:
    file = tmp_path / "answers.csv"
    options = ("--model", trained, "--device", "cpu", "--csv", file)
    assert main(["identify", *map(str, [*photos[:20], *options])]) == 0
    status, output, error = run(2, "identify", *photos[:36], *options)
    assert status == 0, error
    # The bytes of the photos are the same in all three folders.
    assert "Skipped 36 photos" in error
    assert output.strip() == str(file)
    assert file.read_text(encoding="utf-8").count("\n") == 21


@pytest.mark.parametrize("fault", ["broken photo", "usage"])
def test_an_error_ends_all_processes_and_is_reported_once(
    fault: str, prepared: Path, trained: Path, tmp_path: Path
) -> None:
    run_folder, data = copy_run(trained, tmp_path), tmp_path / "data"
    shutil.copytree(prepared, data)
    if fault == "broken photo":  # only the first process reads it
        (data / "test" / "agate" / "0.png").write_text("no photo")
    split = "tset" if fault == "usage" else "test"
    status, output, error = run(
        2, "evaluate", run_folder, "--data", data, "--split", split, "--device", "cpu"
    )
    assert status == 1
    assert output == ""
    assert [line[:7] for line in error.splitlines()].count("Error: ") == 1, error
    assert "This is a bug" not in error
    assert "Stopped" not in error
    assert not (run_folder / "evaluation").exists()
