"""The shipped table passes the checks; each error of a user's table is found in its column."""

from __future__ import annotations

from pathlib import Path

import pytest

from mineral_recog.errors import DataError
from mineral_recog.minerals.facts import OPTIONAL_COLUMNS, SHIPPED_TABLE
from mineral_recog.minerals.table_checks import CheckedTable, check_table
from tests.minerals.test_facts import write_table

# A row without problems.
GOOD = {
    "name": "Unobtainium", "chinese": "难得石", "formula": "PbSO₄", "parent": "Barite group",
    "density_low": "6.3", "density_high": "6.4", "hazard": "粉尘有毒", "cleavage": "good",
    "cleavage_directions": "3", "checked": "yes", "source": "A: Unobtainium; B: Unobtainium",
}  # fmt: skip


def test_shipped_table_has_no_problem() -> None:
    checked = check_table(SHIPPED_TABLE)
    assert checked.row_count >= 400
    assert (checked.unread_columns, checked.problems) == ((), [])


def test_good_row_has_no_problem(tmp_path: Path) -> None:
    chinese = GOOD | {"source": "甲；乙"}
    assert check_table(write_table(tmp_path / "own.csv", chinese)).problems == []
    assert check_table(write_table(tmp_path / "own.csv", GOOD)) == CheckedTable(1, (), [])


@pytest.mark.parametrize(
    ("cells", "message"),
    [
        ({"parent": ""}, "parent: it leads to no class: name a species"),
        ({"density_low": "0.63", "density_high": "0.64"}, "density_low: .* 79.0-80.2 instead of"),
        ({"density_low": "24", "density_high": "24"}, "density_low: .* take 2.1 instead of 3-25"),
        ({"density_high": "13"}, "density_high: 13 is more than 2 times density_low, 6.3"),
        ({"formula": "lead"}, "formula: lead is not understood: write symbols"),
        ({"hazard": ""}, "hazard: the formula has Pb: add soluble poison or toxic dust or toxic"),
        ({"hazard": "asbestos"}, "hazard: the formula has Pb: add"),
        ({"formula": "UO₂", "density_low": "10", "density_high": "10.9"}, "has U: add radioactive"),
        (
            {"parent": "Tremolite", "habit": "纤维状"},
            r"hazard: a fibrous habit \(Amphibole\) means",
        ),
        ({"parent": "Serpentine", "habit": "hair-like"}, r"habit \(Serpentine\) means asbestos"),
        ({"cleavage_directions": "0"}, "cleavage_directions: 0 with cleavage good: 0 goes with"),
        ({"cleavage": "none"}, "cleavage_directions: 3 with cleavage none"),
        ({"fluorescence_long": "none;green"}, "fluorescence_long: none beside colours"),
        ({"fluorescence_short": "绿色；无荧光"}, "fluorescence_short: none beside colours"),
        ({"source": "A"}, "checked: yes with fewer than two sources: name two"),
        ({"source": "A; A;"}, "checked: yes with fewer than two sources"),
    ],
)
def test_problem_is_named_with_line_and_column(
    tmp_path: Path, cells: dict[str, str], message: str
) -> None:
    path = write_table(tmp_path / "own.csv", GOOD | {"name": "A", "chinese": ""}, GOOD | cells)
    problems = check_table(path).problems
    assert len(problems) == 1
    assert str(problems[0]).startswith(f"{path}, line 3: Unobtainium, ")
    with pytest.raises(DataError, match=message):
        raise problems[0]


def test_rocks_may_have_a_wide_range_of_density_and_no_formula(tmp_path: Path) -> None:
    rock = {"formula": "", "density_low": "0.3", "ima_status": "岩石", "parent": "Igneous rock"}
    assert check_table(write_table(tmp_path / "own.csv", GOOD | rock)).problems == []


def test_all_rows_that_cannot_be_read_are_reported(tmp_path: Path) -> None:
    path = write_table(
        tmp_path / "own.csv",
        {"name": "A", "streak": "mauve"},
        GOOD,
        {"name": "B", "habit": "round"},
    )
    checked = check_table(path)
    assert checked.row_count == 3
    assert [str(problem)[len(str(path)) :][:25] for problem in checked.problems] == [
        ", line 2: streak mauve: c",
        ", line 4: habit round: ch",
    ]


def test_columns_that_a_table_lacks_are_those_of_the_shipped_row(tmp_path: Path) -> None:
    path = write_table(tmp_path / "own.csv", {"name": "Galena", "formula": "PbS"})
    rows = [row.split(",") for row in path.read_text("utf-8").splitlines()]
    kept = [n for n, name in enumerate(rows[0]) if name not in OPTIONAL_COLUMNS]
    path.write_text("\n".join(",".join(row[n] for n in kept) for row in rows), "utf-8")
    assert check_table(path) == CheckedTable(1, (), [])


def test_misspelled_column_is_named(tmp_path: Path) -> None:
    path = write_table(tmp_path / "own.csv", GOOD)
    path.write_text(path.read_text("utf-8").replace("tenacity", "toughness"), "utf-8")
    assert check_table(path) == CheckedTable(1, ("toughness",), [])


@pytest.mark.parametrize(
    ("row", "message"),
    [
        ({"name": "A", "synonyms": "gold"}, "line 2: gold is a name of two minerals"),
        ({"name": "A", "parent": "Nowhere"}, "A: the parent Nowhere is neither"),
    ],
)
def test_wrong_names_and_parents_are_errors(
    tmp_path: Path, row: dict[str, str], message: str
) -> None:
    with pytest.raises(DataError, match=message):
        check_table(write_table(tmp_path / "own.csv", row))


def test_problems_are_reported_in_chinese(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MINERAL_RECOG_LANG", "zh")
    path = write_table(tmp_path / "own.csv", GOOD | {"hazard": "", "parent": ""})
    texts = [str(problem) for problem in check_table(path).problems]
    assert texts[0].startswith(f"{path} 第 2 行：Unobtainium 的 parent：没有归入任何大类")
    assert texts[1].endswith("hazard：化学式含 Pb：请填写 可溶性毒物 或 粉尘有毒 或 接触有毒。")
