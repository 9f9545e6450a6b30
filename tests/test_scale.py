"""The measurement of scale runs, on few photos; nothing is asked of its times."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

pytest.importorskip("resource")  # not on Windows

SCALE = Path(__file__).parent.parent / "benchmarks" / "scale.py"


def test_every_row_is_measured() -> None:
    asked = [sys.executable, str(SCALE), "--photos", "10000"]
    told = subprocess.run(asked, check=True, capture_output=True, text=True)
    assert told.stderr == ""
    rows = [[cell.strip() for cell in line.split("|")[1:-1]] for line in told.stdout.splitlines()]
    found = {row[1]: row for row in rows if row and row[0] == "10,000"}
    samplers = ["natural", "class_balanced", "mixed_halves"]
    assert list(found) == ["names", "folders", "weights", *samplers, "torch.multinomial"]
    for name in samplers:
        assert all(float(cell) >= 0 for cell in found[name][2:8])  # every step was timed
        assert float(found[name][8].removesuffix(" GB")) > 0
