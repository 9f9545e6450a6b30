"""Writes PNG and TIFF files of 16 bits per channel, which Pillow reads but does not write."""

from __future__ import annotations

import struct
import zlib

import numpy as np
from numpy.typing import NDArray


def deep_png(values: NDArray[np.uint16], exif: bytes = b"") -> bytes:
    """Encode [H, W, 2], [H, W, 3] or [H, W, 4] as PNG: grey with alpha, RGB or RGBA."""
    height, width, channels = values.shape
    kind = {2: 4, 3: 2, 4: 6}[channels]
    rows = b"".join(b"\0" + row.astype(">u2").tobytes() for row in values)
    header = struct.pack(">IIBBBBB", width, height, 16, kind, 0, 0, 0)
    chunks = [(b"IHDR", header), (b"IDAT", zlib.compress(rows)), (b"IEND", b"")]
    if exif:
        chunks.insert(1, (b"eXIf", exif))
    return b"\x89PNG\r\n\x1a\n" + b"".join(
        struct.pack(">I", len(data)) + name + data + struct.pack(">I", zlib.crc32(name + data))
        for name, data in chunks
    )


def deep_tiff(
    values: NDArray[np.uint16], order: str = "<", compressed: bool = False, orientation: int = 1
) -> bytes:
    """Encode [H, W, 3] as TIFF.

    Args:
        values: The colours.
        order: `<` for little-endian, `>` for big-endian.
        compressed: Whether to deflate.
        orientation: Orientation by EXIF.
    """
    height, width, channels = values.shape
    data = values.astype(f"{order}u2").tobytes()
    data = zlib.compress(data) if compressed else data
    end = 8 + 2 + 12 * 10 + 4  # of the directory of ten entries
    short, long = 3, 4
    entries = [
        (256, long, width), (257, long, height), (258, short, None),
        (259, short, 8 if compressed else 1), (262, short, 2), (273, long, end + 2 * channels),
        (274, short, orientation), (277, short, channels), (278, long, height),
        (279, long, len(data)),
    ]  # fmt: skip
    directory = struct.pack(f"{order}H", len(entries))
    for tag, kind, value in entries:
        if value is None:  # the bits of each channel do not fit into the entry
            directory += struct.pack(f"{order}HHII", tag, kind, channels, end)
        elif kind == short:
            directory += struct.pack(f"{order}HHIHH", tag, kind, 1, value, 0)
        else:
            directory += struct.pack(f"{order}HHII", tag, kind, 1, value)
    start = {"<": b"II*\0", ">": b"MM\0*"}[order] + struct.pack(f"{order}I", 8)
    bits = struct.pack(f"{order}{channels}H", *[16] * channels)
    return start + directory + b"\0\0\0\0" + bits + data
