"""The shipped table is complete; a user's table extends it or is rejected with a line number."""

from __future__ import annotations

import csv
import json
import subprocess
import sys
from pathlib import Path

import pytest

from mineral_recog.errors import UserError
from mineral_recog.minerals.facts import (
    COLUMNS,
    OPTIONAL_COLUMNS,
    SHIPPED_TABLE,
    Mineral,
    read_minerals,
)
from mineral_recog.minerals.vocabularies import VOCABULARIES, english_word

SPECIES = {  # the species of the photos, with their Chinese names
    "Agate": "玛瑙",
    "Albite": "钠长石",
    "Almandine": "铁铝榴石",
    "Anglesite": "铅矾",
    "Azurite": "蓝铜矿",
    "Beryl": "绿柱石",
    "Cassiterite": "锡石",
    "Chalcopyrite": "黄铜矿",
    "Cinnabar": "辰砂",
    "Copper": "自然铜",
    "Demantoid": "翠榴石",
    "Diopside": "透辉石",
    "Elbaite": "锂电气石",
    "Epidote": "绿帘石",
    "Fluorite": "萤石",
    "Galena": "方铅矿",
    "Gold": "自然金",
    "Halite": "石盐",
    "Hematite": "赤铁矿",
    "Magnetite": "磁铁矿",
    "Malachite": "孔雀石",
    "Marcasite": "白铁矿",
    "Opal": "蛋白石",
    "Orpiment": "雌黄",
    "Pyrite": "黄铁矿",
    "Quartz": "石英",
    "Rhodochrosite": "菱锰矿",
    "Ruby": "红宝石",
    "Sapphire": "蓝宝石",
    "Schorl": "黑电气石",
    "Sphalerite": "闪锌矿",
    "Stibnite": "辉锑矿",
    "Sulphur": "自然硫",
    "Topaz": "黄玉",
    "Torbernite": "铜铀云母",
    "Wulfenite": "钼铅矿",
    "Bornite": "斑铜矿",
    "Chrysocolla": "硅孔雀石",
    "Muscovite": "白云母",
    "Biotite": "黑云母",
}
ROOT = Path(__file__).parents[2]
EMPTY = dict.fromkeys(COLUMNS, "")


def write_table(path: Path, *rows: dict[str, str]) -> Path:
    with path.open("w", encoding="utf-8", newline="") as file:
        writer = csv.DictWriter(file, COLUMNS)
        writer.writeheader()
        writer.writerows({**EMPTY, **row} for row in rows)
    return path


def test_species_of_the_photos_are_found_by_both_names() -> None:
    table = read_minerals()
    for english, chinese in SPECIES.items():
        mineral = table.find(english)
        assert mineral is not None, english
        assert (mineral.name, mineral.chinese) == (english, chinese)
        assert table.find(chinese) is mineral


# What may be empty in the shipped table: unknown, or none.
MAY_BE_EMPTY = {
    "synonyms", "ima_symbol", "cleavage_directions", "fluorescence_long", "fluorescence_short",
    "hazard",
}  # fmt: skip
EMPTY_FOR_MIXTURES = {"formula", "strunz", "group", "system", "cleavage", "acid"}
MIXTURES = {"rock", "mineraloid", "trade name", "group"}
EXCEPTIONS = {"Sepiolite": {"cleavage"}}


def test_every_row_of_the_shipped_table_is_complete() -> None:
    table = read_minerals()
    assert len(table) >= 400
    for mineral in table:
        if mineral.name == "Mercury":  # a liquid
            continue
        empty = {name for name, fact in vars(mineral).items() if fact in (None, ())}
        is_mixture = mineral.ima_status in MIXTURES
        allowed = MAY_BE_EMPTY | (EMPTY_FOR_MIXTURES if is_mixture else set())
        assert empty <= allowed | EXCEPTIONS.get(mineral.name, set()), mineral.name
        assert mineral.chinese != mineral.name
        assert mineral.hardness is not None
        assert mineral.hardness[0] >= 1


def test_hundred_rows_are_checked_against_two_sources_that_were_read() -> None:
    with (ROOT / "docs/mineral_sources.csv").open(encoding="utf-8") as file:
        read = {(row["mineral"], row["source"]) for row in csv.DictReader(file) if row["url"]}
    table = read_minerals()
    assert sum(mineral.checked for mineral in table) >= 100
    for mineral in table:
        sources = {source.strip() for source in str(mineral.source).split(";")}
        assert len(sources) >= 2 or not mineral.checked, mineral.name
        cited = {(mineral.name, source) for source in sources - {"General knowledge"}}
        assert cited <= read, mineral.name


