"""What `--resume` needs: the whole state of a run after an epoch, in one safetensors file."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from safetensors import SafetensorError, safe_open
from safetensors.torch import save
from torch import Tensor

from mineral_recog.errors import UserError
from mineral_recog.files import whole_file
from mineral_recog.language import tr


def save_checkpoint(path: Path, tensors: Mapping[str, Tensor], facts: Mapping[str, Any]) -> None:
    """Write tensors and JSON facts to one file, whole or not at all."""
    with whole_file(path) as partial:
        contiguous = {name: tensor.contiguous().cpu() for name, tensor in tensors.items()}
        # Written by Python, so that a full disk is told as one.
        partial.write_bytes(save(contiguous, metadata={"facts": json.dumps(facts)}))


def read_checkpoint(path: Path) -> tuple[dict[str, Tensor], dict[str, Any]]:
    """The tensors and facts of a checkpoint; nothing in it is run.

    Raises:
        UserError: the file is damaged.
    """
    try:
        with safe_open(path, framework="pt") as file:
            tensors = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118
            facts = json.loads((file.metadata() or {})["facts"])
    except (SafetensorError, ValueError, KeyError) as error:
        raise UserError(
            tr(
                f"The checkpoint {path} is damaged ({error}): train again with --force.",
                f"检查点 {path} 已损坏（{error}）：请用 --force 重新训练。",
            )
        ) from None
    return tensors, facts
