"""Reads a split from tar shards, its photos in the same order as photos in folders."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np

from mineral_recog.data.images import is_photo_name
from mineral_recog.data.tar_samples import CLASSES_FILE, read_classes, read_samples, unique_names
from mineral_recog.data.tar_shards import PackedStrings, TarMembers, read_shards
from mineral_recog.errors import DataError, UserError
from mineral_recog.i18n import tr
from mineral_recog.progress import SILENT, Progress


def read_packed(
    root: Path, paths: Sequence[Path], progress: Progress = SILENT
) -> tuple[PackedStrings, list[str], TarMembers]:
    """Return the photos in tar shards, sorted by class and name.

    Args:
        root: Folder of the split, for messages and for the file of class names in it or above it.
        paths: The tar files.
        progress: Receives the progress of reading tar shards.

    Returns:
        Names `<class>/<file>`, class names and positions of the photos.

    Raises:
        UserError: A tar file is damaged, or a photo in it cannot be used.
    """
    shards = read_shards(paths, progress)
    for shard in shards:
        for name, kind in shard.left_out:
            if is_photo_name(name):
                raise _unusable(shard.path, name, f"is not a file ({kind})", f"不是文件（{kind}）")
    contents = read_samples(shards, read_classes(root), is_photo_name)
    if contents.unlabelled:
        raise _unusable(
            root,
            contents.unlabelled[0],
            "has no class (add a .cls)",
            "没有类别（请加上 .cls）",
        )
    names = unique_names(contents.samples, [path.stem for path in paths])
    order = sorted(range(len(names)), key=lambda at: (contents.samples[at].class_name, names[at]))
    samples = [contents.samples[at] for at in order]
    places = [(sample.shard, shards[sample.shard], sample.member) for sample in samples]
    members = TarMembers(
        tuple(paths),
        np.array([number for number, _, _ in places], dtype=np.int32),
        np.array([shard.offsets[at] for _, shard, at in places], dtype=np.int64),
        np.array([shard.sizes[at] for _, shard, at in places], dtype=np.int64),
    )
    return (
        PackedStrings.from_strings(names[at] for at in order),
        [sample.class_name for sample in samples],
        members,
    )


def _unusable(path: Path, name: str, problem: str, problem_zh: str) -> UserError:
    return DataError(
        tr(
            f"{path} has a photo that {problem}: {name!a}. Correct it, or pack again with "
            f"`mineral-recog pack`, which writes {CLASSES_FILE} next to the splits.",
            f"{path} 里有一张照片{problem_zh}：{name!a}。请修正，或用 `mineral-recog pack` 重新打包"
            f"（会在各划分旁写入 {CLASSES_FILE}）。",
        )
    )
