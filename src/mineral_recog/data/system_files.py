"""Names of files and folders that systems and servers add to folders: they are no photos."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping

from mineral_recog.i18n import tr

# Compared in lower case. Names that begin with a dot are hidden as well.
_NAMES = frozenset({
    # Windows
    "$recycle.bin", "recycler", "system volume information", "found.000", "thumbs.db",
    "ehthumbs.db", "ehthumbs_vista.db", "desktop.ini",
    # macOS
    "__macosx", ".ds_store", ".appledouble", ".trashes", ".spotlight-v100", ".fseventsd",
    ".temporaryitems", ".documentrevisions-v100", "icon\r", "network trash folder",
    "temporary items",
    # Linux
    "lost+found", ".thumbnails", ".trash",
    # NAS: Synology, QNAP, NetApp
    "#recycle", "#snapshot", "@eadir", "@tmp", "@recycle", "@recently-snapshot", "@__thumb",
    ".@__thumb", "~snapshot", ".snapshot",
    # Python and Jupyter
    "__pycache__", ".ipynb_checkpoints",
})  # fmt: skip
_PREFIXES = ("._", ".trash-")  # AppleDouble files, the bin of a disk on Linux
_SUFFIXES = (":zone.identifier",)  # where a file came from, copied from Windows


def is_system_name(name: str) -> bool:
    """Return whether a system, and not the user, made a file or folder of this name."""
    lower = name.lower()
    return lower in _NAMES or lower.startswith(_PREFIXES) or lower.endswith(_SUFFIXES)


def is_visible(name: str) -> bool:
    """Return whether a file or folder is neither hidden nor made by a system."""
    return not name.startswith(".") and not is_system_name(name)


def visible_names(names: Iterable[str], left_out: Counter[str]) -> list[str]:
    """Return the names that are visible, and count those that systems made."""
    visible = []
    for name in names:
        if is_system_name(name):
            left_out[_shown(name)] += 1
        elif not name.startswith("."):
            visible.append(name)
    return visible


def count_system_parts(parts: Iterable[str], left_out: Counter[str]) -> bool:
    """Return whether one of the parts of a path was made by a system, and count it."""
    name = next(filter(is_system_name, parts), None)
    if name is not None:
        left_out[_shown(name)] += 1
    return name is not None


def system_files_notes(left_out: Mapping[str, int]) -> list[str]:
    """Return a line about files and folders that systems made, if there are any."""
    if not left_out:
        return []
    names = ", ".join(
        name if count == 1 else f"{name} ({count})" for name, count in sorted(left_out.items())
    )
    total = sum(left_out.values())
    return [
        tr(
            f"Left out, made by a system or a server: {total} files and folders: {names}",
            f"未用，由系统或服务器生成：{total} 个文件与文件夹：{names}",
        )
    ]


def _shown(name: str) -> str:
    lower = name.lower()
    pattern = next((f"{start}*" for start in _PREFIXES if lower.startswith(start)), None)
    return pattern or next((f"*{end}" for end in _SUFFIXES if lower.endswith(end)), name.strip())
