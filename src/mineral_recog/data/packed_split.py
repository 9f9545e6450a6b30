"""A split of DATA in tar shards: its photos in the order that they have as files."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np

from mineral_recog.data.images import is_photo_name
from mineral_recog.data.tar_samples import CLASSES, read_classes, read_samples, unique_names
from mineral_recog.data.tar_shards import Members, Texts, read_shards
from mineral_recog.errors import DataError, UserError
from mineral_recog.i18n import tr
from mineral_recog.progress import SILENT, Progress


def read_packed(
    root: Path, paths: Sequence[Path], progress: Progress = SILENT
) -> tuple[Texts, list[str], Members]:
    """Names `<class>/<file>`, classes and places of the photos in shards, by class and name.

    Args:
        root: folder of the split, for messages and for the class names beside it or above.
        paths: of the tar files.

    Raises:
        UserError: a tar file is damaged, or a photo in it cannot be used.
    """
    shards = read_shards(paths, progress)
    for shard in shards:
        for name, kind in shard.left_out:
            if is_photo_name(name):
                raise _unusable(shard.path, name, f"no file ({kind})", f"不是文件（{kind}）")
    found = read_samples(shards, read_classes(root), is_photo_name)
    if found.unlabelled:
        raise _unusable(
            root,
            found.unlabelled[0],
            "without a class: give it a .cls",
            "没有类别：请加上 .cls",
        )
    names = unique_names(found.photos, [path.stem for path in paths])
    order = sorted(range(len(names)), key=lambda at: (found.photos[at].label, names[at]))
    photos = [found.photos[at] for at in order]
    places = [(one.shard, shards[one.shard], one.member) for one in photos]
    members = Members(
        tuple(paths),
        np.array([number for number, _, _ in places], dtype=np.int32),
        np.array([shard.offsets[at] for _, shard, at in places], dtype=np.int64),
        np.array([shard.sizes[at] for _, shard, at in places], dtype=np.int64),
    )
    return Texts.of(names[at] for at in order), [one.label for one in photos], members


def _unusable(where: Path, name: str, what: str, what_zh: str) -> UserError:
    return DataError(
        tr(
            f"{where} has a photo {what}: {name!a}. Mend it, or pack again with "
            f"`mineral-recog pack`, which leaves {CLASSES} beside the splits.",
            f"{where} 里有一张照片{what_zh}：{name!a}。请修正，或用 `mineral-recog pack` 重新打包"
            f"（会在各划分旁写入 {CLASSES}）。",
        )
    )
