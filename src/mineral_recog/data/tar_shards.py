"""Random access to the members of tar files.

A shard is described by a few arrays. Packing writes them to `NAME.tar.index` next to the shard, in
safetensors format, so that its headers need not be read again.
"""

from __future__ import annotations

import io
import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, BinaryIO, cast, overload

import numpy as np
from numpy.typing import NDArray
from safetensors import SafetensorError
from safetensors.numpy import load_file, save

from mineral_recog.data.tar_headers import Member, read_members
from mineral_recog.files import atomic_file, open_regular
from mineral_recog.i18n import tr
from mineral_recog.progress import SILENT, Progress
from mineral_recog.text import parse_json

INDEX_SUFFIX = ".index"  # appended to the name of a shard
MAX_LABEL_BYTES, MAX_JSON_BYTES = 200, 2**16  # of a member that gives the class of a photo
_CONTROL = re.compile(r"[\x00-\x1f\x7f]")
_UNSAFE = re.compile(r"(?:^|/)\.{0,2}(?:/|$)")
_HIDDEN = re.compile(r"(?:^|/)\.(?!\.?(?:/|$))")
_MAX_LEFT_OUT = 1000  # members left out that are recorded


class PackedStrings(Sequence[str]):
    """Strings in one block of bytes, with 8 bytes of overhead each, where a str takes 57.

    Args:
        block: UTF-8 bytes of all strings, one after the other.
        ends: End of each string in the block, [N].
    """

    def __init__(self, block: NDArray[np.uint8], ends: NDArray[np.int64]) -> None:
        self.block, self.ends = block, ends

    @classmethod
    def from_strings(cls, strings: Iterable[str]) -> PackedStrings:
        """Pack strings in their order."""
        block, ends = bytearray(), []
        for string in strings:
            block += string.encode("utf-8", "surrogateescape")
            ends.append(len(block))
        return cls(np.frombuffer(bytes(block), np.uint8), np.array(ends, dtype=np.int64))

    def __len__(self) -> int:
        return len(self.ends)

    def __iter__(self) -> Iterator[str]:
        block, start = self.block.tobytes(), 0
        for end in self.ends.tolist():
            yield block[start:end].decode("utf-8", "surrogateescape")
            start = end

    @overload
    def __getitem__(self, at: int) -> str: ...
    @overload
    def __getitem__(self, at: slice) -> tuple[str, ...]: ...
    def __getitem__(self, at: int | slice) -> str | tuple[str, ...]:
        if isinstance(at, slice):
            return tuple(self[i] for i in range(*at.indices(len(self))))
        if not -len(self) <= at < len(self):
            raise IndexError(at)
        at %= len(self)
        start = int(self.ends[at - 1]) if at else 0
        return self.block[start : int(self.ends[at])].tobytes().decode("utf-8", "surrogateescape")


@dataclass(frozen=True, eq=False)
class Shard:
    """The files in a tar file.

    Attributes:
        path: Path of the tar file.
        names: Names of the M files, as written except for a leading `./`.
        offsets: Position of the first byte of each file, [M] int64.
        sizes: Size of each file in bytes, [M] int64.
        labels: M strings: the class in a `.cls`, `.txt` or `.json`, "" for other files.
        left_out: Names and kinds of members that are not files, or that have unsafe names (kind
            `name`); at most 1,000 of them.
    """

    path: Path
    names: PackedStrings
    offsets: NDArray[np.int64]
    sizes: NDArray[np.int64]
    labels: PackedStrings
    left_out: tuple[tuple[str, str], ...]


def read_shards(paths: Sequence[Path], progress: Progress = SILENT) -> list[Shard]:
    """List the files in tar files, from an index next to each if it is valid, else from headers.

    Raises:
        UserError: A file is compressed, damaged, truncated or not a tar file.
        OSError: A file cannot be reached.
    """
    indexed = [_read_index(path) for path in paths]
    missing = indexed.count(None)
    if not missing:
        return [shard for shard in indexed if shard is not None]
    task = progress.start(tr("reading shards", "读取分片"), missing)
    shards = []
    for path, shard in zip(paths, indexed, strict=True):
        shards.append(shard or read_shard_headers(path))
        if shard is None:
            task.step()
    return shards


