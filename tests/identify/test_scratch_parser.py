"""What scratches what: who scratches, and whether there was a scratch, in both languages."""

from __future__ import annotations

import pytest

from mineral_recog.errors import UserError
from mineral_recog.identify.evidence_parser import parse_hardness
from mineral_recog.identify.likelihood import Interval

HARDER_THAN_GLASS = (
    "scratches glass",
    "It scratches a glass plate",
    "can scratch glass easily",
    "is able to scratch glass",
    "the specimen scratched glass",
    "harder than glass",
    "isn't softer than glass",
    "glass does not scratch it",
    "glass is scratched",
    "glass can be scratched by it",
    "is not scratched by glass",
    "can't be scratched with a piece of glass",
    "unscratched by glass",
    "划玻璃",
    "能划动玻璃",
    "可以划伤玻璃",
    "能在玻璃上划出痕迹",
    "玻璃被划伤",
    "比玻璃硬",
    "硬度大于玻璃",
    "不能被玻璃划动",
    "用玻璃划不动",
    "玻璃划不动它",
)
SOFTER_THAN_GLASS = (
    "Does not scratch a glass",
    "won’t scratch glass",
    "cant scratch glass",
    "never scratches glass",
    "unable to scratch glass",
    "not harder than glass",
    "softer than glass",
    "glass scratches it",
    "glass is not scratched",
    "is scratched by glass",
    "can be scratched with glass",
    "gets scratched by glass",
    "doesn't scratch glass or quartz",
    "不能划玻璃",
    "划不动玻璃",
    "没有划动玻璃",
    "无法划伤玻璃",
    "在玻璃上划不出痕迹",
    "玻璃没被划伤",
    "不比玻璃硬",
    "没有玻璃硬",
    "能被玻璃划动",
    "划不动玻璃和石英",
)


def test_negations_and_passive_forms() -> None:
    for text in HARDER_THAN_GLASS:
        assert (text, parse_hardness(text)) == (text, (5.5, 10))
    for text in SOFTER_THAN_GLASS:
        assert (text, parse_hardness(text)) == (text, (0, 5.5))


@pytest.mark.parametrize(
    ("text", "interval"),
    [
        ("cannot be scratched with a knife", (5.5, 10)),
        ("is not scratched by my penknife", (5.5, 10)),
        ("a knife won't scratch it", (5.5, 10)),
        ("a knife won't scratch", (5.5, 10)),
        ("小刀划不动", (5.5, 10)),
        ("小刀无法划动", (5.5, 10)),
        ("不能用小刀划动", (5.5, 10)),
        ("不能被小刀划伤", (5.5, 10)),
        ("scratched by knife", (0, 5.5)),
        ("被小刀划动", (0, 5.5)),
        ("可用小刀划动", (0, 5.5)),
        ("容易被小刀划动", (0, 5.5)),
        ("a fingernail scratches it", (0, 2.5)),
        ("能被指甲划", (0, 2.5)),
        ("可被指甲刻划", (0, 2.5)),
        ("指甲能划出痕迹", (0, 2.5)),
        ("指甲刻不动", (2.5, 10)),
        ("scratched by an iron nail", (0, 4.5)),
        ("not scratched by a file", (6.5, 10)),
        ("harder than a streak plate", (6.5, 10)),
        ("比条痕板硬", (6.5, 10)),
        # Steel is from 5.5 (a nail) to 6.5 (a file); each outcome takes the bound that is sure.
        ("scratches steel", (5.5, 10)),
        ("not scratched by steel", (5.5, 10)),
        ("scratched by steel", (0, 6.5)),
        ("does not scratch steel", (0, 6.5)),
        ("scratches quartz", (7, 10)),
        ("scratched by quartz", (0, 7)),
        ("不能划石英", (0, 7)),
        ("scratches diamond", (9.5, 10)),
        ("scratches copper coin, scratched by glass", (3.5, 5.5)),
        ("scratches glass but is scratched by a knife", (5, 6)),
        ("scratches glass but not quartz", (5.5, 7)),
        ("scratches glass and not quartz", (5.5, 7)),
        ("scratches glass but is not scratched by quartz", (7, 10)),
        ("scratched by a knife but not by a fingernail", (2.5, 5.5)),
        ("not scratched by a fingernail but by a knife", (2.5, 5.5)),
        ("does not scratch quartz but glass", (5.5, 7)),
        ("指甲划不动，小刀能划动", (2.5, 5.5)),
        ("能划玻璃，但不能划石英", (5.5, 7)),
        ("能被小刀划动，不能被指甲划动", (2.5, 5.5)),
    ],
)
def test_tools_and_several_clauses(text: str, interval: Interval) -> None:
    assert parse_hardness(text) == interval


@pytest.mark.parametrize(
    "text",
    [
        "scratched by something harder than glass",
        "scratched by a nail",  # of a finger, or of iron
        "glass scratches",  # it, or is scratched
        "scratched glass",
        "玻璃划不动",
        "能划玻璃，石英划不动",
        "hardly scratches glass",
        "not easily scratched by a knife",
        "不容易被小刀划动",
        "几乎划不动玻璃",
        "可能划玻璃",
        "scratches glass or quartz",
        "能划玻璃或石英",
        "scratches glass but quartz",
        "scratches glass but not by quartz",
        "isn't unscratched by a knife",
        "不能划不动玻璃",
        "neither scratches glass nor quartz",
    ],
)
def test_text_that_is_not_clear_is_refused(text: str) -> None:
    with pytest.raises(
        UserError, match=r"^hardness .* is not understood: give .*'scratches glass'"
    ):
        parse_hardness(text)