@pytest.mark.parametrize("document", ["README.md", "README.zh-CN.md", "docs/minerals.md"])
def test_documents_give_the_numbers_of_rows(document: str) -> None:
    numbers = (ROOT / document).read_text("utf-8").split()
    table = read_minerals()
    assert {str(len(table)), str(sum(mineral.checked for mineral in table))} <= {*numbers}


def test_known_errors_stay_corrected() -> None:
    table = read_minerals()
    for name in (
        "almandine", "spessartine", "andradite", "pyrope", "rhodochrosite", "rhodonite",
        "wolframite",
    ):  # fmt: skip
        mineral = table.find(name)
        assert mineral is not None
        assert mineral.magnetism == "weak", name
    brucite = table.find("brucite")
    assert brucite is not None
    assert brucite.hardness == (2.5, 3)


HAZARDS = {
    "radioactive": "uraninite, autunite, torbernite, carnotite, monazite",
    "asbestos": "chrysotile, tremolite, actinolite, riebeckite",
    "toxic dust": "cinnabar, realgar, orpiment, arsenopyrite, arsenic, erythrite, annabergite, "
    "galena, cerussite, anglesite, witherite, stibnite",
    "soluble poison": "chalcanthite",
}


@pytest.mark.parametrize("hazard", HAZARDS)
def test_hazards_are_known(hazard: str) -> None:
    table = read_minerals()
    for name in HAZARDS[hazard].split(", "):
        mineral = table.find(name)
        assert mineral is not None
        assert hazard in mineral.hazard, name


@pytest.mark.parametrize(
    "name", ["obsidian", "onyx", "moonstone", "sugilite", "jade", "花岗岩", "lapis lazuli", "pearl"]
)
def test_rocks_and_trade_names_are_found(name: str) -> None:
    assert read_minerals().find(name) is not None


def test_facts_that_distinguish_lookalikes() -> None:
    table = read_minerals()

    def find(name: str) -> Mineral:
        mineral = table.find(name)
        assert mineral is not None
        return mineral

    assert find("pyrite").hardness == (6, 6.5)
    assert find("chalcopyrite").hardness == (3.5, 4)
    assert find("gold").streak == ("yellow",)
    assert find("hematite").streak == ("red", "brown")
    assert find("magnetite").streak == ("black",)
    assert {mineral.name for mineral in table if mineral.magnetism == "strong"} == {
        "Cubanite", "Iron", "Magnetite", "Meteorite",
    }  # fmt: skip
    assert find("calcite").acid == "fizzes"
    assert find("dolomite").acid == "fizzes when powdered"
    for mineral in table:
        if mineral.acid not in (None, "none") and mineral.group != "carbonate":
            assert "CO₃" in str(mineral.formula) or mineral.name == "Lapis lazuli", mineral.name
    assert all(mineral.acid != "none" for mineral in table if mineral.group == "carbonate")
    assert find("quartz").cleavage == "none"
    assert find("quartz").facts()["formula"] == "SiO₂"
    assert find("cerussite").density == (6.4, 6.6)


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("iron-PYRITES", "Pyrite"),
        ("Fools_gold", "Pyrite"),
        (" 愚人金 ", "Pyrite"),
        ("Sulfur", "Sulphur"),
        ("天然硫", "Sulphur"),
        ("lapislazuli", "Lapis lazuli"),
        ("haematite", "Hematite"),
        ("smoky_quartz", "Smoky quartz"),
    ],
)
def test_name_is_found_in_any_spelling(name: str, expected: str) -> None:
    mineral = read_minerals().find(name)
    assert mineral is not None
    assert mineral.name == expected


@pytest.mark.parametrize("name", ["", "-", "unobtainium", "quart", "石"])
def test_unknown_name_is_not_found(name: str) -> None:
    assert read_minerals().find(name) is None


def test_words_are_accepted_in_both_languages() -> None:
    for column, words in VOCABULARIES.items():
        assert len(set(words.values())) == len(words)  # no Chinese word occurs twice in a column
        for english, chinese in words.items():
            assert english_word(column, f" {english.upper()} ") == english
            assert english_word(column, chinese) == english
    assert english_word("streak", "mauve") is None


def test_facts_are_written_as_json_in_both_languages() -> None:
    mineral = read_minerals().find("Malachite")
    assert mineral is not None
    facts = json.loads(json.dumps(mineral.facts()))
    assert facts["name"] == {"en": "Malachite", "zh": "孔雀石"}
    assert facts["hardness"] == [3.5, 4]
    assert facts["streak"] == [{"en": "green", "zh": "绿色"}]
    assert facts["acid"] == {"en": "fizzes", "zh": "起泡"}
    assert facts.keys() == vars(mineral).keys() - {"chinese"}


