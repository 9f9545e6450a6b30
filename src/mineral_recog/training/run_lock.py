"""A lock on a run folder: only one process writes a run."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from filelock import FileLock, Timeout

from mineral_recog.errors import UserError
from mineral_recog.i18n import tr


@contextmanager
def lock_run(folder: Path) -> Iterator[None]:
    """Lock the run in `folder`, which need not exist yet, against other processes.

    The operating system holds the lock, on a file .NAME.lock next to the folder. It releases the
    lock when the process ends for any reason, so a lock file left by a crash blocks nobody. The
    process that holds the lock can acquire it again.

    Raises:
        UserError: Another process holds the lock.
    """
    folder = folder.resolve()
    new_parents = [parent for parent in folder.parents if not parent.exists()]
    folder.parent.mkdir(parents=True, exist_ok=True)
    lock = FileLock(folder.with_name(f".{folder.name}.lock"), timeout=0, is_singleton=True)
    try:
        lock.acquire()
    except Timeout:
        raise UserError(
            tr(
                f"Another process is writing the run {folder}: try again when it has finished, "
                "or choose another --out.",
                f"另一个进程正在写入 {folder}：请等它结束后重试，或另选 --out。",
            )
        ) from None
    try:
        yield
    finally:
        if lock.lock_counter == 1:
            # Removed while the lock is held, so that the file of another process is never removed;
            # Windows removes it on release.
            with suppress(OSError):
                Path(lock.lock_file).unlink()
        lock.release()
        for parent in new_parents:
            with suppress(OSError):
                parent.rmdir()  # only empty ones: the run was not created
