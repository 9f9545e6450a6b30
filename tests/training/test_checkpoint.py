"""Checkpoints: reading returns what was saved, and refuses anything else."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch

from mineral_recog.errors import UserError
from mineral_recog.training.checkpoint import read_checkpoint, save_checkpoint

TENSORS = {"weight": torch.arange(6.0).view(2, 3)}


def test_saved_checkpoint_is_read(tmp_path: Path) -> None:
    assert read_checkpoint(tmp_path / "last.safetensors") is None
    save_checkpoint(tmp_path / "last.safetensors", TENSORS, {"epoch": 3})
    state = read_checkpoint(tmp_path / "last.safetensors")
    assert state is not None
    assert torch.equal(state[0]["weight"], TENSORS["weight"])
    assert state[1] == {"epoch": 3}


def test_facts_that_are_not_an_object_are_reported(tmp_path: Path) -> None:
    save_checkpoint(tmp_path / "last.safetensors", TENSORS, [3])  # type: ignore[arg-type]
    with pytest.raises(UserError, match=r"damaged \(its facts are not a JSON object\).*--force"):
        read_checkpoint(tmp_path / "last.safetensors")
