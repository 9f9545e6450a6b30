"""Folders of out-of-distribution pictures: things that the model was not trained on."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from mineral_recog.data.dataset import Dataset, photos_in
from mineral_recog.data.images import find_unreadable
from mineral_recog.errors import DataError
from mineral_recog.i18n import tr
from mineral_recog.progress import SILENT, Progress
from mineral_recog.text import natural_order

_MAX_NOTICES = 10


def read_ood_pictures(folder: Path, progress: Progress = SILENT) -> Dataset:
    """Return the pictures in a folder and its sub-folders as a dataset.

    The classes are the names of the direct sub-folders; "" is the class of pictures in none.
    Every picture is read once; pictures that cannot be read are reported and left out.

    Raises:
        UserError: The folder does not exist, or no picture in it can be read.
    """
    if not folder.is_dir():
        raise DataError(
            tr(
                f"{folder} is not a folder: give --others a folder of pictures that show none of "
                "these minerals.",
                f"{folder} 不是文件夹：请用 --others 指定一个存放其他图片的文件夹。",
            )
        )
    paths = photos_in(folder)
    task = progress.start(tr(f"checking {folder.name}", f"检查 {folder.name}"), len(paths))
    bad = find_unreadable(
        range(len(paths)), lambda index: (folder / paths[index]).open("rb"), task.set
    )
    for index, reason in bad[:_MAX_NOTICES]:
        path = folder / paths[index]
        progress.notice(
            tr(
                f"Skipped, cannot be read: {path} ({reason})",
                f"跳过，无法读取：{path}（{reason}）",
            )
        )
    if len(bad) > _MAX_NOTICES:
        progress.notice(f"... (+{len(bad) - _MAX_NOTICES})")
    skipped = {index for index, _ in bad}
    readable = [path for index, path in enumerate(paths) if index not in skipped]
    if not readable:
        raise DataError(
            tr(
                f"{folder} has no picture that can be read: add pictures that show none of these "
                "minerals, or leave out --others.",
                f"{folder} 里没有可读的图片：请放入其他图片，或去掉 --others。",
            )
        )
    class_of = [path.split("/")[0] if "/" in path else "" for path in readable]
    classes = natural_order(set(class_of))
    labels = np.array([classes.index(name) for name in class_of], dtype=np.int64)
    return Dataset(folder, tuple(classes), tuple(readable), labels)
