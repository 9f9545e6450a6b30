"""The members of a tar file from its headers alone, faster than Python's tarfile by far.

POSIX.1-1988 (ustar), POSIX.1-2001 (pax) and GNU headers: blocks of 512 bytes. Only what a shard
needs is read: name, kind and size. Whatever a header says is checked before it is believed.
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
LONGEST = 2**20  # bytes of an extended header; names of 4 KB are the longest that systems have
_COMPRESSED = (
    (b"\x1f\x8b", "gunzip"), (b"BZh", "bunzip2"), (b"\xfd7zXZ\0", "unxz"),
    (b"\x28\xb5\x2f\xfd", "unzstd"), (b"PK\x03\x04", "unzip"),
)  # fmt: skip
_END = bytes(BLOCK)
_EXTENDED = (b"L", b"K", b"x", b"g", b"X")  # GNU long name and link; pax; Solaris' pax
_FILES = (b"0", b"\0", b"7")  # a plain file, in the words of three times
_KINDS = {
    b"1": "link", b"2": "link", b"3": "device", b"4": "device", b"5": "folder", b"6": "pipe",
    b"S": "sparse",
}  # fmt: skip


class Member(NamedTuple):
    """A member of a tar file.

    Attributes:
        name: as written; bytes that are no UTF-8 as surrogates.
        kind: `file`, `folder`, `link`, `device`, `pipe`, `sparse` or `other`.
        offset: of its first byte in the tar file.
        size: in bytes, all of them inside the tar file.
    """

    name: str
    kind: str
    offset: int
    size: int


def read_members(file: BinaryIO, path: Path) -> Iterator[Member]:
    """Go through the headers of a tar file; the bytes between them are not read.

    Args:
        file: the tar file, buffered and seekable. What reads it between two members may move it.
        path: its name, for messages.

    Raises:
        UserError: it is compressed, no tar file, damaged, or ends within a member.
    """
    length = file.seek(0, 2)
    at, extended = 0, _Extended()
    while at < length:
        file.seek(at)
        header = file.read(BLOCK)
        if header == _END:
            break  # what comes after it is filling
        if at == 0:
            _refuse_compressed(header, path)
        size, kind = _size(header, path, at), header[156:157]
        if kind not in _EXTENDED and extended.size is not None:
            size = extended.size
        offset, at = at + BLOCK, at + BLOCK + -(-size // BLOCK) * BLOCK
        if offset + size > length:
            raise _damaged(path, offset - BLOCK, "ends within a member", "在成员中间中断")
        if kind in _EXTENDED:
            extended.take(kind, file, size, path, offset)
            continue
        if kind == b"S":
            at += BLOCK * _blocks_of_map(file, header, offset)
        name = extended.name or _name(header)
        yield Member(
            name.decode("utf-8", "surrogateescape"),
            "sparse" if extended.sparse else _kind(kind, name),
            offset,
            size,
        )
        extended = _Extended()
    if at == 0:
        raise _damaged(path, 0, "is no tar file, or an empty one", "不是 tar 文件，或是空的")


@dataclass
class _Extended:
    """What headers before a member's own say of it."""

    name: bytes = b""
    size: int | None = None
    sparse: bool = False

    def take(self, kind: bytes, file: BinaryIO, size: int, path: Path, offset: int) -> None:
        if size > LONGEST:
            raise _damaged(path, offset - BLOCK, "has a header too large", "头部过大")
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
    return "folder" if name.endswith(b"/") else "file"  # as before there was a kind for folders


def _name(header: bytes) -> bytes:
    name = header[:100].split(b"\0", 1)[0]
    if header[257:263] == b"ustar\0" and (prefix := header[345:500].split(b"\0", 1)[0]):
        return prefix + b"/" + name
    return name


def _size(header: bytes, path: Path, at: int) -> int:
    """Size of a member from a header whose checksum is right."""
    if len(header) == BLOCK:
        written = _octal(header[148:156])
        # Adler-32 holds one and the sum of the bytes, modulo 65521, and is worked out in C.
        told = zlib.adler32(header[156:], zlib.adler32(b" " * 8, zlib.adler32(header[:148])))
        if written is not None and (1 + written) % 65521 == told & 0xFFFF:
            field = header[124:136]
            if field[0] == 0x80:  # GNU, for sizes from 8 GB on
                return int.from_bytes(field[1:], "big")
            if (size := _octal(field)) is not None:
                return size
    raise _damaged(path, at, "is no tar file, or damaged", "不是 tar 文件，或已损坏")


def _octal(field: bytes) -> int | None:
    text = field.split(b"\0", 1)[0].strip()
    if not text.isdigit() or b"8" in text or b"9" in text:
        return None if text else 0
    return int(text, 8)


def _records(text: bytes, path: Path, at: int) -> dict[bytes, bytes]:
    """The records of an extended header, each `LENGTH KEY=VALUE` and an end of line."""
    found = {}
    while text.strip(b"\0"):
        digits, space, _ = text[:24].partition(b" ")
        length = int(digits) if digits.isdigit() else 0
        key, equals, value = text[len(digits) + 1 : length - 1].partition(b"=")
        if not space or not equals or text[length - 1 : length] != b"\n":
            raise _damaged(path, at, "has a damaged extended header", "扩展头部已损坏")
        found[key] = value
        text = text[length:]
    return found


def _decimal(text: bytes | None, path: Path, at: int) -> int | None:
    if text is None:
        return None
    if not text.isdigit() or len(text) > 20:
        raise _damaged(path, at, "has a damaged extended header", "扩展头部已损坏")
    return int(text)


def _blocks_of_map(file: BinaryIO, header: bytes, offset: int) -> int:
    """Blocks between the header of a GNU sparse member and its bytes, for a long map of holes."""
    more, blocks = header[482:483], 0
    while more not in (b"\0", b""):
        file.seek(offset + blocks * BLOCK)
        more = file.read(BLOCK)[504:505]
        blocks += 1
    return blocks


def _refuse_compressed(start: bytes, path: Path) -> None:
    for sign, program in _COMPRESSED:
        if start.startswith(sign):
            raise DataError(
                tr(
                    f"{path} is compressed, so that no photo in it can be found without unpacking "
                    f"all before it: unpack it with `{program}`.",
                    f"{path} 是压缩的，无法直接取出其中的照片：请先用 `{program}` 解压。",
                )
            )


def _damaged(path: Path, at: int, what: str, what_zh: str) -> UserError:
    return DataError(
        tr(
            f"{path} {what} (byte {at}): copy or pack it again.",
            f"{path} {what_zh}（字节 {at}）：请重新复制或打包。",
        )
    )
