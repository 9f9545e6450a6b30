"""One process a run folder."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from filelock import FileLock, Timeout

from mineral_recog.errors import UserError
from mineral_recog.i18n import tr


@contextmanager
def locked(folder: Path) -> Iterator[None]:
    """Keep other processes from making the run in `folder`, which need not exist yet.

    The lock is one of the operating system, on a file .NAME.lock beside the folder: it ends with
    the process, however that ends, and a file left by a crash is in nobody's way. Who holds the
    lock may take it again.

    Raises:
        UserError: another process holds it.
    """
    folder = folder.resolve()
    made = [parent for parent in folder.parents if not parent.exists()]
    folder.parent.mkdir(parents=True, exist_ok=True)
    lock = FileLock(folder.with_name(f".{folder.name}.lock"), timeout=0, is_singleton=True)
    try:
        lock.acquire()
    except Timeout:
        raise UserError(
            tr(
                f"Another process is making the run {folder}: run this again when it has ended, "
                "or choose another --out.",
                f"另一个进程正在生成 {folder}：请等它结束后重试，或另选 --out。",
            )
        ) from None
    try:
        yield
    finally:
        if lock.lock_counter == 1:
            # Removed while it is held, so that nobody else's is; Windows does so on release.
            with suppress(OSError):
                Path(lock.lock_file).unlink()
        lock.release()
        for parent in made:
            with suppress(OSError):
                parent.rmdir()  # if nothing came of the run
