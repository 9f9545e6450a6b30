"""Tar files by random access: what every dialect holds is found, and no lie in one is believed."""

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
    Members,
    Shard,
    Texts,
    index_path,
    read_shards,
    write_index,
)
from mineral_recog.errors import UserError
from tests.tars import header, write_tar

FORMATS = (tarfile.USTAR_FORMAT, tarfile.GNU_FORMAT, tarfile.PAX_FORMAT)
CONTENTS = {
    "0.cls": b"3\n",
    "0.jpg": b"x" * 700,
    "empty.png": b"",
    "a/1.json": b'{"label": 7, "caption": "..."}',
    "a/1.jpg": b"y" * 512,
    f"{'deep/' * 25}1.png": b"z",  # 130 letters: a prefix, a long name, a pax header
    "水晶/é.png": b"w" * 513,
}


def read(path: Path) -> Shard:
    return read_shards([path])[0]


def members(shard: Shard) -> Members:
    of = np.zeros(len(shard.names), dtype=np.int32)
    return Members((shard.path,), of, shard.offsets, shard.sizes)


def contents(shard: Shard) -> dict[str, bytes]:
    found = {}
    for at, name in enumerate(shard.names):
        with members(shard).open(at) as file:
            found[name] = file.read()
    return found


@pytest.mark.parametrize("kind", FORMATS)
def test_every_dialect_is_read(tmp_path: Path, kind: int) -> None:
    shard = read(write_tar(tmp_path / "a.tar", CONTENTS, kind))
    assert contents(shard) == CONTENTS
    assert list(shard.labels) == ["3", "", "", "7", "", "", ""]


NAME = st.characters(codec="utf-8", min_codepoint=32, exclude_characters="./\x7f")


@settings(max_examples=30)
@given(
    st.dictionaries(st.text(NAME, min_size=1, max_size=60), st.binary(max_size=1100), min_size=1),
    st.sampled_from(FORMATS[1:]),
)
def test_what_pythons_tarfile_writes_is_read(
    tmp_path_factory: pytest.TempPathFactory, files: dict[str, bytes], kind: int
) -> None:
    path = write_tar(tmp_path_factory.mktemp("tar") / "a.tar", files, kind)
    assert contents(read(path)) == files


def test_only_files_that_stay_below_are_taken(tmp_path: Path) -> None:
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
    """A header with a field of another value, and the checksum that goes with it."""
    block = bytearray(header("a.jpg", size))
    block[field] = value.ljust(field.stop - field.start, b"\0")
    block[148:156] = b" " * 8
    block[148:156] = b"%06o\0 " % sum(block)
    return bytes(block) + bytes(1024)


SIZE = slice(124, 136)


@pytest.mark.parametrize(
    ("content", "told"),
    [
        (b"", "no tar file"),
        (b"hello" * 300, "no tar file"),
        (header("a.jpg", 5)[:300], "no tar file"),
        (header("a.jpg", 600) + bytes(512), r"ends within a member \(byte 0\)"),
        (header("a.jpg", 100 * 2**30) + bytes(2048), "ends within a member"),
        (header("x", 0) + header("a.jpg", 2**63), r"ends within a member \(byte 512\)"),
        (header("a.jpg", 5).replace(b"ustar", b"USTAR"), "damaged"),
        (broken(SIZE, b"-0000000005"), "damaged"),
        (broken(SIZE, b"99999999999"), "damaged"),
        (broken(SIZE, b"\xff" * 12), "damaged"),
        (header("././@PaxHeader", 2**30, b"x") + bytes(4096), "ends within a member"),
        (header("p", 9, b"x") + b"nonsense\n".ljust(512, b"\0"), "extended header"),
        (header("p", 9, b"x") + b"0 path=a\n".ljust(512, b"\0"), "extended header"),
        (header("p", 12, b"x") + b"12 size=-10\n".ljust(512, b"\0"), "extended header"),
        (header("p", 30, b"x") + b"30 size=1000000000000000000000\n".ljust(512, b"\0"),
         "extended header"),
        (gzip.compress(header("a.jpg", 0) * 20), "compressed.*gunzip"),
    ],
)  # fmt: skip
def test_what_is_wrong_is_told_in_one_line(tmp_path: Path, content: bytes, told: str) -> None:
    (tmp_path / "a.tar").write_bytes(content)
    with pytest.raises(UserError, match=told) as error:
        read(tmp_path / "a.tar")
    assert str(tmp_path / "a.tar") in str(error.value)


@settings(max_examples=150)
@given(st.integers(0, 6 * 512 - 1), st.binary(min_size=1, max_size=40))
def test_damage_anywhere_never_breaks_the_reader(
    tmp_path_factory: pytest.TempPathFactory, at: int, damage: bytes
) -> None:
    path = tmp_path_factory.mktemp("tar") / "a.tar"
    write_tar(path, {"a" * 120: b"x", "b.cls": b"1"}, tarfile.PAX_FORMAT)
    whole = bytearray(path.read_bytes())
    whole[at : at + len(damage)] = damage
    path.write_bytes(whole)
    try:
        shard = read(path)
    except UserError:
        return
    assert all(0 <= offset <= len(whole) for offset in shard.offsets + shard.sizes)


