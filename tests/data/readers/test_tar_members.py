"""Tar files by their headers: every dialect is read, and no false header is believed."""

from __future__ import annotations

import gzip
import tarfile
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mineral_recog.data.readers import tar_members
from mineral_recog.data.readers.tar_members import MAX_HEADER_BYTES, TarContents, read_tar
from mineral_recog.data.system_files import is_system_name
from mineral_recog.errors import DataError
from tests.tars import tar_header, write_tar

FORMATS = (tarfile.USTAR_FORMAT, tarfile.GNU_FORMAT, tarfile.PAX_FORMAT)
CONTENTS = {
    "0.cls": b"3\n",
    "0.jpg": b"x" * 700,
    "empty.png": b"",
    "a/1.json": b'{"label": 7, "caption": "..."}',
    "a/1.jpg": b"y" * 512,
    f"{'deep/' * 25}1.png": b"z",  # 130 characters: a prefix, a long name, a pax header
    "水晶/é.png": b"w" * 513,
}
LAST = tar_header("b.jpg", 2) + b"yz".ljust(512, b"\0") + bytes(1024)


def read_contents(tar: TarContents) -> dict[str, bytes]:
    return {name: member.read() for name, member in tar.members.items()}


@pytest.mark.parametrize("kind", FORMATS)
def test_every_dialect_is_read(tmp_path: Path, kind: int) -> None:
    tar = read_tar(write_tar(tmp_path / "a.tar", CONTENTS, kind))
    assert read_contents(tar) == CONTENTS
    assert {name: label for name, label in tar.labels.items() if label} == {
        "0.cls": "3",
        "a/1.json": "7",
    }


NAME = st.characters(codec="utf-8", min_codepoint=32, exclude_characters="./\x7f")


NAMES = st.text(NAME, min_size=1, max_size=60).filter(lambda name: not is_system_name(name))


@settings(max_examples=30)
@given(
    st.dictionaries(NAMES, st.binary(max_size=1100), min_size=1),
    st.sampled_from(FORMATS[1:]),
)
def test_files_written_by_tarfile_are_read(
    tmp_path_factory: pytest.TempPathFactory, files: dict[str, bytes], kind: int
) -> None:
    path = write_tar(tmp_path_factory.mktemp("tar") / "a.tar", files, kind)
    assert read_contents(read_tar(path)) == files


def test_only_plain_files_below_the_root_are_listed(tmp_path: Path) -> None:
    with tarfile.open(tmp_path / "a.tar", "w") as tar:
        for name in ("./good.jpg", "../up.jpg", "a/../../up.jpg", "/etc/x.jpg", "a//b.jpg",
                     "line\nend.jpg", "._good.jpg", ".git/x.jpg"):  # fmt: skip
            tar.addfile(tarfile.TarInfo(name))
        for kind in (tarfile.SYMTYPE, tarfile.LNKTYPE, tarfile.CHRTYPE, tarfile.FIFOTYPE,
                     tarfile.DIRTYPE):  # fmt: skip
            info = tarfile.TarInfo(f"kind{kind.decode()}")
            info.type, info.linkname = kind, "/etc/passwd"
            tar.addfile(info)
    contents = read_tar(tmp_path / "a.tar")
    assert list(contents.members) == ["good.jpg"]
    assert contents.left_out == [
        ("../up.jpg", "name"), ("a/../../up.jpg", "name"), ("/etc/x.jpg", "name"),
        ("a//b.jpg", "name"), ("line\nend.jpg", "name"), ("kind2", "link"), ("kind1", "link"),
        ("kind3", "device"), ("kind6", "pipe"),
    ]  # fmt: skip


def test_of_two_members_with_one_name_the_later_counts(tmp_path: Path) -> None:
    path = tmp_path / "a.tar"
    path.write_bytes(
        tar_header("a.jpg", 1) + b"1".ljust(512, b"\0")
        + tar_header("a.jpg", 1) + b"2".ljust(512, b"\0") + bytes(1024)
    )  # fmt: skip
    assert read_contents(read_tar(path)) == {"a.jpg": b"2"}


def test_sparse_member_is_left_out_and_the_next_one_found(tmp_path: Path) -> None:
    block = bytearray(tar_header("holes.jpg", 512, b"S"))
    block[386:410] = b"%011o\0%011o\0" % (0, 512)
    block[483:495] = b"%011o\0" % 512
    block[148:156] = b" " * 8
    block[148:156] = b"%06o\0 " % sum(block)
    (tmp_path / "a.tar").write_bytes(bytes(block) + b"x" * 512 + LAST)
    contents = read_tar(tmp_path / "a.tar")
    assert contents.left_out == [("holes.jpg", "sparse")]
    assert read_contents(contents) == {"b.jpg": b"yz"}


def test_extended_header_gives_the_size(tmp_path: Path) -> None:
    # Files of 8 GB and more need it: the plain header has no room for their size.
    extended = tar_header("p", 12, b"x") + b"12 size=600\n".ljust(512, b"\0")
    path = tmp_path / "a.tar"
    path.write_bytes(extended + tar_header("a.jpg", 0) + b"x" * 600 + bytes(424) + LAST)
    assert read_contents(read_tar(path)) == {"a.jpg": b"x" * 600, "b.jpg": b"yz"}


