"""Opens a path as photos: class folders, a list of files, parquet files or tar files."""

from __future__ import annotations

import os
from pathlib import Path

from mineral_recog.data.dataset import photos_in
from mineral_recog.data.images import is_any_photo_name
from mineral_recog.data.readers.folder_reader import FolderSource
from mineral_recog.data.readers.list_columns import ColumnsError
from mineral_recog.data.readers.list_reader import ListSource, list_files
from mineral_recog.data.readers.list_rows import SUFFIXES
from mineral_recog.data.readers.no_photos import no_photos_error
from mineral_recog.data.readers.photo_finder import PhotoFinder
from mineral_recog.data.readers.source import Source
from mineral_recog.data.readers.source_options import DEFAULTS, SourceOptions
from mineral_recog.data.readers.split_names import split_from_name
from mineral_recog.errors import DataError
from mineral_recog.i18n import tr
from mineral_recog.progress import SILENT, Progress

FORMATS = {**dict.fromkeys(SUFFIXES, "list"), ".parquet": "parquet", ".tar": "tar"}


def open_source(
    path: Path, progress: Progress = SILENT, options: SourceOptions = DEFAULTS
) -> Source:
    """Open the photos at a path that the user gave.

    Raises:
        UserError: There are no photos, their content or the options are invalid, or the path is a
            parquet file and pyarrow is not installed.
    """
    kind = _format(path, options)
    _refuse_options(path, kind, options)
    match kind:
        case "folders":
            source: Source = FolderSource(path, options.class_level)
        case "list":
            source = _open_list(path, options)
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
            source = ParquetSource(path)
        case "tar":
            from mineral_recog.data.readers.tar_reader import TarSource

            source = TarSource(path, progress)
        case _:
            raise DataError(
                tr(
                    f"{path} is not a folder of photos or a list of photos: give a folder with one "
                    "subfolder per class, or a .csv, .json, .jsonl, .txt, .parquet or .tar file.",
                    f"{path} 不是照片文件夹，也不是照片列表：请给出每类一个子文件夹的文件夹，或 "
                    ".csv、.json、.jsonl、.txt、.parquet、.tar 文件。",
                )
            )
    if not source.paths:
        raise no_photos_error(path)
    return source


def _format(path: Path, options: SourceOptions) -> str:
    """Return how photos are stored at a path; "" if there are none."""
    if path.is_file():
        return FORMATS.get(path.suffix.lower(), "")
    if not path.is_dir():
        return ""
    if options.class_level is not None:
        return "folders"
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


def _refuse_options(path: Path, kind: str, options: SourceOptions) -> None:
    """Refuse options that mean nothing for the format at a path."""
    wrong = ""
    if options.class_level is not None and kind != "folders":
        wrong, wrong_zh = "--class-level is for folders of photos", "--class-level 用于照片文件夹"
    elif (options.columns or options.photo_root) and kind != "list":
        wrong = "--columns and --root are for lists of photos"
        wrong_zh = "--columns 与 --root 用于照片列表"
    if wrong:
        raise DataError(tr(f"{path}: {wrong}; omit it.", f"{path}：{wrong_zh}；请去掉。"))


def _open_list(path: Path, options: SourceOptions) -> Source:
    """Open a list, or the class folders next to it if the list says nothing about them.

    Raises:
        UserError: The list is not valid, or none of its photos exists.
    """
    folders = path.is_dir() and not options.columns and any("/" in file for file in photos_in(path))
    try:
        source = ListSource(path, options)
    except ColumnsError as error:
        if not folders:
            raise
        return _folders_beside(path, str(error))
    if len(source.missing) == len(source.files) and source.missing:
        if folders:
            first = source.missing[0]
            reason = tr(f"no listed photo exists, such as {first}", f"所列照片都不存在，如 {first}")
            return _folders_beside(path, reason)
        raise _no_listed_photo_error(source, options)
    if path.is_dir():
        source.notes = [_listed_note(path, source), *source.notes]
    return source


def _folders_beside(path: Path, reason: str) -> Source:
    """Open the class folders next to a list that is not used."""
    source = FolderSource(path)
    names = ", ".join(str(file.relative_to(path)) for file, _ in list_files(path))
    source.notes = [
        tr(
            f"Read by folders; {names} is not used: {reason}",
            f"按文件夹读取；未使用 {names}：{reason}",
        ),
        *source.notes,
    ]
    return source


def _listed_note(path: Path, source: ListSource) -> str:
    """Return a line about the lists that are used, and the photos that they leave out."""
    names = ", ".join(str(file.relative_to(path)) for file, _ in source.lists)
    photos = (os.path.normpath(path.absolute() / photo) for photo in photos_in(path))
    others = len(set(photos) - source.files)
    if not others:
        return tr(f"Listed by {names}", f"按 {names} 列出")
    return tr(
        f"Listed by {names}: {len(source.files)} photos; {others} photos beside it are not listed. "
        "To read the folders in place of it: --class-level 1",
        f"按 {names} 列出：{len(source.files)} 张照片；旁边另有 {others} 张未列入。"
        "若要按文件夹读取：--class-level 1",
    )


def _no_listed_photo_error(source: ListSource, options: SourceOptions) -> DataError:
    """Return the error for a list of which no photo exists; it may say where they are."""
    first, count = source.missing[0], len(source.missing)
    base = (options.photo_root or source.lists[0][0].parent).absolute()
    advice, advice_zh = (
        "give the folder of the photos with --root",
        "请用 --root 给出照片所在文件夹",
    )
    if first.is_relative_to(base):
        text = str(first.relative_to(base))
        places = sorted(path for path in base.iterdir() if path.is_dir()) if base.is_dir() else []
        if place := next((place for place in places if PhotoFinder(place).find(text)), None):
            advice, advice_zh = f"try --root {place}", f"可试 --root {place}"
    return DataError(
        tr(
            f"None of the {count} photos in {source.root} exists, the first is {first}: {advice}.",
            f"{source.root} 所列的 {count} 张照片都不存在，第一张为 {first}：{advice_zh}。",
        )
    )
