"""Special headers, made by hand, are read the same way as by Python's tarfile."""

from __future__ import annotations

import io
import tarfile
from pathlib import Path

import pytest

from mineral_recog.data.tar_headers import MAX_EXTENDED_BYTES, Member, read_members
from mineral_recog.errors import UserError
from tests.tars import tar_header

LAST = tar_header("b.jpg", 2) + b"yz".ljust(512, b"\0") + bytes(1024)


def read(path: Path) -> list[Member]:
    with path.open("rb") as file:
        return list(read_members(file, path))


def by_tarfile(path: Path) -> list[Member]:
    """Return the regular files only."""
    with tarfile.open(path) as tar:
        return [Member(f.name, "file", f.offset_data, f.size) for f in tar if f.type == b"0"]


def sparse(size: int, more: bool) -> bytes:
    """Return the header of GNU tar for a file with one hole and 512 bytes, or with more holes."""
    block = bytearray(tar_header("holes.jpg", size, b"S"))
    block[386:410] = b"%011o\0%011o\0" % (0, 512)
    block[482:495] = b"%c%011o\0" % (more, 512)
    block[148:156] = b" " * 8
    block[148:156] = b"%06o\0 " % sum(block)
    return bytes(block)


def test_extended_header_gives_the_size(tmp_path: Path) -> None:
    # As for files of 8 GB and more, whose size does not fit into the plain header.
    extended = tar_header("p", 12, b"x") + b"12 size=600\n".ljust(512, b"\0")
    path = tmp_path / "a.tar"
    path.write_bytes(extended + tar_header("a.jpg", 0) + b"x" * 600 + bytes(424) + LAST)
    assert read(path) == by_tarfile(path)
    assert read(path) == [("a.jpg", "file", 1536, 600), ("b.jpg", "file", 3072, 2)]


@pytest.mark.parametrize("blocks", [0, 1, 3])
def test_member_after_a_file_with_many_holes_is_found(tmp_path: Path, blocks: int) -> None:
    # The rest of the hole map is between header and data, in blocks of 21 holes.
    holes = 21 * (b"%011o\0%011o\0" % (512, 0))
    maps = [(holes + bytes([left > 0])).ljust(512, b"\0") for left in range(blocks)[::-1]]
    path = tmp_path / "a.tar"
    path.write_bytes(b"".join((sparse(512, blocks > 0), *maps, b"x" * 512, LAST)))
    first, last = read(path)
    assert (first.name, first.kind) == ("holes.jpg", "sparse")
    assert [last] == by_tarfile(path) == [("b.jpg", "file", 1536 + 512 * blocks, 2)]


def test_truncated_hole_map_ends_the_file(tmp_path: Path) -> None:
    (tmp_path / "a.tar").write_bytes(sparse(0, more=True) + b"\1" * 600)
    assert [member.kind for member in read(tmp_path / "a.tar")] == ["sparse"]


@pytest.mark.parametrize("tar_format", [tarfile.GNU_FORMAT, tarfile.PAX_FORMAT])
def test_headers_that_do_not_describe_a_file_are_skipped(tmp_path: Path, tar_format: int) -> None:
    link_info, photo = tarfile.TarInfo("far"), tarfile.TarInfo("a.jpg")
    link_info.type, link_info.linkname, photo.size = tarfile.SYMTYPE, "x" * 300, 1
    path = tmp_path / "a.tar"
    with tarfile.open(path, "w", format=tar_format, pax_headers={"comment": "global"}) as tar:
        tar.addfile(link_info)
        tar.addfile(photo, io.BytesIO(b"x"))
    link, *files = read(path)
    assert (link.name, link.kind) == ("far", "link")
    assert files == by_tarfile(path)
    assert len(files) == 1


def test_extended_header_above_a_megabyte_is_not_read(tmp_path: Path) -> None:
    path = tmp_path / "a.tar"
    for size in (MAX_EXTENDED_BYTES, MAX_EXTENDED_BYTES + 1):
        padding = bytes(-(-size // 512) * 512 - 4)
        path.write_bytes(tar_header("././@LongLink", size, b"L") + b"name" + padding + LAST)
        if size == MAX_EXTENDED_BYTES:
            assert [member.name for member in read(path)] == ["name"]
    with pytest.raises(UserError, match=r"has a header that is too large \(byte 0\)"):
        read(path)
