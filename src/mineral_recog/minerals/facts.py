"""Facts about minerals: the shipped table `minerals.csv`, and a user's own rows on top of it.

A row has every column of COLUMNS; several values in a cell are joined by `;`. Cells of the columns
in WORDS hold words of a closed list, in English or Chinese. An empty cell is a fact not known.
"""

from __future__ import annotations

import math
import unicodedata
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

from mineral_recog.csv_files import read_rows, wrong_line
from mineral_recog.errors import UserError

SHIPPED = Path(__file__).parent / "minerals.csv"
LARGEST_TABLE = 5 * 10**6  # bytes; all minerals known to science take half of it
HARDEST, DENSEST = 10.0, 25.0  # diamond on Mohs' scale; above osmium, in g/cm3

GROUPS = {
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
}
SYSTEMS = {
    "cubic": "等轴晶系",
    "tetragonal": "四方晶系",
    "hexagonal": "六方晶系",
    "trigonal": "三方晶系",
    "orthorhombic": "斜方晶系",
    "monoclinic": "单斜晶系",
    "triclinic": "三斜晶系",
    "amorphous": "非晶质",
}
STREAKS = {  # a colourless streak is white
    "white": "白色",
    "grey": "灰色",
    "black": "黑色",
    "brown": "褐色",
    "red": "红色",
    "orange": "橙色",
    "yellow": "黄色",
    "green": "绿色",
    "blue": "蓝色",
}
LUSTRES = {
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
}
TRANSPARENCIES = {"transparent": "透明", "translucent": "半透明", "opaque": "不透明"}
CLEAVAGES = {  # of the best direction; distinct cleavage is good
    "none": "无解理",
    "poor": "不完全解理",
    "good": "中等解理",
    "perfect": "完全解理",
}
COLOURS = {
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
}
MAGNETISMS = {"strong": "强磁性", "weak": "弱磁性", "none": "无磁性"}  # by a hand magnet
ACIDS = {  # gas from cold dilute hydrochloric acid; powdered or warm when not as it is
    "fizzes": "起泡",
    "fizzes when powdered": "粉末起泡",
    "none": "不起泡",
}
WORDS: Mapping[str, Mapping[str, str]] = {
    "group": GROUPS,
    "system": SYSTEMS,
    "streak": STREAKS,
    "lustre": LUSTRES,
    "transparency": TRANSPARENCIES,
    "cleavage": CLEAVAGES,
    "colours": COLOURS,
    "magnetism": MAGNETISMS,
    "acid": ACIDS,
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
    """What is known of a mineral; None or an empty tuple is not known.

    Attributes:
        name: in English.
        chinese: its name in Chinese, or `name` where the table gives none.
        synonyms: other names in both languages.
        formula: with subscripts in Unicode.
        hardness: lowest and highest on Mohs' scale.
        density: lowest and highest, g/cm3.
        source: where the facts are published.

    The others are English words of the closed lists in WORDS.
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

    def facts(self) -> dict[str, object]:
        """The facts for JSON: ranges as [low, high], words and the name as {"en", "zh"}."""
        facts: dict[str, object] = {
            "name": {"en": self.name, "zh": self.chinese},
            "synonyms": list(self.synonyms),
            "formula": self.formula,
            "hardness": None if self.hardness is None else list(self.hardness),
            "density": None if self.density is None else list(self.density),
            "source": self.source,
        }
        for column, words in WORDS.items():
            known = getattr(self, column)
            if isinstance(known, tuple):
                facts[column] = [{"en": word, "zh": words[word]} for word in known]
            else:
                facts[column] = None if known is None else {"en": known, "zh": words[known]}
        return facts


class Minerals:
    """A table of minerals, no two of which share a name."""

    def __init__(self, minerals: Iterable[Mineral]) -> None:
        self._minerals = tuple(minerals)
        self._by_name = {key_of(name): one for one in self._minerals for name in _names(one)}

    def __iter__(self) -> Iterator[Mineral]:
        return iter(self._minerals)

    def __len__(self) -> int:
        return len(self._minerals)

    def find(self, name: str) -> Mineral | None:
        """The mineral of a name, Chinese name or synonym; case, accents and spacing are ignored."""
        return self._by_name.get(key_of(name))


def word_of(column: str, text: str) -> str | None:
    """The English word of a column's closed list for a word in either language, if it is one."""
    text = text.strip().casefold()
    for english, chinese in WORDS[column].items():
        if text in (english, chinese):
            return english
    return None


def read_minerals(more: Path | None = None) -> Minerals:
    """Read the shipped table, and a user's table whose rows replace rows of the same name.

    Args:
        more: the user's table, a CSV file in UTF-8 with the columns of the shipped one.

    Raises:
        UserError: not such a file, a column or name missing or twice, a number or word that is
            none, or a name or synonym of two minerals.
    """
    minerals: dict[str, Mineral] = {}
    for path in (SHIPPED,) if more is None else (SHIPPED, more):
        lines: dict[str, int] = {}
        for line, cells in read_rows(path, COLUMNS, LARGEST_TABLE):
            mineral = _mineral(_Row(path, line, cells))
            key = key_of(mineral.name)
            if key in lines:
                raise wrong_line(
                    path,
                    line,
                    f"{mineral.name} has a row in line {lines[key]} already: remove one of them.",
                    f"第 {lines[key]} 行已有 {mineral.name}：请删去其中一行。",
                )
            lines[key] = line
            minerals[key] = mineral
        _refuse_shared_names(path, lines, minerals)
    return Minerals(minerals.values())


def key_of(name: str) -> str:
    """A name without what may differ from one writing to another: case, accents and spacing."""
    return "".join(filter(str.isalnum, unicodedata.normalize("NFKD", name.casefold())))


def _names(mineral: Mineral) -> list[str]:
    """All names that have a letter or digit; a dash that stands for none is no name."""
    return [name for name in (mineral.name, mineral.chinese, *mineral.synonyms) if key_of(name)]


def _refuse_shared_names(path: Path, lines: dict[str, int], minerals: dict[str, Mineral]) -> None:
    """Refuse a name of two minerals; `lines` are those of the rows that `path` gave."""
    owners: dict[str, str] = {}
    for key, mineral in minerals.items():
        for name in _names(mineral):
            owner = owners.setdefault(key_of(name), key)
            if owner != key:
                both = f"{minerals[owner].name}, {mineral.name}"
                raise wrong_line(
                    path,
                    lines[key] if key in lines else lines[owner],
                    f"{name} names two minerals ({both}): take it out of one of them. To change a "
                    "mineral that is shipped, give the whole row anew under the same name.",
                    f"{name} 指向两种矿物（{both}）：请从其中一种删去。若要修改自带的矿物，"
                    "请用相同的 name 重写整行。",
                )


class _Row:
    """The cells of one row, read with errors that tell where it stands."""

    def __init__(self, path: Path, line: int, cells: Mapping[str, str]) -> None:
        self.path, self.line, self.cells = path, line, cells

    def text(self, column: str) -> str | None:
        return " ".join(self.cells[column].split()) or None

    def several(self, column: str) -> tuple[str, ...]:
        cell = self.cells[column].replace("；", ";")  # as a Chinese keyboard writes it
        parts = (" ".join(part.split()) for part in cell.split(";"))
        return tuple(dict.fromkeys(part for part in parts if part))

    def words(self, column: str) -> tuple[str, ...]:
        return tuple(self._word(column, text) for text in self.several(column))

    def word(self, column: str) -> str | None:
        text = self.text(column)
        return None if text is None else self._word(column, text)

    def _word(self, column: str, text: str) -> str:
        if word := word_of(column, text):
            return word
        words = WORDS[column]
        raise self.wrong(
            f"{column} {text}: choose from {', '.join(words)}.",
            f"{column} {text}：请从 {'、'.join(words.values())} 中选择。",
        )

    def extent(self, column: str, largest: float) -> tuple[float, float] | None:
        texts = self.cells[f"{column}_low"].strip(), self.cells[f"{column}_high"].strip()
        if texts == ("", ""):
            return None
        try:
            low, high = map(float, texts)
        except ValueError:
            low, high = math.nan, math.nan
        if not 0 < low <= high <= largest:
            raise self.wrong(
                f"{column} from {texts[0]!r} to {texts[1]!r}: give two numbers, the lower first, "
                f"above 0 and up to {largest:g}, or leave both empty.",
                f"{column} 从 {texts[0]!r} 到 {texts[1]!r}：请给出两个数，先小后大，大于 0 "
                f"且不超过 {largest:g}，或两格都留空。",
            )
        return low, high

    def wrong(self, english: str, chinese: str) -> UserError:
        return wrong_line(self.path, self.line, english, chinese)


def _mineral(row: _Row) -> Mineral:
    name = row.text("name")
    if name is None or not key_of(name):
        raise row.wrong("no name: give one.", "没有 name：请填写。")
    return Mineral(
        name=name,
        chinese=row.text("chinese") or name,
        synonyms=row.several("synonyms"),
        formula=row.text("formula"),
        group=row.word("group"),
        system=row.word("system"),
        hardness=row.extent("hardness", HARDEST),
        density=row.extent("density", DENSEST),
        streak=row.words("streak"),
        lustre=row.words("lustre"),
        transparency=row.words("transparency"),
        cleavage=row.word("cleavage"),
        colours=row.words("colours"),
        magnetism=row.word("magnetism"),
        acid=row.word("acid"),
        source=row.text("source"),
    )
