"""Fixtures of exports."""

from __future__ import annotations

from pathlib import Path

import pytest

from mineral_recog.export.exporter import export_onnx


@pytest.fixture(scope="session")
def exported(trained: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return the float32 export of `trained`; read-only."""
    folder = tmp_path_factory.mktemp("exported") / "export"
    assert export_onnx(trained, folder) is None
    return folder