def read_shard_headers(path: Path) -> Shard:
    """List the files in a tar file from its headers alone; raises the errors of `read_shards`."""
    names: list[str] = []
    labels: list[str] = []
    places: list[tuple[int, int]] = []
    left_out: list[tuple[str, str]] = []
    with open_regular(path) as file:
        for member in read_members(file, path):
            name = member.name.removeprefix("./")
            if member.kind == "folder" or is_hidden(name):
                continue
            valid = is_safe_path(name) and not _CONTROL.search(name)
            kind = member.kind if valid else "name"
            if kind == "file":
                names.append(name)
                places.append((member.offset, member.size))
                labels.append(_label(file, member))
            elif len(left_out) < _MAX_LEFT_OUT:
                left_out.append((name, kind))
    offsets, sizes = np.array(places, dtype=np.int64).reshape(-1, 2).T.copy()
    return Shard(
        path,
        PackedStrings.from_strings(names),
        offsets,
        sizes,
        PackedStrings.from_strings(labels),
        tuple(left_out),
    )


def is_hidden(name: str) -> bool:
    """Return whether a file or a folder above it is hidden, such as the extra files of macOS."""
    return _HIDDEN.search(name) is not None


def is_safe_path(name: str) -> bool:
    """Return whether a name is a relative path that stays inside its folder."""
    return len(name) <= 4096 and _UNSAFE.search(name) is None


def _label(file: BinaryIO, member: Member) -> str:
    """Return the class that a member gives; "" if it gives none, or a text too long for a name."""
    if member.name.endswith((".cls", ".txt")) and member.size <= MAX_LABEL_BYTES:
        file.seek(member.offset)
        return _valid_label(file.read(member.size).decode("utf-8", "replace"))
    if member.name.endswith(".json") and member.size <= MAX_JSON_BYTES:
        file.seek(member.offset)
        return _valid_label(_json_label(file.read(member.size)))
    return ""


def _json_label(text: bytes) -> str:
    try:
        parsed = parse_json(text)
    except ValueError:
        return ""
    if isinstance(parsed, dict):
        for key in ("label_name", "class_name", "class", "label"):
            if isinstance(parsed.get(key), str | int) and not isinstance(parsed[key], bool):
                return str(parsed[key])
    return ""


def _valid_label(text: str) -> str:
    text = text.strip()
    return "" if _CONTROL.search(text) or len(text) > MAX_LABEL_BYTES else text


def write_index(shard: Shard) -> None:
    """Write the index of a shard next to it; it is valid while the shard's size and mtime stay."""
    tensors: dict[str, NDArray[Any]] = {
        "stamp": _size_and_mtime(shard.path),
        "names": shard.names.block,
        "name_ends": shard.names.ends,
        "offsets": shard.offsets,
        "sizes": shard.sizes,
        "labels": shard.labels.block,
        "label_ends": shard.labels.ends,
    }
    with atomic_file(index_path(shard.path)) as partial:
        partial.write_bytes(save(tensors))


def index_path(shard: Path) -> Path:
    """Return the path of the index of a shard."""
    return shard.with_name(shard.name + INDEX_SUFFIX)


def _size_and_mtime(path: Path) -> NDArray[np.int64]:
    """Return the size and mtime (ns) of a tar file; an index with other values is not used."""
    stat = path.stat()
    return np.array([stat.st_size, stat.st_mtime_ns], dtype=np.int64)


