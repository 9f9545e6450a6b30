"""The cores that this process may use, and how many threads and processes share them.

A container or a batch system often grants fewer cores than the machine has. A process with more
threads than that is stopped for a part of the time, while its threads wait for each other.
"""

from __future__ import annotations

import math
import os
from collections.abc import Iterator
from pathlib import Path

OWN_CGROUPS = Path("/proc/self/cgroup")  # the control groups of this process; Linux only
CGROUP_ROOT = Path("/sys/fs/cgroup")
MAX_DECODING_THREADS = 4  # beside a network; each may take 300 MB
MAX_LOADER_PROCESSES = 8  # enough for a network


def usable_cores() -> int:
    """Return how many cores this process may use, at least one.

    That is the smallest of the machine's cores, the cores that the process is bound to, and the
    CPU quotas of its control groups (versions 1 and 2), rounded up.
    """
    limits: list[float] = [os.cpu_count() or 1, *_cgroup_quotas()]
    if hasattr(os, "sched_getaffinity"):  # not on Windows and macOS
        limits.append(len(os.sched_getaffinity(0)))
    return max(1, math.ceil(min(limits)))


def thread_count() -> int:
    """Return how many threads a network, or a pool that decodes photos, should have.

    One per usable core; at most OMP_NUM_THREADS, if the user has set that to a positive number.

    A network should have that many beside threads that decode other photos too, if its threads
    sleep while they wait. OMP_WAIT_POLICY=PASSIVE, which the package sets, does that for torch.
    onnxruntime needs `intra_op_num_threads = thread_count()` and the configuration entry
    `session.intra_op.allow_spinning` = `0`.
    """
    # OpenMP accepts a list, whose first number is that of the outermost level.
    text = os.environ.get("OMP_NUM_THREADS", "").partition(",")[0].strip()
    limit = int(text) if text.isascii() and text.isdigit() and len(text) < 10 else 0
    return min(usable_cores(), limit) if limit else usable_cores()


def decoding_threads() -> int:
    """Return how many threads should decode photos while a network works on others."""
    return min(thread_count(), MAX_DECODING_THREADS)


def loader_processes() -> int:
    """Return how many processes should read photos for a network; each has one thread.

    The processes that torchrun starts on a machine share its cores.
    """
    text = os.environ.get("LOCAL_WORLD_SIZE", "1")
    sharing = int(text) if text.isascii() and text.isdigit() and len(text) < 10 else 1
    return min(max(1, usable_cores() // max(1, sharing)), MAX_LOADER_PROCESSES)


def _cgroup_quotas() -> Iterator[float]:
    """Yield the CPU quotas of the control groups of this process and all groups above, in cores."""
    try:
        lines = OWN_CGROUPS.read_text(encoding="utf-8", errors="surrogateescape").splitlines()
    except OSError:  # not Linux, or not readable
        return
    for line in lines:
        if line.count(":") < 2:
            continue
        _, controllers, path = line.split(":", 2)
        if not controllers:
            for folder in _with_parents(CGROUP_ROOT, path):
                yield from _quota(folder / "cpu.max")
        elif "cpu" in controllers.split(","):
            for mount in {controllers, "cpu"}:
                for folder in _with_parents(CGROUP_ROOT / mount, path):
                    yield from _quota(folder / "cpu.cfs_quota_us", folder / "cpu.cfs_period_us")


def _with_parents(mount: Path, path: str) -> Iterator[Path]:
    """Yield the folder of a group below its mount and all folders above it, up to the mount.

    In a container the path can be that of the host. Its folders then do not exist, and the mount
    itself has the quota of the container.
    """
    parts = [part for part in path.split("/") if part not in ("", ".", "..")]
    for length in range(len(parts), -1, -1):
        yield mount.joinpath(*parts[:length])


def _quota(*files: Path) -> Iterator[float]:
    """Yield quota / period from the words of the files; nothing if there is no valid limit."""
    try:
        words = " ".join(file.read_text(encoding="ascii") for file in files).split()
        quota, period = map(int, words)  # `max` and an empty file are no numbers
    except (OSError, ValueError):
        return
    if quota > 0 and period > 0:
        yield quota / period
