"""Whether a table of minerals can be true: checks of its facts against chemistry and taxonomy.

`facts` rejects what cannot be read. These checks find what can be read and is probably wrong. The
shipped table passes all of them.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

from mineral_recog.csv_files import read_rows
from mineral_recog.errors import DataError
from mineral_recog.minerals.facts import (
    COLUMNS,
    MAX_TABLE_BYTES,
    OPTIONAL_COLUMNS,
    Mineral,
    parse_mineral,
    read_minerals,
)
from mineral_recog.minerals.formula import read_formula
from mineral_recog.minerals.row import Row
from mineral_recog.minerals.taxonomy import Taxonomy
from mineral_recog.minerals.vocabularies import VOCABULARIES

MIN_MOLAR_VOLUME, MAX_MOLAR_VOLUME = 3.0, 25.0  # cm3 per mol of atoms: diamond 3.4, mercury 14.8
MAX_DENSITY_RATIO = 2.0  # thorite, by its decay, has the widest range of all minerals: 1.8
RADIOACTIVE_ELEMENTS = frozenset({"U", "Th"})
TOXIC_ELEMENTS = frozenset({"As", "Cd", "Hg", "Pb", "Sb", "Tl"})
TOXIC_HAZARDS = frozenset({"toxic dust", "toxic touch", "soluble poison"})
ASBESTOS_FAMILIES = frozenset({"Amphibole", "Serpentine"})
FIBROUS_HABITS = frozenset({"fibrous", "hair-like"})


@dataclass(frozen=True)
class CheckedTable:
    """What was found in a table of minerals.

    Attributes:
        row_count: Number of rows.
        unread_columns: Columns that are none of COLUMNS, and are not read.
        problems: An error for each problem. Rows that cannot be read come first: a table that has
            any is not checked further.
    """

    row_count: int
    unread_columns: tuple[str, ...]
    problems: list[DataError]


class _Doubt(NamedTuple):
    """What is probably wrong in a row, and what to do, in both languages."""

    column: str
    english: str
    chinese: str


def check_table(path: Path) -> CheckedTable:
    """Check a table of minerals.

    Args:
        path: A CSV file as for `read_minerals`.

    Raises:
        DataError: The file is no such table, a name belongs to two minerals, or a parent is wrong.
    """
    rows = [
        Row(path, line, cells)
        for line, cells in read_rows(path, COLUMNS, MAX_TABLE_BYTES, OPTIONAL_COLUMNS)
    ]
    unread = tuple(sorted(rows[0].cells.keys() - {*COLUMNS})) if rows else ()
    if unreadable := list(_unreadable(rows)):
        return CheckedTable(len(rows), unread, unreadable)
    minerals = read_minerals(path)
    taxonomy = Taxonomy(minerals)
    problems = []
    for row in rows:
        name = str(row.text("name"))
        mineral = minerals.find(name)
        assert mineral is not None
        problems += [
            row.error(f"{name}, {column}: {english}", f"{name} 的 {column}：{chinese}")
            for column, english, chinese in find_doubts(mineral, taxonomy)
        ]
    return CheckedTable(len(rows), unread, problems)


def find_doubts(mineral: Mineral, taxonomy: Taxonomy) -> Iterator[_Doubt]:
    """Yield what is probably wrong about a mineral of a taxonomy's table."""
    node = taxonomy.find(mineral.name)
    above = {} if node is None else {step.name: step.rank for step in node.path}
    if "class" not in above.values():
        yield _Doubt(
            "parent",
            "it leads to no class: name a species, group or class, such as Silicates.",
            "没有归入任何大类：请填写种、族或大类，如 Silicates。",
        )
    yield from _doubts_of_density(mineral)
    yield from _doubts_of_hazards(mineral, above.keys() & ASBESTOS_FAMILIES)
    directions = mineral.cleavage_directions
    if None not in (directions, mineral.cleavage) and (directions == 0) != (
        mineral.cleavage == "none"
    ):
        yield _Doubt(
            "cleavage_directions",
            f"{directions} with cleavage {mineral.cleavage}: 0 goes with none, and only with none.",
            f"{directions} 与 cleavage {mineral.cleavage} 矛盾：0 只与 none（无解理）同用。",
        )
    for column in ("fluorescence_long", "fluorescence_short"):
        colours = getattr(mineral, column)
        if "none" in colours and len(colours) > 1:
            yield _Doubt(
                column,
                "none beside colours: keep the colours; a mineral that often does not glow may "
                "have colours.",
                "none（无荧光）与颜色并存：请只保留颜色；常不发光的矿物也可填颜色。",
            )
    sources = {part.strip() for part in re.split("[;；]", mineral.source or "")} - {""}
    if mineral.checked and len(sources) < 2:
        yield _Doubt(
            "checked",
            "yes with fewer than two sources: name two in source, separated by ;, or write no.",
            "填 yes 时至少需要两个来源：请在 source 中用 ; 分隔写出两个，或改为 no。",
        )


