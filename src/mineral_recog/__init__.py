"""Identify minerals from photos when some minerals have thousands of photos and others a dozen."""

from __future__ import annotations

import os
from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from mineral_recog.evaluation.evaluator import evaluate
    from mineral_recog.identify.evidence import read_evidence
    from mineral_recog.identify.identifier import load
    from mineral_recog.recipes.recipe_file import read_recipe
    from mineral_recog.training.run import resume, train

__version__ = "0.1.0"
__all__ = ["evaluate", "load", "read_evidence", "read_recipe", "resume", "train"]

# Pillow takes a large photo's memory in blocks. Those over 32 MB go back to the system when they
# are freed; smaller ones stay with the thread that freed them, gigabytes for a few that decode.
os.environ.setdefault("PILLOW_BLOCK_SIZE", "64m")

# Where the public names live; imported when asked for, since torch takes seconds to load.
_HOMES = {
    "evaluate": "mineral_recog.evaluation.evaluator",
    "load": "mineral_recog.identify.identifier",
    "read_evidence": "mineral_recog.identify.evidence",
    "read_recipe": "mineral_recog.recipes.recipe_file",
    "resume": "mineral_recog.training.run",
    "train": "mineral_recog.training.run",
}


def __getattr__(name: str) -> Any:
    if name not in _HOMES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(_HOMES[name]), name)
