"""Files and folders: atomic writing, and checks of outputs before they are written."""

from __future__ import annotations

import json
import os
import shutil
import stat
import sys
import tempfile
from collections.abc import Callable, Collection, Iterator
from contextlib import contextmanager, suppress
from fnmatch import fnmatchcase
from pathlib import Path
from typing import BinaryIO

from mineral_recog.errors import DataError, OutputExistsError
from mineral_recog.i18n import tr

FILE_LIST = ".files.jsonl"  # the files that this program wrote to a folder, one per line
SYSTEM_FILES = (".DS_Store", "Thumbs.db", "desktop.ini")  # that file managers write
MAX_NAMES = 3  # of files in a message


def refuse_existing(
    path: Path, force: bool, made_by_us: bool = True, advice: str | None = None
) -> None:
    """Refuse an output that exists, unless it may be replaced.

    Args:
        path: The output.
        force: Whether the user allows replacing it.
        made_by_us: Whether this program made the existing output; nothing else is replaced.
        advice: Error without `force`; by default, that it exists and that `force` replaces it.

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
    if not path.exists() or _is_empty(path):
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
            advice
            or tr(
                f"{path} exists: choose another place, or replace it with --force.",
                f"{path} 已存在：请另选位置，或用 --force 替换它。",
            )
        )


def refuse_user_files(folder: Path, is_ours: Callable[[str], bool]) -> None:
    """Refuse to replace a folder with files that this program did not write, if it exists.

    Args:
        folder: The folder.
        is_ours: Whether this program writes a file, by its path relative to the folder.

    Raises:
        OutputExistsError: There are files of the user.
    """
    files = sorted(path for path in _all_files(folder) if not is_ours(path))
    if files:
        more = " ..." if len(files) > MAX_NAMES else ""
        count, first = len(files), ", ".join(files[:MAX_NAMES]) + more
        raise OutputExistsError(
            tr(
                f"{folder} holds {count} file{'s' * (count > 1)} that this program did not write "
                f"({first}), and replacing the folder would delete them: move them away, or choose "
                "another place.",
                f"{folder} 里有 {count} 个不是本程序写入的文件（{first}），替换该文件夹会把它们"
                "一并删除：请先移走它们，或另选位置。",
            )
        )


def refuse_replacing_photos(data: Path, force: bool, marker: str) -> None:
    """Refuse a folder of photos that exists, unless it may be replaced and is all our own.

    Args:
        data: The folder; `write_file_list` has listed what this program wrote there.
        force: Whether the user allows replacing it.
        marker: File by which a folder of this command is known.

    Raises:
        OutputExistsError: The folder exists and may not be replaced, or holds files of the user.
    """
    refuse_existing(data, force, made_by_us=(data / marker).is_file())
    if not (data / marker).is_file():
        return
    try:
        lines = (data / FILE_LIST).read_text(encoding="utf-8").splitlines()
        ours = {FILE_LIST, *map(json.loads, lines)}
    except (OSError, ValueError, TypeError):
        raise OutputExistsError(
            tr(
                f"{data} has no list of the files that this program wrote there, as earlier "
                "versions made it, so your own would be deleted with them: move the folder away, "
                "or choose another place.",
                f"{data} 里没有本程序所写文件的清单（由较早版本生成），替换会连同您自己的文件一起"
                "删除：请移走该文件夹，或另选位置。",
            )
        ) from None
    refuse_user_files(data, lambda path: path in ours or path.startswith(".cache/"))


def write_file_list(folder: Path) -> None:
    """List the files in a folder that is complete, for `refuse_replacing_photos`."""
    with (folder / FILE_LIST).open("w", encoding="utf-8") as file:
        for path in _all_files(folder):
            if path != FILE_LIST:
                file.write(json.dumps(path) + "\n")


def matches(path: str, patterns: Collection[str]) -> bool:
    """Return whether a relative path matches a pattern part by part; `*` is for any name."""
    parts = path.split("/")
    return any(
        len(parts) == pattern.count("/") + 1 and all(map(fnmatchcase, parts, pattern.split("/")))
        for pattern in patterns
    )


def _all_files(folder: Path) -> Iterator[str]:
    """Yield all files and links below a folder as relative paths, without leftovers.

    Raises:
        OSError: A folder cannot be read.
    """
    if not folder.is_dir():
        return

    def fail(error: OSError) -> None:
        raise error

    for parent, folders, files in os.walk(folder, onerror=fail):
        folders[:] = [name for name in folders if not _is_leftover(name)]
        links = [name for name in folders if Path(parent, name).is_symlink()]
        relative = Path(parent).relative_to(folder)
        prefix = "" if relative == Path() else f"{relative.as_posix()}/"
        for name in (*files, *links):
            if name not in SYSTEM_FILES and not _is_leftover(name):
                yield f"{prefix}{name}"


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


def _is_empty(path: Path) -> bool:
    """Return whether a path is a folder with nothing in it but leftovers."""
    return path.is_dir() and all(_is_leftover(entry.name) for entry in path.iterdir())


def _is_leftover(name: str) -> bool:
    """Return whether a name is that of a temporary file or lock left by a killed process."""
    return name.startswith(".") and (".partial" in name or name.endswith(".lock"))


def encoding_error(name: str) -> DataError | None:
    """Return the error of a file name that the locale of this process reads or writes wrongly.

    Python decodes file names by the locale if that is not UTF-8.

    Returns:
        None if the name is right, as far as can be known.
    """
    encoding = sys.getfilesystemencoding()
    if name.isascii() or encoding == "utf-8":
        return None
    # A name from a list that cannot be encoded is reported as it is.
    with suppress(UnicodeEncodeError):
        data = name.encode(encoding, "surrogateescape")
        try:
            decoded = data.decode("utf-8")
        except UnicodeDecodeError:
            return None  # these bytes are not UTF-8 either
        if len(data) > len(name) and max(decoded) < "\u0800":
            return None  # Chinese in GBK may look like two-byte letters of UTF-8
        name = decoded
    return DataError(
        tr(
            f"The locale of this shell has the encoding {encoding} for file names, in which "
            f"{name} is unreadable: write LC_ALL=C.UTF-8 or PYTHONUTF8=1 before the command and "
            "run it again.",
            f"当前终端的区域设置用 {encoding} 编码文件名，无法正确读写 {name}："
            "请在命令前加上 LC_ALL=C.UTF-8 或 PYTHONUTF8=1 后重新运行。",
        )
    )


def open_regular(path: Path) -> BinaryIO:
    """Open a file for reading, unless it is a pipe, a device or a folder.

    Raises:
        OSError: It is one of those, or cannot be opened.
    """
    if reason := dead_link(path):
        raise OSError(reason)
    if not stat.S_ISREG(path.stat().st_mode):  # opening a pipe would block forever
        raise OSError(tr("no regular file", "不是普通文件"))
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