def _unreadable(rows: list[Row]) -> Iterator[DataError]:
    """Yield the error of each row that cannot be read."""
    for row in rows:
        try:
            parse_mineral(row)
        except DataError as error:
            yield error


def _doubts_of_density(mineral: Mineral) -> Iterator[_Doubt]:
    if mineral.density is None:
        return
    low, high = mineral.density
    if high > MAX_DENSITY_RATIO * low and mineral.ima_status != "rock":
        yield _Doubt(
            "density_high",
            f"{high:g} is more than {MAX_DENSITY_RATIO:g} times density_low, {low:g}: correct one.",
            f"{high:g} 超过 density_low（{low:g}）的 {MAX_DENSITY_RATIO:g} 倍：请更正其一。",
        )
    if mineral.formula is None:
        return
    composition = read_formula(mineral.formula)
    if composition is None:
        yield _Doubt(
            "formula",
            f"{mineral.formula} is not understood: write symbols of elements with numbers, such as "
            "CaSO₄·2H₂O, or leave it empty.",
            f"无法理解 {mineral.formula}：请写元素符号和数字，如 CaSO₄·2H₂O，或留空。",
        )
        return
    volumes = [composition.mass / composition.atoms / density for density in (high, low)]
    if volumes[0] < MIN_MOLAR_VOLUME or volumes[1] > MAX_MOLAR_VOLUME:
        limits = f"{MIN_MOLAR_VOLUME:g}-{MAX_MOLAR_VOLUME:g} cm3/mol"
        found = "-".join(dict.fromkeys(f"{volume:.1f}" for volume in volumes))
        yield _Doubt(
            "density_low",
            f"with this formula and density the atoms take {found} instead of {limits}: correct "
            "formula, density_low or density_high (g/cm3).",
            f"按此化学式和密度，原子体积为 {found}，应为 {limits}：请更正 formula、density_low 或 "
            "density_high（g/cm3）。",
        )


def _doubts_of_hazards(mineral: Mineral, asbestos_families: set[str]) -> Iterator[_Doubt]:
    """Yield the hazards that the formula, or a fibrous habit, tells and the table does not."""
    composition = read_formula(mineral.formula or "")
    elements = frozenset[str]() if composition is None else composition.elements
    hazards = set(mineral.hazard)
    if elements & RADIOACTIVE_ELEMENTS and "radioactive" not in hazards:
        yield _missing_hazard(elements & RADIOACTIVE_ELEMENTS, ["radioactive"])
    if elements & TOXIC_ELEMENTS and not hazards & TOXIC_HAZARDS:
        yield _missing_hazard(elements & TOXIC_ELEMENTS, sorted(TOXIC_HAZARDS))
    is_fibrous = bool(FIBROUS_HABITS & set(mineral.habit))
    if asbestos_families and is_fibrous and "asbestos" not in hazards:
        yield _Doubt(
            "hazard",
            f"a fibrous habit ({', '.join(sorted(asbestos_families))}) means asbestos: add it.",
            f"纤维状习性（{'、'.join(sorted(asbestos_families))}）意味着石棉：请填写 asbestos。",
        )


def _missing_hazard(elements: frozenset[str], hazards: list[str]) -> _Doubt:
    symbols = ", ".join(sorted(elements))
    words = VOCABULARIES["hazard"]
    return _Doubt(
        "hazard",
        f"the formula has {symbols}: add {' or '.join(hazards)}.",
        f"化学式含 {symbols}：请填写 {' 或 '.join(words[hazard] for hazard in hazards)}。",
    )