def test_rows_of_a_user_replace_and_add(tmp_path: Path) -> None:
    path = write_table(
        tmp_path / "own.csv",
        {"name": "quartz", "chinese": "石英", "streak": "灰色；White", "hardness_low": "6.5"}
        | {"hardness_high": "7.5", "synonyms": "Our quartz"},
        {"name": "Unobtainium", "chinese": "难得石"},
    )
    shipped, table = read_minerals(), read_minerals(path)
    assert len(table) == len(shipped) + 1
    quartz, new = table.find("Our Quartz"), table.find("难得石")
    assert quartz is table.find("石英")
    assert quartz is not None
    assert quartz.streak == ("grey", "white")
    assert quartz.hardness == (6.5, 7.5)
    assert quartz.density is None  # the complete row is replaced
    assert table.find("Rock crystal") is None
    assert table.find("Pyrite") == shipped.find("Pyrite")
    assert new == Mineral("Unobtainium", "难得石")
    facts = new.facts()
    assert (facts["streak"], facts["hardness"], facts["magnetism"]) == ([], None, None)


def test_table_without_the_optional_columns_keeps_what_is_shipped_there(
    tmp_path: Path,
) -> None:
    path = write_table(
        tmp_path / "own.csv", {"name": "Ruby"}, {"name": "Galena"}, {"name": "Unobtainium"}
    )
    rows = [row.split(",") for row in path.read_text("utf-8").splitlines()]
    kept = [c for c, name in enumerate(COLUMNS) if name not in OPTIONAL_COLUMNS]
    path.write_text("\n".join(",".join(row[c] for c in kept) for row in rows), "utf-8")
    table = read_minerals(path)
    ruby, new = table.find("Ruby"), table.find("Unobtainium")
    assert ruby is not None
    assert new is not None
    assert (ruby.rank, ruby.parent, ruby.strunz) == ("variety", "Corundum", "4.CB.05")
    assert ruby.hardness is None
    galena = table.find("Galena")
    assert galena is not None
    assert galena.hazard == ("toxic dust",)
    assert not galena.checked  # the rest of the row is the user's
    assert (new.rank, new.parent, new.strunz) == (None, None, None)


@pytest.mark.parametrize(
    ("cell", "expected"),
    [("", ("toxic dust",)), ("粉尘有毒；radioactive", ("toxic dust", "radioactive"))],
    ids=["empty", "own"],
)
def test_hazard_is_not_lost_by_an_empty_cell(
    cell: str, expected: tuple[str, ...], tmp_path: Path
) -> None:
    path = write_table(tmp_path / "own.csv", {"name": "Galena", "hazard": cell})
    galena = read_minerals(path).find("galena")
    assert galena is not None
    assert galena.hazard == expected


def test_missing_chinese_name_is_replaced_by_the_english_one(tmp_path: Path) -> None:
    path = write_table(tmp_path / "own.csv", {"name": "Unobtainium", "synonyms": "-"})
    mineral = read_minerals(path).find("unobtainium")
    assert mineral is not None
    assert mineral.facts()["name"] == {"en": "Unobtainium", "zh": "Unobtainium"}


def test_table_saved_by_a_spreadsheet_is_read(tmp_path: Path) -> None:
    path = write_table(tmp_path / "own.csv", {"name": "Unobtainium"})
    path.write_bytes(b"\xef\xbb\xbf" + path.read_bytes() + b"," * (len(COLUMNS) - 1) + b"\r\n")
    with pytest.raises(UserError, match=r"own\.csv, line 3: no name"):
        read_minerals(path)
    path.write_bytes(path.read_bytes().rstrip(b",\r\n") + b"," * (len(COLUMNS) - 1) + b"\r\n")
    assert read_minerals(path).find("unobtainium") is not None


