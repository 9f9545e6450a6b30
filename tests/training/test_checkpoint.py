"""Checkpoints: what is saved is read, and nothing that was not saved so."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch

from mineral_recog.errors import UserError
from mineral_recog.training.checkpoint import read_checkpoint, save_checkpoint

TENSORS = {"weight": torch.arange(6.0).view(2, 3)}


def test_what_is_saved_is_read(tmp_path: Path) -> None:
    assert read_checkpoint(tmp_path / "last.safetensors") is None
    save_checkpoint(tmp_path / "last.safetensors", TENSORS, {"epoch": 3})
    read = read_checkpoint(tmp_path / "last.safetensors")
    assert read is not None
    assert torch.equal(read[0]["weight"], TENSORS["weight"])
    assert read[1] == {"epoch": 3}


def test_facts_that_are_none_are_told(tmp_path: Path) -> None:
    save_checkpoint(tmp_path / "last.safetensors", TENSORS, [3])  # type: ignore[arg-type]
    with pytest.raises(UserError, match=r"damaged \(its facts are none\).*--force"):
        read_checkpoint(tmp_path / "last.safetensors")
