"""Photos in tar shards of the WebDataset layout, with what they show.

A sample is what shares a key: a member's name up to the first dot after its last slash. What its
photo shows is told by its `.cls`, `.json` or `.txt`. A photo without those stands alone, and the
folder that it lies in tells.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import lru_cache
from pathlib import Path, PurePosixPath
from typing import Any, NamedTuple

from mineral_recog.data.tar_shards import Shard, stays_below
from mineral_recog.errors import DataError
from mineral_recog.i18n import tr
from mineral_recog.text import parse_json

CLASSES = "classes.json"
_LARGEST = 2**24  # bytes of a file of class names
_TELLING = ("cls", "json", "txt")  # suffixes of what tells of a photo, the surest first
_ESCAPED = re.compile(r"%(25|2E|0[1-9A-F]|1[0-9A-F]|7F)")


class Sample(NamedTuple):
    """A photo in a shard: its name below its class, its class, which shard and member it is."""

    name: str
    label: str
    shard: int
    member: int


@dataclass
class Samples:
    """What tar files hold.

    Attributes:
        photos: in the order of the tar files.
        unlabelled: names of photos of which nothing tells what they show.
        others: files that are neither photos nor tell of one, by suffix.
    """

    photos: list[Sample] = field(default_factory=list)
    unlabelled: list[str] = field(default_factory=list)
    others: Counter[str] = field(default_factory=Counter)


def read_samples(
    shards: Sequence[Shard], names: Mapping[int, str], is_photo: Callable[[str], bool]
) -> Samples:
    """Find the photos in shards.

    Args:
        shards: as read; a sample lies in one of them.
        names: of the classes that are numbered, if they are.
        is_photo: whether a file's name is that of a photo.

    Raises:
        UserError: a number that no class has.
    """
    found = Samples()
    is_suffix = lru_cache(lambda suffix: is_photo(f"_.{suffix}"))
    for number, shard in enumerate(shards):
        for key, members in _by_key(shard).items():
            photos = [(suffix, at) for suffix, at in members.items() if is_suffix(suffix)]
            label = _label(shard, members, names)
            if label is not None:
                # The picture itself before what is drawn over it, such as `seg.png`.
                photos = sorted(photos, key=lambda one: "." in one[0])[:1]
            for suffix, at in photos:
                name = name_of(key, f".{suffix}" if suffix else "")
                of = name.rpartition("/")[0].rpartition("/")[2] if label is None else label
                if not of or not stays_below(name):
                    found.unlabelled.append(name)
                    continue
                found.photos.append(Sample(_below(name, of), of, number, at))
            used = {suffix for suffix, _ in photos}
            if label is not None:
                used.update(_TELLING)
            found.others.update(f".{suffix}" for suffix in members if suffix not in used)
    return found


def _by_key(shard: Shard) -> dict[str, dict[str, int]]:
    """The members of each sample by suffix; of two of one name the later, as tar has it."""
    samples: dict[str, dict[str, int]] = {}
    for at, name in enumerate(shard.names):
        folder, slash, file = name.rpartition("/")
        stem, _, suffix = file.partition(".")
        samples.setdefault(folder + slash + stem, {})[suffix] = at
    return samples


def _label(shard: Shard, members: Mapping[str, int], names: Mapping[int, str]) -> str | None:
    """The class that members beside a photo tell; None when none does."""
    told = next(filter(None, (shard.labels[members[s]] for s in _TELLING if s in members)), None)
    if told is None or not names or not told.isascii() or not told.isdigit():
        return told
    if len(told) > 9 or int(told) not in names:
        raise DataError(
            tr(
                f"{shard.path} has a photo of class {told[:20]}, which the file of class names "
                f"beside it does not name ({len(names)} classes): add its name there.",
                f"{shard.path} 里有类别为 {told[:20]} 的照片，但旁边的类别名文件（{len(names)} 类）"
                "里没有它的名字：请加上。",
            )
        )
    return names[int(told)]


def _below(name: str, label: str) -> str:
    """A photo's name below its class; a folder that is called like the class goes."""
    return name.removeprefix(f"{label}/") if name.startswith(f"{label}/") else name


def key_of(name: str, alone: bool) -> tuple[str, str]:
    """Key and suffix of a photo in a shard, from which `name_of` makes its name again.

    A key has no dot; `%2E` stands for one. A last `%` says that the name ends before the suffix:
    so it is with a photo that has none, and with two that differ in nothing else.

    Args:
        name: `<class>/<file>`.
        alone: whether no other photo has the same name but for its suffix.
    """
    suffix = PurePosixPath(name).suffix
    ends = alone and suffix != ""
    folder, slash, file = (name.removesuffix(suffix) if ends else name).rpartition("/")
    key = f"{_escape(folder)}{slash}{_escape(file).replace('.', '%2E')}"
    return (key if ends else f"{key}%"), suffix or ".jpg"


def name_of(key: str, suffix: str) -> str:
    """The name of a photo by its key and suffix; one that `key_of` did not make stays as it is."""
    name = key[:-1] if key.endswith("%") else key + suffix
    return name if "%" not in name else _ESCAPED.sub(lambda found: chr(int(found[1], 16)), name)


def _escape(text: str) -> str:
    return re.sub(r"[%\x00-\x1f\x7f]", lambda found: f"%{ord(found[0]):02X}", text)


def read_classes(folder: Path) -> dict[int, str]:
    """Names of numbered classes beside shards; none if no file gives them.

    The first of `classes.json` (a list, or an object of names and numbers), `classes.txt` (a line
    a class) and `dataset.json` (either under `classes`), in the folder or else the one above.

    Raises:
        UserError: a file that gives no names.
    """
    for place in (folder, folder.absolute().parent):
        for name in (CLASSES, "classes.txt", "dataset.json"):
            path = place / name
            if path.is_file() and (found := _read_classes(path)) is not None:
                return found
    return {}


def _read_classes(path: Path) -> dict[int, str] | None:
    try:
        if path.stat().st_size > _LARGEST:
            raise ValueError("too large")
        text = path.read_text(encoding="utf-8")
        if path.suffix == ".txt":
            return dict(enumerate(line.strip() for line in text.strip().splitlines()))
        told = parse_json(text)
        if path.name == "dataset.json":
            if not isinstance(told, dict) or "classes" not in told:
                return None
            told = told["classes"]
        return dict(_numbered(told))
    except (OSError, ValueError) as error:
        raise DataError(
            tr(
                f"{path} does not give the names of the classes ({error}): write a list of them.",
                f"{path} 未给出类别名（{error}）：请写成名字的列表。",
            )
        ) from None


def _numbered(told: Any) -> Iterator[tuple[int, str]]:
    """Numbers and names from a list of names, or from an object of one and the other."""
    if not isinstance(told, list | dict):
        raise ValueError("no list")
    pairs = enumerate(told) if isinstance(told, list) else told.items()
    for one, other in pairs:
        number, name = (other, one) if isinstance(other, int) else (one, other)
        if not isinstance(name, str) or not name.isprintable():
            raise ValueError("a name that is no text")
        yield int(number), name


def unique_names(photos: Sequence[Sample], stems: Sequence[str]) -> list[str]:
    """`<class>/<name>` of each photo; of those that share one, `<class>/<stem>/<name>`.

    Args:
        photos: as found.
        stems: what tells the shards apart, one each.
    """
    plain = [f"{one.label}/{one.name}" for one in photos]
    times = Counter(plain)
    return [
        name if times[name] == 1 else f"{one.label}/{stems[one.shard]}/{one.name}"
        for name, one in zip(plain, photos, strict=True)
    ]