def _read_index(path: Path) -> Shard | None:
    """Read a shard's index; return None if there is none, or if it is invalid or outdated."""
    try:
        # A member takes about 200 bytes of the index, and at least 512 bytes of the shard.
        stamp, index = _size_and_mtime(path), index_path(path)
        if index.stat().st_size > stamp[0] + 2**16:
            return None
        tensors = load_file(index)
        if not np.array_equal(tensors["stamp"], stamp):
            return None
        shard = Shard(
            path,
            PackedStrings(tensors["names"], tensors["name_ends"]),
            tensors["offsets"],
            tensors["sizes"],
            PackedStrings(tensors["labels"], tensors["label_ends"]),
            (),
        )
        return shard if _is_consistent(shard, int(stamp[0])) else None
    except (OSError, SafetensorError, KeyError, ValueError, TypeError):
        return None


def _is_consistent(shard: Shard, length: int) -> bool:
    """Return whether an index is consistent, and fits in a tar file of `length` bytes."""
    arrays = (shard.names.ends, shard.labels.ends, shard.offsets, shard.sizes)
    if any(array.dtype != np.int64 or array.shape != (shard.offsets.size,) for array in arrays):
        return False
    for strings in (shard.names, shard.labels):
        rising = bool((np.diff(strings.ends, prepend=0) >= 0).all())
        last = int(strings.ends[-1]) if len(strings) else 0
        block = strings.block
        if block.dtype != np.uint8 or block.shape != (last,) or not rising or (block < 32).any():
            return False
    if (shard.offsets < 0).any() or (shard.sizes < 0).any():
        return False
    inside = (shard.sizes <= length) & (shard.offsets <= length - shard.sizes)
    return bool(inside.all())


@dataclass(frozen=True, eq=False)
class TarMembers:
    """Positions of N photos in tar files; small, and valid in a loader's worker processes.

    Attributes:
        shards: The tar files.
        shard_indices: Index of each photo's tar file, [N] int32.
        offsets: Position of each photo's first byte, [N] int64.
        sizes: Size of each photo in bytes, [N] int64.
    """

    shards: tuple[Path, ...]
    shard_indices: NDArray[np.int32]
    offsets: NDArray[np.int64]
    sizes: NDArray[np.int64]

    def open(self, index: int) -> BinaryIO:
        """Open a photo as a file with a separate handle; safe in any thread or process.

        Raises:
            OSError: The tar file cannot be reached.
        """
        section = _FileSection(self.path(index), int(self.offsets[index]), int(self.sizes[index]))
        return cast(BinaryIO, io.BufferedReader(section, 2**16))

    def path(self, index: int) -> Path:
        """Return the tar file that contains a photo."""
        return self.shards[int(self.shard_indices[index])]

    def subset(self, indices: NDArray[np.int64]) -> TarMembers:
        """Return the positions of some photos, in the order of `indices`."""
        return TarMembers(
            self.shards, self.shard_indices[indices], self.offsets[indices], self.sizes[indices]
        )


class _FileSection(io.RawIOBase):
    """A section of a file that can be read as a file."""

    def __init__(self, path: Path, offset: int, size: int) -> None:
        self.offset, self.size, self.at = offset, size, 0
        self.file = path.open("rb", buffering=0)
        self.file.seek(offset)

    def readable(self) -> bool:
        return True

    def seekable(self) -> bool:
        return True

    def seek(self, offset: int, whence: int = io.SEEK_SET) -> int:
        start = {io.SEEK_SET: 0, io.SEEK_CUR: self.at, io.SEEK_END: self.size}[whence]
        if start + offset < 0:
            raise OSError("seek before the start")
        self.at = start + offset
        self.file.seek(self.offset + self.at)
        return self.at

    def tell(self) -> int:
        return self.at

    def readinto(self, buffer: Any) -> int:  # any writable buffer
        space = memoryview(buffer)[: max(self.size - self.at, 0)]
        count = self.file.readinto(space) if len(space) else 0
        self.at += count
        return count

    def close(self) -> None:
        if not self.closed:
            self.file.close()
        super().close()
