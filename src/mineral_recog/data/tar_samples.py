"""Finds the photos in tar shards of the WebDataset layout, with their classes.

A sample is the set of members that share a key: the part of a member's name before the first dot
after its last slash. The `.cls`, `.json` or `.txt` of a sample gives the class of its photo. For a
photo without those, the folder that contains it gives the class.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import lru_cache
from pathlib import Path, PurePosixPath
from typing import Any, NamedTuple

from mineral_recog.data.tar_shards import Shard, is_safe_path
from mineral_recog.errors import DataError
from mineral_recog.i18n import tr
from mineral_recog.text import parse_json

CLASSES_FILE = "classes.json"
_MAX_BYTES = 2**24  # of a file of class names
_LABEL_SUFFIXES = ("cls", "json", "txt")  # of members that give a class, most reliable first
_ESCAPED = re.compile(r"%(25|2E|0[1-9A-F]|1[0-9A-F]|7F)")


class Sample(NamedTuple):
    """A photo in a shard.

    Attributes:
        name: Name of the photo within its class.
        class_name: Its class.
        shard: Index of its shard.
        member: Index of the photo among the members of the shard.
    """

    name: str
    class_name: str
    shard: int
    member: int


@dataclass
class ShardContents:
    """Contents of tar files.

    Attributes:
        samples: Photos with a class, in the order of the tar files.
        unlabelled: Names of photos without a class.
        other_files: Number of files that are neither photos nor labels, by suffix.
    """

    samples: list[Sample] = field(default_factory=list)
    unlabelled: list[str] = field(default_factory=list)
    other_files: Counter[str] = field(default_factory=Counter)


def read_samples(
    shards: Sequence[Shard], names: Mapping[int, str], is_photo: Callable[[str], bool]
) -> ShardContents:
    """Find the photos in shards.

    Args:
        shards: The shards; all members of a sample are in one of them.
        names: Names of numbered classes; empty if classes are not numbered.
        is_photo: Returns whether a file name is that of a photo.

    Raises:
        UserError: A photo has a class number without a name.
    """
    contents = ShardContents()
    is_suffix = lru_cache(lambda suffix: is_photo(f"_.{suffix}"))
    for number, shard in enumerate(shards):
        for key, members in _by_key(shard).items():
            photos = [(suffix, at) for suffix, at in members.items() if is_suffix(suffix)]
            label = _label(shard, members, names)
            if label is not None:
                # The photo itself comes before images derived from it, such as `seg.png`.
                photos = sorted(photos, key=lambda photo: "." in photo[0])[:1]
            for suffix, at in photos:
                name = photo_name(key, f".{suffix}" if suffix else "")
                class_name = name.rpartition("/")[0].rpartition("/")[2] if label is None else label
                if not class_name or not is_safe_path(name):
                    contents.unlabelled.append(name)
                    continue
                contents.samples.append(
                    Sample(_within_class(name, class_name), class_name, number, at)
                )
            used = {suffix for suffix, _ in photos}
            if label is not None:
                used.update(_LABEL_SUFFIXES)
            contents.other_files.update(f".{suffix}" for suffix in members if suffix not in used)
    return contents


def _by_key(shard: Shard) -> dict[str, dict[str, int]]:
    """Return the members of each sample by suffix; as in tar, the last of equal names counts."""
    samples: dict[str, dict[str, int]] = {}
    for at, name in enumerate(shard.names):
        folder, slash, file = name.rpartition("/")
        stem, _, suffix = file.partition(".")
        samples.setdefault(folder + slash + stem, {})[suffix] = at
    return samples


def _label(shard: Shard, members: Mapping[str, int], names: Mapping[int, str]) -> str | None:
    """Return the class name that the label members of a sample give; None if they give none."""
    label = next(
        filter(None, (shard.labels[members[s]] for s in _LABEL_SUFFIXES if s in members)), None
    )
    if label is None or not names or not label.isascii() or not label.isdigit():
        return label
    if len(label) > 9 or int(label) not in names:
        raise DataError(
            tr(
                f"{shard.path} has a photo of class {label[:20]}, which the file of class names "
                f"next to it does not name ({len(names)} classes): add its name there.",
                f"{shard.path} 里有类别为 {label[:20]} 的照片，但旁边的类别名文件"
                f"（{len(names)} 类）里没有它的名字：请加上。",
            )
        )
    return names[int(label)]


def _within_class(name: str, class_name: str) -> str:
    """Return a photo's name without a leading folder that is named like its class."""
    return name.removeprefix(f"{class_name}/") if name.startswith(f"{class_name}/") else name


