"""What people type for words of the table, in both languages."""

from __future__ import annotations

import re
from typing import Any

import numpy as np
import pytest

from mineral_recog.errors import UserError
from mineral_recog.identify.likelihood import OUTCOMES, SEVERAL_WORDS
from mineral_recog.identify.word_parser import parse_word, parse_words
from mineral_recog.identify.word_synonyms import SYNONYMS
from mineral_recog.minerals.vocabularies import VOCABULARIES


@pytest.mark.parametrize(
    ("test", "text", "word"),
    [
        ("streak", " Gray ", "grey"),
        ("streak", "greenish-black", "black"),
        ("streak", "reddish brown streak", "brown"),
        ("streak", "colorless", "white"),
        ("streak", "绿黑色", "black"),
        ("streak", "樱红", "red"),
        ("streak", "no streak", "white"),
        ("streak", "无条痕", "white"),
        ("streak", "Streak: whitish", "white"),
        ("streak", "条痕为白色", "white"),
        ("streak", "pink", "red"),
        ("streak", "purple", "red"),
        ("streak", "粉红色", "red"),
        ("streak", "紫色", "red"),
        ("streak", "bluish", "blue"),
        ("streak", "golden", "yellow"),
        ("streak", "rust", "brown"),
        ("streak", "棕色", "brown"),
        ("streak", "cream", "white"),
        ("lustre", "Vitreous luster", "vitreous"),
        ("lustre", "无光泽", "earthy"),
        ("lustre", "semi-metallic", "submetallic"),
        ("lustre", "金属光泽", "metallic"),
        ("lustre", "半金属", "submetallic"),
        ("lustre", "sub-metallic", "submetallic"),
        ("lustre", "glassy", "vitreous"),
        ("transparency", "It is clear", "transparent"),
        ("transparency", "see-through", "transparent"),
        ("transparency", "lets light through", "translucent"),
        ("transparency", "semi-transparent", "translucent"),
        ("transparency", "不透光", "opaque"),
        ("transparency", "半透明的", "translucent"),
        ("fracture", "shell-like fracture", "conchoidal"),
        ("fracture", "贝壳状", "conchoidal"),
        ("fracture", "irregular", "uneven"),
        ("fracture", "jagged surface", "hackly"),
        ("tenacity", "bends and springs back", "elastic"),
        ("tenacity", "bends", "flexible"),
        ("tenacity", "can be cut with a knife", "sectile"),
        ("tenacity", "does not break", "tough"),
        ("tenacity", "很脆", "brittle"),
        ("tenacity", "挠性", "flexible"),
        ("fluorescence_long", "fluoresces green", "green"),
        ("fluorescence_long", "glows bright orange under UV", "orange"),
        ("fluorescence_long", "bluish white", "white"),
        ("fluorescence_long", "yellowish-green glow", "green"),
        ("fluorescence_long", "发绿光", "green"),
        ("fluorescence_long", "长波紫外灯下发强烈的橙色荧光", "orange"),
        ("fluorescence_short", "no", "none"),
        ("fluorescence_short", "does not fluoresce", "none"),
        ("fluorescence_short", "no glow", "none"),
        ("fluorescence_short", "non-fluorescent", "none"),
        ("fluorescence_short", "不发光", "none"),
        ("fluorescence_short", "没有荧光", "none"),
    ],
)
def test_a_word_is_parsed(test: str, text: str, word: str) -> None:
    assert parse_word(test, text) == word


def test_error_for_an_unknown_word_lists_the_words(monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(UserError, match=r"^lustre 'non-metallic' .*: give one of metallic, sub"):
        parse_word("lustre", "non-metallic")
    monkeypatch.setenv("MINERAL_RECOG_LANG", "zh")
    with pytest.raises(UserError, match=r"^streak 'loud' 无法理解：请给出 白色、灰色"):
        parse_word("streak", "loud")


@pytest.mark.parametrize(
    "text",
    [
        "not black",
        "isn't black",
        "black or green",
        "white, grey",
        "hardly red",
        "piano",
        "非黑色",
        "blackboard",
    ],
)
def test_streak_that_is_not_a_shade_is_reported(text: str) -> None:
    with pytest.raises(UserError, match=r"^streak ['\"].*: give one of white, grey"):
        parse_word("streak", text)


@pytest.mark.parametrize(
    ("test", "value", "words"),
    [
        ("colours", "green, brown", ("brown", "green")),
        ("colours", "brown and green", ("brown", "green")),
        ("colours", "green with brown spots", ("brown", "green")),
        ("colours", "colours: red; red", ("red",)),
        ("colours", "greenish black", ("black",)),
        ("colours", "dark to light blue", None),  # dark is no colour
        ("colours", "brown to black", ("black", "brown")),
        ("colours", "violet", ("purple",)),
        ("colours", "clear", ("colourless",)),
        ("colours", "colorless", ("colourless",)),
        ("colours", "brassy yellow", ("yellow",)),
        ("colours", "绿色带褐色", ("brown", "green")),
        ("colours", "浅粉红色", ("pink",)),
        ("colours", "墨绿、白", ("white", "green")),
        ("colours", ["green", "棕色"], ("brown", "green")),
        ("colours", np.array(["green"]), ("green",)),
        ("colours", "not green", None),
        ("colours", "green or brown", None),
        ("colours", "green, plaid", None),
        ("colours", ["green", 3], None),
        ("colours", [], None),
        ("colours", ",", None),
        ("colours", 3, None),
        ("habit", "needles", ("acicular",)),
        ("habit", "fibrous and radiating", ("fibrous", "radiating")),
        ("habit", "cubic crystals", ("cubic",)),
        ("habit", "hair-like", ("hair-like",)),
        ("habit", "kidney-shaped masses", ("reniform",)),
        ("habit", "针状、放射状集合体", ("acicular", "radiating")),
        ("habit", "葡萄状", ("botryoidal",)),
        ("habit", "立方体", ("cubic",)),
        ("habit", "tetrahedral", None),
    ],
)
def test_several_words_are_parsed(test: str, value: Any, words: tuple[str, ...] | None) -> None:
    if words is not None:
        assert parse_words(test, value) == words
        return
    with pytest.raises(UserError, match=rf"^{test} .* is not understood: give one of "):
        parse_words(test, value)


@pytest.mark.parametrize(
    "text",
    ["not strong", "does not glow strongly", "no bright glow", "does not glow green", "不强",
     "不发绿光", "fluorescent", "yes", "弱荧光", "green or blue"],
)  # fmt: skip
def test_unclear_glow_is_refused(text: str) -> None:
    with pytest.raises(UserError, match=r"^fluorescence_long .*: give one of none, colourless"):
        parse_word("fluorescence_long", text)


@pytest.mark.parametrize("test", SYNONYMS)
def test_every_word_of_the_lists_is_understood(test: str) -> None:
    """In both languages, and no synonym is a word of the list or stands for two words."""
    words = VOCABULARIES[test]
    assert set(SYNONYMS[test]) <= set(words)
    assert tuple(words) == OUTCOMES[test]
    for english, chinese in words.items():
        for text in (english, english.upper(), chinese):
            assert parse_word(test, text) == english
            if test in SEVERAL_WORDS:
                assert parse_words(test, text) == (english,)
        others = [said for word, said in SYNONYMS[test].items() if word != english]
        assert not any(re.fullmatch(said, english) for said in others)


def test_only_texts_are_words() -> None:
    for value in (3, None, ("red",)):
        with pytest.raises(UserError, match=r"^streak .* is not understood: give one of white"):
            parse_word("streak", value)  # type: ignore[arg-type]
