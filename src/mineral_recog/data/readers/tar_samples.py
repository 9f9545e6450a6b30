"""Groups the members of tar files of the WebDataset layout into photos with classes.

A sample is the members that share a key: the name up to the first dot after its last slash. Its
`.cls`, `.json` or `.txt` says the class of its photo. A photo without those has the class that its
folder is named after.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import lru_cache
from pathlib import Path
from typing import Any, NamedTuple

from mineral_recog.data.images import is_any_photo_name
from mineral_recog.data.readers.tar_members import Member, TarContents
from mineral_recog.errors import DataError, reason_of
from mineral_recog.i18n import tr
from mineral_recog.text import parse_json

MAX_CLASSES_BYTES = 2**24  # of a file of class names
LABEL_SUFFIXES = ("cls", "json", "txt")  # the most reliable first


class Sample(NamedTuple):
    """A photo in a tar file.

    Attributes:
        name: Name of the photo below its class.
        label: Name of its class.
        member: Where its bytes are.
    """

    name: str
    label: str
    member: Member


@dataclass
class Samples:
    """The photos of tar files, and what else they hold.

    Attributes:
        photos: In the order of the tar files.
        unlabelled: Names of photos whose class nothing says.
        other_files: Files that are neither photos nor labels, by suffix.
    """

    photos: list[Sample] = field(default_factory=list)
    unlabelled: list[str] = field(default_factory=list)
    other_files: Counter[str] = field(default_factory=Counter)


def find_samples(tars: Sequence[TarContents], class_names: Mapping[int, str]) -> Samples:
    """Find the photos in tar files.

    Args:
        tars: Their contents; a sample lies in one of them.
        class_names: Names of numbered classes, if classes are numbered.

    Raises:
        DataError: A photo has a class number without a name.
    """
    samples = Samples()
    is_photo_suffix = lru_cache(lambda suffix: is_any_photo_name(f"_.{suffix}"))
    for tar in tars:
        for key, names in _by_key(tar).items():
            photos = [suffix for suffix in names if is_photo_suffix(suffix)]
            label = _sample_label(tar, names, class_names)
            if label is not None:
                # The photo itself comes before a mask of it such as `seg.png`.
                photos = sorted(photos, key=lambda suffix: "." in suffix)[:1]
            for suffix in photos:
                name = f"{key}.{suffix}" if suffix else key
                folder = name.rpartition("/")[0].rpartition("/")[2]
                photo_class = folder if label is None else label
                if not photo_class:
                    samples.unlabelled.append(name)
                    continue
                # A folder with the name of the class is left out of the photo's name.
                below = name.removeprefix(f"{photo_class}/")
                samples.photos.append(Sample(below, photo_class, tar.members[names[suffix]]))
            used = {*photos, *(LABEL_SUFFIXES if label is not None else ())}
            samples.other_files.update(f".{suffix}" for suffix in names if suffix not in used)
    return samples


def _by_key(tar: TarContents) -> dict[str, dict[str, str]]:
    """Return the members of each sample: {key: {suffix: name}}."""
    samples: dict[str, dict[str, str]] = {}
    for name in tar.members:
        folder, slash, file = name.rpartition("/")
        stem, _, suffix = file.partition(".")
        samples.setdefault(folder + slash + stem, {})[suffix] = name
    return samples


def _sample_label(
    tar: TarContents, names: Mapping[str, str], class_names: Mapping[int, str]
) -> str | None:
    """Return the class that the labels of a sample say; None if they say none."""
    labels = (tar.labels[names[suffix]] for suffix in LABEL_SUFFIXES if suffix in names)
    label = next(filter(None, labels), None)
    if label is None or not class_names or not label.isascii() or not label.isdigit():
        return label
    if len(label) > 9 or int(label) not in class_names:
        path, count = next(iter(tar.members.values())).tar, len(class_names)
        raise DataError(
            tr(
                f"{path} has a photo of class {label[:20]}, and the file of class names has no "
                f"name for it ({count} classes): add the name there.",
                f"{path} 里有类别为 {label[:20]} 的照片，但旁边的类别名文件（{count} 类）里没有它的"
                "名字：请加上。",
            )
        )
    return class_names[int(label)]


def read_class_names(folder: Path) -> dict[int, str]:
    """Return the names of numbered classes from a file next to tar files; empty without a file.

    Takes the first of `classes.json` (a list, or an object of names and numbers), `classes.txt`
    (one class per line) and `dataset.json` (either form under `classes`), in the folder or else in
    its parent.

    Raises:
        UserError: The file does not give names.
    """
    for place in (folder, folder.absolute().parent):
        for name in ("classes.json", "classes.txt", "dataset.json"):
            path = place / name
            if path.is_file() and (names := _class_names_in(path)) is not None:
                return names
    return {}


def _class_names_in(path: Path) -> dict[int, str] | None:
    try:
        if path.stat().st_size > MAX_CLASSES_BYTES:
            raise ValueError(tr("too large", "文件过大"))
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
        reason = reason_of(error)
        raise DataError(
            tr(
                f"{path} does not give the names of the classes ({reason}): write a list of them.",
                f"{path} 未给出类别名（{reason}）：请写成名字的列表。",
            )
        ) from None


def _numbered(parsed: Any) -> Iterator[tuple[int, str]]:
    """Yield numbers and names from a list of names, or from an object in either direction."""
    if not isinstance(parsed, list | dict):
        raise ValueError(tr("not a list", "不是列表"))
    pairs = enumerate(parsed) if isinstance(parsed, list) else parsed.items()
    for key, value in pairs:
        number, name = (value, key) if isinstance(value, int) else (key, value)
        if not isinstance(name, str) or not name.isprintable():
            raise ValueError(tr("a name is not printable text", "有名称不是可显示的文字"))
        yield int(number), name
