"""Tar files read by random access: where each member lies, and opening it alone.

What is kept of a shard is a handful of arrays. Packing leaves them beside the shard in a file, so
that it need not be gone through when it is used: `NAME.tar.index`, in the format of safetensors.
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
from mineral_recog.files import open_regular, whole_file
from mineral_recog.i18n import tr
from mineral_recog.progress import SILENT, Progress
from mineral_recog.text import parse_json

INDEX = ".index"  # after the name of a shard
LONGEST_LABEL, LONGEST_JSON = 200, 2**16  # bytes of a member that tells what a photo shows
_CONTROL = re.compile(r"[\x00-\x1f\x7f]")
_ELSEWHERE = re.compile(r"(?:^|/)\.{0,2}(?:/|$)")
_HIDDEN = re.compile(r"(?:^|/)\.(?!\.?(?:/|$))")
_TOLD = 1000  # members left out that are kept to be told


class Texts(Sequence[str]):
    """Many texts in one block of bytes: 8 bytes each beside their letters, where a str takes 57.

    Args:
        block: UTF-8 of all, one after the other.
        ends: where each ends, [N].
    """

    def __init__(self, block: NDArray[np.uint8], ends: NDArray[np.int64]) -> None:
        self.block, self.ends = block, ends

    @classmethod
    def of(cls, texts: Iterable[str]) -> Texts:
        """Texts as they come."""
        block, ends = bytearray(), []
        for text in texts:
            block += text.encode("utf-8", "surrogateescape")
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
        path: of the tar file.
        names: of the files, M, as written but for a `./` before them.
        offsets: of the first byte of each, [M] int64.
        sizes: bytes of each, [M] int64.
        labels: M texts: what `.cls`, `.txt` and `.json` say of the photo beside them, "" otherwise.
        left_out: members that are no files, or whose names no file may have, with the kind; at
            most 1,000 of them.
    """

    path: Path
    names: Texts
    offsets: NDArray[np.int64]
    sizes: NDArray[np.int64]
    labels: Texts
    left_out: tuple[tuple[str, str], ...]


def read_shards(paths: Sequence[Path], progress: Progress = SILENT) -> list[Shard]:
    """The files in tar files: from the index beside one where that fits, else from its headers.

    Raises:
        UserError: one is compressed, damaged, cut short or no tar file.
        OSError: one cannot be reached.
    """
    written = [_written(path) for path in paths]
    missing = written.count(None)
    if not missing:
        return [shard for shard in written if shard is not None]
    task = progress.start(tr("reading shards", "读取分片"), missing)
    shards = []
    for path, shard in zip(paths, written, strict=True):
        shards.append(shard or from_headers(path))
        if shard is None:
            task.step()
    return shards


def from_headers(path: Path) -> Shard:
    """The files in a tar file by its headers alone; errors as for `read_shards`."""
    names: list[str] = []
    labels: list[str] = []
    places: list[tuple[int, int]] = []
    left_out: list[tuple[str, str]] = []
    with open_regular(path) as file:
        for member in read_members(file, path):
            name = member.name.removeprefix("./")
            if member.kind == "folder" or hidden(name):
                continue
            fit = stays_below(name) and not _CONTROL.search(name)
            kind = member.kind if fit else "name"
            if kind == "file":
                names.append(name)
                places.append((member.offset, member.size))
                labels.append(_label(file, member))
            elif len(left_out) < _TOLD:
                left_out.append((name, kind))
    offsets, sizes = np.array(places, dtype=np.int64).reshape(-1, 2).T.copy()
    return Shard(path, Texts.of(names), offsets, sizes, Texts.of(labels), tuple(left_out))


def hidden(name: str) -> bool:
    """Whether a file or a folder that it lies in is hidden, as what macOS leaves beside files."""
    return _HIDDEN.search(name) is not None


def stays_below(name: str) -> bool:
    """Whether a name can be that of a file below a folder, and leads nowhere else."""
    return len(name) <= 4096 and _ELSEWHERE.search(name) is None


def _label(file: BinaryIO, member: Member) -> str:
    """What a member says of the photo beside it; "" if nothing, or nothing as short as a name."""
    if member.name.endswith((".cls", ".txt")) and member.size <= LONGEST_LABEL:
        file.seek(member.offset)
        return _one_line(file.read(member.size).decode("utf-8", "replace"))
    if member.name.endswith(".json") and member.size <= LONGEST_JSON:
        file.seek(member.offset)
        return _one_line(_label_in(file.read(member.size)))
    return ""


