"""Lines about classes under several names."""

from __future__ import annotations

from mineral_recog.cli.class_name_lines import alias_hint_lines, renamed_lines
from mineral_recog.data.readers.aliases import OpenedSource
from tests.curation.fake_source import FakeSource


def test_classes_of_one_mineral_are_named_and_others_are_not() -> None:
    assert alias_hint_lines(["Albite", "granite", "石英"]) == []
    (line,) = alias_hint_lines(["Albite", "granite", "钠长石"])
    assert "the same mineral: Albite, 钠长石. To merge" in line
    many = ["Albite", "钠长石", "Quartz", "石英", "Pyrite", "黄铁矿", "Calcite", "方解石"]
    (line,) = alias_hint_lines(many)
    assert "Albite, 钠长石; Quartz, 石英; Pyrite, 黄铁矿 .... To merge" in line


def test_first_four_new_names_are_shown() -> None:
    assert renamed_lines(OpenedSource(FakeSource(), {}, [])) == []
    renamed = {f"stone {n}": "Opal" for n in range(5)}
    (line,) = renamed_lines(OpenedSource(FakeSource(), renamed, []))
    assert "of the aliases: 5 (stone 0 → Opal, " in line
    assert line.endswith("stone 3 → Opal ...)")


def test_aliases_without_a_class_are_named() -> None:
    (line,) = renamed_lines(OpenedSource(FakeSource(), {}, ["granit", "marmor"]))
    assert line == "Aliases of your table that match no class: 2 (granit, marmor)"


def test_names_that_look_alike_are_told_apart() -> None:
    composed, decomposed = "gr\u00e8s", "gre\u0300s"
    (line,) = alias_hint_lines([composed, decomposed, "granite"])
    assert f"{composed}, {decomposed} (NFD). To merge them: --aliases minerals" in line
    (line,) = renamed_lines(OpenedSource(FakeSource(), {decomposed: composed}, []))
    assert f"({decomposed} (NFD) → {composed})" in line
