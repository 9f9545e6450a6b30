"""Makes HEIC photos for tests, and simulates that `pillow-heif` is not installed."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from io import BytesIO

import pytest
from PIL import Image

from mineral_recog.data.images import can_read_heic


def heic(image: Image.Image, orientation: int = 1) -> bytes:
    """Encode a photo like a phone, with an EXIF orientation."""
    assert can_read_heic()
    exif = Image.Exif()
    exif[0x0112] = orientation
    file = BytesIO()
    image.save(file, "HEIF", quality=90, exif=exif.tobytes())
    return file.getvalue()


@contextmanager
def without_heic(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Run a block as if `pillow-heif` were not installed."""
    Image.init()  # otherwise the other formats might be registered inside the patch
    with monkeypatch.context() as patch:
        patch.setitem(sys.modules, "pillow_heif", None)
        patch.setattr(Image, "ID", [name for name in Image.ID if name != "HEIF"])
        can_read_heic.cache_clear()
        try:
            yield
        finally:
            can_read_heic.cache_clear()
