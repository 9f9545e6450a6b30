"""What the user decided about findings: the small file that the review page saves."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from pathlib import Path

from pydantic import BaseModel, ConfigDict, Field, ValidationError, model_validator

from mineral_recog.curation.findings import class_of
from mineral_recog.errors import DataError
from mineral_recog.i18n import tr
from mineral_recog.text import encodable, parse_json

LARGEST = 100 * 10**6  # bytes; a million photos


class Decisions(BaseModel):
    """Decisions about photos and classes; photos by their paths below the folder of photos.

    Attributes:
        keep: photos to use as they are, whatever was found.
        drop: photos to leave out.
        move: photos to use under another class, with its name.
        classes: classes to merge into another, with its name.
    """

    model_config = ConfigDict(extra="forbid", frozen=True, strict=True)

    keep: tuple[str, ...] = Field(default=(), strict=False)
    drop: tuple[str, ...] = Field(default=(), strict=False)
    move: dict[str, str] = Field(default_factory=dict)
    classes: dict[str, str] = Field(default_factory=dict)

    @model_validator(mode="after")
    def _decided_once(self) -> Decisions:
        times = Counter([*self.keep, *self.drop, *self.move])
        if twice := [path for path, n in times.items() if n > 1]:
            raise ValueError(tr(f"{twice[0]} is decided twice", f"{twice[0]} 有两个决定"))
        if chain := [name for name, to in self.classes.items() if to in self.classes]:
            raise ValueError(
                tr(
                    f"class {chain[0]} goes into one that goes elsewhere itself",
                    f"类别 {chain[0]} 要并入的类别自己也被并入别处",
                )
            )
        return self

    def class_for(self, path: str) -> str | None:
        """The class that a photo is used under, or None when it is to be left out."""
        name = encodable(path)
        if name in self._dropped:
            return None
        of = self.move.get(name, class_of(path))
        return self.classes.get(encodable(of), of)

    def settles(self, path: str) -> bool:
        """Whether the user said under which class a photo is right."""
        name = encodable(path)
        return name in self._kept or name in self.move

    def unknown(self, paths: Iterable[str]) -> list[str]:
        """Photos that were decided on and are not among `paths`."""
        there = set(map(encodable, paths))
        return [one for one in (*self.keep, *self.drop, *self.move) if one not in there]

    def model_post_init(self, context: object) -> None:
        """Sets of what may be a million paths."""
        self._dropped, self._kept = frozenset(self.drop), frozenset(self.keep)

    _dropped: frozenset[str] = frozenset()
    _kept: frozenset[str] = frozenset()


def read_decisions(path: Path) -> Decisions:
    """Read a decisions file.

    Raises:
        UserError: no such file, too large, no JSON, an unknown key or a photo decided twice.
    """
    try:
        with path.open("rb") as file:
            content = file.read(LARGEST + 1)
        if len(content) > LARGEST:
            raise ValueError(tr("larger than 100 MB", "大于 100 MB"))
        return Decisions.model_validate(parse_json(content.decode("utf-8-sig")))
    except OSError as error:
        told = error.strerror or ""
    except ValidationError as error:
        told = "; ".join(
            f"{'.'.join(map(str, one['loc']))}: {one['msg'].removeprefix('Value error, ')}"
            if one["loc"]
            else one["msg"].removeprefix("Value error, ")
            for one in error.errors()[:5]
        )
    except ValueError as error:
        told = str(error)
    raise DataError(
        tr(
            f"--decisions {path} cannot be used ({told}): give a file that the page of "
            "`mineral-recog audit` saved.",
            f"--decisions {path} 不可用（{told}）：请给出 `mineral-recog audit` "
            "的网页所保存的文件。",
        )
    )


def refuse_unknown_classes(decisions: Decisions, classes: Iterable[str]) -> None:
    """Refuse decisions that name a class which is not there.

    Raises:
        UserError: naming it.
    """
    there = set(map(encodable, classes))
    for name in (*decisions.move.values(), *decisions.classes, *decisions.classes.values()):
        if name not in there:
            raise DataError(
                tr(
                    f"The decisions name the class {name}, which is not there: give the SRC and "
                    "the --aliases that were audited, or decide anew.",
                    f"决定文件里的类别 {name} 不存在：请给出检查时的 SRC 与 --aliases，"
                    "或重新决定。",
                )
            )
