"""Facts about minerals: the shipped table `minerals.csv`, and rows that a user adds to it.

A row has every column of COLUMNS; several values in a cell are separated by `;`. Cells of the
columns in VOCABULARIES contain words of a closed list, in English or Chinese. An empty cell means
that the fact is unknown.
"""

from __future__ import annotations

import math
import unicodedata
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

from mineral_recog.csv_files import line_error, read_rows
from mineral_recog.errors import UserError

SHIPPED_TABLE = Path(__file__).parent / "minerals.csv"
MAX_TABLE_BYTES = 5 * 10**6  # all minerals known to science take half of it
MAX_HARDNESS, MAX_DENSITY = 10.0, 25.0  # of diamond, Mohs; above that of osmium, g/cm3

# The words of each column, in English and Chinese.
VOCABULARIES: Mapping[str, Mapping[str, str]] = {
    "group": {
        "element": "自然元素",
        "sulfide": "硫化物",
        "sulfosalt": "硫盐",
        "oxide": "氧化物",
        "hydroxide": "氢氧化物",
        "halide": "卤化物",
        "carbonate": "碳酸盐",
        "borate": "硼酸盐",
        "sulfate": "硫酸盐",
        "chromate": "铬酸盐",
        "molybdate": "钼酸盐",
        "tungstate": "钨酸盐",
        "phosphate": "磷酸盐",
        "arsenate": "砷酸盐",
        "vanadate": "钒酸盐",
        "silicate": "硅酸盐",
        "organic": "有机矿物",
    },
    "system": {
        "cubic": "等轴晶系",
        "tetragonal": "四方晶系",
        "hexagonal": "六方晶系",
        "trigonal": "三方晶系",
        "orthorhombic": "斜方晶系",
        "monoclinic": "单斜晶系",
        "triclinic": "三斜晶系",
        "amorphous": "非晶质",
    },
    "streak": {  # a colourless streak counts as white
        "white": "白色",
        "grey": "灰色",
        "black": "黑色",
        "brown": "褐色",
        "red": "红色",
        "orange": "橙色",
        "yellow": "黄色",
        "green": "绿色",
        "blue": "蓝色",
    },
    "lustre": {
        "metallic": "金属光泽",
        "submetallic": "半金属光泽",
        "adamantine": "金刚光泽",
        "vitreous": "玻璃光泽",
        "resinous": "树脂光泽",
        "greasy": "油脂光泽",
        "waxy": "蜡状光泽",
        "pearly": "珍珠光泽",
        "silky": "丝绢光泽",
        "earthy": "土状光泽",
    },
    "transparency": {"transparent": "透明", "translucent": "半透明", "opaque": "不透明"},
    "cleavage": {  # of the best direction; "distinct" cleavage counts as good
        "none": "无解理",
        "poor": "不完全解理",
        "good": "中等解理",
        "perfect": "完全解理",
    },
    "colours": {
        "colourless": "无色",
        "white": "白色",
        "grey": "灰色",
        "black": "黑色",
        "brown": "褐色",
        "red": "红色",
        "pink": "粉红色",
        "orange": "橙色",
        "yellow": "黄色",
        "green": "绿色",
        "blue": "蓝色",
        "purple": "紫色",
    },
    "magnetism": {  # tested with a hand magnet
        "strong": "强磁性",
        "weak": "弱磁性",
        "none": "无磁性",
    },
    "acid": {  # gas bubbles in dilute hydrochloric acid: cold, or only powdered or warm
        "fizzes": "起泡",
        "fizzes when powdered": "粉末起泡",
        "none": "不起泡",
    },
}
COLUMNS = (
    "name",
    "chinese",
    "synonyms",
    "formula",
    "group",
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
    "source",
)


@dataclass(frozen=True)
class Mineral:
    """The facts about a mineral; None or an empty tuple means unknown.

    Attributes:
        name: English name.
        chinese: Chinese name, or `name` where the table gives none.
        synonyms: Other names in both languages.
        formula: Chemical formula with Unicode subscripts.
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


def english_word(column: str, text: str) -> str | None:
    """Return the English word for a word of a column's closed list in either language, or None."""
    text = text.strip().casefold()
    for english, chinese in VOCABULARIES[column].items():
        if text in (english, chinese):
            return english
    return None


def read_minerals(user_table: Path | None = None) -> MineralTable:
    """Read the shipped table, and a user's table whose rows replace rows of the same name.

    Args:
        user_table: A CSV file in UTF-8 with the columns of the shipped table.

    Raises:
        UserError: The file is no such table, a column or name is missing or occurs twice, a
            number or word is invalid, or a name or synonym belongs to two minerals.
    """
    minerals: dict[str, Mineral] = {}
    for path in (SHIPPED_TABLE,) if user_table is None else (SHIPPED_TABLE, user_table):
        lines: dict[str, int] = {}
        for line, cells in read_rows(path, COLUMNS, MAX_TABLE_BYTES):
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
        return " ".join(self.cells[column].split()) or None

    def texts(self, column: str) -> tuple[str, ...]:
        cell = self.cells[column].replace("；", ";")  # from a Chinese keyboard
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
        source=row.text("source"),
    )
