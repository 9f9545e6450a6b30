"""The processes that train one network together, as `torchrun` starts them; usually one, alone.

Every process draws the same batches and reads its own part of each: of a batch, process r of R
takes photos r, r + R, r + 2R, and so on. Losses see the whole batch in every process, so centers
and probabilities p_i are the same in all without being sent.
"""

from __future__ import annotations

import os
import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta

import torch
import torch.distributed as dist
from timm.layers.norm_act import convert_sync_batchnorm
from torch import Tensor, nn
from torch.nn.parallel import DistributedDataParallel

from mineral_recog.errors import UserError
from mineral_recog.i18n import tr
from mineral_recog.models.network import Network
from mineral_recog.models.predictor import Outputs

LONGEST_WAIT = timedelta(hours=12)  # of one process for another that reads all photos once
LAST_TENSORS = 0.2  # seconds that the threads of a group get to let go of them


class Ranks:
    """This process among those of the run.

    Args:
        number: of this process, r in 0..R-1.
        count: of all, R.
    """

    def __init__(self, number: int = 0, count: int = 1) -> None:
        self.number, self.count = number, count

    @property
    def first(self) -> bool:
        """Whether this process is the one that writes."""
        return self.number == 0

    @property
    def share(self) -> slice:
        """Which photos of a batch this process reads."""
        return slice(self.number, None, self.count)

    def wait(self) -> None:
        """Wait until all processes are here."""
        if self.count > 1:
            dist.barrier()

    def agreed(self, chosen: int) -> int:
        """What the first process chose."""
        if self.count == 1:
            return chosen
        told = torch.tensor(chosen)  # not on a GPU, which would have to be waited for
        dist.broadcast(told, 0)
        return int(told)

    def with_common_statistics(self, network: Network) -> Network:
        """A network whose batch normalisation sees whole batches, which torch can do on GPUs."""
        if self.count > 1 and next(network.parameters()).is_cuda:
            network.backbone = convert_sync_batchnorm(network.backbone)
        return network

    def parallel(self, network: nn.Module) -> nn.Module:
        """A network whose gradients are the means of those of all processes.

        Call it again when other parameters are to learn.
        """
        if self.count == 1 or not any(p.requires_grad for p in network.parameters()):
            return network
        return DistributedDataParallel(network)

    def join(self, rows: Tensor, total: int) -> Tensor:
        """The rows of a whole batch in its order, [total, ...], of each process's share of them.

        Gradients flow into the rows of this process alone; `parallel` takes the means of what
        comes of them in all processes, so a loss must count `count` times.
        """
        if self.count == 1:
            return rows
        parts = self._gather(rows.detach(), -(-total // self.count))
        whole = rows.new_empty(total, *rows.shape[1:])
        for number, part in enumerate(parts):
            of_rank = slice(number, None, self.count)
            whole[of_rank] = part[: len(range(total)[of_rank])]
        whole[self.share] = rows
        return whole

    def collect(self, outputs: Outputs, device: torch.device) -> Outputs:
        """What all processes found of their shares of M photos, in the order of the photos."""
        if self.count == 1:
            return outputs
        total = torch.tensor(len(outputs.photos), device=device)
        dist.all_reduce(total)
        whole = []
        for of_some in (outputs.photos, outputs.labels, outputs.logits, outputs.features):
            rows = torch.from_numpy(of_some).to(device)
            whole.append(self._rows_of_all(rows, int(total)).cpu().numpy())
        order = whole[0].argsort()
        return Outputs(*(rows[order] for rows in whole))

    def _rows_of_all(self, rows: Tensor, total: int) -> Tensor:
        sizes = self._gather(torch.tensor([len(rows)], device=rows.device), 1)
        most = max(map(int, sizes))
        parts = self._gather(rows, most)
        found = torch.cat([part[: int(size)] for part, size in zip(parts, sizes, strict=True)])
        assert len(found) == total
        return found

    def _gather(self, rows: Tensor, most: int) -> list[Tensor]:
        """The rows of each process, filled up to `most`, which none exceeds."""
        filled = rows.new_zeros(most, *rows.shape[1:])
        filled[: len(rows)] = rows
        parts = [torch.empty_like(filled) for _ in range(self.count)]
        dist.all_gather(parts, filled)
        return parts


@contextmanager
def joined(device: torch.device) -> Iterator[tuple[Ranks, torch.device]]:
    """This process among those that `torchrun` started, if it did, and the device that it takes.

    Processes of one machine take its GPUs in turn.

    Raises:
        UserError: more processes on this machine than GPUs.
    """
    count = int(os.environ.get("WORLD_SIZE", "1"))
    if count == 1 or not dist.is_torchelastic_launched():
        yield Ranks(), device
        return
    if device.type == "cuda":
        device = _own_gpu(int(os.environ["LOCAL_RANK"]))
    backend = "cpu:gloo,cuda:nccl" if device.type == "cuda" else "gloo"
    dist.init_process_group(backend, timeout=LONGEST_WAIT)
    try:
        yield Ranks(dist.get_rank(), count), device
    finally:
        # The group's threads let go of their last tensors under Python's lock; in torch 2.4 the
        # end of the group holds it while it waits for these threads, for ever.
        time.sleep(LAST_TENSORS)
        dist.destroy_process_group()


def _own_gpu(number: int) -> torch.device:
    if number >= torch.cuda.device_count():
        raise UserError(
            tr(
                f"Process {number + 1} of this machine finds no GPU: it has "
                f"{torch.cuda.device_count()}; start as many processes, or use --device cpu.",
                f"本机第 {number + 1} 个进程没有 GPU 可用：共有 {torch.cuda.device_count()} 个；"
                "请启动同样多的进程，或用 --device cpu。",
            )
        )
    device = torch.device("cuda", number)
    torch.cuda.set_device(device)
    return device


def refuse_too_many(ranks: Ranks, smallest: int) -> None:
    """Refuse more processes than there are photos in the smallest batch or in a split.

    Raises:
        UserError: a process would have nothing to do.
    """
    if ranks.count > smallest:
        raise UserError(
            tr(
                f"{ranks.count} processes cannot share {smallest} photos: start fewer, or set a "
                "larger batch_size.",
                f"{ranks.count} 个进程无法分担 {smallest} 张照片：请减少进程数，"
                "或增大 batch_size。",
            )
        )