def test_a_member_of_100_gb_is_not_read_into_memory(tmp_path: Path) -> None:
    path, size = tmp_path / "a.tar", 100 * 2**30
    with path.open("wb") as file:
        file.write(header("large.jpg", size))
        try:
            file.truncate(512 + size)  # takes no place on disk
        except OSError:
            pytest.skip("no files of holes here")
        file.seek(512 + size)
        file.write(header("small.jpg", 2) + b"ab".ljust(512, b"\0"))
    shard = read(path)
    assert shard.sizes.tolist() == [size, 2]
    with members(shard).open(0) as file:
        assert file.seek(-3, os.SEEK_END) == size - 3
        assert file.read() == b"\0\0\0"
    with members(shard).open(1) as file:
        assert file.read() == b"ab"


def test_a_member_is_a_file_of_its_own(tmp_path: Path) -> None:
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


def _sum(places: Members, at: int) -> int:
    with places.open(at) as file:
        return sum(file.read())


def test_threads_and_forked_processes_do_not_disturb_each_other(tmp_path: Path) -> None:
    files = {f"{n}.jpg": bytes([n]) * (300 * n) for n in range(100)}
    places = members(read(write_tar(tmp_path / "a.tar", files)))
    wanted = [sum(content) for content in files.values()]
    order = np.random.default_rng(0).permutation(100).tolist()
    with places.open(5), ThreadPoolExecutor(4) as pool:
        found = list(pool.map(lambda at: _sum(places, at), order))
    assert found == [wanted[at] for at in order]
    method = "fork" if "fork" in multiprocessing.get_all_start_methods() else "spawn"
    with multiprocessing.get_context(method).Pool(2) as workers:
        assert workers.starmap(_sum, [(places, at) for at in range(100)], 5) == wanted
        workers.close()  # not killed, which waits for ever where coverage writes at its end
        workers.join()


def test_an_index_stands_for_the_headers_until_the_shard_changes(tmp_path: Path) -> None:
    path = write_tar(tmp_path / "a.tar", CONTENTS)
    read(path)
    assert not index_path(path).exists()  # nothing is written where nobody asked
    write_index(read(path))
    tensors = load_file(index_path(path))
    tensors["names"][0] = ord("9")  # so that it shows which of the two was read
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
def test_an_index_that_cannot_be_is_not_believed(
    tmp_path: Path, wrong: dict[str, np.ndarray]
) -> None:
    path = write_tar(tmp_path / "a.tar", {"a.jpg": b"1", "b.jpg": b"22"})
    write_index(read(path))
    save_file({**load_file(index_path(path)), **wrong}, index_path(path))
    assert contents(read(path)) == {"a.jpg": b"1", "b.jpg": b"22"}
    index_path(path).write_bytes(b"{}")
    assert contents(read(path)) == {"a.jpg": b"1", "b.jpg": b"22"}


def test_an_index_too_large_for_its_shard_is_not_read(tmp_path: Path) -> None:
    path = write_tar(tmp_path / "a.tar", {"a.jpg": b"1"})
    write_index(read(path))
    stale = load_file(index_path(path))
    stale["names"][0] = ord("z")
    padded = {**stale, "more": np.zeros(path.stat().st_size + 2**16, np.uint8)}
    for tensors, name in ((stale, "z.jpg"), (padded, "a.jpg")):
        save_file(tensors, index_path(path))
        assert list(read(path).names) == [name]


def test_shards_with_an_index_and_without_are_read_together(tmp_path: Path) -> None:
    paths = [write_tar(tmp_path / f"{n}.tar", {f"{n}.jpg": b"x" * n}) for n in range(3)]
    write_index(read(paths[1]))
    found = read_shards(paths)
    assert [(one.path, *one.names) for one in found] == [
        (path, f"{n}.jpg") for n, path in enumerate(paths)
    ]


def test_of_many_members_left_out_the_first_are_kept(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(tar_shards, "_TOLD", 2)
    odd = {f"../{n}.jpg": b"" for n in range(3)}
    shard = read(write_tar(tmp_path / "a.tar", {**odd, "good.jpg": b"x"}))
    assert shard.left_out == (("../0.jpg", "name"), ("../1.jpg", "name"))
    assert list(shard.names) == ["good.jpg"]


@pytest.mark.parametrize("text", [b"[1]", b"{}", b'{"label": true}', b'{"class": [1]}', b"{"])
def test_json_without_a_class_is_no_label(tmp_path: Path, text: bytes) -> None:
    assert list(read(write_tar(tmp_path / "a.tar", {"a.json": text})).labels) == [""]


def test_a_member_may_be_closed_twice(tmp_path: Path) -> None:
    opened = members(read(write_tar(tmp_path / "a.tar", {"a": b"x"}))).open(0)
    assert isinstance(opened, io.BufferedReader)
    for _ in range(2):
        opened.raw.close()
    opened.close()
    assert opened.closed


def test_texts_are_those_given() -> None:
    given = ("", "abc", "水晶", "\udc80", "")
    texts = Texts.of(given)
    assert tuple(texts) == given == texts[:]
    assert (texts[-2], texts[2], len(texts)) == ("\udc80", "水晶", 5)
    with pytest.raises(IndexError):
        texts[5]