INVALID_ROWS = {
    r"line 2: no name": [{"name": ""}],
    r"line 3: Unobtainium already has a row in line 2": [
        {"name": "unobtainium"},
        {"name": "Unobtainium"},
    ],
    r"line 2: hardness from '7' to '6'": [{"name": "A", "hardness_low": "7", "hardness_high": "6"}],
    r"line 2: hardness from '7' to ''": [{"name": "A", "hardness_low": "7"}],
    r"line 2: hardness from '1' to '11'.* up to 10": [
        {"name": "A", "hardness_low": "1", "hardness_high": "11"}
    ],
    r"line 2: density from 'nan' to '3'": [
        {"name": "A", "density_low": "nan", "density_high": "3"}
    ],
    r"line 2: density from '2,6' to '3'": [
        {"name": "A", "density_low": "2,6", "density_high": "3"}
    ],
    r"line 2: streak mauve: choose from white, ": [{"name": "A", "streak": "white;mauve"}],
    r"line 2: strunz 9-AD: write a code such as 9.AD.25": [{"name": "A", "strunz": "9-AD"}],
    r"line 2: rank genus: choose from group, series": [{"name": "A", "rank": "genus"}],
    r"line 2: cleavage_directions two: write a whole number from 0 to 6": [
        {"name": "A", "cleavage_directions": "two"}
    ],
    r"line 2: cleavage_directions 12: write": [{"name": "A", "cleavage_directions": "12"}],
    r"line 2: checked maybe: write yes or no": [{"name": "A", "checked": "maybe"}],
    r"line 2: hazard explosive: choose from radioactive, ": [{"name": "A", "hazard": "explosive"}],
    r"line 2: magnetism very: choose from strong, weak, none": [{"name": "A", "magnetism": "very"}],
    r"line 3: B is a name of two minerals \(A, B\)": [
        {"name": "A", "synonyms": "b"},
        {"name": "B"},
    ],
    r"line 2: Haematite is a name of two minerals \(Hematite, Haematite\)": [{"name": "Haematite"}],
    r"line 2: 愚人金 is a name of two minerals \(Pyrite, Ore\)": [
        {"name": "Ore", "synonyms": "愚人金"}
    ],
    r"line 2: gold is a name of two minerals \(Gold, Pyrite\)": [
        {"name": "Pyrite", "synonyms": "gold"}
    ],
}


@pytest.mark.parametrize("message", INVALID_ROWS)
def test_invalid_row_is_reported_with_its_line(tmp_path: Path, message: str) -> None:
    path = write_table(tmp_path / "own.csv", *INVALID_ROWS[message])
    with pytest.raises(UserError, match=message) as caught:
        read_minerals(path)
    assert str(caught.value).startswith(f"{path}, line ")


HEADER = ",".join(COLUMNS)


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"", "line 1: column missing or twice, name, chinese"),
        (HEADER.replace(",streak", "").encode(), "line 1: column missing or twice, streak: "),
        (f"{HEADER},name".encode(), "line 1: column missing or twice, name: "),
        (f"{HEADER},parent".encode(), "line 1: column missing or twice, parent: "),
        (f"{HEADER}\nA,B\n".encode(), f"not as many cells as the first line, {len(COLUMNS)}"),
        (f"{HEADER}\nA{',' * len(COLUMNS)}\n".encode(), "line 2: not as many cells"),
        (f'{HEADER}\n"A"B{"," * (len(COLUMNS) - 1)}\n'.encode(), "line 2: not a line of CSV"),
        (
            f"{HEADER}\nTrémolite{',' * (len(COLUMNS) - 1)}\n".encode("latin-1"),
            "line 2: not UTF-8: save",
        ),
        (b"x" * 5_000_001, "is larger than 5 MB"),
    ],
)
def test_invalid_file_is_rejected(tmp_path: Path, content: bytes, message: str) -> None:
    path = tmp_path / "own.csv"
    path.write_bytes(content)
    with pytest.raises(UserError, match=message):
        read_minerals(path)


def test_missing_file_is_reported(tmp_path: Path) -> None:
    for path in (tmp_path / "none.csv", tmp_path):
        with pytest.raises(UserError, match=r"cannot be read .*: give a CSV file"):
            read_minerals(path)


def test_errors_are_reported_in_chinese(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MINERAL_RECOG_LANG", "zh")
    path = write_table(tmp_path / "own.csv", {"name": "A", "acid": "yes"})
    with pytest.raises(UserError, match=r"第 2 行：acid yes：请从 起泡、粉末起泡、不起泡 中选择"):
        read_minerals(path)


def test_table_is_sorted_for_editing() -> None:
    lines = SHIPPED_TABLE.read_text("utf-8").splitlines()
    assert lines[0] == HEADER
    assert lines[1:] == sorted(lines[1:], key=lambda line: line.split(",")[0].casefold())


def test_reading_the_table_needs_no_torch() -> None:
    program = (
        "import sys, mineral_recog.minerals.facts as minerals; minerals.read_minerals();"
        "assert not {'torch', 'numpy'} & sys.modules.keys()"
    )
    subprocess.run([sys.executable, "-c", program], check=True)
