"""What to give for each physical test, in the errors about values that are not understood."""

from __future__ import annotations

from collections.abc import Mapping

from mineral_recog.identify.fact_text import Text
from mineral_recog.identify.likelihood import MAX_DIRECTIONS, OUTCOMES, SCALES
from mineral_recog.minerals.vocabularies import VOCABULARIES

_LOWEST_DENSITY, _HIGHEST_DENSITY = SCALES["density"]
_CLEAVAGES = VOCABULARIES["cleavage"]


def _reaction(english: str, chinese: str) -> Text:
    return {
        "en": f"give yes or no, or words such as '{english}'",
        "zh": f"请给出“是”或“否”，或如“{chinese}”的文字",
    }


def _one_of(words: Mapping[str, str]) -> Text:
    return {
        "en": f"give one of {', '.join(words)}",
        "zh": f"请给出 {'、'.join(words.values())} 之一",
    }


EXPECTED: Mapping[str, Text] = {
    **{test: _one_of(words) for test, words in VOCABULARIES.items() if test in OUTCOMES},
    "hardness": {
        "en": "give a number up to 10 such as 6.5 or 6,5, a range such as 3.5-5.5, >5.5, or what "
        "scratches what, such as 'scratches glass' or 'scratched by knife' (fingernail 2.5, "
        "copper coin 3.5, glass or knife 5.5, steel 5.5 to 6.5, streak plate 6.5, quartz 7)",
        "zh": "请给出不超过 10 的数（如 6.5）、如 3.5-5.5 的范围、>5.5，或谁划动谁，"
        "如“划玻璃”或“被小刀划动”（指甲 2.5，铜币 3.5，玻璃或小刀 5.5，钢 5.5–6.5，"
        "条痕板 6.5，石英 7）",
    },
    "density": {
        "en": f"give g/cm3 from {_LOWEST_DENSITY:g} to {_HIGHEST_DENSITY:g} as a number such as "
        "2.65 or 2,65, a range such as 4.8-5.2, or >4, or the weights in air and in water such as "
        "'dry 52.3 wet 33.1'",
        "zh": f"请给出 {_LOWEST_DENSITY:g} 到 {_HIGHEST_DENSITY:g} 之间的克/立方厘米数（如 2.65）、"
        "如 4.8-5.2 的范围、>4，或在空气中和水中的重量，如“干重 52.3 水中 33.1”",
    },
    "magnetic": _reaction("weakly attracted", "微弱吸引"),
    "acid": _reaction("does not fizz", "不起泡"),
    "cleavage": {
        "en": f"give one of {', '.join(_CLEAVAGES)}, or with the number of directions, such as "
        "'perfect, 3'",
        "zh": f"请给出 {'、'.join(_CLEAVAGES.values())} 之一，也可加上组数，如“完全，3 组”",
    },
    "cleavage_directions": {
        "en": f"give the number of directions in which it splits, 0 to {MAX_DIRECTIONS}",
        "zh": f"请给出解理的组数，0 到 {MAX_DIRECTIONS}",
    },
}
