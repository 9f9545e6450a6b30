"""The processes that run one command together, as `torchrun` starts them; usually only one.

In training every process draws the same batches and reads its share of each: of a batch, process r
of R takes photos r, r + R, r + 2R, and so on. Every process computes the loss of the full batch, so
centers and probabilities p_i are equal in all processes without communication.

In an evaluation, and when photos are identified, a process takes complete batches: r, r + R, and so
on. A batch then has the same photos with any number of processes, and its outputs the same bits.
"""

from __future__ import annotations

import io
import json
import os
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from datetime import timedelta
from functools import cache
from typing import Any

import numpy as np
import torch
import torch.distributed as dist
from numpy.typing import NDArray
from timm.layers.norm_act import convert_sync_batchnorm
from torch import Tensor, nn
from torch.nn.modules.batchnorm import _BatchNorm
from torch.nn.parallel import DistributedDataParallel

from mineral_recog.data.loaders import Batch
from mineral_recog.errors import UserError
from mineral_recog.i18n import tr
from mineral_recog.models.network import Network
from mineral_recog.models.predictor import Outputs, predict

COLLECTIVE_TIMEOUT = timedelta(hours=12)  # long enough for one process to read all photos once
STORE_TIMEOUT = timedelta(seconds=10)
SHUTDOWN_SECONDS = 0.2  # time for the threads of a process group to release their tensors


