"""Lists the files in a tar file, and refuses what cannot be trusted in it.

Python's tarfile reads the headers. It would take an unreadable header for the end of the archive,
and a header may ask it to read or skip any number of bytes; both are checked here.
"""

from __future__ import annotations

import io
import os
import re
import tarfile
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, BinaryIO, NamedTuple

from mineral_recog.data.system_files import count_system_parts
from mineral_recog.errors import DataError, reason_of
from mineral_recog.files import open_regular
from mineral_recog.i18n import tr
from mineral_recog.text import parse_json

MAX_HEADER_BYTES = 2**20  # names of 4 KB are the longest that systems have
MAX_PHOTO_BYTES = 2**30
MAX_LABEL_BYTES, MAX_JSON_BYTES = 200, 2**16  # of a member that says the class of a photo
_CONTROL = re.compile(r"[\x00-\x1f\x7f]")
_ELSEWHERE = re.compile(r"(?:^|/)\.{0,2}(?:/|$)")  # "", "." or ".." as a part of a name
# A hidden file, or one in a hidden folder, like the files that macOS adds.
_HIDDEN = re.compile(r"(?:^|/)\.(?!\.?(?:/|$))")
_COMPRESSED = (
    (b"\x1f\x8b", "gunzip"), (b"BZh", "bunzip2"), (b"\xfd7zXZ\0", "unxz"),
    (b"\x28\xb5\x2f\xfd", "unzstd"), (b"PK\x03\x04", "unzip"),
)  # fmt: skip


class Member(NamedTuple):
    """A file in a tar file: which tar file, where its bytes start, how many there are."""

    tar: Path
    offset: int
    size: int

    def read(self) -> bytes:
        """Read the bytes of the member.

        Raises:
            OSError: The tar file cannot be read, or the member is too large for a photo.
        """
        if self.size > MAX_PHOTO_BYTES:
            raise OSError(tr("larger than 1 GB", "大于 1 GB"))
        with self.tar.open("rb") as file:
            file.seek(self.offset)
            return file.read(self.size)


@dataclass
class TarContents:
    """The usable files of one tar file.

    Attributes:
        members: By name, as written but for a leading `./`; of two with one name, the later.
        labels: What `.cls`, `.txt` and `.json` members say, by name; "" if nothing.
        left_out: Members that are no plain files, or have unusable names, with the reason.
        system_files: Number of members that systems made, by the name of the file or folder.
    """

    members: dict[str, Member] = field(default_factory=dict)
    labels: dict[str, str] = field(default_factory=dict)
    left_out: list[tuple[str, str]] = field(default_factory=list)
    system_files: Counter[str] = field(default_factory=Counter)


class _HeaderFile(io.RawIOBase):
    """A tar file of which only headers may be read, so that no header can fill the memory."""

    def __init__(self, file: BinaryIO) -> None:
        self.file = file

    def read(self, size: int = -1) -> bytes:
        if not 0 <= size <= MAX_HEADER_BYTES + tarfile.BLOCKSIZE:
            raise tarfile.ReadError(tr("a header is too large", "文件头过大"))
        return self.file.read(size)

    def seek(self, offset: int, whence: int = os.SEEK_SET) -> int:
        return self.file.seek(offset, whence)

    def tell(self) -> int:
        return self.file.tell()


def read_tar(path: Path) -> TarContents:
    """List the files of a tar file by its headers, and read the labels among them.

    Raises:
        DataError: The file is compressed, damaged, cut short or no tar file.
        OSError: The file cannot be reached.
    """
    contents = TarContents()
    with open_regular(path) as file:
        _refuse_compressed(file.read(8), path)
        try:
            for info in _plain_infos(file):
                name = info.name.removeprefix("./")
                if info.isdir():
                    continue
                if count_system_parts(name.split("/"), contents.system_files):
                    continue
                if _HIDDEN.search(name):
                    continue
                usable = len(name) <= 4096 and not _ELSEWHERE.search(name)
                kind = _kind(info) if usable and not _CONTROL.search(name) else "name"
                if kind == "file":
                    member = Member(path, info.offset_data, info.size)
                    contents.members.pop(name, None)
                    contents.members[name] = member
                    contents.labels[name] = _label(name, member)
                else:
                    contents.left_out.append((name, kind))
        except (tarfile.TarError, ValueError, OverflowError) as error:
            raise DataError(
                tr(
                    f"{path} is damaged, or no tar file ({reason_of(error)}): write it again.",
                    f"{path} 已损坏，或不是 tar 文件（{reason_of(error)}）：请重新生成。",
                )
            ) from None
    return contents


def _plain_infos(file: BinaryIO) -> Iterator[tarfile.TarInfo]:
    """Yield the members of a tar file; every header is checked, up to the end of the archive."""
    length = file.seek(0, os.SEEK_END)
    file.seek(0)
    headers: Any = _HeaderFile(file)
    with tarfile.open(fileobj=headers, mode="r:", errors="surrogateescape") as tar:
        while (info := tar.next()) is not None:
            # Checked before the next header is looked for: tarfile would go back or on for ever.
            if info.size < 0 or info.offset_data + info.size > length:
                raise tarfile.ReadError(
                    tr(
                        f"ends within a member (byte {info.offset})",
                        f"在一个成员中途结束（第 {info.offset} 字节）",
                    )
                )
            yield info
            tar.members = []  # type: ignore[attr-defined]  # or they fill the memory
        file.seek(tar.offset)
        # tarfile takes an unreadable header after the first for the end of the archive.
        if any(file.read(tarfile.BLOCKSIZE)):
            raise tarfile.ReadError(
                tr(
                    f"has an unreadable header (byte {tar.offset})",
                    f"文件头无法读取（第 {tar.offset} 字节）",
                )
            )


def _refuse_compressed(start: bytes, path: Path) -> None:
    for magic, program in _COMPRESSED:
        if start.startswith(magic):
            raise DataError(
                tr(
                    f"{path} is compressed: unpack it first, for example with {program}.",
                    f"{path} 是压缩文件：请先解压，例如用 {program}。",
                )
            )


def _kind(info: tarfile.TarInfo) -> str:
    """Return what a member is: `file`, `link`, `device`, `pipe`, `sparse` or `other`."""
    kinds = {
        "sparse": info.issparse(),
        "file": info.isreg(),
        "link": info.issym() or info.islnk(),
        "pipe": info.isfifo(),
        "device": info.isdev(),
    }
    return next((kind for kind, applies in kinds.items() if applies), "other")


def _label(name: str, member: Member) -> str:
    """Return what a member says about the photo of its sample; "" if nothing usable."""
    text = ""
    if name.endswith((".cls", ".txt")) and member.size <= MAX_LABEL_BYTES:
        text = member.read().decode("utf-8", "replace").strip()
    elif name.endswith(".json") and member.size <= MAX_JSON_BYTES:
        text = _label_in_json(member.read()).strip()
    return "" if _CONTROL.search(text) or len(text) > MAX_LABEL_BYTES else text


def _label_in_json(text: bytes) -> str:
    try:
        content = parse_json(text)
    except ValueError:
        return ""
    if isinstance(content, dict):
        for key in ("label_name", "class_name", "class", "label"):
            value = content.get(key)
            if isinstance(value, str | int) and not isinstance(value, bool):
                return str(value)
    return ""
