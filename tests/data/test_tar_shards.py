"""Tar files of every format are read by random access, and wrong values in them are rejected."""

from __future__ import annotations

import gzip
import io
import multiprocessing
import os
import tarfile
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from safetensors.numpy import load_file, save_file

from mineral_recog.data import tar_shards
from mineral_recog.data.tar_shards import (
    PackedStrings,
    Shard,
    TarMembers,
    index_path,
    read_shards,
    write_index,
)
from mineral_recog.errors import UserError
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


def read(path: Path) -> Shard:
    return read_shards([path])[0]


def members(shard: Shard) -> TarMembers:
    shard_indices = np.zeros(len(shard.names), dtype=np.int32)
    return TarMembers((shard.path,), shard_indices, shard.offsets, shard.sizes)


def contents(shard: Shard) -> dict[str, bytes]:
    files = {}
    for index, name in enumerate(shard.names):
        with members(shard).open(index) as file:
            files[name] = file.read()
    return files


@pytest.mark.parametrize("tar_format", FORMATS)
def test_every_format_is_read(tmp_path: Path, tar_format: int) -> None:
    shard = read(write_tar(tmp_path / "a.tar", CONTENTS, tar_format))
    assert contents(shard) == CONTENTS
    assert list(shard.labels) == ["3", "", "", "7", "", "", ""]


NAME = st.characters(codec="utf-8", min_codepoint=32, exclude_characters="./\x7f")


@settings(max_examples=30)
@given(
    st.dictionaries(st.text(NAME, min_size=1, max_size=60), st.binary(max_size=1100), min_size=1),
    st.sampled_from(FORMATS[1:]),
)
def test_files_of_pythons_tarfile_are_read(
    tmp_path_factory: pytest.TempPathFactory, files: dict[str, bytes], tar_format: int
) -> None:
    path = write_tar(tmp_path_factory.mktemp("tar") / "a.tar", files, tar_format)
    assert contents(read(path)) == files


def test_only_files_with_safe_paths_are_listed(tmp_path: Path) -> None:
    with tarfile.open(tmp_path / "a.tar", "w") as tar:
        for name in ("./good.jpg", "../up.jpg", "a/../../up.jpg", "/etc/x.jpg", "a//b.jpg",
                     "line\nend.jpg", "._good.jpg", ".git/x.jpg"):  # fmt: skip
            tar.addfile(tarfile.TarInfo(name))
        for kind in (tarfile.SYMTYPE, tarfile.LNKTYPE, tarfile.CHRTYPE, tarfile.FIFOTYPE,
                     tarfile.DIRTYPE):  # fmt: skip
            info = tarfile.TarInfo(f"kind{kind.decode()}")
            info.type, info.linkname = kind, "/etc/passwd"
            tar.addfile(info)
    shard = read(tmp_path / "a.tar")
    assert list(shard.names) == ["good.jpg"]
    assert shard.left_out == (
        ("../up.jpg", "name"), ("a/../../up.jpg", "name"), ("/etc/x.jpg", "name"),
        ("a//b.jpg", "name"), ("line\nend.jpg", "name"), ("kind2", "link"), ("kind1", "link"),
        ("kind3", "device"), ("kind6", "pipe"),
    )  # fmt: skip


def broken(field: slice, value: bytes, size: int = 5) -> bytes:
    """Return a header with another value in a field, and a correct checksum."""
    block = bytearray(tar_header("a.jpg", size))
    block[field] = value.ljust(field.stop - field.start, b"\0")
    block[148:156] = b" " * 8
    block[148:156] = b"%06o\0 " % sum(block)
    return bytes(block) + bytes(1024)


