"""Lines about classes under several names."""

from __future__ import annotations

from mineral_recog.cli.class_name_lines import alias_hint_lines, renamed_lines


def test_classes_of_one_mineral_are_named_and_others_are_not() -> None:
    assert alias_hint_lines(["Albite", "granite", "石英"]) == []
    (line,) = alias_hint_lines(["Albite", "granite", "钠长石"])
    assert "the same mineral: Albite, 钠长石. To merge" in line
    many = ["Albite", "钠长石", "Quartz", "石英", "Pyrite", "黄铁矿", "Calcite", "方解石"]
    (line,) = alias_hint_lines(many)
    assert "Albite, 钠长石; Quartz, 石英; Pyrite, 黄铁矿 .... To merge" in line


def test_first_four_new_names_are_shown() -> None:
    assert renamed_lines({}) == []
    (line,) = renamed_lines({f"stone {n}": "Opal" for n in range(5)})
    assert "of the aliases: 5 (stone 0 → Opal, " in line
    assert line.endswith("stone 3 → Opal ...)")
