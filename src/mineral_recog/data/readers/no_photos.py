"""The error for a path without photos in classes: it says what is there instead."""

from __future__ import annotations

from collections import Counter
from pathlib import Path

from mineral_recog.data.dataset import walk_visible
from mineral_recog.data.readers.list_rows import SUFFIXES
from mineral_recog.errors import DataError
from mineral_recog.i18n import tr


def no_photos_error(path: Path) -> DataError:
    """Return the error for a file or folder that has no photos in class folders."""
    suffixes = Counter[str]()
    lists: list[str] = []
    if path.is_dir():
        for prefix, _, files in walk_visible(path):
            suffixes.update(Path(file).suffix.lower() for file in files)
            if not prefix:
                lists = sorted(file for file in files if Path(file).suffix.lower() in SUFFIXES)
    held = ", ".join(
        f"{count} {suffix or tr('without suffix', '无扩展名')}"
        for suffix, count in suffixes.most_common(10)
    )
    holds = tr(f"It holds {held}", f"其中有 {held}") if held else tr("It is empty", "其中没有文件")
    advice = tr("put the photos of each class into a folder", "请把每类照片放入一个文件夹")
    if lists:
        advice += tr(
            f"; if {lists[0]} lists the photos, give it in place of the folder",
            f"；若 {lists[0]} 是照片列表，请直接给出该文件",
        )
    return DataError(
        tr(
            f"{path} has no photos in class folders. {holds}: {advice}.",
            f"{path} 的类别文件夹里没有照片。{holds}：{advice}。",
        )
    )
