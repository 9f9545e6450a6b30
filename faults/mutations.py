"""Mutated photos: damaged, or crafted to break programs that read them."""

from __future__ import annotations

import io
import random
import struct
import zlib
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
from PIL import Image, features

from mineral_recog.data.images import can_read_heic

Mutation = Callable[[bytes, random.Random], bytes]

HTML = b"<!doctype html><script>alert(document.domain)</script>"
POLYGLOTS = (HTML, b"PK\x03\x04" + bytes(40), b"%PDF-1.7\n1 0 obj", b"<?php system($_GET[0]); ?>",
             b"#!/bin/sh\nexit 1\n", b"MZ" + bytes(60), b"GIF89a", b"\xff\xd8\xff\xe0")  # fmt: skip
NAMES = (  # put before the number of a photo
    "<img src=x onerror=alert(1)>", "=cmd|' /C calc'!A0 ", "@SUM(1+1) ", "a\nb ", "\x1b[2J ",
    "\u202egpj.", "'; DROP TABLE photos;-- ", "%2e%2e%2f", "C:\\..\\", "日本 ", "\t", "{{7*7}} ",
)  # fmt: skip


def originals() -> dict[str, bytes]:
    """Return a picture in every supported format, by the suffix of its file."""
    rng = np.random.default_rng(0)
    x, y = np.meshgrid(np.linspace(0, 200, 160), np.linspace(0, 200, 120))
    colours = np.stack([x, y, 255 - x], axis=-1)
    noisy = (colours + rng.integers(0, 50, colours.shape)).clip(0, 255).astype(np.uint8)
    rgb = Image.fromarray(noisy)
    exif = Image.Exif()
    exif[0x0112], exif[0x010E], exif[0x8825] = 6, "quartz" * 40, {1: "N", 2: (1.0, 2.0, 3.0)}
    frames = [rgb.rotate(angle) for angle in (90, 180)]
    grey16 = Image.fromarray((y * 300).astype(np.uint16))
    formats: dict[str, tuple[Image.Image, dict[str, object]]] = {
        "jpg": (rgb, {"exif": exif}),
        "progressive.jpg": (rgb, {"progressive": True}),
        "cmyk.jpg": (rgb.convert("CMYK"), {}),
        "grey.jpg": (rgb.convert("L"), {}),
        "png": (rgb, {"exif": exif}),
        "palette.png": (rgb.quantize(64), {"transparency": 3}),
        "16.png": (grey16, {}),
        "animated.png": (rgb, {"save_all": True, "append_images": frames}),
        "gif": (rgb.quantize(), {"save_all": True, "append_images": frames}),
        "webp": (rgb, {"exif": exif}),
        "lossless.webp": (rgb, {"lossless": True}),
        "tif": (rgb, {"compression": "tiff_lzw"}),
        "deflated.tif": (rgb, {"compression": "tiff_adobe_deflate"}),
        "jpeg.tif": (rgb, {"compression": "jpeg"}),
        "16.tif": (grey16, {}),
        "bmp": (rgb, {}),
        "ppm": (rgb, {}),
        "tga": (rgb, {"compression": "tga_rle"}),
        "pcx": (rgb, {}),
        "ico": (rgb, {}),
    }
    if features.check("jpg_2000"):
        formats["jp2"] = (rgb, {})
    if features.check("avif"):
        formats["avif"] = (rgb, {})
    if can_read_heic():
        formats["heic"] = (rgb, {})
    encoded = {}
    for suffix, (image, settings) in formats.items():
        kind = Image.registered_extensions()[f".{suffix.rpartition('.')[2]}"]
        file = io.BytesIO()
        image.save(file, kind, **settings)
        encoded[suffix] = file.getvalue()
    return encoded


def cut(data: bytes, rng: random.Random) -> bytes:
    """Keep only the beginning, as after an interrupted copy."""
    return data[: rng.randrange(len(data))]


def flip_bits(data: bytes, rng: random.Random) -> bytes:
    """Flip some bits, anywhere."""
    changed = bytearray(data)
    for _ in range(rng.choice((1, 4, 32, 256))):
        changed[rng.randrange(len(changed))] ^= 1 << rng.randrange(8)
    return bytes(changed)


def flip_bits_of_header(data: bytes, rng: random.Random) -> bytes:
    """Flip some bits in the header."""
    changed = bytearray(data)
    for _ in range(rng.choice((1, 3, 8))):
        changed[rng.randrange(min(300, len(changed)))] ^= 1 << rng.randrange(8)
    return bytes(changed)


def overwrite(data: bytes, rng: random.Random) -> bytes:
    """Overwrite a part with zeros, ones or noise."""
    at, length = rng.randrange(len(data)), rng.choice((4, 64, 1024))
    run = rng.choice((bytes(length), b"\xff" * length, rng.randbytes(length)))
    return data[:at] + run[: len(data) - at] + data[at + length :]


def drop_or_repeat(data: bytes, rng: random.Random) -> bytes:
    """Drop or repeat a part."""
    at, length = rng.randrange(len(data)), rng.choice((1, 16, 512))
    return (
        data[:at]
        + (b"" if rng.random() < 0.5 else 2 * data[at : at + length])
        + data[at + length :]
    )


