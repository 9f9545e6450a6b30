"""Every file is read or reported; no file stops the audit."""

from __future__ import annotations

import hashlib
import os
from io import BytesIO
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from mineral_recog.duplicates.fingerprints import fingerprint
from mineral_recog.duplicates.records import OpenFile, Record, read_photo, read_photos
from mineral_recog.errors import UserError
from mineral_recog.files import open_regular
from tests.duplicates.scenes import scene
from tests.heic import heic, without_heic


def encoded(image: Image.Image, kind: str, **options: object) -> bytes:
    target = BytesIO()
    image.save(target, kind, **options)
    return target.getvalue()


def opener(folder: Path) -> OpenFile:
    return lambda name: open_regular(folder / name)


def read(tmp_path: Path, name: str, content: bytes) -> Record:
    (tmp_path / name).write_bytes(content)
    return read_photo(opener(tmp_path), name)


def problem(record: Record) -> tuple[str, str]:
    assert record.fingerprint is None
    assert record.digest == ""
    (remark,) = record.remarks
    return remark.kind, remark.detail


def test_record_describes_the_photo(tmp_path: Path) -> None:
    content = encoded(scene(1), "PNG")
    record = read(tmp_path, "a.png", content)
    assert (record.width, record.height, record.size) == (200, 160, len(content))
    assert record.digest == hashlib.sha256(content).hexdigest()
    assert record.remarks == ()
    assert record.fingerprint is not None


@pytest.mark.parametrize(
    ("name", "kind", "details"),
    [("a.bmp", "DIB", []), ("a.jpg", "MPO", []), ("a.jpg", "PNG", [".jpg: PNG"])],
)
def test_misnamed_only_if_the_suffix_means_another_format(
    tmp_path: Path, name: str, kind: str, details: list[str]
) -> None:
    several = {"save_all": True, "append_images": [scene(2)]} if kind == "MPO" else {}
    record = read(tmp_path, name, encoded(scene(1), kind, **several))
    assert [remark.detail for remark in record.remarks] == details
    assert record.fingerprint is not None


