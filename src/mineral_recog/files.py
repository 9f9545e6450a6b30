"""Files and folders: atomic writing, and checks of outputs before they are written."""

from __future__ import annotations

import os
import shutil
import stat
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import BinaryIO

from mineral_recog.errors import OutputExistsError
from mineral_recog.i18n import tr


def refuse_existing(path: Path, force: bool, made_by_us: bool = True) -> None:
    """Refuse an output that exists, unless it may be replaced.

    Args:
        path: The output.
        force: Whether the user allows replacing it.
        made_by_us: Whether this program made the existing output; nothing else is replaced.

    Raises:
        OutputExistsError: The output exists and may not be replaced.
    """
    if path.resolve() == Path.cwd():
        raise OutputExistsError(
            tr(
                f"{path} is the current folder: give the name of a new folder.",
                f"{path} 是当前文件夹：请给出一个新文件夹的名称。",
            )
        )
    if not path.exists() or (path.is_dir() and all(map(_is_leftover, path.iterdir()))):
        return
    if not made_by_us:
        raise OutputExistsError(
            tr(
                f"{path} exists and was not made by this command: choose another place.",
                f"{path} 已存在，且不是本命令生成的：请另选位置。",
            )
        )
    if not force:
        raise OutputExistsError(
            tr(
                f"{path} exists: choose another place, or replace it with --force.",
                f"{path} 已存在：请另选位置，或用 --force 替换它。",
            )
        )


def refuse_inside(path: Path, photo_folder: Path) -> None:
    """Refuse an output among the user's photos.

    Raises:
        OutputExistsError: The output is that folder or lies inside it.
    """
    if path.resolve().is_relative_to(photo_folder.resolve()):
        raise OutputExistsError(
            tr(
                f"{path} lies inside {photo_folder}: choose a place outside the photos.",
                f"{path} 位于 {photo_folder} 内：请选择照片文件夹以外的位置。",
            )
        )


def _is_leftover(path: Path) -> bool:
    """Return whether a path is a temporary file or lock left by a killed process."""
    hidden = path.name.startswith(".")
    return hidden and (".partial" in path.name or path.name.endswith(".lock"))


def open_regular(path: Path) -> BinaryIO:
    """Open a file for reading, unless it is a pipe, a device or a folder.

    Raises:
        OSError: It is one of those, or cannot be opened.
    """
    if reason := dead_link(path):
        raise OSError(reason)
    if not stat.S_ISREG(path.stat().st_mode):  # opening a pipe would block forever
        raise OSError("no regular file")
    return path.open("rb")


def dead_link(path: Path) -> str | None:
    """Return where a symbolic link to nothing leads, as the reason of an error; else None."""
    if not path.is_symlink() or path.exists():
        return None
    target = path.readlink()
    return tr(f"links to {target}, which does not exist", f"链接到 {target}，而它不存在")


def link_or_copy(source: Path, target: Path) -> None:
    """Create `target` as a hard link to `source`, or as a copy where links are impossible."""
    try:
        os.link(source, target)
    except OSError:  # another disk, or a file system without links
        shutil.copyfile(source, target)


@contextmanager
def atomic_file(path: Path) -> Iterator[Path]:
    """Yield a temporary path that replaces `path`, synced to disk, if the block succeeds."""
    path.parent.mkdir(parents=True, exist_ok=True)
    partial = path.with_name(f".{path.name}.partial")
    try:
        yield partial
        with partial.open("rb+") as file:
            os.fsync(file.fileno())
        partial.replace(path)
    finally:
        partial.unlink(missing_ok=True)


@contextmanager
def atomic_folder(path: Path) -> Iterator[Path]:
    """Yield a temporary folder next to `path` that replaces it if the block succeeds."""
    path = path.resolve()
    path.parent.mkdir(parents=True, exist_ok=True)
    partial = Path(tempfile.mkdtemp(prefix=f".{path.name}.partial-", dir=path.parent))
    old = partial.with_name(f"{partial.name}-old")
    try:
        partial.chmod(0o755)  # mkdtemp makes private folders; the result is not private
        yield partial
        if path.exists():
            path.replace(old)
        try:
            partial.replace(path)
        except OSError:
            if old.exists():
                old.replace(path)
            raise
    finally:
        shutil.rmtree(old, ignore_errors=True)
        shutil.rmtree(partial, ignore_errors=True)
