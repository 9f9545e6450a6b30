"""Facts about minerals: the shipped table `minerals.csv`, and rows that a user adds to it.

A row has every column of COLUMNS; several values in a cell are separated by `;`. Cells of the
columns in VOCABULARIES contain words of a closed list, in English or Chinese. An empty cell means
that the fact is unknown. A user's table may lack the OPTIONAL_COLUMNS.
"""

from __future__ import annotations

import math
import re
import unicodedata
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from pathlib import Path

from mineral_recog.csv_files import line_error, read_rows
from mineral_recog.errors import UserError
from mineral_recog.minerals.vocabularies import VOCABULARIES, english_word

SHIPPED_TABLE = Path(__file__).parent / "minerals.csv"
MAX_TABLE_BYTES = 5 * 10**6  # all minerals known to science take half of it
MAX_HARDNESS, MAX_DENSITY = 10.0, 25.0  # of diamond, Mohs; above that of osmium, g/cm3

COLUMNS = (
    "name",
    "chinese",
    "synonyms",
    "formula",
    "group",
    "rank",
    "parent",
    "strunz",
    "system",
    "hardness_low",
    "hardness_high",
    "density_low",
    "density_high",
    "streak",
    "lustre",
    "transparency",
    "cleavage",
    "colours",
    "magnetism",
    "acid",
    "hazard",
    "source",
)
OPTIONAL_COLUMNS = ("rank", "parent", "strunz", "hazard")  # that earlier versions did not have
# Class, division, family and number, such as 9.AD.25, or the first two or three of them.
_STRUNZ = re.compile(r"(10|[1-9])\.[A-Z]([A-Z](\.\d\d)?)?")


@dataclass(frozen=True)
class Mineral:
    """The facts about a mineral; None or an empty tuple means unknown.

    Attributes:
        name: English name.
        chinese: Chinese name, or `name` where the table gives none.
        synonyms: Other names in both languages.
        formula: Chemical formula with Unicode subscripts.
        parent: Name of the mineral or node above it in the taxonomy, see `taxonomy`.
        strunz: Code of Nickel and Strunz, 10th edition, such as 9.AD.25 or a part of it.
        hardness: Lowest and highest Mohs hardness.
        density: Lowest and highest density, g/cm3.
        source: Publication of the facts.

    The other attributes are English words of the closed lists in VOCABULARIES.
    """

    name: str
    chinese: str
    synonyms: tuple[str, ...]
    formula: str | None
    group: str | None
    rank: str | None
    parent: str | None
    strunz: str | None
    system: str | None
    hardness: tuple[float, float] | None
    density: tuple[float, float] | None
    streak: tuple[str, ...]
    lustre: tuple[str, ...]
    transparency: tuple[str, ...]
    cleavage: str | None
    colours: tuple[str, ...]
    magnetism: str | None
    acid: str | None
    hazard: tuple[str, ...]
    source: str | None

    @property
    def names(self) -> dict[str, str]:
        """The names in both languages."""
        return {"en": self.name, "zh": self.chinese}

    def facts(self) -> dict[str, object]:
        """Return the facts for JSON: ranges as [low, high], words and the name as {"en", "zh"}."""
        facts: dict[str, object] = {
            "name": self.names,
            "synonyms": list(self.synonyms),
            "formula": self.formula,
            "parent": self.parent,
            "strunz": self.strunz,
            "hardness": None if self.hardness is None else list(self.hardness),
            "density": None if self.density is None else list(self.density),
            "source": self.source,
        }
        for column, words in VOCABULARIES.items():
            value = getattr(self, column)
            if isinstance(value, tuple):
                facts[column] = [{"en": word, "zh": words[word]} for word in value]
            else:
                facts[column] = None if value is None else {"en": value, "zh": words[value]}
        return facts


class MineralTable:
    """A table of minerals in which no two share a name."""

    def __init__(self, minerals: Iterable[Mineral]) -> None:
        self._minerals = tuple(minerals)
        self._by_name = {
            name_key(name): mineral for mineral in self._minerals for name in _names(mineral)
        }

    def __iter__(self) -> Iterator[Mineral]:
        return iter(self._minerals)

    def __len__(self) -> int:
        return len(self._minerals)

    def find(self, name: str) -> Mineral | None:
        """Return the mineral with a name or synonym, or None; ignores case, accents and spacing."""
        return self._by_name.get(name_key(name))


def read_minerals(user_table: Path | None = None) -> MineralTable:
    """Read the shipped table, and a user's table whose rows replace rows of the same name.

    Args:
        user_table: A CSV file in UTF-8 with the columns of the shipped table. Without a column of
            OPTIONAL_COLUMNS, its rows keep what the shipped rows of the same name say there. A row
            without a hazard keeps that of the shipped row in any case.

    Raises:
        UserError: The file is no such table, a column or name is missing or occurs twice, a
            number or word is invalid, or a name or synonym belongs to two minerals.
    """
    minerals: dict[str, Mineral] = {}
    for path in (SHIPPED_TABLE,) if user_table is None else (SHIPPED_TABLE, user_table):
        lines: dict[str, int] = {}
        for line, cells in read_rows(path, COLUMNS, MAX_TABLE_BYTES, OPTIONAL_COLUMNS):
            mineral = _parse_mineral(_Row(path, line, cells))
            key = name_key(mineral.name)
            if key in lines:
                raise line_error(
                    path,
                    line,
                    f"{mineral.name} already has a row in line {lines[key]}: remove one of them.",
                    f"第 {lines[key]} 行已有 {mineral.name}：请删去其中一行。",
                )
            lines[key] = line
            if shipped := minerals.get(key):
                kept = {name for name in OPTIONAL_COLUMNS if name not in cells}
                mineral = replace(mineral, **{name: getattr(shipped, name) for name in kept})
                mineral = replace(mineral, hazard=mineral.hazard or shipped.hazard)
            minerals[key] = mineral
        _check_names_are_unique(path, lines, minerals)
    return MineralTable(minerals.values())


