"""The three ways to extend, as CONTRIBUTING.md describes them, work on a copy of the package."""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from tests.conftest import TINY

ROOT = Path(__file__).parents[1]
BLOCK = re.compile(
    r"```(?:python|yaml)\n# (\S+?)(?:, (before|after|instead of): ([^\n]*))?\n(.*?)```", re.S
)


@pytest.fixture(scope="module")
def extended(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a copy of the source tree with all blocks of CONTRIBUTING.md applied."""
    root = tmp_path_factory.mktemp("extended")
    shutil.copytree(ROOT / "src", root / "src", ignore=shutil.ignore_patterns("__pycache__"))
    blocks = BLOCK.findall((ROOT / "CONTRIBUTING.md").read_text("utf-8"))
    assert len(blocks) == 9
    for file, place, line, text in blocks:
        if not place:
            (root / file).write_text(text, "utf-8")
            continue
        content = (root / file).read_text("utf-8")
        assert content.count(f"{line}\n") == 1, (file, line)
        if place == "before":
            gap = "" if line.startswith(" ") else "\n\n"
            text = f"{text}{gap}{line}\n"
        elif place == "after":
            text = f"{line}\n{text}"
        (root / file).write_text(content.replace(f"{line}\n", text), "utf-8")
    return root


def test_extensions_pass_the_style_checks(extended: Path) -> None:
    shutil.copy(ROOT / "pyproject.toml", extended)  # with the exceptions for its paths
    for command in (["check"], ["format", "--check"]):
        arguments = [sys.executable, "-m", "ruff", *command, "."]
        done = subprocess.run(arguments, cwd=extended, capture_output=True, text=True)
        assert done.returncode == 0, done.stdout


def test_extended_recipe_trains(extended: Path, prepared: Path, tmp_path: Path) -> None:
    settings = [part for setting in TINY for part in ("--set", setting)]
    command = [
        "train",
        str(prepared),
        "--recipe",
        "poly_square_root",
        "--out",
        str(tmp_path / "run"),
    ]
    command += [*settings, "--set", "stages.ce.epochs=2", "--workers", "0", "--device", "cpu"]
    subprocess.run(
        [sys.executable, "-m", "mineral_recog", *command],
        env={**os.environ, "PYTHONPATH": str(extended / "src")},
        check=True,
        capture_output=True,
    )
    log = [json.loads(line) for line in (tmp_path / "run/log.jsonl").read_text().splitlines()]
    assert [line["poly"] > 0 for line in log] == [True, True]
    code = (
        "import math, torch; from mineral_recog.training.losses import PolyLoss;"
        # p = 1/4 of the true class: ln 4 + 2 * 3/4.
        "value = PolyLoss(2.0)(torch.zeros(1, 1), torch.tensor([[math.log(3), 0.0]]),"
        " torch.tensor([1]));"
        "assert math.isclose(value.item(), math.log(4) + 1.5, rel_tol=1e-6)"
    )
    environment = {**os.environ, "PYTHONPATH": str(extended / "src")}
    subprocess.run([sys.executable, "-c", code], env=environment, check=True)
