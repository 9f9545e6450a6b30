"""The house: rooms of the base installation load no package of the extra `train`."""

from __future__ import annotations

import subprocess
import sys
from pkgutil import walk_packages

import pytest

import mineral_recog
from mineral_recog.installation import TRAINING_MODULES

# Every module of these rooms; of `cli`, what `--help` loads is tested with the commands.
IN_THE_BASE = (
    "calibration", "cli.audit_summary", "cli.preparation_summary", "cores", "csv_files",
    "curation.auditor", "curation.preparation", "data.evaluation_view", "data.readers",
    "duplicates", "errors", "evaluation.recalibration", "files", "i18n", "identify",
    "installation", "minerals", "models.onnx_engine", "page", "progress", "recipes",
    "rendering.html", "serve", "synthetic", "text",
)  # fmt: skip


@pytest.mark.parametrize("room", IN_THE_BASE)
def test_room_needs_only_the_base(room: str) -> None:
    assert loaded_by(room) & TRAINING_MODULES == set()


def test_plots_need_no_torch() -> None:
    assert loaded_by("rendering") & TRAINING_MODULES == {"matplotlib"}


def loaded_by(room: str) -> set[str]:
    """Return the packages that are loaded when every module of a room is imported."""
    name = f"mineral_recog.{room}"
    modules = [
        module.name
        for module in walk_packages(mineral_recog.__path__, "mineral_recog.")
        if f"{module.name}.".startswith(f"{name}.")
    ]
    assert modules
    code = (
        f"import sys; from importlib import import_module; list(map(import_module, {modules}));"
        "print(*{name.partition('.')[0] for name in sys.modules})"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    return set(done.stdout.split())