def _label_in(text: bytes) -> str:
    try:
        told = parse_json(text)
    except ValueError:
        return ""
    if isinstance(told, dict):
        for key in ("label_name", "class_name", "class", "label"):
            if isinstance(told.get(key), str | int) and not isinstance(told[key], bool):
                return str(told[key])
    return ""


def _one_line(text: str) -> str:
    text = text.strip()
    return "" if _CONTROL.search(text) or len(text) > LONGEST_LABEL else text


def write_index(shard: Shard) -> None:
    """Leave the index of a shard beside it; it holds as long as the shard's size and time do."""
    tensors: dict[str, NDArray[Any]] = {
        "stamp": _stamp(shard.path),
        "names": shard.names.block,
        "name_ends": shard.names.ends,
        "offsets": shard.offsets,
        "sizes": shard.sizes,
        "labels": shard.labels.block,
        "label_ends": shard.labels.ends,
    }
    with whole_file(index_path(shard.path)) as partial:
        partial.write_bytes(save(tensors))


def index_path(shard: Path) -> Path:
    """Where the index of a shard is kept."""
    return shard.with_name(shard.name + INDEX)


def _stamp(path: Path) -> NDArray[np.int64]:
    """Size and time of a tar file: with another one, its index is not believed."""
    stat = path.stat()
    return np.array([stat.st_size, stat.st_mtime_ns], dtype=np.int64)


def _written(path: Path) -> Shard | None:
    """A shard by the index beside it; None if there is none, or it does not fit."""
    try:
        # An index takes some 200 bytes a member, each of which takes 512 and more of the shard.
        stamp, index = _stamp(path), index_path(path)
        if index.stat().st_size > stamp[0] + 2**16:
            return None
        of = load_file(index)
        if not np.array_equal(of["stamp"], stamp):
            return None
        shard = Shard(
            path,
            Texts(of["names"], of["name_ends"]),
            of["offsets"],
            of["sizes"],
            Texts(of["labels"], of["label_ends"]),
            (),
        )
        return shard if _sound(shard, int(stamp[0])) else None
    except (OSError, SafetensorError, KeyError, ValueError, TypeError):
        return None


def _sound(shard: Shard, length: int) -> bool:
    """Whether an index says nothing that no tar file of this length could hold."""
    counts = (shard.names.ends, shard.labels.ends, shard.offsets, shard.sizes)
    if any(one.dtype != np.int64 or one.shape != (shard.offsets.size,) for one in counts):
        return False
    for texts in (shard.names, shard.labels):
        rising = bool((np.diff(texts.ends, prepend=0) >= 0).all())
        last = int(texts.ends[-1]) if len(texts) else 0
        block = texts.block
        if block.dtype != np.uint8 or block.shape != (last,) or not rising or (block < 32).any():
            return False
    if (shard.offsets < 0).any() or (shard.sizes < 0).any():
        return False
    inside = (shard.sizes <= length) & (shard.offsets <= length - shard.sizes)
    return bool(inside.all())


@dataclass(frozen=True, eq=False)
class Members:
    """Where N photos lie in tar files; small, and the same in a loader's worker processes.

    Attributes:
        shards: the tar files.
        shard: which of them each photo is in, [N] int32.
        offsets: of its first byte, [N] int64.
        sizes: in bytes, [N] int64.
    """

    shards: tuple[Path, ...]
    shard: NDArray[np.int32]
    offsets: NDArray[np.int64]
    sizes: NDArray[np.int64]

    def open(self, photo: int) -> BinaryIO:
        """The bytes of a photo as a file, by a handle of its own: safe in any thread or process.

        Raises:
            OSError: the tar file cannot be reached.
        """
        window = _Window(self.path(photo), int(self.offsets[photo]), int(self.sizes[photo]))
        return cast(BinaryIO, io.BufferedReader(window, 2**16))

    def path(self, photo: int) -> Path:
        """The tar file that a photo is in."""
        return self.shards[int(self.shard[photo])]

    def some(self, photos: NDArray[np.int64]) -> Members:
        """Those of some photos, in the order given."""
        return Members(self.shards, self.shard[photos], self.offsets[photos], self.sizes[photos])


class _Window(io.RawIOBase):
    """A stretch of a file as if it were a file."""

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
