"""Headers that plain files do without, made by hand and read as Python's tarfile reads them."""

from __future__ import annotations

import io
import tarfile
from pathlib import Path

import pytest

from mineral_recog.data.tar_headers import LONGEST, Member, read_members
from mineral_recog.errors import UserError
from tests.tars import header

LAST = header("b.jpg", 2) + b"yz".ljust(512, b"\0") + bytes(1024)


def read(path: Path) -> list[Member]:
    with path.open("rb") as file:
        return list(read_members(file, path))


def by_tarfile(path: Path) -> list[Member]:
    """The plain files alone."""
    with tarfile.open(path) as tar:
        return [Member(f.name, "file", f.offset_data, f.size) for f in tar if f.type == b"0"]


def sparse(size: int, more: bool) -> bytes:
    """The header of a file of one hole and 512 bytes, or of more holes, as GNU tar writes it."""
    block = bytearray(header("holes.jpg", size, b"S"))
    block[386:410] = b"%011o\0%011o\0" % (0, 512)
    block[482:495] = b"%c%011o\0" % (more, 512)
    block[148:156] = b" " * 8
    block[148:156] = b"%06o\0 " % sum(block)
    return bytes(block)


def test_an_extended_header_gives_the_size(tmp_path: Path) -> None:
    # As for files of 8 GB and more, whose size the plain header has no room for.
    told = header("p", 12, b"x") + b"12 size=600\n".ljust(512, b"\0")
    path = tmp_path / "a.tar"
    path.write_bytes(told + header("a.jpg", 0) + b"x" * 600 + bytes(424) + LAST)
    assert read(path) == by_tarfile(path)
    assert read(path) == [("a.jpg", "file", 1536, 600), ("b.jpg", "file", 3072, 2)]


@pytest.mark.parametrize("blocks", [0, 1, 3])
def test_what_follows_a_file_of_many_holes_is_found(tmp_path: Path, blocks: int) -> None:
    # More of the map of holes comes in blocks of 21 between the header and the bytes.
    holes = 21 * (b"%011o\0%011o\0" % (512, 0))
    maps = [(holes + bytes([left > 0])).ljust(512, b"\0") for left in range(blocks)[::-1]]
    path = tmp_path / "a.tar"
    path.write_bytes(b"".join((sparse(512, blocks > 0), *maps, b"x" * 512, LAST)))
    first, last = read(path)
    assert (first.name, first.kind) == ("holes.jpg", "sparse")
    assert [last] == by_tarfile(path) == [("b.jpg", "file", 1536 + 512 * blocks, 2)]


def test_a_map_of_holes_that_is_cut_short_ends_the_file(tmp_path: Path) -> None:
    (tmp_path / "a.tar").write_bytes(sparse(0, more=True) + b"\1" * 600)
    assert [one.kind for one in read(tmp_path / "a.tar")] == ["sparse"]


@pytest.mark.parametrize("kind", [tarfile.GNU_FORMAT, tarfile.PAX_FORMAT])
def test_headers_that_say_nothing_of_a_file_are_passed_over(tmp_path: Path, kind: int) -> None:
    far, photo = tarfile.TarInfo("far"), tarfile.TarInfo("a.jpg")
    far.type, far.linkname, photo.size = tarfile.SYMTYPE, "x" * 300, 1
    path = tmp_path / "a.tar"
    with tarfile.open(path, "w", format=kind, pax_headers={"comment": "of all"}) as tar:
        tar.addfile(far)
        tar.addfile(photo, io.BytesIO(b"x"))
    link, *files = read(path)
    assert (link.name, link.kind) == ("far", "link")
    assert files == by_tarfile(path)
    assert len(files) == 1


def test_an_extended_header_is_not_read_beyond_a_megabyte(tmp_path: Path) -> None:
    path = tmp_path / "a.tar"
    for size in (LONGEST, LONGEST + 1):
        filling = bytes(-(-size // 512) * 512 - 4)
        path.write_bytes(header("././@LongLink", size, b"L") + b"name" + filling + LAST)
        if size == LONGEST:
            assert [one.name for one in read(path)] == ["name"]
    with pytest.raises(UserError, match=r"a header too large \(byte 0\)"):
        read(path)
