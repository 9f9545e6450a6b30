"""Which photos the arguments of `identify` name: files, folders, patterns and lists of paths."""

from __future__ import annotations

import glob
import os
from collections.abc import Callable, Sequence
from pathlib import Path

from mineral_recog.csv_files import read_text
from mineral_recog.data.dataset import photos_in
from mineral_recog.data.system_files import is_system_name
from mineral_recog.errors import DataError
from mineral_recog.i18n import tr

MAX_LIST_BYTES = 100 * 10**6  # about a million paths


def find_photos(arguments: Sequence[str], read_input: Callable[[int], bytes]) -> list[Path]:
    """Find the photos that arguments name.

    An argument is a photo, a folder with photos, a pattern, `@FILE` for a file with a path per
    line, or `-` for such lines from standard input. Listed paths are relative to the current
    folder. They are taken as they are and need not exist, so that one missing photo does not stop
    the others; folders among them count with their photos.

    Args:
        arguments: The arguments.
        read_input: Reads at most a number of bytes from standard input.

    Returns:
        The paths in the order of the arguments, each once.

    Raises:
        DataError: An argument names no photo, or a list cannot be read.
    """
    photo_paths: list[Path] = []
    for argument in arguments:
        if argument == "-":
            photo_paths += _listed_paths(_decode_input(read_input(MAX_LIST_BYTES + 1)), argument)
        elif argument.startswith("@"):
            photo_paths += _listed_paths(_read_list(argument), argument)
        else:
            photo_paths += _named_paths(argument)
    return list(dict.fromkeys(photo_paths))


def _named_paths(argument: str) -> list[Path]:
    """Return the photos of an argument that is a path or a pattern."""
    path = Path(argument)
    if path.is_dir():
        paths = _photos_inside(path)
    elif path.exists() or path.is_symlink():  # a link to nothing is reported when it is opened
        paths = [path]
    else:
        matches = map(Path, sorted(glob.glob(argument, recursive=True)))  # noqa: PTH207
        paths = [match for match in matches if match.is_file() and _is_meant(match, path)]
    if not paths:
        raise DataError(
            tr(
                f"{argument}: no photo there; give photos, folders, or patterns such as "
                "'field/*.jpg'.",
                f"{argument}：那里没有照片；请给出照片、文件夹，或如 'field/*.jpg' 的模式。",
            )
        )
    return paths


def _is_meant(match: Path, pattern: Path) -> bool:
    """Return whether what a pattern matches is not in a folder that a system made."""
    return not any(is_system_name(part) and part not in pattern.parts for part in match.parts)


def _photos_inside(folder: Path) -> list[Path]:
    return [folder / name for name in photos_in(folder)]


def _listed_paths(text: str, argument: str) -> list[Path]:
    """Return the photos of a list with a path per line, or separated as by `find -print0`."""
    lines = [line.rstrip("\r") for line in text.replace("\0", "\n").split("\n")]
    listed = [Path(line) for line in lines if line.strip()]
    if not listed:
        raise DataError(
            tr(
                f"{argument}: the list has no path; give one path per line.",
                f"{argument}：列表中没有路径；请每行给出一个路径。",
            )
        )
    # os.path.isdir is false, and raises nothing, for paths that no system accepts.
    folders = {path: _photos_inside(path) for path in listed if os.path.isdir(path)}  # noqa: PTH112
    return [photo for path in listed for photo in folders.get(path) or [path]]


def _read_list(argument: str) -> str:
    try:
        return read_text(Path(argument[1:]), MAX_LIST_BYTES, "TXT")
    except DataError as error:
        if not Path(argument).exists():
            raise
        raise DataError(
            tr(
                f"{error} For the photo or folder named {argument} give ./{argument}",
                f"{error} 若指名为 {argument} 的照片或文件夹，请写作 ./{argument}",
            )
        ) from None


def _decode_input(content: bytes) -> str:
    if len(content) > MAX_LIST_BYTES:
        raise DataError(
            tr(
                f"Standard input is longer than {MAX_LIST_BYTES / 1e6:g} MB: give fewer paths.",
                f"标准输入超过 {MAX_LIST_BYTES / 1e6:g} MB：请减少路径。",
            )
        )
    # Names of files may be in any encoding.
    return content.removeprefix(b"\xef\xbb\xbf").decode("utf-8", "surrogateescape")
