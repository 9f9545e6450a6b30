"""Lists the members of a tar file from its headers alone, much faster than Python's tarfile.

Supports POSIX.1-1988 (ustar), POSIX.1-2001 (pax) and GNU headers, in blocks of 512 bytes. It reads
only what a shard needs: name, kind and size. Every value in a header is checked before it is used.
"""

from __future__ import annotations

import zlib
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO, NamedTuple

from mineral_recog.errors import DataError, UserError
from mineral_recog.i18n import tr

BLOCK = 512
MAX_EXTENDED_BYTES = 2**20  # of an extended header; systems allow names of 4 KB at most
_COMPRESSED = (
    (b"\x1f\x8b", "gunzip"), (b"BZh", "bunzip2"), (b"\xfd7zXZ\0", "unxz"),
    (b"\x28\xb5\x2f\xfd", "unzstd"), (b"PK\x03\x04", "unzip"),
)  # fmt: skip
_END = bytes(BLOCK)
_EXTENDED = (b"L", b"K", b"x", b"g", b"X")  # GNU long name and long link; pax; pax of Solaris
_FILES = (b"0", b"\0", b"7")  # regular file: POSIX, before POSIX, and contiguous
_KINDS = {
    b"1": "link", b"2": "link", b"3": "device", b"4": "device", b"5": "folder", b"6": "pipe",
    b"S": "sparse",
}  # fmt: skip


class Member(NamedTuple):
    """A member of a tar file.

    Attributes:
        name: Name as written; bytes that are not UTF-8 become surrogates.
        kind: `file`, `folder`, `link`, `device`, `pipe`, `sparse` or `other`.
        offset: Position of its first byte in the tar file.
        size: Size in bytes; all of them are inside the tar file.
    """

    name: str
    kind: str
    offset: int
    size: int


def read_members(file: BinaryIO, path: Path) -> Iterator[Member]:
    """Yield the members of a tar file from its headers; their contents are not read.

    Args:
        file: The tar file, buffered and seekable. Its position may be moved between two members.
        path: Its name, for messages.

    Raises:
        UserError: The file is compressed, not a tar file, damaged, or ends within a member.
    """
    length = file.seek(0, 2)
    at, extended = 0, _Extended()
    while at < length:
        file.seek(at)
        header = file.read(BLOCK)
        if header == _END:
            break  # the rest is padding
        if at == 0:
            _refuse_compressed(header, path)
        size, kind = _size(header, path, at), header[156:157]
        if kind not in _EXTENDED and extended.size is not None:
            size = extended.size
        offset, at = at + BLOCK, at + BLOCK + -(-size // BLOCK) * BLOCK
        if offset + size > length:
            raise _damaged(path, offset - BLOCK, "ends within a member", "在成员中间中断")
        if kind in _EXTENDED:
            extended.update(kind, file, size, path, offset)
            continue
        if kind == b"S":
            at += BLOCK * _sparse_map_blocks(file, header, offset)
        name = extended.name or _name(header)
        yield Member(
            name.decode("utf-8", "surrogateescape"),
            "sparse" if extended.sparse else _kind(kind, name),
            offset,
            size,
        )
        extended = _Extended()
    if at == 0:
        raise _damaged(path, 0, "is empty or not a tar file", "是空的，或不是 tar 文件")


@dataclass
class _Extended:
    """Values that extended headers give for the member that follows them."""

    name: bytes = b""
    size: int | None = None
    sparse: bool = False

    def update(self, kind: bytes, file: BinaryIO, size: int, path: Path, offset: int) -> None:
        if size > MAX_EXTENDED_BYTES:
            raise _damaged(path, offset - BLOCK, "has a header that is too large", "头部过大")
        text = file.read(size)
        if kind == b"L":
            self.name = text.rstrip(b"\0")
        elif kind in b"xX":
            records = _records(text, path, offset)
            self.name = records.get(b"path", self.name)
            self.sparse = any(key.startswith(b"GNU.sparse.") for key in records)
            self.size = _decimal(records.get(b"size"), path, offset)


def _kind(kind: bytes, name: bytes) -> str:
    if kind not in _FILES:
        return _KINDS.get(kind, "other")
    return "folder" if name.endswith(b"/") else "file"  # old formats have no kind for folders


def _name(header: bytes) -> bytes:
    name = header[:100].split(b"\0", 1)[0]
    if header[257:263] == b"ustar\0" and (prefix := header[345:500].split(b"\0", 1)[0]):
        return prefix + b"/" + name
    return name


def _size(header: bytes, path: Path, at: int) -> int:
    """Return the size of a member after verifying the checksum of its header."""
    if len(header) == BLOCK:
        checksum = _octal(header[148:156])
        # The lower half of Adler-32 is 1 plus the sum of the bytes, modulo 65521; it runs in C.
        adler = zlib.adler32(header[156:], zlib.adler32(b" " * 8, zlib.adler32(header[:148])))
        if checksum is not None and (1 + checksum) % 65521 == adler & 0xFFFF:
            field = header[124:136]
            if field[0] == 0x80:  # GNU, for sizes of 8 GB and more
                return int.from_bytes(field[1:], "big")
            if (size := _octal(field)) is not None:
                return size
    raise _damaged(path, at, "is damaged or not a tar file", "已损坏，或不是 tar 文件")


def _octal(field: bytes) -> int | None:
    text = field.split(b"\0", 1)[0].strip()
    if not text.isdigit() or b"8" in text or b"9" in text:
        return None if text else 0
    return int(text, 8)


def _records(text: bytes, path: Path, at: int) -> dict[bytes, bytes]:
    """Parse the records of an extended header, each `LENGTH KEY=VALUE` and a newline."""
    records = {}
    while text.strip(b"\0"):
        digits, space, _ = text[:24].partition(b" ")
        length = int(digits) if digits.isdigit() else 0
        key, equals, value = text[len(digits) + 1 : length - 1].partition(b"=")
        if not space or not equals or text[length - 1 : length] != b"\n":
            raise _damaged(path, at, "has a damaged extended header", "扩展头部已损坏")
        records[key] = value
        text = text[length:]
    return records


def _decimal(text: bytes | None, path: Path, at: int) -> int | None:
    if text is None:
        return None
    if not text.isdigit() or len(text) > 20:
        raise _damaged(path, at, "has a damaged extended header", "扩展头部已损坏")
    return int(text)


def _sparse_map_blocks(file: BinaryIO, header: bytes, offset: int) -> int:
    """Return how many blocks of a GNU sparse member's hole map lie between header and data."""
    more, blocks = header[482:483], 0
    while more not in (b"\0", b""):
        file.seek(offset + blocks * BLOCK)
        more = file.read(BLOCK)[504:505]
        blocks += 1
    return blocks


def _refuse_compressed(start: bytes, path: Path) -> None:
    for magic, program in _COMPRESSED:
        if start.startswith(magic):
            raise DataError(
                tr(
                    f"{path} is compressed, so that its photos cannot be read in random order: "
                    f"unpack it with `{program}`.",
                    f"{path} 是压缩的，无法直接取出其中的照片：请先用 `{program}` 解压。",
                )
            )


def _damaged(path: Path, at: int, problem: str, problem_zh: str) -> UserError:
    return DataError(
        tr(
            f"{path} {problem} (byte {at}): copy or pack it again.",
            f"{path} {problem_zh}（字节 {at}）：请重新复制或打包。",
        )
    )
