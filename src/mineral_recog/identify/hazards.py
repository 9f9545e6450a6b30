"""What is dangerous about minerals, what to do about it, and which tests are safe.

The hazards of a mineral are words of its column `hazard`. This is advice for people who hold a
specimen in their hand, not a safety data sheet.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from mineral_recog.identify.fact_text import Text, either_text, name_text
from mineral_recog.minerals.facts import Mineral
from mineral_recog.minerals.vocabularies import VOCABULARIES

# The danger and what to do, by the words of VOCABULARIES["hazard"]; each continues a sentence.
ADVICE: Mapping[str, Text] = {
    "radioactive": {
        "en": "it is radioactive: handle it briefly, wash your hands afterwards, and make no dust. "
        "Do not lick it. Keep it in a closed box in a ventilated place, away from children and "
        "from where people sit or sleep.",
        "zh": "它有放射性：尽量少接触，接触后洗手，不要弄出粉尘，不要舔。请装入密闭盒，"
        "存放在通风处，远离儿童，也远离久坐和睡觉的地方。",
    },
    "toxic dust": {
        "en": "its dust is toxic when breathed in or swallowed: do not scratch, grind, heat or "
        "lick it. Wash your hands after handling it, and keep it away from children and food.",
        "zh": "它的粉尘有毒，吸入或吞入都有害：不要刻划、研磨、加热，也不要舔。接触后洗手，"
        "远离儿童和食物。",
    },
    "toxic touch": {
        "en": "it leaves toxic traces on the skin: leave it in its box or wear gloves, and wash "
        "your hands afterwards. Do not lick or heat it, and keep it away from children and food.",
        "zh": "它会在皮肤上留下有毒的痕迹：请留在盒中或戴手套拿取，之后洗手。"
        "不要舔，不要加热，远离儿童和食物。",
    },
    "asbestos": {
        "en": "it can be asbestos where it is fibrous, and breathing in the fibres can cause "
        "cancer: do not break, scratch, brush or rub it. Keep fibrous pieces in a closed bag or "
        "box, away from children.",
        "zh": "它呈纤维状时可能是石棉，吸入纤维可致癌：不要敲碎、刻划、刷洗或摩擦。"
        "纤维状的标本请装入密封袋或密闭盒，远离儿童。",
    },
    "soluble poison": {
        "en": "it dissolves in water and saliva and is poisonous when swallowed: keep it dry and "
        "do not lick it. Wash your hands after handling it, and keep it away from children, pets "
        "and food.",
        "zh": "它能溶于水和唾液，吞入会中毒：请保持干燥，不要舔。接触后洗手，"
        "远离儿童、宠物和食物。",
    },
}
# The tests that are safe, by hazard; any other test is not recommended, a new one included.
# Scratching and the streak make dust; acid dissolves the mineral or frees gas, and its result may
# ask for powder. Tenacity needs bending, cutting or breaking. Density needs handling and water, in
# which the mineral may dissolve. Cleavage and fracture are looked at on surfaces that are there.
_LOOKING = frozenset(
    {
        "lustre", "magnetic", "colours", "transparency", "habit", "cleavage",
        "cleavage_directions", "fracture", "fluorescence_long", "fluorescence_short",
    }
)  # fmt: skip
SAFE_TESTS: Mapping[str, frozenset[str]] = {
    "radioactive": _LOOKING,
    "toxic dust": _LOOKING | {"density"},
    "toxic touch": _LOOKING,
    "asbestos": _LOOKING,
    "soluble poison": _LOOKING,
}
GAS_IN_ACID = frozenset({"sulfide", "sulfosalt"})  # groups from which acid frees hydrogen sulfide


@dataclass(frozen=True)
class Hazard:
    """A hazard of a mineral, or of several minerals of an answer.

    Attributes:
        kind: Word of VOCABULARIES["hazard"].
        classes: Names of the classes that have it.
        text: The danger and what to do, in a sentence or two.
    """

    kind: str
    classes: tuple[str, ...]
    text: Text

    def to_dict(self) -> dict[str, Any]:
        """Return the hazard as JSON values."""
        names = {"en": self.kind, "zh": VOCABULARIES["hazard"][self.kind]}
        return {"kind": self.kind, "names": names, "classes": list(self.classes), "text": self.text}


def hazards_of(minerals: Mapping[str, Mineral | None]) -> tuple[Hazard, ...]:
    """Return the hazards of minerals, each with all minerals that have it.

    Args:
        minerals: The mineral of each class, most likely first; None if the table lacks it.
    """
    found = []
    for kind, advice in ADVICE.items():
        having = {
            name: mineral
            for name, mineral in minerals.items()
            if mineral is not None and kind in mineral.hazard
        }
        if having:
            names = either_text([*map(name_text, dict.fromkeys(having.values()))])
            text = {
                "en": f"If it is {names['en']}, {advice['en']}",
                "zh": f"如果是{names['zh']}，{advice['zh']}",
            }
            found.append(Hazard(kind, tuple(having), text))
    return tuple(found)


def is_safe(test: str, mineral: Mineral | None) -> bool:
    """Return whether a test does no harm if the specimen is a mineral.

    A class that the table lacks counts as harmless, since nothing is known about it.

    Args:
        test: Field of Evidence that the test fills.
        mineral: The mineral; None if the table lacks the class.
    """
    if mineral is None:
        return True
    if test == "acid" and mineral.group in GAS_IN_ACID:
        return False
    return all(test in SAFE_TESTS[kind] for kind in mineral.hazard)


def left_out_text(tests: Sequence[Text], minerals: Sequence[Mineral], is_last: bool) -> Text:
    """Return a sentence on the tests that were left out.

    Args:
        tests: Names of the tests, at least one.
        minerals: The minerals that make them dangerous, at least one.
        is_last: Whether no other test is left to recommend.
    """
    names = either_text([*map(name_text, minerals)])
    text = {
        "en": f"Left out, since it could do harm if this is {names['en']}: "
        f"{', '.join(test['en'] for test in tests)}.",
        "zh": f"如果是{names['zh']}，以下测试可能有害，故不建议："
        f"{'、'.join(test['zh'] for test in tests)}。",
    }
    if is_last:
        text["en"] += (
            " No harmless test is left that would tell the likely minerals apart: ask a museum or "
            "a laboratory."
        )
        text["zh"] += "没有既无害又能区分的测试了：请咨询博物馆或实验室。"
    return text
