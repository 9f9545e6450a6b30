"""What is told of classes under other names."""

from __future__ import annotations

from mineral_recog.cli.class_name_lines import alias_hint_lines, renamed_lines


def test_classes_of_one_mineral_are_told_and_others_are_not() -> None:
    assert alias_hint_lines(["Albite", "granite", "石英"]) == []
    (told,) = alias_hint_lines(["Albite", "granite", "钠长石"])
    assert "the same mineral: Albite, 钠长石. To bring" in told
    many = ["Albite", "钠长石", "Quartz", "石英", "Pyrite", "黄铁矿", "Calcite", "方解石"]
    (told,) = alias_hint_lines(many)
    assert "Albite, 钠长石; Quartz, 石英; Pyrite, 黄铁矿 .... To bring" in told


def test_the_first_four_new_names_are_told() -> None:
    assert renamed_lines({}) == []
    (told,) = renamed_lines({f"stone {n}": "Opal" for n in range(5)})
    assert "of the aliases: 5 (stone 0 → Opal, " in told
    assert told.endswith("stone 3 → Opal ...)")
