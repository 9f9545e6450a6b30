"""What a user can say about photos beyond their path: the level of classes, columns of a list."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from mineral_recog.errors import DataError
from mineral_recog.i18n import tr

ROLES = ("path", "label", "split", "specimen", "attribute")  # of the columns of a list


@dataclass(frozen=True)
class SourceOptions:
    """How to read photos; the defaults leave it to the reader.

    Attributes:
        class_level: Level of the class folders, 1 for those directly in the folder.
        columns: Names of columns of a list, by their role in ROLES.
        photo_root: Folder that the paths of a list are relative to; None for that of the list.
    """

    class_level: int | None = None
    columns: Mapping[str, str] = field(default_factory=dict)
    photo_root: Path | None = None

    def words(self) -> list[str]:
        """Return the options of the command line that mean the same."""
        words = []
        if self.class_level is not None:
            words += ["--class-level", str(self.class_level)]
        if self.columns:
            columns = ",".join(f"{role}={name}" for role, name in self.columns.items())
            words += ["--columns", columns]
        if self.photo_root is not None:
            words += ["--root", str(self.photo_root)]
        return words


DEFAULTS = SourceOptions()


def parse_columns(text: str) -> dict[str, str]:
    """Parse names of columns such as `path=image_id,label=Class`.

    Raises:
        DataError: The text is not of this form.
    """
    roles = "|".join(ROLES)
    parts = [part.partition("=") for part in re.split(rf",(?=\s*(?:{roles})\s*=)", text)]
    columns = {role.strip(): name.strip() for role, _, name in parts}
    if len(columns) < len(parts) or not set(columns) <= set(ROLES) or not all(columns.values()):
        raise DataError(
            tr(
                f"--columns {text}: write the name of a column for each of {', '.join(ROLES)} that "
                "you want to set, once, such as path=image_id,label=Class.",
                f"--columns {text}：请写出要指定的 {'、'.join(ROLES)} 各是哪一列，每项一次，例如 "
                "path=image_id,label=Class。",
            )
        )
    return columns
