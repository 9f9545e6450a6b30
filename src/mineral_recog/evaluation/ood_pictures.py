"""Pictures of something else: what a folder holds that the model was not trained on."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from mineral_recog.data.dataset import Dataset, photos_in
from mineral_recog.data.images import unreadable
from mineral_recog.errors import DataError
from mineral_recog.i18n import tr
from mineral_recog.progress import SILENT, Progress

_NAMED = 10


def read_others(folder: Path, progress: Progress = SILENT) -> Dataset:
    """Index the pictures in a folder and the folders in it, those right below being the kinds.

    Every picture is read once; those that cannot be read are named and left out. The kind of
    pictures that lie in no sub-folder is "".

    Raises:
        UserError: no such folder, or no picture in it that can be read.
    """
    if not folder.is_dir():
        raise DataError(
            tr(
                f"{folder} is no folder: give --others a folder with pictures of something else.",
                f"{folder} 不是文件夹：请为 --others 给出一个放有其他图片的文件夹。",
            )
        )
    names = photos_in(folder)
    task = progress.start(tr(f"checking {folder.name}", f"检查 {folder.name}"), len(names))
    bad = unreadable(range(len(names)), lambda at: (folder / names[at]).open("rb"), task.set)
    for at, reason in bad[:_NAMED]:
        path = folder / names[at]
        progress.notice(
            tr(
                f"Skipped, cannot be read: {path} ({reason})",
                f"跳过，无法读取：{path}（{reason}）",
            )
        )
    if len(bad) > _NAMED:
        progress.notice(f"... (+{len(bad) - _NAMED})")
    skipped = {at for at, _ in bad}
    kept = [name for at, name in enumerate(names) if at not in skipped]
    if not kept:
        raise DataError(
            tr(
                f"{folder} holds no picture that can be read: put pictures of something else in "
                "it, or leave out --others.",
                f"{folder} 里没有可读的图片：请放入其他图片，或去掉 --others。",
            )
        )
    of = [name.split("/")[0] if "/" in name else "" for name in kept]
    kinds = sorted(set(of))
    labels = np.array([kinds.index(kind) for kind in of], dtype=np.int64)
    return Dataset(folder, tuple(kinds), tuple(kept), labels)