class DistributedContext:
    """This process and its place among the processes of the run.

    Args:
        rank: Number of this process, r in 0..R-1.
        world_size: Number of processes, R.
    """

    def __init__(self, rank: int = 0, world_size: int = 1) -> None:
        self.rank, self.world_size = rank, world_size

    @property
    def is_main(self) -> bool:
        """Whether this process writes the files of the run."""
        return self.rank == 0

    @property
    def share(self) -> slice:
        """The photos of a batch that this process reads."""
        return slice(self.rank, None, self.world_size)

    def barrier(self) -> None:
        """Wait until all processes reach this call."""
        if self.world_size > 1:
            dist.barrier()

    def broadcast(self, value: int) -> int:
        """Return the value of the main process."""
        if self.world_size == 1:
            return value
        message = torch.tensor(value)  # on the CPU: a GPU would have to be waited for
        dist.broadcast(message, 0)
        return int(message)

    def sync_batchnorm(self, network: Network) -> Network:
        """Make batch normalisation use the full batch; torch supports this on GPUs only."""
        if self.world_size > 1 and next(network.parameters()).is_cuda:
            network.backbone = convert_sync_batchnorm(network.backbone)
        return network

    def wrap(self, network: nn.Module) -> nn.Module:
        """Return a network whose gradients are averaged over all processes.

        Call it again when other parameters are to be trained.
        """
        if self.world_size == 1 or not any(p.requires_grad for p in network.parameters()):
            return network
        return DistributedDataParallel(network)

    def gather_batch(self, rows: Tensor, total: int) -> Tensor:
        """Return the rows of the full batch in its order, from the shares of all processes.

        Gradients flow only into the rows of this process. `wrap` averages the resulting gradients
        over all processes, so a loss has to be multiplied by `world_size`.

        Args:
            rows: Rows of this process's share, [M, ...].
            total: Rows of the full batch.

        Returns:
            Rows of the full batch, [total, ...].
        """
        if self.world_size == 1:
            return rows
        parts = self._gather(rows.detach(), -(-total // self.world_size))
        batch = rows.new_empty(total, *rows.shape[1:])
        for rank, part in enumerate(parts):
            share = slice(rank, None, self.world_size)
            batch[share] = part[: len(range(total)[share])]
        batch[self.share] = rows
        return batch

    def gather(self, message: bytes) -> list[bytes]:
        """Return the messages of all processes, in the order of their numbers."""
        if self.world_size == 1:
            return [message]
        return [part.numpy().tobytes() for part in self._gather_parts(_as_tensor(message))]

    def gather_to_main(self, message: bytes) -> list[bytes]:
        """Return the messages of all processes in the main process, and nothing in the others."""
        if self.world_size == 1:
            return [message]
        sizes = [int(size) for size in self._gather(torch.tensor([len(message)]), 1)]
        padded = torch.zeros(max(sizes), dtype=torch.uint8)
        padded[: len(message)] = _as_tensor(message)
        parts = [torch.empty_like(padded) for _ in sizes] if self.is_main else None
        dist.gather(padded, parts)
        return [
            part[:size].numpy().tobytes() for part, size in zip(parts or (), sizes, strict=False)
        ]

    def value_of_main(self, compute: Callable[[], Any]) -> Any:
        """Return what the main process computes, in all processes; a value that JSON can hold."""
        if self.world_size == 1:
            return compute()
        message = json.dumps(compute()).encode("ascii") if self.is_main else b""
        return json.loads(self.gather(message)[0])

    def gather_rows(
        self, indices: NDArray[np.int64], arrays: Sequence[NDArray[Any]]
    ) -> list[NDArray[Any]]:
        """Return arrays with the rows of all processes, in the order of their indices.

        Args:
            indices: Number of each row of this process, [M].
            arrays: Arrays with M rows. They are ignored if M is 0.
        """
        if self.world_size == 1:
            return list(arrays)
        file = io.BytesIO()
        np.savez(file, indices, *arrays)
        parts = []
        for message in self.gather(file.getvalue()):
            with np.load(io.BytesIO(message), allow_pickle=False) as part:
                if len(part["arr_0"]):
                    parts.append([part[f"arr_{number}"] for number in range(len(part.files))])
        all_indices, *rows = map(np.concatenate, zip(*parts, strict=True))
        order = all_indices.argsort()
        return [array[order] for array in rows]

    def predict(
        self,
        network: Network,
        batches: Iterable[Batch],
        precision: str = "float32",
        views: int | None = None,
        on_batch: Callable[[], None] = lambda: None,
    ) -> Outputs:
        """Return the outputs for the photos of all processes, in the order of the photos.

        Args:
            network: Network; it is left in evaluation mode.
            batches: Batches of this process's share.
            precision: See `predict_batch`.
            views: See `predict_batch`.
            on_batch: Called after each batch.
        """
        outputs = predict(network, batches, precision, views, on_batch)
        arrays = (outputs.indices, outputs.labels, outputs.logits, outputs.features)
        return Outputs(*self.gather_rows(outputs.indices, arrays))

    def _gather_parts(self, rows: Tensor) -> list[Tensor]:
        """Return the rows of each process, which may have different numbers of them."""
        sizes = self._gather(torch.tensor([len(rows)]), 1)
        parts = self._gather(rows, max(map(int, sizes)))
        return [part[: int(size)] for part, size in zip(parts, sizes, strict=True)]

    def _gather(self, rows: Tensor, length: int) -> list[Tensor]:
        """Return the rows of each process, padded with zeros to `length`, which none exceeds."""
        padded = rows.new_zeros(length, *rows.shape[1:])
        padded[: len(rows)] = rows
        parts = [torch.empty_like(padded) for _ in range(self.world_size)]
        dist.all_gather(parts, padded)
        return parts


ALONE = DistributedContext()


def _as_tensor(message: bytes) -> Tensor:
    return torch.from_numpy(np.frombuffer(message, np.uint8).copy())


@cache
def is_first_to_fail() -> bool:
    """Return whether this process is the first one of its command to fail; call it on failure.

    When a process ends, torchrun ends the others, and those that wait for it fail. Only the first
    one has something to say.
    """
    environment = os.environ
    if environment.get("TORCHELASTIC_USE_AGENT_STORE") != "True":  # not started by torchrun
        return True
    address, port = environment["MASTER_ADDR"], int(environment["MASTER_PORT"])
    try:
        store = dist.TCPStore(  # type: ignore[attr-defined]
            address, port, is_master=False, timeout=STORE_TIMEOUT
        )
        attempt = environment.get("TORCHELASTIC_RESTART_COUNT", "0")
        return bool(store.add(f"mineral-recog/failures/{attempt}", 1) == 1)
    except RuntimeError:  # torchrun itself has ended
        return True


@contextmanager
def process_group(device: torch.device) -> Iterator[tuple[DistributedContext, torch.device]]:
    """Join the processes that `torchrun` started, if it did, and choose this process's device.

    Each process of a machine takes one of its GPUs.

    Raises:
        UserError: There are more processes on this machine than GPUs, or another process ended.
    """
    world_size = int(os.environ.get("WORLD_SIZE", "1"))
    if world_size == 1 or not dist.is_torchelastic_launched():
        yield DistributedContext(), device
        return
    if device.type == "cuda":
        device = _local_gpu(int(os.environ["LOCAL_RANK"]))
    backend = "cpu:gloo,cuda:nccl" if device.type == "cuda" else "gloo"
    dist.init_process_group(backend, timeout=COLLECTIVE_TIMEOUT)
    try:
        yield DistributedContext(dist.get_rank(), world_size), device
    except BaseException as error:
        is_first_to_fail()  # before the others notice that this process has ended
        if isinstance(error, RuntimeError) and _says_that_a_process_ended(error):
            raise _other_process_ended() from error
        raise
    finally:
        # The threads of the group need Python's lock to release their last tensors. In torch 2.4
        # destroy_process_group holds that lock while it waits for them, which is a deadlock.
        time.sleep(SHUTDOWN_SECONDS)
        dist.destroy_process_group()


def _says_that_a_process_ended(error: RuntimeError) -> bool:
    return any(text in str(error) for text in ("closed by peer", "reset by peer"))


def _other_process_ended() -> UserError:
    return UserError(
        tr(
            "Another process of this command has ended, perhaps for lack of memory: see the lines "
            "of torchrun, then run again (train: with --resume) with fewer processes.",
            "本命令的另一个进程已结束，可能是内存不足：请查看 torchrun 的输出，然后减少进程数重试"
            "（train 可加 --resume）。",
        )
    )


def _local_gpu(local_rank: int) -> torch.device:
    if local_rank >= torch.cuda.device_count():
        raise UserError(
            tr(
                f"There is no GPU for process {local_rank + 1} of this machine, which has "
                f"{torch.cuda.device_count()}: start as many processes, or use --device cpu.",
                f"本机第 {local_rank + 1} 个进程没有 GPU 可用：本机共有 "
                f"{torch.cuda.device_count()} 个 GPU；请启动同样多的进程，或使用 --device cpu。",
            )
        )
    device = torch.device("cuda", local_rank)
    torch.cuda.set_device(device)
    return device


def refuse_too_many_processes(
    context: DistributedContext, smallest_batch: int, val_count: int, photos_each: int = 1
) -> None:
    """Refuse more processes than the photos of a batch or of the validation split suffice for.

    Args:
        context: The processes.
        smallest_batch: Photos in the smallest batch.
        val_count: Photos in the validation split.
        photos_each: Photos of every batch that each process needs.

    Raises:
        UserError: A process would have too few photos.
    """
    processes = context.world_size
    smallest = min(smallest_batch // photos_each, val_count) if processes > 1 else 1
    if processes > smallest:
        raise UserError(
            tr(
                f"{processes} processes cannot share batches of {smallest_batch} photos and "
                f"{val_count} validation photos (each needs {photos_each} of a batch): start at "
                f"most {smallest}, or set a larger batch_size.",
                f"{processes} 个进程无法分担每批 {smallest_batch} 张照片与 {val_count} 张验证照片"
                f"（每个进程每批至少需要 {photos_each} 张）：请最多启动 {smallest} 个进程，"
                "或增大 batch_size。",
            )
        )


def photos_per_process(network: nn.Module, device: torch.device) -> int:
    """Return how many photos of every batch a process needs, for `refuse_too_many_processes`.

    Batch normalisation needs two; on GPUs it uses the photos of all processes.
    """
    normalises_batches = any(isinstance(module, _BatchNorm) for module in network.modules())
    return 2 if normalises_batches and device.type != "cuda" else 1
