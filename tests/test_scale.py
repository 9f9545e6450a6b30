"""The scale benchmark runs on few photos; its times are not checked."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

pytest.importorskip("resource")  # not on Windows

SCALE = Path(__file__).parent.parent / "benchmarks" / "scale.py"


def test_every_row_is_measured() -> None:
    command = [sys.executable, str(SCALE), "--photos", "10000"]
    process = subprocess.run(command, check=True, capture_output=True, text=True)
    assert process.stderr == ""
    lines = process.stdout.splitlines()
    table = [[cell.strip() for cell in line.split("|")[1:-1]] for line in lines]
    rows = {row[1]: row for row in table if row and row[0] == "10,000"}
    samplers = ["natural", "class_balanced", "mixed_halves"]
    assert list(rows) == ["names", "folders", "weights", *samplers, "torch.multinomial"]
    for name in samplers:
        assert all(float(cell) >= 0 for cell in rows[name][2:6])  # every step was timed
        assert float(rows[name][6].removesuffix(" GB")) > 0
