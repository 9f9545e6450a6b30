"""Opens a path as photos: class folders, a list of files, parquet files or tar files."""

from __future__ import annotations

from pathlib import Path

from mineral_recog.data.images import is_any_photo_name
from mineral_recog.data.readers.folder_reader import FolderSource
from mineral_recog.data.readers.list_reader import ListSource, list_files
from mineral_recog.data.readers.list_rows import SUFFIXES
from mineral_recog.data.readers.source import Source
from mineral_recog.data.readers.split_names import split_from_name
from mineral_recog.errors import DataError
from mineral_recog.i18n import tr
from mineral_recog.progress import SILENT, Progress

FORMATS = {**dict.fromkeys(SUFFIXES, "list"), ".parquet": "parquet", ".tar": "tar"}


def open_source(path: Path, progress: Progress = SILENT) -> Source:
    """Open the photos at a path that the user gave.

    Raises:
        UserError: Photos cannot be read from the path, its content is invalid, or it is a parquet
            file and pyarrow is not installed.
    """
    match _format(path):
        case "folders":
            return FolderSource(path)
        case "list":
            return ListSource(path)
        case "parquet":
            try:
                from mineral_recog.data.readers.parquet_reader import ParquetSource
            except ModuleNotFoundError:
                raise DataError(
                    tr(
                        f"{path} needs pyarrow to be read: pip install 'mineral-recog[datasets]'",
                        f"读取 {path} 需要 pyarrow：pip install 'mineral-recog[datasets]'",
                    )
                ) from None
            return ParquetSource(path)
        case "tar":
            from mineral_recog.data.readers.tar_reader import TarSource

            return TarSource(path, progress)
        case _:
            raise DataError(
                tr(
                    f"{path} is not a folder of photos or a list of photos: give a folder with one "
                    "subfolder per class, or a .csv, .json, .jsonl, .parquet or .tar file.",
                    f"{path} 不是照片文件夹，也不是照片列表：请给出每类一个子文件夹的文件夹，或 "
                    ".csv、.json、.jsonl、.parquet、.tar 文件。",
                )
            )


def _format(path: Path) -> str:
    """Return how photos are stored at a path; "" if there are none."""
    if path.is_file():
        return FORMATS.get(path.suffix.lower(), "")
    if not path.is_dir():
        return ""
    if list_files(path):
        return "list"
    if any(path.glob("data/**/*.parquet")):  # the layout of Hugging Face datasets
        return "parquet"
    for suffix in ("parquet", "tar"):
        if any(path.glob(f"*.{suffix}")) and not _has_photos(path):
            return suffix
    in_splits = any(split_from_name(file.parent.name) for file in path.glob("*/*.tar"))
    if in_splits and not _has_photos(path):  # one folder of tar files per split
        return "tar"
    return "folders"


def _has_photos(path: Path) -> bool:
    """Return whether subfolders contain photos; archives next to them are then ignored."""
    return any(file.suffix and is_any_photo_name(file.name) for file in path.glob("*/**/*"))