def huge_number(data: bytes, rng: random.Random) -> bytes:
    """Write a very large number into the header: a width, a count, an offset."""
    at = rng.randrange(min(400, len(data)))
    number = rng.choice((0, 0x7FFF, 0xFFFF, 0x7FFFFFFF, 0xFFFFFFFF, 50_000, 65_500))
    packed = struct.pack(rng.choice("<>") + ("H" if number < 2**16 else "I"), number)
    return data[:at] + packed + data[at + len(packed) :]


def huge_size(data: bytes, rng: random.Random) -> bytes:
    """Set sizes up to the limit of the format, with correct checksums."""
    width, height = rng.choice((1, 13_000, 65_500)), rng.choice((1, 13_000, 65_500))
    if data.startswith(b"\x89PNG"):
        return make_png(width, height, data[33:])
    at = max(data.find(b"\xff\xc0"), data.find(b"\xff\xc2"))
    if data.startswith(b"\xff\xd8") and at > 0:
        return data[: at + 5] + struct.pack(">HH", height, width) + data[at + 9 :]
    if data.startswith(b"GIF8"):
        return data[:6] + struct.pack("<HH", width, height) + data[10:]
    if data.startswith(b"BM"):
        return data[:18] + struct.pack("<ii", width, height) + data[26:]
    if data.startswith(b"P6"):
        return b"P6 %d %d 255\n" % (width, height) + data[15:]
    return huge_number(data, rng)


def broken_exif(data: bytes, rng: random.Random) -> bytes:
    """Write noise into the EXIF part, or tables that point at themselves."""
    at = max(data.find(b"Exif\0\0"), data.find(b"eXIf"), data.find(b"EXIF"))
    if at < 0:
        return overwrite(data, rng)
    changed = bytearray(data)
    for _ in range(rng.choice((1, 8, 60))):
        changed[min(len(changed) - 1, at + 6 + rng.randrange(200))] = rng.choice((0, 8, 255, 97))
    return bytes(changed)


def other_header(data: bytes, rng: random.Random) -> bytes:
    """Replace the beginning with that of another format."""
    other = rng.choice(_ORIGINALS)
    length = rng.choice((4, 12, 64))
    return other[:length] + data[length:]


def polyglot(data: bytes, rng: random.Random) -> bytes:
    """Put other content before, into or after the photo."""
    other = rng.choice(POLYGLOTS)
    at = rng.choice((0, len(data), rng.randrange(len(data))))
    return data[:at] + other + data[at:]


def make_png(width: int, height: int, rest: bytes) -> bytes:
    """Return a PNG whose header has this size, followed by the given bytes."""
    header = b"IHDR" + struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)
    return (
        b"\x89PNG\r\n\x1a\n"
        + struct.pack(">I", 13)
        + header
        + struct.pack(">I", zlib.crc32(header))
        + rest
    )


def bomb(data: bytes, rng: random.Random) -> bytes:
    """Return a PNG of few bytes and many pixels: up to 170 million, which are still decoded."""
    side = rng.choice((2_000, 7_000, 13_000, 40_000))
    rows = min(side, 13_000)
    packer = zlib.compressobj(9)
    packed = b"".join(packer.compress(bytes(1 + 3 * side)) for _ in range(rows)) + packer.flush()
    chunk = b"IDAT" + packed
    ends = struct.pack(">I", zlib.crc32(chunk)) + struct.pack(">I", 0) + b"IEND\xaeB`\x82"
    return make_png(side, side, struct.pack(">I", len(packed)) + chunk + ends)


def text_bomb(data: bytes, rng: random.Random) -> bytes:
    """Return a PNG with a comment of 100 MB in 100 kB."""
    text = b"zTXt" + b"Comment\0\0" + zlib.compress(bytes(100 * 2**20), 9)
    chunk = struct.pack(">I", len(text) - 4) + text + struct.pack(">I", zlib.crc32(text))
    png = next(data for data in _ORIGINALS if data.startswith(b"\x89PNG"))
    return png[:33] + chunk + png[33:]


def no_photo(data: bytes, rng: random.Random) -> bytes:
    """Return nothing, noise, or a file of another kind under a photo's name."""
    return rng.choice((b"", rng.randbytes(rng.randrange(1, 5000)), *POLYGLOTS, b"\0" * 5000))


# Frequency in a thousand; bombs take seconds each.
FREQUENCIES: dict[Mutation, int] = {
    cut: 130, flip_bits: 170, flip_bits_of_header: 150, overwrite: 100, drop_or_repeat: 100,
    huge_number: 100, huge_size: 60, broken_exif: 70, other_header: 50, polyglot: 45, no_photo: 20,
    bomb: 3, text_bomb: 2,
}  # fmt: skip
_ORIGINALS = list(originals().values())


def write_mutated(folder: Path, count: int, seed: int) -> Iterator[str]:
    """Write mutated photos to two class folders, some under hostile names.

    Yields:
        The name of the mutation of each photo, once it is written.
    """
    rng, photos = random.Random(seed), originals()
    for name in ("agate", "beryl"):
        (folder / name).mkdir(parents=True)
    for number in range(count):
        suffix, data = rng.choice(list(photos.items()))
        (mutation,) = rng.choices(list(FREQUENCIES), list(FREQUENCIES.values()))
        name = rng.choice(NAMES) if number % 10 == 0 else ""
        name = name.replace("/", "")
        file = folder / ("agate", "beryl")[number % 2] / f"{name}{number}.{suffix}"
        file.write_bytes(mutation(data, rng))
        yield mutation.__name__
