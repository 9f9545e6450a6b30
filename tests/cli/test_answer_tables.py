"""Answers on the terminal, line by line."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from mineral_recog.cli.answer_tables import add_answer, new_answer_table, print_answer
from mineral_recog.cli.tables import new_console
from mineral_recog.identify.answer import Answer
from mineral_recog.identify.candidate import Candidate, Lookalike
from mineral_recog.identify.evidence import Evidence
from mineral_recog.identify.next_test import LeftOut, Test
from mineral_recog.identify.roll_up import RollUp
from mineral_recog.identify.taxon import taxon_of
from mineral_recog.minerals.facts import read_minerals
from mineral_recog.minerals.taxonomy import Taxonomy
from mineral_recog.models.gallery import SimilarPhoto
from tests.identify.minerals import PYRITE, QUARTZ, mineral

UNMEASURED = mineral("Unmeasured", "未测")


def answer_with(evidence: Evidence) -> Answer:
    """Return an answer: quartz, a class without facts, pyrite, a mineral without hardness."""
    mineral_of = {"quartz": QUARTZ, "mystery": None, "pyrite": PYRITE, "unmeasured": UNMEASURED}
    candidates = tuple(
        Candidate(name, 0.4 - 0.1 * rank, 0.25, rank < 2, taxon_of(mineral))
        for rank, (name, mineral) in enumerate(mineral_of.items())
    )
    difference = {"en": "pyrite: lustre metallic (quartz vitreous)", "zh": "黄铁矿：金属光泽"}
    lookalikes = (
        Lookalike("mystery", {"en": "mystery", "zh": "mystery"}, None),
        Lookalike("pyrite", {"en": "Pyrite", "zh": "黄铁矿"}, difference),
    )
    roll_up = RollUp(tuple(mineral_of), Taxonomy(read_minerals()))
    rolled_up = roll_up.answer(np.array([0.4, 0.3, 0.2, 0.1]), 0.9)
    names = tuple(roll_up.shortest([0, 1]))
    return Answer(
        1, candidates, 0.9, 0.1, 0.5, evidence, ("mystery",), (), lookalikes, rolled_up, names
    )


def printed(
    answer: Answer, capsys: pytest.CaptureFixture[str], *similar: SimilarPhoto
) -> list[str]:
    print_answer(answer, 4, [("Quartz", photo) for photo in similar])
    return [" ".join(line.split()) for line in capsys.readouterr().out.splitlines()]


def test_facts_and_missing_facts_are_shown(capsys: pytest.CaptureFixture[str]) -> None:
    lines = printed(answer_with(Evidence(hardness=(6, 7))), capsys)
    assert lines[0] == "Not certain; most likely quartz, 40 %."
    assert lines[3:7] == [
        "* quartz 40.0 ████████ 25.0 ? 7",
        "* mystery 30.0 ██████ 25.0 ? ?",
        "pyrite 20.0 ████ 25.0 ? 6-6.5",
        "unmeasured 10.0 ██ 25.0 ? ?",
    ]
    assert lines[7].startswith("With 90 % probability it is one of 2: quartz, mystery")
    # One of the two lookalikes has no distinguishing facts and is not shown.
    assert lines[8:] == [
        "Physical tests: hardness 6 to 7",
        "The table of minerals has no facts about mystery: only the photo counts for them.",
        "Easily confused with: pyrite: lustre metallic (quartz vitreous)",
    ]


def test_missing_facts_are_not_mentioned_without_evidence(
    capsys: pytest.CaptureFixture[str],
) -> None:
    lines = printed(answer_with(Evidence()), capsys, SimilarPhoto(0, "a\n.png", 0.987, b""))
    assert lines[3] == "* quartz 40.0 ████████ ? 7"
    assert not any("has no facts" in line for line in lines)
    assert lines[-1] == r"Similar training photos: a\n.png (Quartz, 0.99)"


def test_none_of_these_has_only_closest_candidates(capsys: pytest.CaptureFixture[str]) -> None:
    answer = replace(answer_with(Evidence()), ood_threshold=0.0)
    assert printed(answer, capsys) == [
        "Probably none of the 4 minerals that this model knows.",
        "The closest minerals that this model knows, not an answer; the percentages hold only if "
        "it is one of them:",
        "",
        "mineral % formula hardness",
        "quartz 40.0 ████████ ? 7",
        "mystery 30.0 ██████ ? ?",
        "pyrite 20.0 ████ ? 6-6.5",
        "unmeasured 10.0 ██ ? ?",
    ]
    table = new_answer_table()
    add_answer(table, "a.png", answer)
    add_answer(table, "b.png", replace(answer, is_blank=True))
    new_console().print(table)
    lines = [" ".join(line.split()) for line in capsys.readouterr().out.splitlines()]
    assert lines[1:] == [
        "a.png none of these closest: quartz",
        "b.png no mineral closest: quartz",
    ]


def test_hazards_and_what_is_left_out_are_printed(capsys: pytest.CaptureFixture[str]) -> None:
    cinnabar = mineral("Cinnabar", "辰砂", hazard=("toxic dust", "radioactive"))
    caution = {"en": "It wears the specimen.", "zh": "会磨损标本。"}
    answer = answer_with(Evidence())
    answer = replace(
        answer,
        candidates=(
            replace(answer.candidates[0], taxon=taxon_of(cinnabar)),
            *answer.candidates[1:],
        ),
        tests=(Test("streak", 1.0, {"en": "rub it: a leaves red", "zh": "擦"}, caution),),
        tests_left_out=LeftOut(("acid",), {"en": "Left out: acid.", "zh": "不建议：滴酸。"}),
    )
    lines = printed(answer, capsys)
    text = " ".join(lines)
    assert lines[1].startswith("Safety: If it is cinnabar, it is radioactive: handle it briefly")
    assert "Safety: If it is cinnabar, its dust is toxic when breathed in" in text
    assert "Next: rub it: a leaves red. It wears the specimen. Left out: acid." in text
    table = new_answer_table()
    add_answer(table, "a.png", answer)
    add_answer(table, "b.png", replace(answer, ood_threshold=0.0))
    add_answer(table, "c.png", replace(answer, is_blank=True))
    new_console().print(table)
    rows = [" ".join(line.split()) for line in capsys.readouterr().out.splitlines()][1:]
    assert [row.endswith("radioactive, toxic dust") for row in rows] == [True, True, False]
