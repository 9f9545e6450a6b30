"""Checkpoints for `--resume`: the complete state of a run in one file, and the previous one."""

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

from mineral_recog.errors import UserError, reason_of
from mineral_recog.files import atomic_file
from mineral_recog.i18n import tr
from mineral_recog.text import parse_json

State = tuple[dict[str, Tensor], dict[str, Any]]  # tensors and facts

VERSION = 2  # of checkpoints; it changes when the fields of `TrainState.state_dict` do
SAVE_EVERY = 300.0  # seconds of work that a power cut may cost at most, within an epoch
MAX_SAVING_SHARE = 0.02  # of the run time
FIRST_SPEED = 1e8  # bytes a second that the first save is expected to write; later ones are timed


class CheckpointWriter:
    """Writes the checkpoints of a run, as often as they are worth their time.

    Args:
        path: File of the last checkpoint.
        size: Expected size in bytes.
    """

    def __init__(self, path: Path, size: int) -> None:
        self.path = path
        self.saved_at, self.seconds = time.perf_counter(), size / FIRST_SPEED  # of the last save

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
    """Write tensors and JSON facts to one safetensors file, and keep the previous checkpoint.

    At least one of the two files is complete at any time.
    """
    copies = {name: tensor.detach().cpu().contiguous() for name, tensor in tensors.items()}
    metadata = {"version": str(VERSION), "facts": json.dumps(facts), "sha256": _digest(copies)}
    with atomic_file(path) as partial:
        # Written by Python, so that a full disk is reported as such.
        partial.write_bytes(save(copies, metadata=metadata))
        if path.exists():
            path.replace(previous_checkpoint(path))


def previous_checkpoint(path: Path) -> Path:
    """Return the path of the checkpoint before the last one."""
    return path.with_name(f"before.{path.name}")


def has_checkpoint(path: Path) -> bool:
    """Return whether there is a checkpoint or a previous one."""
    return path.is_file() or previous_checkpoint(path).is_file()


def read_checkpoint(
    path: Path, on_damaged: Callable[[str], None] = lambda reason: None
) -> State | None:
    """Read a checkpoint, or the previous one if it is damaged; no code from the file is run.

    Args:
        path: File of the last checkpoint.
        on_damaged: Called with the reason if the last checkpoint is damaged and the previous
            one is read.

    Returns:
        Tensors and facts; None if there is no checkpoint.

    Raises:
        UserError: All checkpoints are damaged, or one is of a version that cannot be read.
    """
    reason = ""
    for file in filter(Path.is_file, (path, previous_checkpoint(path))):
        try:
            state = _read(file)
        except (SafetensorError, ValueError, KeyError) as error:
            reason = reason or reason_of(error)
        else:
            if reason:
                on_damaged(reason)
            return state
    if not reason:
        return None
    raise UserError(
        tr(
            f"The checkpoint {path} is damaged ({reason}): train again with --force.",
            f"检查点 {path} 已损坏（{reason}）：请用 --force 重新训练。",
        )
    )


def _read(path: Path) -> State:
    with safe_open(path, framework="pt") as file:
        tensors = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118
        metadata = file.metadata() or {}
    _refuse_other_version(path, metadata)
    if metadata["sha256"] != _digest(tensors):
        raise ValueError(tr("its bytes have changed", "内容已改变"))
    facts = parse_json(metadata["facts"])
    if not isinstance(facts, dict):
        raise ValueError(tr("its facts are not a JSON object", "状态信息不是 JSON 对象"))
    return tensors, facts


def _refuse_other_version(path: Path, metadata: Mapping[str, str]) -> None:
    """Refuse a checkpoint that this version cannot read.

    The first checkpoints had no digest, and those of version 1 did not name it at first.
    """
    version = int(metadata.get("version", "sha256" in metadata))
    if version > VERSION:
        raise UserError(
            tr(
                f"The checkpoint {path} was written by a newer version of this program (format "
                f"{version}; this one reads {VERSION}): update with `pip install -U mineral-recog` "
                "and resume.",
                f"检查点 {path} 由本程序的较新版本写出（格式 {version}，当前版本只能读 "
                f"{VERSION}）：请用 `pip install -U mineral-recog` 更新后再继续。",
            )
        )
    if version < VERSION:
        raise UserError(
            tr(
                f"The checkpoint {path} was written by an older version of this program, which "
                "this one cannot continue: finish the run with that version, or train again with "
                "--force.",
                f"检查点 {path} 由本程序的较旧版本写出，当前版本无法继续：请用当时的版本完成训练，"
                "或用 --force 重新训练。",
            )
        )


def _digest(tensors: Mapping[str, Tensor]) -> str:
    """Return the SHA-256 over the names, types, shapes and bytes of all tensors."""
    digest = hashlib.sha256()
    for name, tensor in sorted(tensors.items()):
        digest.update(f"{name} {tensor.dtype} {tuple(tensor.shape)}\n".encode())
        digest.update(tensor.reshape(-1).view(torch.uint8).numpy().data)
    return digest.hexdigest()
