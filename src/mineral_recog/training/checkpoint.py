"""What `--resume` needs: the whole state of a run, in one safetensors file, and the one before."""

from __future__ import annotations

import hashlib
import json
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import torch
from safetensors import SafetensorError, safe_open
from safetensors.torch import save
from torch import Tensor

from mineral_recog.errors import UserError
from mineral_recog.files import whole_file
from mineral_recog.i18n import tr
from mineral_recog.text import parse_json

State = tuple[dict[str, Tensor], dict[str, Any]]  # tensors and facts

SAVE_EVERY = 300.0  # seconds of work that a power cut may cost at most, within an epoch
MAX_SAVING_SHARE = 0.02  # of the run time


class CheckpointWriter:
    """Writes the checkpoints of a run, as often as they are worth their time.

    Args:
        path: File of the last checkpoint.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self.saved_at, self.seconds = time.perf_counter(), 0.0  # of the last save

    def is_due(self, min_seconds: float | None = None) -> bool:
        """Return whether to save: enough time has passed, and saving stays under 2 % of it.

        Args:
            min_seconds: Time that must have passed since the last save; by default `SAVE_EVERY`.
        """
        wait = SAVE_EVERY if min_seconds is None else min_seconds
        elapsed = time.perf_counter() - self.saved_at
        return elapsed > max(wait, self.seconds / MAX_SAVING_SHARE)

    def save(self, state: Callable[[], State] | None) -> None:
        """Write a checkpoint of `state`; with None, only note that another process writes it."""
        began = time.perf_counter()
        if state is not None:
            save_checkpoint(self.path, *state())
        self.saved_at = time.perf_counter()
        self.seconds = self.saved_at - began


def save_checkpoint(path: Path, tensors: Mapping[str, Tensor], facts: Mapping[str, Any]) -> None:
    """Write tensors and JSON facts to one file, whole or not at all, and keep the one before.

    At every moment one of the two is whole.
    """
    here = {name: tensor.detach().cpu().contiguous() for name, tensor in tensors.items()}
    metadata = {"facts": json.dumps(facts), "sha256": _digest(here)}
    with whole_file(path) as partial:
        # Written by Python, so that a full disk is told as one.
        partial.write_bytes(save(here, metadata=metadata))
        if path.exists():
            path.replace(before(path))


def before(path: Path) -> Path:
    """Where the checkpoint before the last one lies."""
    return path.with_name(f"before.{path.name}")


def has_checkpoint(path: Path) -> bool:
    """Whether there is a checkpoint, or one before it."""
    return path.is_file() or before(path).is_file()


def read_checkpoint(
    path: Path, on_damaged: Callable[[str], None] = lambda why: None
) -> State | None:
    """Tensors and facts of a checkpoint, or of the one before if it is damaged; nothing is run.

    Args:
        path: of the checkpoint.
        on_damaged: called with what is wrong with it, if the one before is taken for it.

    Returns:
        None if there is no checkpoint.

    Raises:
        UserError: there is none that is whole.
    """
    wrong = ""
    for each in filter(Path.is_file, (path, before(path))):
        try:
            state = _read(each)
        except (SafetensorError, ValueError, KeyError) as error:
            wrong = wrong or str(error)
        else:
            if wrong:
                on_damaged(wrong)
            return state
    if not wrong:
        return None
    raise UserError(
        tr(
            f"The checkpoint {path} is damaged ({wrong}): train again with --force.",
            f"检查点 {path} 已损坏（{wrong}）：请用 --force 重新训练。",
        )
    )


def _read(path: Path) -> State:
    with safe_open(path, framework="pt") as file:
        tensors = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118
        metadata = file.metadata() or {}
    if metadata["sha256"] != _digest(tensors):
        raise ValueError(tr("its bytes have changed", "内容已改变"))
    facts = parse_json(metadata["facts"])
    if not isinstance(facts, dict):
        raise ValueError(tr("its facts are none", "缺少状态信息"))
    return tensors, facts


def _digest(tensors: Mapping[str, Tensor]) -> str:
    """SHA-256 over names and bytes of all tensors."""
    digest = hashlib.sha256()
    for name, tensor in sorted(tensors.items()):
        digest.update(f"{name} {tensor.dtype} {tuple(tensor.shape)}\n".encode())
        digest.update(tensor.reshape(-1).view(torch.uint8).numpy().data)
    return digest.hexdigest()
