"""Reads class folders of photos, with or without split folders; remarks on irregular entries."""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

from mineral_recog.data.dataset import walk_visible
from mineral_recog.data.images import is_any_photo_name, is_photo_name
from mineral_recog.data.readers.folder_layout import Layout, choose_layout
from mineral_recog.data.readers.folder_tree import read_tree
from mineral_recog.data.readers.no_photos import no_photos_error
from mineral_recog.data.readers.source import FileSource, Remark
from mineral_recog.data.system_files import system_files_notes, visible_names
from mineral_recog.errors import translate_reason
from mineral_recog.files import dead_link, encoding_error


class FolderSource(FileSource):
    """Photos in class folders, whose level and splits `choose_layout` finds.

    The name of a photo is its path below the root; the folders above its class come after the
    class: `<class>/<split folder>/...`. Symbolic links to folders are followed only for class
    folders and those above them.

    Args:
        root: The folder.
        class_level: Level of the class folders, 1 for those directly in the root; None to find it.

    Raises:
        UserError: There are no class folders, it is unclear which they are, or the locale reads
            their names wrongly.
    """

    def __init__(self, root: Path, class_level: int | None = None) -> None:
        layout = choose_layout(root, read_tree(root), class_level)
        self._left_out = Counter[str]()
        self._remarks: list[tuple[str, Remark]] = []
        self._other_files = Counter[str]()
        self._files: dict[str, str] = {}
        splits: dict[str, str] = {}
        classes: set[str] = set()
        for parent in self._folders_above(root, layout):
            for name in self._list_folders(root, parent):
                if error := encoding_error(name):
                    raise error
                if name not in classes and not name.isprintable():
                    self._remarks.append((name, Remark("class_text", "")))
                classes.add(name)
                for photo, below in self._photos_in_class(root, parent, name):
                    if split := _split(layout, parent, below):
                        splits[photo] = split
        if not classes:
            raise no_photos_error(root)
        super().__init__(root, classes, self._files, splits, self._other_files, self._remarks)
        self.notes = [*layout.notes, *system_files_notes(self._left_out)]

    def _folders_above(self, root: Path, layout: Layout) -> list[str]:
        """Return the paths of the folders that the class folders are in; "" for the root."""
        parents = [""]
        for level in range(1, layout.class_level):
            ignored = layout.ignored if level == layout.split_level else ()
            parents = [
                Path(parent, name).as_posix()
                for parent in parents
                for name in self._list_folders(root, parent)
                if name not in ignored
            ]
        return parents

    def _list_folders(self, root: Path, parent: str) -> list[str]:
        """Return the sorted names of the folders in one; remark on photos and links to parents."""
        folder = root / parent
        names = []
        for name in visible_names(sorted(entry.name for entry in folder.iterdir()), self._left_out):
            entry, path = folder / name, Path(parent, name).as_posix()
            if reason := dead_link(entry):
                self._remarks.append((path, Remark("unreadable", reason)))
            elif not entry.is_dir():
                if is_photo_name(name):
                    self._remarks.append((path, Remark("no_class", "")))
            elif folder.resolve().is_relative_to(entry.resolve()):
                self._remarks.append((path, Remark("link", str(entry.readlink()))))
            else:
                names.append(name)
        return names

    def _photos_in_class(self, root: Path, parent: str, name: str) -> Iterator[tuple[str, str]]:
        """Add the photos of a class folder; yield the name of each and its path in the folder."""
        folder, photo_folder = Path(parent, name).as_posix(), Path(name, parent).as_posix()
        for file in self._files_in_class(root / folder, photo_folder):
            if is_any_photo_name(file):
                photo = f"{photo_folder}/{file}"
                self._files[photo] = f"{folder}/{file}"
                yield photo, file
            else:
                self._other_files[Path(file).suffix] += 1

    def _files_in_class(self, folder: Path, photo_folder: str) -> Iterator[str]:
        """Yield the files of a class folder as paths below it; remark on links and errors.

        Args:
            folder: The class folder.
            photo_folder: What its path is in the names of photos.
        """

        def remark_unreadable(error: OSError) -> None:
            below = Path(os.fsdecode(error.filename)).relative_to(folder)
            name = Path(photo_folder, below).as_posix()
            reason = translate_reason(error.strerror or "")
            self._remarks.append((name, Remark("unreadable", reason)))

        for prefix, folders, files in walk_visible(folder, remark_unreadable, self._left_out):
            for path in (f"{prefix}{subfolder}" for subfolder in folders):
                if (folder / path).is_symlink():
                    remark = Remark("link", str((folder / path).readlink()))
                    self._remarks.append((f"{photo_folder}/{path}", remark))
            yield from (f"{prefix}{file}" for file in files)


def _split(layout: Layout, parent: str, below: str) -> str | None:
    """Return the split of a photo by the folders above its class, or by the first one below it."""
    if layout.split_level is None:
        return None
    if layout.split_level > layout.class_level:
        return layout.splits.get(below.split("/")[0])
    return layout.splits.get(parent.split("/")[layout.split_level - 1])
