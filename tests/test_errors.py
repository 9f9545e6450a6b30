"""Reasons of the system, of Python and of Pillow in the user's language."""

from __future__ import annotations

import errno
import io
import json
import os
from pathlib import Path

import pytest
from PIL import Image

from mineral_recog.data.images import open_photo
from mineral_recog.errors import reason_of, translate_reason
from mineral_recog.i18n import use_language

NOISE = Image.effect_noise((60, 60), 50).convert("RGB")


def encoded(kind: str) -> bytes:
    file = io.BytesIO()
    NOISE.save(file, kind)
    return file.getvalue()


def reasons(error: BaseException) -> tuple[str, str]:
    """Return the reason in English and in Chinese."""
    with use_language("en"):
        english = reason_of(error)
    with use_language("zh"):
        return english, reason_of(error)


@pytest.mark.parametrize(
    ("content", "chinese"),
    [
        (b"no photo", "不是已知格式的照片"),
        (encoded("JPEG")[:900], "数据提前结束"),
        (encoded("JPEG")[:30], "数据提前结束"),
        (encoded("BMP")[:900], "数据提前结束"),
        (encoded("GIF")[:900], "数据提前结束"),
        (encoded("PNG")[:200] + bytes(200) + encoded("PNG")[400:], "图像数据已损坏"),
        (encoded("WEBP")[:300], "图像数据无法解码"),
    ],
)
def test_damaged_photos(content: bytes, chinese: str) -> None:
    for language in ("en", "zh"):
        with use_language(language), pytest.raises(OSError) as caught:
            open_photo(io.BytesIO(content))
        with use_language(language):
            shown = reason_of(caught.value)
        assert shown.isascii() == (language == "en")
        assert "BytesIO" not in shown
    assert shown.startswith(chinese)


@pytest.mark.parametrize(
    ("number", "chinese"),
    [
        (errno.ENOENT, "文件或文件夹不存在"),
        (errno.EACCES, "没有权限"),
        (errno.EISDIR, "是文件夹，不是文件"),
        (errno.ENOSPC, "磁盘已满"),
    ],
)
def test_system_errors(number: int, chinese: str) -> None:
    error = OSError(number, os.strerror(number), "/data/truncated.png")
    english, shown = reasons(error)
    assert os.strerror(number) in english
    assert shown == chinese


def test_json_errors_keep_their_place() -> None:
    with pytest.raises(json.JSONDecodeError) as caught:
        json.loads('{"a": 1,\n"b"}')
    assert reasons(caught.value) == (
        "Expecting ':' delimiter: line 2 column 4 (char 12)",
        "缺少 :：第 2 行第 4 列",
    )


@pytest.mark.parametrize("text", ["", "{", "[1,]", '{"a" 1}', "[1 2]", "1 2", '"a', '"\\x"', "{a}"])
def test_all_json_errors_are_translated(text: str) -> None:
    with pytest.raises(json.JSONDecodeError) as caught:
        json.loads(text)
    with use_language("zh"):
        assert not translate_reason(caught.value.msg).isascii()


def test_other_reasons() -> None:
    assert reasons(MemoryError()) == ("out of memory", "内存不足")
    assert reasons(OSError("a rare\n  reason")) == ("a rare reason",) * 2
    assert reasons(OSError()) == ("OSError",) * 2
    with pytest.raises(IsADirectoryError) as caught:
        Path("/").read_bytes()
    assert reasons(caught.value)[1] == "是文件夹，不是文件"
