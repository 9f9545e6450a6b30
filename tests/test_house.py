"""The house: rooms that need no torch load none."""

from __future__ import annotations

import subprocess
import sys
from pkgutil import walk_packages

import pytest

import mineral_recog

HEAVY = {"torch", "torchvision", "timm"}
# Every module of these rooms; of `cli`, what `--help` loads is tested with the commands.
WITHOUT_TORCH = (
    "calibration", "cores", "csv_files", "data.readers", "duplicates", "errors", "files", "i18n",
    "minerals", "page", "progress", "recipes", "rendering", "synthetic", "text",
)  # fmt: skip


@pytest.mark.parametrize("room", WITHOUT_TORCH)
def test_room_needs_no_torch(room: str) -> None:
    name = f"mineral_recog.{room}"
    modules = [
        module.name
        for module in walk_packages(mineral_recog.__path__, "mineral_recog.")
        if f"{module.name}.".startswith(f"{name}.")
    ]
    assert modules
    code = (
        f"import sys; from importlib import import_module; list(map(import_module, {modules}));"
        f"print(sorted({HEAVY} & set(sys.modules)))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"