def name_key(name: str) -> str:
    """Return a name without case, accents, spacing and punctuation, for comparison."""
    return "".join(filter(str.isalnum, unicodedata.normalize("NFKD", name.casefold())))


def _names(mineral: Mineral) -> list[str]:
    """Return all names that contain a letter or digit; a dash means that there is none."""
    return [name for name in (mineral.name, mineral.chinese, *mineral.synonyms) if name_key(name)]


def _check_names_are_unique(
    path: Path, lines: dict[str, int], minerals: dict[str, Mineral]
) -> None:
    """Raise an error if a name belongs to two minerals; `lines` holds the lines of `path`."""
    owners: dict[str, str] = {}
    for key, mineral in minerals.items():
        for name in _names(mineral):
            owner = owners.setdefault(name_key(name), key)
            if owner != key:
                pair = f"{minerals[owner].name}, {mineral.name}"
                raise line_error(
                    path,
                    lines[key] if key in lines else lines[owner],
                    f"{name} is a name of two minerals ({pair}): remove it from one of them. To "
                    "change a shipped mineral, write its complete row with the same name.",
                    f"{name} 指向两种矿物（{pair}）：请从其中一种删去。若要修改自带的矿物，"
                    "请用相同的 name 写出完整的一行。",
                )


class _Row:
    """Parser for the cells of one row; its errors name the file and line."""

    def __init__(self, path: Path, line: int, cells: Mapping[str, str]) -> None:
        self.path, self.line, self.cells = path, line, cells

    def text(self, column: str) -> str | None:
        return " ".join(self.cells.get(column, "").split()) or None

    def texts(self, column: str) -> tuple[str, ...]:
        cell = self.cells.get(column, "").replace("；", ";")  # from a Chinese keyboard
        parts = (" ".join(part.split()) for part in cell.split(";"))
        return tuple(dict.fromkeys(part for part in parts if part))

    def words(self, column: str) -> tuple[str, ...]:
        return tuple(self._word(column, text) for text in self.texts(column))

    def word(self, column: str) -> str | None:
        text = self.text(column)
        return None if text is None else self._word(column, text)

    def _word(self, column: str, text: str) -> str:
        if word := english_word(column, text):
            return word
        words = VOCABULARIES[column]
        raise self.error(
            f"{column} {text}: choose from {', '.join(words)}.",
            f"{column} {text}：请从 {'、'.join(words.values())} 中选择。",
        )

    def strunz(self) -> str | None:
        code = self.text("strunz")
        if code is not None and not _STRUNZ.fullmatch(code):
            raise self.error(
                f"strunz {code}: write a code such as 9.AD.25, 9.AD or 9.A, or leave it empty.",
                f"strunz {code}：请写 9.AD.25、9.AD 或 9.A 这样的编号，或留空。",
            )
        return code

    def interval(self, column: str, maximum: float) -> tuple[float, float] | None:
        texts = self.cells[f"{column}_low"].strip(), self.cells[f"{column}_high"].strip()
        if texts == ("", ""):
            return None
        try:
            low, high = map(float, texts)
        except ValueError:
            low, high = math.nan, math.nan
        if not 0 < low <= high <= maximum:
            raise self.error(
                f"{column} from {texts[0]!r} to {texts[1]!r}: give two numbers, the lower first, "
                f"above 0 and up to {maximum:g}, or leave both empty.",
                f"{column} 从 {texts[0]!r} 到 {texts[1]!r}：请给出两个数，先小后大，大于 0 "
                f"且不超过 {maximum:g}，或两格都留空。",
            )
        return low, high

    def error(self, english: str, chinese: str) -> UserError:
        return line_error(self.path, self.line, english, chinese)


def _parse_mineral(row: _Row) -> Mineral:
    name = row.text("name")
    if name is None or not name_key(name):
        raise row.error("no name: enter one.", "没有 name：请填写。")
    return Mineral(
        name=name,
        chinese=row.text("chinese") or name,
        synonyms=row.texts("synonyms"),
        formula=row.text("formula"),
        group=row.word("group"),
        rank=row.word("rank"),
        parent=row.text("parent"),
        strunz=row.strunz(),
        system=row.word("system"),
        hardness=row.interval("hardness", MAX_HARDNESS),
        density=row.interval("density", MAX_DENSITY),
        streak=row.words("streak"),
        lustre=row.words("lustre"),
        transparency=row.words("transparency"),
        cleavage=row.word("cleavage"),
        colours=row.words("colours"),
        magnetism=row.word("magnetism"),
        acid=row.word("acid"),
        hazard=row.words("hazard"),
        source=row.text("source"),
    )