SIZE = slice(124, 136)


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"", "not a tar file"),
        (b"hello" * 300, "not a tar file"),
        (tar_header("a.jpg", 5)[:300], "not a tar file"),
        (tar_header("a.jpg", 600) + bytes(512), r"ends within a member \(byte 0\)"),
        (tar_header("a.jpg", 100 * 2**30) + bytes(2048), "ends within a member"),
        (tar_header("x", 0) + tar_header("a.jpg", 2**63), r"ends within a member \(byte 512\)"),
        (tar_header("a.jpg", 5).replace(b"ustar", b"USTAR"), "damaged"),
        (broken(SIZE, b"-0000000005"), "damaged"),
        (broken(SIZE, b"99999999999"), "damaged"),
        (broken(SIZE, b"\xff" * 12), "damaged"),
        (tar_header("././@PaxHeader", 2**30, b"x") + bytes(4096), "ends within a member"),
        (tar_header("p", 9, b"x") + b"nonsense\n".ljust(512, b"\0"), "extended header"),
        (tar_header("p", 9, b"x") + b"0 path=a\n".ljust(512, b"\0"), "extended header"),
        (tar_header("p", 12, b"x") + b"12 size=-10\n".ljust(512, b"\0"), "extended header"),
        (tar_header("p", 30, b"x") + b"30 size=1000000000000000000000\n".ljust(512, b"\0"),
         "extended header"),
        (gzip.compress(tar_header("a.jpg", 0) * 20), "compressed.*gunzip"),
    ],
)  # fmt: skip
def test_damage_is_reported(tmp_path: Path, content: bytes, message: str) -> None:
    (tmp_path / "a.tar").write_bytes(content)
    with pytest.raises(UserError, match=message) as error:
        read(tmp_path / "a.tar")
    assert str(tmp_path / "a.tar") in str(error.value)


@settings(max_examples=150)
@given(st.integers(0, 6 * 512 - 1), st.binary(min_size=1, max_size=40))
def test_damage_anywhere_does_not_break_the_reader(
    tmp_path_factory: pytest.TempPathFactory, at: int, damage: bytes
) -> None:
    path = tmp_path_factory.mktemp("tar") / "a.tar"
    write_tar(path, {"a" * 120: b"x", "b.cls": b"1"}, tarfile.PAX_FORMAT)
    content = bytearray(path.read_bytes())
    content[at : at + len(damage)] = damage
    path.write_bytes(content)
    try:
        shard = read(path)
    except UserError:
        return
    assert all(0 <= offset <= len(content) for offset in shard.offsets + shard.sizes)


def test_member_of_100_gb_is_not_read_into_memory(tmp_path: Path) -> None:
    path, size = tmp_path / "a.tar", 100 * 2**30
    with path.open("wb") as file:
        file.write(tar_header("large.jpg", size))
        try:
            file.truncate(512 + size)  # a hole, which takes no disk space
        except OSError:
            pytest.skip("no sparse files here")
        file.seek(512 + size)
        file.write(tar_header("small.jpg", 2) + b"ab".ljust(512, b"\0"))
    shard = read(path)
    assert shard.sizes.tolist() == [size, 2]
    with members(shard).open(0) as file:
        assert file.seek(-3, os.SEEK_END) == size - 3
        assert file.read() == b"\0\0\0"
    with members(shard).open(1) as file:
        assert file.read() == b"ab"


def test_member_can_be_read_as_a_file(tmp_path: Path) -> None:
    shard = read(write_tar(tmp_path / "a.tar", {"a": b"0123456789", "b": b"after"}))
    with members(shard).open(0) as file:
        assert file.read(3) == b"012"
        assert (file.seek(2, os.SEEK_CUR), file.tell()) == (5, 5)
        assert file.read() == b"56789"
        assert file.read(1) == b""
        assert file.seek(20) == 20
        assert file.read() == b""
        with pytest.raises(OSError, match="before the start"):
            file.seek(-11, os.SEEK_END)


def _sum(photos: TarMembers, index: int) -> int:
    with photos.open(index) as file:
        return sum(file.read())


def test_threads_and_forked_processes_can_read_in_parallel(tmp_path: Path) -> None:
    files = {f"{n}.jpg": bytes([n]) * (300 * n) for n in range(100)}
    photos = members(read(write_tar(tmp_path / "a.tar", files)))
    expected = [sum(content) for content in files.values()]
    order = np.random.default_rng(0).permutation(100).tolist()
    with photos.open(5), ThreadPoolExecutor(4) as pool:
        sums = list(pool.map(lambda index: _sum(photos, index), order))
    assert sums == [expected[index] for index in order]
    method = "fork" if "fork" in multiprocessing.get_all_start_methods() else "spawn"
    with multiprocessing.get_context(method).Pool(2) as workers:
        assert workers.starmap(_sum, [(photos, index) for index in range(100)], 5) == expected
        workers.close()  # a kill would wait forever while coverage writes its data
        workers.join()


