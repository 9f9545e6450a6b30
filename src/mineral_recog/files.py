"""Files and folders that are written whole or not at all."""

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
        path: of the output.
        force: whether the user asked to replace it.
        made_by_us: whether the path holds what this program made; nothing else is replaced.

    Raises:
        OutputExistsError: it exists and may not be replaced.
    """
    if path.resolve() == Path.cwd():
        raise OutputExistsError(
            tr(
                f"{path} is the folder that you are in: name a folder to make.",
                f"{path} 是当前所在的文件夹：请给出一个要生成的文件夹。",
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


def refuse_inside(path: Path, photos: Path) -> None:
    """Refuse an output that would lie among the user's photos.

    Raises:
        OutputExistsError: it lies in that folder, or is it.
    """
    if path.resolve().is_relative_to(photos.resolve()):
        raise OutputExistsError(
            tr(
                f"{path} lies inside {photos}: choose a place outside the photos.",
                f"{path} 在 {photos} 里面：请选择照片文件夹以外的位置。",
            )
        )


def _is_leftover(path: Path) -> bool:
    """Whether a path is what a process that was killed left behind."""
    hidden = path.name.startswith(".")
    return hidden and (".partial" in path.name or path.name.endswith(".lock"))


def open_regular(path: Path) -> BinaryIO:
    """Open a file for reading, unless it is a pipe, a device or a folder.

    Raises:
        OSError: it is one of those, or cannot be reached.
    """
    if not stat.S_ISREG(path.stat().st_mode):  # opening a pipe would wait for ever
        raise OSError("no regular file")
    return path.open("rb")


def link_or_copy(source: Path, target: Path) -> None:
    """Put a file in a second place as a hard link, or as a copy where links are impossible."""
    try:
        os.link(source, target)
    except OSError:  # another disk, or a file system without links
        shutil.copyfile(source, target)


@contextmanager
def whole_file(path: Path) -> Iterator[Path]:
    """A temporary path beside `path` that takes its place, on disk for good, when all went well."""
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
def whole_folder(path: Path) -> Iterator[Path]:
    """A temporary folder beside `path` that takes its place when all went well."""
    path = path.resolve()
    path.parent.mkdir(parents=True, exist_ok=True)
    partial = Path(tempfile.mkdtemp(prefix=f".{path.name}.partial-", dir=path.parent))
    old = partial.with_name(f"{partial.name}-old")
    try:
        partial.chmod(0o755)  # a temporary folder is private, what takes its place is not
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
