"""The names of splits in other datasets, and the names that classes and photos can have."""

from __future__ import annotations

import re
from collections.abc import Container, Iterable
from pathlib import Path

from mineral_recog.errors import DataError
from mineral_recog.i18n import tr

SPLIT_NAMES = {
    "train": "train", "training": "train", "训练": "train", "訓練": "train",
    "val": "val", "valid": "val", "validation": "val", "dev": "val", "验证": "val", "校验": "val",
    "驗證": "val",
    "test": "test", "testing": "test", "测试": "test", "測試": "test",
}  # fmt: skip
# Words that may stand beside a split: train_set, Training Images, seg_train, 训练集.
_NEUTRAL = {
    "set", "sets", "data", "dataset", "datasets", "split", "splits", "folder", "files", "image",
    "images", "img", "imgs", "photo", "photos", "pic", "pics", "picture", "pictures", "sample",
    "samples", "seg", "crop", "crops", "cropped", "resized",
    "list", "lists",
    "集", "数据", "数据集", "样本", "样本集", "图片", "图像", "照片", "图片集", "集合",
}  # fmt: skip
MAX_NAME_BYTES = 200  # of a class name; file systems allow 255
# Path separators, and the characters that Windows forbids: DATA may be moved there.
_FORBIDDEN = set('/\\:*?"<>|')


def split_and_rest(name: str) -> tuple[str | None, tuple[str, ...]]:
    """Return the split that a name means, and its other words but those that may be beside any.

    `Minerals_train-images` gives train and `minerals`; a name of two splits gives none.
    """
    words = _words(name)
    splits = [word for word in words if word in SPLIT_NAMES]
    rest = tuple(word for word in words if word not in SPLIT_NAMES and word not in _NEUTRAL)
    return (SPLIT_NAMES[splits[0]] if len(splits) == 1 else None), rest


def split_from_name(name: str) -> str | None:
    """Return the split (train, val or test) that a name such as `train_set` means, or None."""
    split, rest = split_and_rest(name)
    return None if rest else split


def _words(name: str) -> list[str]:
    """Return the words of a name in lower case, without numbers and single Latin letters."""
    spaced = re.sub(r"(?<=[a-z])(?=[A-Z])", " ", name)  # TrainSet
    words = []
    for word in re.findall(r"[^\W\d_]+", spaced.casefold()):
        # Chinese has no spaces: a split comes first, as in 训练集.
        start = next((split for split in SPLIT_NAMES if word.startswith(split)), "")
        if start and not start.isascii():
            words += [start, word.removeprefix(start)]
        else:
            words.append(word)
    return [word for word in words if len(word) > 1 or not word.isascii()]


def split_of_file(path: Path, root: Path) -> str | None:
    """Return the split of a file that is `root` or below it.

    It is the split of the file's folder, or else the first one that is named in a file name such as
    `train-00000-of-00003.parquet`.
    """
    folder = split_from_name(path.parent.name) if path.parent != root and path != root else None
    words = re.findall(r"[a-z]+", path.stem.lower())
    return folder or next(filter(None, map(split_from_name, words)), None)


def can_be_folder(name: str) -> bool:
    """Return whether a class name is printable text that can name one folder of DATA."""
    return (
        0 < len(name.encode("utf-8", "surrogatepass")) <= MAX_NAME_BYTES
        and name.isprintable()
        and not _FORBIDDEN & set(name)
        and name == name.strip(" ").rstrip(".")
        and not name.startswith(".")
    )


def refuse_class_names(root: Path, names: Iterable[str], remedy: str) -> None:
    """Refuse class names that cannot be folders of DATA.

    Args:
        root: The file or folder with these classes.
        names: Their names.
        remedy: What the user can do about it, in the user's language.

    Raises:
        DataError: There is such a name.
    """
    invalid = next((name for name in sorted(names) if not can_be_folder(name)), None)
    if invalid is not None:
        raise DataError(
            tr(
                f"{root} has a class {invalid!a}, which cannot be a folder name: {remedy}",
                f"{root} 里的类别 {invalid!r} 不能作文件夹名：{remedy}",
            )
        )


def free_name(name: str, taken: Container[str]) -> str:
    """Return the name of a photo, with the first number that makes it unique if it is taken."""
    stem, dot, suffix = name.rpartition(".")
    number, free = 1, name
    while free in taken:
        number += 1
        free = f"{stem} ({number}){dot}{suffix}" if dot else f"{name} ({number})"
    return free
