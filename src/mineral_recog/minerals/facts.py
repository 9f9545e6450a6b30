"""Facts about minerals: the shipped table `minerals.csv`, and rows that a user adds to it.

A row has every column of COLUMNS; several values in a cell are separated by `;`. Cells of the
columns in VOCABULARIES contain words of a closed list, in English or Chinese. An empty cell means
that the fact is unknown; in `hazard`, that no hazard is known. A user's table may lack the columns
of OPTIONAL_COLUMNS.
"""

from __future__ import annotations

import unicodedata
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from pathlib import Path

from mineral_recog.csv_files import line_error, read_rows
from mineral_recog.minerals.row import Row
from mineral_recog.minerals.vocabularies import VOCABULARIES

SHIPPED_TABLE = Path(__file__).parent / "minerals.csv"
MAX_TABLE_BYTES = 5 * 10**6  # all minerals known to science take half of it
MAX_HARDNESS, MAX_DENSITY = 10.0, 25.0  # of diamond, Mohs; above that of osmium, g/cm3

COLUMNS = (
    "name",
    "chinese",
    "synonyms",
    "formula",
    "ima_symbol",
    "ima_status",
    "group",
    "rank",
    "parent",
    "strunz",
    "system",
    "habit",
    "hardness_low",
    "hardness_high",
    "density_low",
    "density_high",
    "streak",
    "lustre",
    "transparency",
    "colours",
    "cleavage",
    "cleavage_directions",
    "fracture",
    "tenacity",
    "magnetism",
    "acid",
    "fluorescence_long",
    "fluorescence_short",
    "hazard",
    "checked",
    "source",
)
# A user's table may lack these: its rows then keep what the shipped rows of the same name say.
OPTIONAL_COLUMNS = (
    "ima_symbol",
    "ima_status",
    "rank",
    "parent",
    "strunz",
    "habit",
    "cleavage_directions",
    "fracture",
    "tenacity",
    "fluorescence_long",
    "fluorescence_short",
    "hazard",
    "checked",
)


@dataclass(frozen=True)
class Mineral:
    """The facts about a mineral; None or an empty tuple means unknown.

    Attributes:
        name: English name.
        chinese: Chinese name, or `name` where the table gives none.
        synonyms: Other names in both languages.
        formula: Chemical formula with Unicode subscripts.
        ima_symbol: Symbol of the mineral by the IMA, such as Qz.
        parent: Name of the mineral or node above it in the taxonomy, see `taxonomy`.
        strunz: Code of Nickel and Strunz, 10th edition, such as 9.AD.25 or a part of it.
        hardness: Lowest and highest Mohs hardness.
        density: Lowest and highest density, g/cm3.
        cleavage: Quality of the best direction.
        cleavage_directions: Number of directions.
        fluorescence_long: Colours under long-wave ultraviolet light, or "none".
        fluorescence_short: Colours under short-wave ultraviolet light, or "none".
        checked: Whether two independent sources that were read agree with the facts.
        source: What was read, separated by `;`.

    The other attributes are English words of the closed lists in VOCABULARIES.
    """

    name: str
    chinese: str
    synonyms: tuple[str, ...] = ()
    formula: str | None = None
    ima_symbol: str | None = None
    ima_status: str | None = None
    group: str | None = None
    rank: str | None = None
    parent: str | None = None
    strunz: str | None = None
    system: str | None = None
    habit: tuple[str, ...] = ()
    hardness: tuple[float, float] | None = None
    density: tuple[float, float] | None = None
    streak: tuple[str, ...] = ()
    lustre: tuple[str, ...] = ()
    transparency: tuple[str, ...] = ()
    colours: tuple[str, ...] = ()
    cleavage: str | None = None
    cleavage_directions: int | None = None
    fracture: tuple[str, ...] = ()
    tenacity: tuple[str, ...] = ()
    magnetism: str | None = None
    acid: str | None = None
    fluorescence_long: tuple[str, ...] = ()
    fluorescence_short: tuple[str, ...] = ()
    hazard: tuple[str, ...] = ()
    checked: bool = False
    source: str | None = None

    @property
    def names(self) -> dict[str, str]:
        """The names in both languages."""
        return {"en": self.name, "zh": self.chinese}

    @property
    def is_told_by_colour(self) -> bool:
        """Whether the colour belongs to the substance: its powder, the streak, is coloured too."""
        return not {"white", "grey"}.issuperset(self.streak)

    def facts(self) -> dict[str, object]:
        """Return the facts for JSON: ranges as [low, high], words and the name as {"en", "zh"}."""
        facts: dict[str, object] = {
            "name": self.names,
            "synonyms": list(self.synonyms),
            "formula": self.formula,
            "ima_symbol": self.ima_symbol,
            "parent": self.parent,
            "strunz": self.strunz,
            "hardness": None if self.hardness is None else list(self.hardness),
            "density": None if self.density is None else list(self.density),
            "cleavage_directions": self.cleavage_directions,
            "checked": self.checked,
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
            OPTIONAL_COLUMNS, its rows keep what the shipped rows of the same name say there,
            except that they are not `checked`. A row without a hazard keeps that of the shipped row
            in any case.

    Raises:
        UserError: The file is no such table, a column or name is missing or occurs twice, a
            number or word is invalid, or a name or synonym belongs to two minerals.
    """
    minerals: dict[str, Mineral] = {}
    for path in (SHIPPED_TABLE,) if user_table is None else (SHIPPED_TABLE, user_table):
        lines: dict[str, int] = {}
        for line, cells in read_rows(path, COLUMNS, MAX_TABLE_BYTES, OPTIONAL_COLUMNS):
            mineral = parse_mineral(Row(path, line, cells))
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
                kept = {*OPTIONAL_COLUMNS} - {*cells, "checked"}
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


def parse_mineral(row: Row) -> Mineral:
    """Return the mineral of a row.

    Raises:
        DataError: The name is missing, or a number or word is invalid.
    """
    name = row.text("name")
    if name is None or not name_key(name):
        raise row.error("no name: enter one.", "没有 name：请填写。")
    return Mineral(
        name=name,
        chinese=row.text("chinese") or name,
        synonyms=row.texts("synonyms"),
        formula=row.text("formula"),
        ima_symbol=row.text("ima_symbol"),
        ima_status=row.word("ima_status"),
        group=row.word("group"),
        rank=row.word("rank"),
        parent=row.text("parent"),
        strunz=row.strunz(),
        system=row.word("system"),
        habit=row.words("habit"),
        hardness=row.interval("hardness", MAX_HARDNESS),
        density=row.interval("density", MAX_DENSITY),
        streak=row.words("streak"),
        lustre=row.words("lustre"),
        transparency=row.words("transparency"),
        colours=row.words("colours"),
        cleavage=row.word("cleavage"),
        cleavage_directions=row.cleavage_directions(),
        fracture=row.words("fracture"),
        tenacity=row.words("tenacity"),
        magnetism=row.word("magnetism"),
        acid=row.word("acid"),
        fluorescence_long=row.words("fluorescence_long"),
        fluorescence_short=row.words("fluorescence_short"),
        hazard=row.words("hazard"),
        checked=row.checked(),
        source=row.text("source"),
    )
