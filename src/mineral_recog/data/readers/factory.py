"""What a path is to photos: folders, a list of files, tables or archives."""

from __future__ import annotations

from pathlib import Path

from mineral_recog.data.images import may_be_photo
from mineral_recog.data.readers.folder_reader import FolderPhotos
from mineral_recog.data.readers.list_reader import ManifestPhotos, manifests
from mineral_recog.data.readers.list_rows import SUFFIXES
from mineral_recog.data.readers.source import Source
from mineral_recog.data.readers.split_names import split_called
from mineral_recog.errors import DataError
from mineral_recog.i18n import tr
from mineral_recog.progress import SILENT, Progress

KINDS = {**dict.fromkeys(SUFFIXES, "manifest"), ".parquet": "parquet", ".tar": "tar"}


def open_source(path: Path, progress: Progress = SILENT) -> Source:
    """The photos of a path that a user named.

    Raises:
        UserError: it is nothing that photos can be read from, or something is wrong with it.
    """
    match _kind(path):
        case "folders":
            return FolderPhotos(path)
        case "manifest":
            return ManifestPhotos(path)
        case "parquet":
            from mineral_recog.data.readers.parquet_reader import ParquetPhotos

            return ParquetPhotos(path)
        case "tar":
            from mineral_recog.data.readers.tar_reader import ShardPhotos

            return ShardPhotos(path, progress)
        case _:
            raise DataError(
                tr(
                    f"{path} is not a folder of photos, nor a list of them: give a folder with a "
                    "folder a class, or a file .csv, .json, .jsonl, .parquet or .tar.",
                    f"{path} 不是照片文件夹，也不是照片列表：请给出一类一个子文件夹的文件夹，或 "
                    ".csv、.json、.jsonl、.parquet、.tar 文件。",
                )
            )


def _kind(path: Path) -> str:
    """How photos lie in a path; "" when they do not."""
    if path.is_file():
        return KINDS.get(path.suffix.lower(), "")
    if not path.is_dir():
        return ""
    if manifests(path):
        return "manifest"
    if any(path.glob("data/**/*.parquet")):  # as Hugging Face keeps a data set
        return "parquet"
    for kind in ("parquet", "tar"):
        if any(path.glob(f"*.{kind}")) and not _has_photos(path):
            return kind
    in_splits = any(split_called(one.parent.name) for one in path.glob("*/*.tar"))
    if in_splits and not _has_photos(path):  # as `pack` writes them
        return "tar"
    return "folders"


def _has_photos(path: Path) -> bool:
    """Whether folders in a folder have photos: an archive beside them is then none of ours."""
    return any(one.suffix and may_be_photo(one.name) for one in path.glob("*/**/*"))