def broken(field: slice, value: bytes, size: int = 5) -> bytes:
    """Return a header with another value in one field and a matching checksum."""
    block = bytearray(tar_header("a.jpg", size))
    block[field] = value.ljust(field.stop - field.start, b"\0")
    block[148:156] = b" " * 8
    block[148:156] = b"%06o\0 " % sum(block)
    return bytes(block) + bytes(1024)


SIZE = slice(124, 136)


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"", "no tar file"),
        (b"hello" * 300, "no tar file"),
        (tar_header("a.jpg", 5)[:300], "truncated header"),
        (tar_header("a.jpg", 600) + bytes(512), r"ends within a member \(byte 0\)"),
        (tar_header("a.jpg", 100 * 2**30) + bytes(2048), "ends within a member"),
        (tar_header("x", 0) + tar_header("a.jpg", 2**63), r"ends within a member \(byte 512\)"),
        (tar_header("a.jpg", 5).replace(b"ustar", b"USTAR"), "bad checksum"),
        (LAST[:1024] + tar_header("a", 0).replace(b"ustar", b"USTAR"), r"header \(byte 1024\)"),
        (broken(SIZE, b"-0000000005"), "damaged"),
        (broken(SIZE, b"99999999999"), "damaged"),
        (broken(SIZE, b"\xff" * 12), "damaged"),
        (tar_header("././@PaxHeader", 2**30, b"x") + bytes(4096), "header is too large"),
        (tar_header("p", 9, b"x") + b"nonsense\n".ljust(512, b"\0"), "damaged"),
        (tar_header("p", 9, b"x") + b"0 path=a\n".ljust(512, b"\0"), "damaged"),
        (tar_header("p", 12, b"x") + b"12 size=-10\n".ljust(512, b"\0") + LAST, "within a member"),
        (gzip.compress(tar_header("a.jpg", 0) * 20), "compressed.*gunzip"),
    ],
)  # fmt: skip
def test_damage_is_reported_in_one_line(tmp_path: Path, content: bytes, message: str) -> None:
    (tmp_path / "a.tar").write_bytes(content)
    with pytest.raises(DataError, match=message) as error:
        read_tar(tmp_path / "a.tar")
    assert str(tmp_path / "a.tar") in str(error.value)


def test_header_above_a_megabyte_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "a.tar"
    for size in (MAX_HEADER_BYTES, MAX_HEADER_BYTES + 1024):
        padding = bytes(-(-size // 512) * 512 - 4)
        path.write_bytes(tar_header("././@LongLink", size, b"L") + b"name" + padding + LAST)
        if size == MAX_HEADER_BYTES:
            assert list(read_tar(path).members) == ["name"]
    with pytest.raises(DataError, match="header is too large"):
        read_tar(path)


@settings(max_examples=150)
@given(st.integers(0, 6 * 512 - 1), st.binary(min_size=1, max_size=40))
def test_damage_anywhere_never_breaks_the_reader(
    tmp_path_factory: pytest.TempPathFactory, position: int, damage: bytes
) -> None:
    path = tmp_path_factory.mktemp("tar") / "a.tar"
    write_tar(path, {"a" * 120: b"x", "b.cls": b"1"}, tarfile.PAX_FORMAT)
    content = bytearray(path.read_bytes())
    content[position : position + len(damage)] = damage
    path.write_bytes(content)
    try:
        tar = read_tar(path)
    except DataError:
        return
    assert all(
        0 <= member.offset <= member.offset + member.size <= len(content)
        for member in tar.members.values()
    )


def test_member_of_100_gb_is_skipped_and_not_read(tmp_path: Path) -> None:
    path, size = tmp_path / "a.tar", 100 * 2**30
    with path.open("wb") as file:
        file.write(tar_header("large.jpg", size))
        try:
            file.truncate(512 + size)  # takes no space on disk
        except OSError:
            pytest.skip("no sparse files here")
        file.seek(512 + size)
        file.write(LAST)
    tar = read_tar(path)
    assert [member.size for member in tar.members.values()] == [size, 2]
    with pytest.raises(OSError, match="larger than 1 GB"):
        tar.members["large.jpg"].read()
    assert tar.members["b.jpg"].read() == b"yz"


@pytest.mark.parametrize("text", [b"[1]", b"{}", b'{"label": true}', b'{"class": [1]}', b"{"])
def test_json_without_a_class_is_no_label(tmp_path: Path, text: bytes) -> None:
    assert read_tar(write_tar(tmp_path / "a.tar", {"a.json": text})).labels == {"a.json": ""}


def test_labels_too_long_are_ignored(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tar_members, "MAX_LABEL_BYTES", 4)
    tar = read_tar(write_tar(tmp_path / "a.tar", {"a.cls": b"opal", "b.cls": b"beryl"}))
    assert tar.labels == {"a.cls": "opal", "b.cls": ""}


def test_members_that_systems_made_are_counted(tmp_path: Path) -> None:
    names = ("opal/a.jpg", "__MACOSX/opal/._a.jpg", "opal/@eaDir/a.jpg", "opal/Thumbs.db", ".x")
    contents = read_tar(write_tar(tmp_path / "a.tar", dict.fromkeys(names, b"x")))
    assert list(contents.members) == ["opal/a.jpg"]
    assert contents.system_files == {"__MACOSX": 1, "@eaDir": 1, "Thumbs.db": 1}
