"""Identify minerals from photos when some minerals have thousands of photos and others a dozen."""

from __future__ import annotations

import os
from importlib import import_module
from typing import TYPE_CHECKING, Any

from mineral_recog.version import __version__ as __version__

if TYPE_CHECKING:
    from mineral_recog.evaluation.evaluator import evaluate
    from mineral_recog.evaluation.recalibration import calibrate
    from mineral_recog.identify.evidence import read_evidence
    from mineral_recog.identify.identifier import load
    from mineral_recog.recipes.recipe_file import read_recipe
    from mineral_recog.training.run import resume, train

__all__ = ["calibrate", "evaluate", "load", "read_evidence", "read_recipe", "resume", "train"]

# Pillow allocates the memory of a large photo in blocks. Freed blocks over 32 MB return to the
# system; smaller ones stay with the thread that freed them: gigabytes for a few decoding threads.
os.environ.setdefault("PILLOW_BLOCK_SIZE", "64m")

# The threads of torch that wait for each other sleep instead of occupying a core that a loader,
# another thread or another process could use. OpenMP reads both variables when torch is imported,
# and complains about an empty number of threads.
os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")
if not os.environ.get("OMP_NUM_THREADS", "1").strip():
    del os.environ["OMP_NUM_THREADS"]

# Modules of the public names; imported on first use, since torch takes seconds to load.
_MODULES = {
    "calibrate": "mineral_recog.evaluation.recalibration",
    "evaluate": "mineral_recog.evaluation.evaluator",
    "load": "mineral_recog.identify.identifier",
    "read_evidence": "mineral_recog.identify.evidence",
    "read_recipe": "mineral_recog.recipes.recipe_file",
    "resume": "mineral_recog.training.run",
    "train": "mineral_recog.training.run",
}


def __dir__() -> list[str]:
    return [*__all__, "__version__"]


def __getattr__(name: str) -> Any:
    if name not in _MODULES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    from mineral_recog.installation import training_packages

    with training_packages():
        return getattr(import_module(_MODULES[name]), name)
