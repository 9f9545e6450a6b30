"""Reads the user's decisions about findings from the file that the review page saves."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from itertools import chain
from pathlib import Path
from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field, PrivateAttr, ValidationError, model_validator

from mineral_recog.curation.findings import class_of
from mineral_recog.errors import DataError, reason_of
from mineral_recog.i18n import tr
from mineral_recog.text import encodable, parse_json
from mineral_recog.validation import reason_with_place

MAX_BYTES = 100 * 10**6  # enough for a million photos

_Paths = Annotated[tuple[str, ...], Field(strict=False)]  # JSON has lists only


class Decisions(BaseModel):
    """Decisions about photos, by their names `<class>/<file>`, and about classes.

    Attributes:
        keep: Photos to use unchanged, in spite of all findings.
        drop: Photos to leave out.
        move: Photos to use under another class, with its name.
        classes: Classes to merge into another, with its name.
        not_copies: Groups of photos of which no two are copies of each other.
    """

    model_config = ConfigDict(extra="forbid", frozen=True, strict=True)

    keep: tuple[str, ...] = Field(default=(), strict=False)
    drop: tuple[str, ...] = Field(default=(), strict=False)
    move: dict[str, str] = Field(default_factory=dict)
    classes: dict[str, str] = Field(default_factory=dict)
    not_copies: tuple[_Paths, ...] = Field(default=(), strict=False)

    @model_validator(mode="after")
    def _check_contradictions(self) -> Decisions:
        counts = Counter([*self.keep, *self.drop, *self.move])
        if repeated := [path for path, count in counts.items() if count > 1]:
            raise ValueError(tr(f"{repeated[0]} is decided twice", f"{repeated[0]} 有两个决定"))
        if chained := [name for name, target in self.classes.items() if target in self.classes]:
            raise ValueError(
                tr(
                    f"class {chained[0]} is merged into a class that is merged itself",
                    f"类别 {chained[0]} 要并入的类别自己也被并入别处",
                )
            )
        return self

    def class_for(self, path: str) -> str | None:
        """Return the class that a photo is used under, or None if it is dropped."""
        name = encodable(path)
        if name in self._dropped:
            return None
        class_name = self.move.get(name, class_of(path))
        return self.classes.get(encodable(class_name), class_name)

    def confirms_class(self, path: str) -> bool:
        """Return whether the user kept a photo or moved it, and so confirmed its class."""
        name = encodable(path)
        return name in self._kept or name in self.move

    def are_distinct(self, path: str, other: str) -> bool:
        """Return whether the user says that two photos are no copies of each other."""
        groups = self._groups_of.get(encodable(path), set())
        return not groups.isdisjoint(self._groups_of.get(encodable(other), set()))

    def unknown_paths(self, paths: Iterable[str]) -> list[str]:
        """Return the photos with decisions that are not in `paths`."""
        existing = set(map(encodable, paths))
        named = dict.fromkeys((*self.keep, *self.drop, *self.move, *chain(*self.not_copies)))
        return [path for path in named if path not in existing]

    def model_post_init(self, context: object) -> None:
        """Build sets for fast lookup, because there may be a million paths."""
        self._dropped, self._kept = frozenset(self.drop), frozenset(self.keep)
        groups: dict[str, set[int]] = {}
        for number, group in enumerate(self.not_copies):
            for path in group:
                groups.setdefault(path, set()).add(number)
        self._groups_of = groups

    _dropped: frozenset[str] = frozenset()
    _kept: frozenset[str] = frozenset()
    _groups_of: dict[str, set[int]] = PrivateAttr(default_factory=dict)


def read_decisions(path: Path) -> Decisions:
    """Read a decisions file.

    Raises:
        UserError: The file does not exist, is too large, is not JSON or has an unknown key, or a
            photo is decided twice.
    """
    try:
        with path.open("rb") as file:
            content = file.read(MAX_BYTES + 1)
        if len(content) > MAX_BYTES:
            raise ValueError(tr("larger than 100 MB", "大于 100 MB"))
        return Decisions.model_validate(parse_json(content.decode("utf-8-sig")))
    except OSError as error:
        reason = reason_of(error)
    except ValidationError as error:
        reason = "; ".join(map(reason_with_place, error.errors()[:5]))
    except ValueError as error:
        reason = reason_of(error)
    raise DataError(
        tr(
            f"--decisions {path} cannot be used ({reason}): give a file saved by the review page "
            "of `mineral-recog audit`.",
            f"--decisions {path} 不可用（{reason}）：请给出 `mineral-recog audit` "
            "的网页所保存的文件。",
        )
    )


def refuse_unknown_classes(decisions: Decisions, classes: Iterable[str]) -> None:
    """Refuse decisions that name a class that does not exist.

    Raises:
        UserError: There is such a class; the message names it.
    """
    existing = set(map(encodable, classes))
    for name in (*decisions.move.values(), *decisions.classes, *decisions.classes.values()):
        if name not in existing:
            raise DataError(
                tr(
                    f"The decisions name the class {name}, which does not exist: give the SRC and "
                    "--aliases of the audit, or audit and decide again.",
                    f"决定文件里的类别 {name} 不存在：请给出检查时的 SRC 与 --aliases，"
                    "或重新检查并决定。",
                )
            )
