"""Extract pictures that show no mineral from two Debian packages, to try the gates on.

    apt-get download gcompris-qt-data tuxpaint-stamps-default
    for package in *.deb; do dpkg-deb -x $package ROOT; done
    python benchmarks/package_pictures.py ROOT OUT

OUT/photographs has photographs of animals, tools, buildings and people, OUT/drawings coloured
drawings, both from gcompris; OUT/cutouts has animals, plants, food and things from Tux Paint, most
of them photographs, cut out and put on white as many photos of minerals are. Symbols, letters,
planets, and stones (grave stones and a figure of stones) are left out. docs/identify.md names the
versions. Both collections are licensed freely; see /usr/share/doc of the packages.
"""

from __future__ import annotations

import argparse
import hashlib
import io
from collections.abc import Iterator
from pathlib import Path

from PIL import Image, UnidentifiedImageError

GCOMPRIS = "usr/share/gcompris-qt/rcc"
STAMPS = "usr/share/tuxpaint/stamps"
PHOTOGRAPHS = ("categorization", "erase", "explore_farm_animals", "explore_world_animals",
               "explore_monuments", "explore_world_music", "clickgame", "leftright")  # fmt: skip
DRAWINGS = ("lang",)
NO_STAMPS = ("symbols", "space", "naturalforces")  # symbols and letters, planets, lava
OF_STONE = ("grave-", "inukshuk-photo")
START = {"JPEG": b"\xff\xd8\xff", "WEBP": b"RIFF"}
MIN_SIDE = 160  # pixels: less would have to be enlarged
MAX_SIDE = 640


def main() -> None:
    """Write the pictures."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("root", type=Path, help="folder that both packages were extracted to")
    parser.add_argument("out", type=Path)
    arguments = parser.parse_args()
    sets = {
        "photographs": resources(arguments.root / GCOMPRIS, PHOTOGRAPHS),
        "cutouts": stamps(arguments.root / STAMPS),
        "drawings": resources(arguments.root / GCOMPRIS, DRAWINGS),
    }
    for name, pictures in sets.items():
        folder = arguments.out / name
        folder.mkdir(parents=True)
        for stem, picture in pictures:
            on_white(picture).save(folder / f"{stem}.jpg", quality=92)
        print(f"{folder}  {len(list(folder.iterdir()))}")


def stamps(folder: Path) -> Iterator[tuple[str, Image.Image]]:
    """Yield the stamps, with their names."""
    for file in sorted(folder.rglob("*.png")):
        parts = file.relative_to(folder).with_suffix("").parts
        if parts[0] in NO_STAMPS or "cartoon" in parts or any(s in file.name for s in OF_STONE):
            continue
        picture = Image.open(file)
        if max(picture.size) >= MIN_SIDE:
            yield "-".join(parts), picture


def resources(folder: Path, names: tuple[str, ...]) -> Iterator[tuple[str, Image.Image]]:
    """Yield the pictures in resource files of Qt, each once, with a name."""
    seen = set()
    for name in names:
        data = (folder / f"{name}.rcc").read_bytes()
        for offset, picture in embedded(data):
            digest = hashlib.sha256(picture.tobytes()).digest()
            if min(picture.size) >= MIN_SIDE and digest not in seen:
                seen.add(digest)
                yield f"{name}-{offset}", picture


def embedded(data: bytes) -> Iterator[tuple[int, Image.Image]]:
    """Yield the JPEG and WebP pictures that are stored uncompressed in a file, with offsets."""
    for kind, start in START.items():
        offset = data.find(start)
        while offset >= 0:
            try:
                picture = Image.open(io.BytesIO(data[offset:]), formats=[kind])
                picture.load()
                yield offset, picture
            except (UnidentifiedImageError, OSError, SyntaxError):
                pass  # these bytes are no picture
            offset = data.find(start, offset + len(start))


def on_white(picture: Image.Image) -> Image.Image:
    """Return a picture on a white ground, reduced to 640 px."""
    picture = picture.convert("RGBA")
    result = Image.new("RGBA", picture.size, "white")
    result.alpha_composite(picture)
    result.thumbnail((MAX_SIDE, MAX_SIDE))
    return result.convert("RGB")


if __name__ == "__main__":
    main()
