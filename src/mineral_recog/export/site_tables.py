"""tables.json of the page without a server: what its JavaScript looks up."""

from __future__ import annotations

from dataclasses import asdict
from typing import Any

from safetensors.numpy import load as load_arrays

from mineral_recog.calibration.calibration import restore_calibration
from mineral_recog.export.web_tables import web_tables
from mineral_recog.identify.class_tree import ClassTree
from mineral_recog.identify.identifier import DEFAULT_COVERAGE
from mineral_recog.identify.photo_quality import PROBLEMS
from mineral_recog.identify.refusal import refusal_text
from mineral_recog.minerals.facts import read_minerals
from mineral_recog.minerals.taxonomy import Taxonomy
from mineral_recog.models.export_config import ExportConfig


def site_tables(
    config: ExportConfig, calibration: bytes, fingerprint: str, has_gallery: bool
) -> dict[str, Any]:
    """Return the tables of a model as JSON values.

    Args:
        config: The model's model.json.
        calibration: Its trust.safetensors.
        fingerprint: Fingerprint of the model.
        has_gallery: Whether the page brings training photos.

    Raises:
        DataError: The table of minerals does not fit the taxonomy.
    """
    minerals = read_minerals(None)
    tree = ClassTree(config.classes, Taxonomy(minerals), None)
    arrays = load_arrays(calibration)
    conformal = restore_calibration(
        config.calibration, arrays, config.groups, config.features
    ).conformal
    return {
        "model": fingerprint,
        "has_gallery": has_gallery,
        "set": {
            "coverage": DEFAULT_COVERAGE,
            "limits": conformal.thresholds(DEFAULT_COVERAGE).tolist(),
        },
        "tree": {
            "names": [asdict(name) for name in tree.names],
            "children": tree.children,
            "heights": tree.heights.tolist(),
        },
        "refusals": {
            reason: refusal_text(reason, len(config.classes))
            for reason in ("no_mineral", "unknown_mineral")
        },
        "problems": {
            kind: {"problem": problem, "advice": advice}
            for kind, (problem, advice) in PROBLEMS.items()
        },
        "evidence": web_tables(fingerprint, config.classes, minerals),
    }
