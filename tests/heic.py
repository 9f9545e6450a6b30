"""HEIC for tests, and the program without what reads it."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from io import BytesIO

import pytest
from PIL import Image

from mineral_recog.data.images import reads_heic


def heic(image: Image.Image, orientation: int = 1) -> bytes:
    """A photo as phones save it, lying as its orientation tells."""
    assert reads_heic()
    exif = Image.Exif()
    exif[0x0112] = orientation
    file = BytesIO()
    image.save(file, "HEIF", quality=90, exif=exif.tobytes())
    return file.getvalue()


@contextmanager
def without_heic(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """As where `pillow-heif` is not installed."""
    with monkeypatch.context() as patch:
        patch.setitem(sys.modules, "pillow_heif", None)
        patch.setattr(Image, "ID", [name for name in Image.ID if name != "HEIF"])
        reads_heic.cache_clear()
        try:
            yield
        finally:
            reads_heic.cache_clear()
