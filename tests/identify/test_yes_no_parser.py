"""What people type about a magnet and about acid, in both languages."""

from __future__ import annotations

import pytest

from mineral_recog.identify.typed_text import normalise
from mineral_recog.identify.yes_no_parser import parse_yes_no_text

TEXTS = {
    ("magnetic", True): (
        "yes", "TRUE", "是", "magnetic", "strong", "moderately", "is attracted by a magnet",
        "a magnet attracts it", "强磁性", "有磁性", "能被磁铁吸引", "磁铁能吸住",
    ),
    ("magnetic", "weak"): (
        "weak", "Slightly", "a little", "very weakly magnetic", "faintly attracted", "弱", "弱磁性",
        "磁性很弱", "有点", "drawn only by a strong magnet", "only by a strong magnet",
        "yes, but only with a neodymium magnet", "a strong magnet attracts it", "仅被强磁铁吸引",
        "只有钕磁铁能吸住",
    ),
    ("magnetic", False): (
        "No", "false", "否", "none", "not attracted", "isn't magnetic", "non-magnetic",
        "nonmagnetic", "no attraction", "a magnet does not attract it", "没有", "无磁性",
        "没有磁性", "不被磁铁吸引", "不能被磁铁吸引", "磁铁吸不住",
    ),
    ("acid", True): (
        "yes", "moderately", "fizzes", "bubbles", "effervesces", "slow reaction",
        "reacts strongly in dilute hydrochloric acid", "fizzes when powdered", "起泡", "冒泡",
        "有气泡", "遇酸起泡", "起泡剧烈", "粉末起泡", "与酸反应",
    ),
    ("acid", False): (
        "no", "no fizz", "does not fizz", "doesn't react", "no reaction", "no bubbles", "不起泡",
        "不冒泡", "遇酸不起泡", "不会起泡", "无气泡", "无反应", "不与酸反应",
    ),
}  # fmt: skip


@pytest.mark.parametrize(("test", "outcome"), list(TEXTS))
def test_texts_are_parsed(test: str, outcome: bool | str) -> None:
    for text in TEXTS[test, outcome]:
        assert (text, parse_yes_no_text(test, normalise(text))) == (text, outcome)


@pytest.mark.parametrize("text", ["weak", "fizzes weakly", "weak fizz", "微弱起泡"])
def test_weak_bubbles_are_weak(text: str) -> None:
    assert parse_yes_no_text("acid", text) == "weak"


@pytest.mark.parametrize(
    ("test", "text"),
    [
        ("magnetic", "maybe"),
        ("magnetic", "not strongly magnetic"),
        ("magnetic", "barely magnetic"),
        ("magnetic", "fizzes"),
        ("magnetic", "磁性不强"),
        ("magnetic", "可能有磁性"),
        ("acid", "hardly fizzes"),
        ("acid", "does not fizz strongly"),
        ("acid", "不起泡剧烈"),
        ("acid", "does not fizz unless powdered"),
        ("acid", "几乎不起泡"),
        ("acid", "不能不起泡"),
        ("acid", "1"),
    ],
)
def test_neither_yes_nor_no(test: str, text: str) -> None:
    assert parse_yes_no_text(test, normalise(text)) is None