@pytest.mark.parametrize("kind", ["PNG", "JPEG", "WEBP", "TIFF", "BMP"])
def test_truncated_file_is_reported(tmp_path: Path, kind: str) -> None:
    content = encoded(scene(1), kind)
    record = read(tmp_path, f"a.{kind.lower()}", content[: len(content) * 2 // 3])
    assert record.fingerprint is None
    assert record.remarks[0].kind in ("cut_short", "unreadable")
    if kind in ("PNG", "JPEG", "BMP"):
        assert record.remarks[0].kind == "cut_short"


def test_tiff_without_its_directory_is_reported(tmp_path: Path) -> None:
    content = encoded(scene(1), "TIFF", compression="tiff_lzw")  # the directory is at the end
    kind, detail = problem(read(tmp_path, "a.tif", content[: len(content) // 2]))
    assert kind == "unreadable"
    assert detail  # by Pillow; the wording differs between versions


@pytest.mark.parametrize(
    ("content", "detail"),
    [
        (b"<!DOCTYPE html><title>404</title>", "HTML, SVG or XML"),
        (b"\xef\xbb\xbf\r\n <html>", "HTML, SVG or XML"),
        (
            b"version https://git-lfs.github.com/spec/v1\noid sha256:0\nsize 9\n",
            "Git LFS pointer: git lfs pull",
        ),
        (b"\0\0\0\x18ftypisom\0\0\0\0", "video"),
        (b"%PDF-1.7\n", "PDF"),
        (encoded(scene(1), "EPS"), "EPS"),
        (b"only words", ""),
    ],
)
def test_file_that_is_not_a_photo_is_reported(tmp_path: Path, content: bytes, detail: str) -> None:
    assert problem(read(tmp_path, "a.jpg", content)) == ("other_content", detail)


def test_empty_file_and_unsupported_format_are_reported(tmp_path: Path) -> None:
    assert problem(read(tmp_path, "a.jpg", b"")) == ("cut_short", "0 B")
    assert problem(read(tmp_path, "a.CR2", b"anything")) == ("other_content", "CR2")


def test_heic_is_read_or_the_missing_package_is_named(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    content = heic(scene(1), orientation=6)
    with without_heic(monkeypatch):
        for name in ("a.HEIC", "a.jpg"):
            kind, detail = problem(read(tmp_path, name, content))
            assert kind == "other_content"
            assert detail == "HEIC: pip install 'mineral-recog[heic]'"
    record = read(tmp_path, "a.HEIC", content)
    assert (record.width, record.height, record.remarks) == (160, 200, ())
    upright = fingerprint(scene(1).rotate(-90, expand=True))
    assert record.fingerprint is not None
    assert np.abs(record.fingerprint.grey[0].astype(int) - upright.grey[0]).mean() < 3
    assert [remark.detail for remark in read(tmp_path, "b.jpg", content).remarks] == [".jpg: HEIF"]
    assert problem(read(tmp_path, "cut.heic", content[:300])) == ("unreadable", "HEIC")
    remarks = read(tmp_path, "b.heic", encoded(scene(1), "JPEG")).remarks
    assert [remark.detail for remark in remarks] == [".heic: JPEG"]


def test_name_with_the_suffix_of_another_format_is_reported(tmp_path: Path) -> None:
    record = read(tmp_path, "a.jpg", encoded(scene(1), "PNG"))
    assert [(remark.kind, remark.detail) for remark in record.remarks] == [
        ("misnamed", ".jpg: PNG")
    ]
    assert record.fingerprint is not None
    assert read(tmp_path, "b.jfif", encoded(scene(1), "JPEG")).remarks == ()
    assert read(tmp_path, "no suffix", encoded(scene(1), "PNG")).remarks == ()


def test_looping_links_pipes_and_missing_files_are_reported(tmp_path: Path) -> None:
    (tmp_path / "loop.jpg").symlink_to(tmp_path / "loop.jpg")
    (tmp_path / "gone.jpg").symlink_to(tmp_path / "nowhere.jpg")
    (tmp_path / "folder.jpg").mkdir()
    os.mkfifo(tmp_path / "pipe.jpg")
    for name in ("loop.jpg", "gone.jpg", "folder.jpg", "pipe.jpg"):
        kind, detail = problem(read_photo(opener(tmp_path), name))
        assert kind == "unreadable"
        assert detail


def test_file_that_disappears_while_others_are_read_is_reported(tmp_path: Path) -> None:
    for name in ("0.png", "1.png", "2.png"):
        (tmp_path / name).write_bytes(encoded(scene(1), "PNG"))
    (tmp_path / "1.png").unlink()
    records = read_photos(opener(tmp_path), ["0.png", "1.png", "2.png"])
    assert [record.fingerprint is None for record in records] == [False, True, False]
    assert problem(records[1]) == ("unreadable", "No such file or directory")


def test_name_that_is_not_utf_8_is_read(tmp_path: Path) -> None:
    record = read(tmp_path, "Z\udce9ro.png", encoded(scene(1), "PNG"))
    assert record.path == "Z\udce9ro.png"
    assert record.fingerprint is not None


def test_too_many_pixels_are_refused_unless_allowed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(Image, "MAX_IMAGE_PIXELS", Image.MAX_IMAGE_PIXELS)  # restored at the end
    content = encoded(Image.new("1", (25_000, 20_000)), "PNG")  # 500 megapixels in 60 kB
    assert problem(read(tmp_path, "a.png", content)) == ("too_large", "> 179 MP")
    monkeypatch.setenv("MINERAL_RECOG_MEGAPIXELS", "0.03")
    assert problem(read(tmp_path, "b.png", encoded(scene(1), "PNG"))) == ("too_large", "> 0 MP")
    monkeypatch.setenv("MINERAL_RECOG_MEGAPIXELS", "0.033")
    (record,) = read_photos(opener(tmp_path), ["b.png"])
    assert record.fingerprint is not None
    for text in ("many", "0", "-3", "inf"):
        monkeypatch.setenv("MINERAL_RECOG_MEGAPIXELS", text)
        with pytest.raises(UserError, match="MINERAL_RECOG_MEGAPIXELS"):
            read_photos(opener(tmp_path), ["b.png"])


def animated() -> bytes:
    frames = [scene(seed).convert("P") for seed in (1, 2, 3)]
    return encoded(frames[0], "GIF", save_all=True, append_images=frames[1:])


def sixteen_bit() -> bytes:
    grey = np.asarray(scene(1).convert("L")).astype(np.uint16) * 257
    return encoded(Image.fromarray(grey), "PNG")


def transparent() -> bytes:
    image = scene(1).convert("RGBA")
    image.putalpha(Image.linear_gradient("L").resize(image.size))
    return encoded(image, "PNG")


@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("a.gif", animated()),
        ("a.jpg", encoded(scene(1).convert("CMYK"), "JPEG")),
        ("a.png", sixteen_bit()),
        ("b.png", transparent()),
    ],
)
def test_unusual_photos_are_read(tmp_path: Path, name: str, content: bytes) -> None:
    record = read(tmp_path, name, content)
    assert record.remarks == ()
    assert record.fingerprint is not None
    assert (record.width, record.height) == (200, 160)


def test_size_is_that_of_the_upright_photo(tmp_path: Path) -> None:
    exif = Image.Exif()
    exif[0x0112] = 6
    record = read(tmp_path, "a.jpg", encoded(scene(1), "JPEG", exif=exif))
    assert (record.width, record.height) == (160, 200)


def test_large_jpegs_report_their_full_size(tmp_path: Path) -> None:
    record = read(tmp_path, "a.jpg", encoded(scene(1, 1600, 1200), "JPEG"))
    assert (record.width, record.height) == (1600, 1200)


def test_records_come_in_order_and_are_counted(tmp_path: Path) -> None:
    names = [f"{index}.png" for index in range(7)]
    for index, name in enumerate(names):
        (tmp_path / name).write_bytes(encoded(scene(index), "PNG"))
    counted: list[int] = []
    assert [record.path for record in read_photos(opener(tmp_path), names, counted.append)] == names
    assert counted == [1, 2, 3, 4, 5, 6, 7]