def sample_key(name: str, alone: bool) -> tuple[str, str]:
    """Return the key and suffix of a photo in a shard; `photo_name` is the inverse.

    A key has no dot; `%2E` represents one. A trailing `%` means that the name ends before the
    suffix: the photo has no suffix, or other photos have the same name up to the suffix.

    Args:
        name: `<class>/<file>`.
        alone: Whether no other photo has the same name up to the suffix.
    """
    suffix = PurePosixPath(name).suffix
    suffix_ends_name = alone and suffix != ""
    folder, slash, file = (name.removesuffix(suffix) if suffix_ends_name else name).rpartition("/")
    key = f"{_escape(folder)}{slash}{_escape(file).replace('.', '%2E')}"
    return (key if suffix_ends_name else f"{key}%"), suffix or ".jpg"


def photo_name(key: str, suffix: str) -> str:
    """Return a photo's name from its key and suffix; keys not made by `sample_key` stay as is."""
    name = key[:-1] if key.endswith("%") else key + suffix
    return name if "%" not in name else _ESCAPED.sub(lambda match: chr(int(match[1], 16)), name)


def _escape(text: str) -> str:
    return re.sub(r"[%\x00-\x1f\x7f]", lambda match: f"%{ord(match[0]):02X}", text)


def read_classes(folder: Path) -> dict[int, str]:
    """Return the names of numbered classes from a file next to the shards; empty without a file.

    Takes the first of `classes.json` (a list, or an object of names and numbers), `classes.txt`
    (one class per line) and `dataset.json` (either form under `classes`), in the folder or else in
    its parent.

    Raises:
        UserError: The file does not give names.
    """
    for place in (folder, folder.absolute().parent):
        for name in (CLASSES_FILE, "classes.txt", "dataset.json"):
            path = place / name
            if path.is_file() and (classes := _read_classes(path)) is not None:
                return classes
    return {}


def _read_classes(path: Path) -> dict[int, str] | None:
    try:
        if path.stat().st_size > _MAX_BYTES:
            raise ValueError("too large")
        text = path.read_text(encoding="utf-8")
        if path.suffix == ".txt":
            return dict(enumerate(line.strip() for line in text.strip().splitlines()))
        parsed = parse_json(text)
        if path.name == "dataset.json":
            if not isinstance(parsed, dict) or "classes" not in parsed:
                return None
            parsed = parsed["classes"]
        return dict(_numbered(parsed))
    except (OSError, ValueError) as error:
        raise DataError(
            tr(
                f"{path} does not give the names of the classes ({error}): write a list of them.",
                f"{path} 未给出类别名（{error}）：请写成名字的列表。",
            )
        ) from None


def _numbered(parsed: Any) -> Iterator[tuple[int, str]]:
    """Yield numbers and names from a list of names, or from an object in either direction."""
    if not isinstance(parsed, list | dict):
        raise ValueError("not a list")
    pairs = enumerate(parsed) if isinstance(parsed, list) else parsed.items()
    for key, value in pairs:
        number, name = (value, key) if isinstance(value, int) else (key, value)
        if not isinstance(name, str) or not name.isprintable():
            raise ValueError("a name is not printable text")
        yield int(number), name


def unique_names(samples: Sequence[Sample], stems: Sequence[str]) -> list[str]:
    """Return `<class>/<name>` of each photo; for equal ones, `<class>/<stem>/<name>`.

    Args:
        samples: The photos.
        stems: Names that distinguish the shards, one per shard.
    """
    plain = [f"{sample.class_name}/{sample.name}" for sample in samples]
    times = Counter(plain)
    return [
        name if times[name] == 1 else f"{sample.class_name}/{stems[sample.shard]}/{sample.name}"
        for name, sample in zip(plain, samples, strict=True)
    ]
