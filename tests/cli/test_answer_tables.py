"""An answer on the terminal, line by line."""

from __future__ import annotations

import pytest

from mineral_recog.cli.answer_tables import print_answer
from mineral_recog.identify.answer import Answer, Candidate, Lookalike
from mineral_recog.identify.evidence import Evidence
from mineral_recog.models.gallery import Similar
from tests.identify.minerals import PYRITE, QUARTZ, mineral

UNMEASURED = mineral("Unmeasured", "未测")


def answer_with(evidence: Evidence) -> Answer:
    """Of quartz, a class that is no known mineral, pyrite and a mineral without a hardness."""
    of = {"quartz": QUARTZ, "mystery": None, "pyrite": PYRITE, "unmeasured": UNMEASURED}
    candidates = tuple(
        Candidate(name, 0.4 - 0.1 * place, 0.25, place < 2, known)
        for place, (name, known) in enumerate(of.items())
    )
    told = {"en": "pyrite: lustre metallic (quartz vitreous)", "zh": "黄铁矿：金属光泽"}
    lookalikes = (
        Lookalike("mystery", {"en": "mystery", "zh": "mystery"}, None),
        Lookalike("pyrite", {"en": "Pyrite", "zh": "黄铁矿"}, told),
    )
    return Answer(1, candidates, 0.9, 0.1, 0.5, evidence, ("mystery",), (), lookalikes)


def printed(answer: Answer, capsys: pytest.CaptureFixture[str], *alike: Similar) -> list[str]:
    print_answer(answer, 4, [("Quartz", one) for one in alike])
    return [" ".join(line.split()) for line in capsys.readouterr().out.splitlines()]


def test_what_the_table_knows_and_what_it_does_not(capsys: pytest.CaptureFixture[str]) -> None:
    lines = printed(answer_with(Evidence(hardness=(6, 7))), capsys)
    assert lines[1:5] == [
        "* quartz 40.0 ████████ 25.0 ? 7",
        "* mystery 30.0 ██████ 25.0 ? ?",
        "pyrite 20.0 ████ 25.0 ? 6-6.5",
        "unmeasured 10.0 ██ 25.0 ? ?",
    ]
    assert lines[5].startswith("With 90 % probability it is one of 2: quartz, mystery")
    # Of the two lookalikes, one has nothing known that would tell it apart.
    assert lines[6:] == [
        "The table of minerals does not know mystery: the photo alone speaks for them.",
        "Not to be taken for it: pyrite: lustre metallic (quartz vitreous)",
    ]


def test_without_evidence_the_table_matters_to_nobody(capsys: pytest.CaptureFixture[str]) -> None:
    lines = printed(answer_with(Evidence()), capsys, Similar(0, "a\n.png", 0.987, b""))
    assert lines[1] == "* quartz 40.0 ████████ ? 7"
    assert not any("does not know" in line for line in lines)
    assert lines[-1] == r"Alike in training: a\n.png (Quartz, 0.99)"