def test_index_is_used_until_the_shard_changes(tmp_path: Path) -> None:
    path = write_tar(tmp_path / "a.tar", CONTENTS)
    read(path)
    assert not index_path(path).exists()  # reading does not write
    write_index(read(path))
    tensors = load_file(index_path(path))
    tensors["names"][0] = ord("9")  # shows whether the index or the headers were read
    save_file(tensors, index_path(path))
    shard = read(path)
    assert shard.names[0] == "9.cls"
    assert list(contents(shard).values()) == list(CONTENTS.values())
    assert list(shard.labels) == ["3", "", "", "7", "", "", ""]
    stat = path.stat()
    os.utime(path, ns=(stat.st_atime_ns, stat.st_mtime_ns + 1))
    assert read(path).names[0] == "0.cls"


@pytest.mark.parametrize(
    "wrong",
    [
        {"offsets": np.array([0, 10**9])},
        {"offsets": np.array([-1, 0])},
        {"sizes": np.array([2**62, 2**62])},
        {"sizes": np.array([1])},
        {"sizes": np.array([1.0, 1.0])},
        {"name_ends": np.array([9, 2])},
        {"name_ends": np.array([1, 10**6])},
        {"stamp": np.array([0, 0])},
        {"offsets": np.array([[0, 0]]), "sizes": np.array([[1, 1]])},
        {"names": np.frombuffer(b"a\njpgb.jpg", np.uint8), "name_ends": np.array([5, 10])},
    ],
)
def test_inconsistent_index_is_not_used(tmp_path: Path, wrong: dict[str, np.ndarray]) -> None:
    path = write_tar(tmp_path / "a.tar", {"a.jpg": b"1", "b.jpg": b"22"})
    write_index(read(path))
    save_file({**load_file(index_path(path)), **wrong}, index_path(path))
    assert contents(read(path)) == {"a.jpg": b"1", "b.jpg": b"22"}
    index_path(path).write_bytes(b"{}")
    assert contents(read(path)) == {"a.jpg": b"1", "b.jpg": b"22"}


def test_index_too_large_for_its_shard_is_not_used(tmp_path: Path) -> None:
    path = write_tar(tmp_path / "a.tar", {"a.jpg": b"1"})
    write_index(read(path))
    changed = load_file(index_path(path))
    changed["names"][0] = ord("z")  # shows whether the index or the headers were read
    padded = {**changed, "more": np.zeros(path.stat().st_size + 2**16, np.uint8)}
    for tensors, name in ((changed, "z.jpg"), (padded, "a.jpg")):
        save_file(tensors, index_path(path))
        assert list(read(path).names) == [name]


def test_shards_with_and_without_index_are_read_together(tmp_path: Path) -> None:
    paths = [write_tar(tmp_path / f"{n}.tar", {f"{n}.jpg": b"x" * n}) for n in range(3)]
    write_index(read(paths[1]))
    shards = read_shards(paths)
    assert [(shard.path, *shard.names) for shard in shards] == [
        (path, f"{n}.jpg") for n, path in enumerate(paths)
    ]


def test_only_the_first_members_left_out_are_recorded(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(tar_shards, "_MAX_LEFT_OUT", 2)
    unsafe = {f"../{n}.jpg": b"" for n in range(3)}
    shard = read(write_tar(tmp_path / "a.tar", {**unsafe, "good.jpg": b"x"}))
    assert shard.left_out == (("../0.jpg", "name"), ("../1.jpg", "name"))
    assert list(shard.names) == ["good.jpg"]


@pytest.mark.parametrize("text", [b"[1]", b"{}", b'{"label": true}', b'{"class": [1]}', b"{"])
def test_json_without_a_class_gives_no_label(tmp_path: Path, text: bytes) -> None:
    assert list(read(write_tar(tmp_path / "a.tar", {"a.json": text})).labels) == [""]


def test_member_can_be_closed_twice(tmp_path: Path) -> None:
    opened = members(read(write_tar(tmp_path / "a.tar", {"a": b"x"}))).open(0)
    assert isinstance(opened, io.BufferedReader)
    for _ in range(2):
        opened.raw.close()
    opened.close()
    assert opened.closed


def test_packed_strings_are_unchanged() -> None:
    strings = ("", "abc", "水晶", "\udc80", "")
    packed = PackedStrings.from_strings(strings)
    assert tuple(packed) == strings == packed[:]
    assert (packed[-2], packed[2], len(packed)) == ("\udc80", "水晶", 5)
    with pytest.raises(IndexError):
        packed[5]
