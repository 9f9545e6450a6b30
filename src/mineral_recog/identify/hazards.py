"""What is dangerous about minerals, what to do about it, and which tests are safe.

The hazards of a mineral are words of its column `hazard`. This is advice for people who hold a
specimen in their hand, not a safety data sheet.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from mineral_recog.identify.fact_text import Text, either_text
from mineral_recog.identify.taxon import Taxon
from mineral_recog.minerals.facts import Mineral
from mineral_recog.minerals.vocabularies import VOCABULARIES


@dataclass(frozen=True)
class Advice:
    """A danger and what to do about it.

    Attributes:
        danger: The danger of a mineral; it continues a sentence.
        possible: The danger of a group of which some minerals have it; it continues a sentence.
        remedy: What to do; it ends the sentence.
    """

    danger: Text
    possible: Text
    remedy: Text


_ASBESTOS: Text = {
    "en": "it can be asbestos where it is fibrous, and breathing in the fibres can cause cancer",
    "zh": "它呈纤维状时可能是石棉，吸入纤维可致癌",
}
ADVICE: Mapping[str, Advice] = {  # by the words of VOCABULARIES["hazard"]
    "radioactive": Advice(
        {"en": "it is radioactive", "zh": "它有放射性"},
        {"en": "it may be radioactive", "zh": "它可能有放射性"},
        {
            "en": "handle it briefly, wash your hands afterwards, and make no dust. Do not lick "
            "it. Keep it in a closed box in a ventilated place, away from children and from where "
            "people sit or sleep.",
            "zh": "尽量少接触，接触后洗手，不要弄出粉尘，不要舔。请装入密闭盒，存放在通风处，"
            "远离儿童，也远离久坐和睡觉的地方。",
        },
    ),
    "toxic dust": Advice(
        {
            "en": "its dust is toxic when breathed in or swallowed",
            "zh": "它的粉尘有毒，吸入或吞入都有害",
        },
        {
            "en": "its dust may be toxic when breathed in or swallowed",
            "zh": "它的粉尘可能有毒，吸入或吞入都有害",
        },
        {
            "en": "do not scratch, grind, heat or lick it. Wash your hands after handling it, and "
            "keep it away from children and food.",
            "zh": "不要刻划、研磨、加热，也不要舔。接触后洗手，远离儿童和食物。",
        },
    ),
    "toxic touch": Advice(
        {"en": "it leaves toxic traces on the skin", "zh": "它会在皮肤上留下有毒的痕迹"},
        {"en": "it may leave toxic traces on the skin", "zh": "它可能在皮肤上留下有毒的痕迹"},
        {
            "en": "leave it in its box or wear gloves, and wash your hands afterwards. Do not "
            "lick or heat it, and keep it away from children and food.",
            "zh": "请留在盒中或戴手套拿取，之后洗手。不要舔，不要加热，远离儿童和食物。",
        },
    ),
    "asbestos": Advice(
        _ASBESTOS,
        _ASBESTOS,
        {
            "en": "do not break, scratch, brush or rub it. Keep fibrous pieces in a closed bag or "
            "box, away from children.",
            "zh": "不要敲碎、刻划、刷洗或摩擦。纤维状的标本请装入密封袋或密闭盒，远离儿童。",
        },
    ),
    "soluble poison": Advice(
        {
            "en": "it dissolves in water and saliva and is poisonous when swallowed",
            "zh": "它能溶于水和唾液，吞入会中毒",
        },
        {
            "en": "it may dissolve in water and saliva and be poisonous when swallowed",
            "zh": "它可能溶于水和唾液，吞入会中毒",
        },
        {
            "en": "keep it dry and do not lick it. Wash your hands after handling it, and keep it "
            "away from children, pets and food.",
            "zh": "请保持干燥，不要舔。接触后洗手，远离儿童、宠物和食物。",
        },
    ),
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
_FREES_GAS: Text = {"en": "acid may free toxic gas", "zh": "遇酸可能放出有毒气体"}
MAX_NAMED = 3  # in a caution


@dataclass(frozen=True)
class Hazard:
    """A hazard of a class, or of several classes of an answer.

    Attributes:
        kind: Word of VOCABULARIES["hazard"].
        classes: Names of the classes that have it, or of which some minerals have it.
        text: The danger and what to do, in a sentence or two.
    """

    kind: str
    classes: tuple[str, ...]
    text: Text

    def to_dict(self) -> dict[str, Any]:
        """Return the hazard as JSON values."""
        names = {"en": self.kind, "zh": VOCABULARIES["hazard"][self.kind]}
        return {"kind": self.kind, "names": names, "classes": list(self.classes), "text": self.text}


@dataclass(frozen=True)
class Caution:
    """Why tests could do harm to whoever does them.

    Attributes:
        keys: Fields of Evidence that the tests fill.
        text: The reason, in a sentence.
    """

    keys: tuple[str, ...]
    text: Text


def hazards_of(taxa: Mapping[str, Taxon | None]) -> tuple[Hazard, ...]:
    """Return the hazards of classes, each with all classes that have it.

    Args:
        taxa: The taxon of each class, most likely first; None for a class that is none.
    """
    found = []
    for kind, advice in ADVICE.items():
        having = {
            name: taxon
            for name, taxon in taxa.items()
            if taxon is not None and any(kind in mineral.hazard for mineral in taxon.minerals)
        }
        if having:
            text = _hazard_text(kind, advice, [*dict.fromkeys(having.values())])
            found.append(Hazard(kind, tuple(having), text))
    return tuple(found)


def _hazard_text(kind: str, advice: Advice, taxa: Sequence[Taxon]) -> Text:
    """Return the danger of minerals and of groups of minerals, and what to do about it."""
    phrases: dict[str, list[Text]] = {}
    dangers: dict[str, Text] = {}
    for taxon in taxa:
        is_certain = taxon.mineral is not None and kind in taxon.mineral.hazard
        danger = advice.danger if is_certain else advice.possible
        dangers[danger["en"]] = danger
        phrases.setdefault(danger["en"], []).append(taxon.phrase)
    named = [(either_text(phrases[key]), dangers[key]) for key in dangers]
    english = "; ".join(f"if it is {names['en']}, {danger['en']}" for names, danger in named)
    chinese = "；".join(f"如果是{names['zh']}，{danger['zh']}" for names, danger in named)
    return {
        "en": f"{english[0].upper()}{english[1:]}: {advice.remedy['en']}",
        "zh": f"{chinese}：{advice.remedy['zh']}",
    }


def is_safe(test: str, mineral: Mineral | None) -> bool:
    """Return whether a test does no harm if the specimen is a mineral.

    A class that the table lacks counts as harmless, since nothing is known about it.

    Args:
        test: Field of Evidence that the test fills.
        mineral: The mineral; None if the table lacks the class.
    """
    return mineral is None or not reasons(test, mineral)


def is_safe_for(test: str, taxon: Taxon | None) -> bool:
    """Return whether a test does no harm with any mineral that a class may be."""
    return taxon is None or all(is_safe(test, mineral) for mineral in taxon.minerals)


def reasons(test: str, mineral: Mineral) -> list[Text]:
    """Return why a test does harm if the specimen is a mineral; none if it does not."""
    words = VOCABULARIES["hazard"]
    found: list[Text] = [
        {"en": kind, "zh": words[kind]} for kind in mineral.hazard if test not in SAFE_TESTS[kind]
    ]
    return found + [_FREES_GAS] * (test == "acid" and mineral.group in GAS_IN_ACID)


def cautions(tests: Iterable[str], taxa: Iterable[Taxon | None]) -> tuple[Caution, ...]:
    """Return why tests could do harm; tests with the same reason are joined.

    Args:
        tests: Fields of Evidence that the tests fill.
        taxa: What the specimen may be, most likely first.
    """
    known = [taxon for taxon in dict.fromkeys(taxa) if taxon is not None]
    keys_of: dict[str, list[str]] = {}
    texts: dict[str, Text] = {}
    for test in tests:
        harmful = [taxon for taxon in known if not is_safe_for(test, taxon)]
        if harmful:
            text = _caution_text(test, harmful)
            texts[text["en"]] = text
            keys_of.setdefault(text["en"], []).append(test)
    return tuple(Caution(tuple(keys), texts[english]) for english, keys in keys_of.items())


def _caution_text(test: str, taxa: Sequence[Taxon]) -> Text:
    found = {
        reason["en"]: reason
        for taxon in taxa
        for mineral in taxon.minerals
        for reason in reasons(test, mineral)
    }
    names = [taxon.phrase for taxon in taxa[:MAX_NAMED]]
    if (more := len(taxa) - MAX_NAMED) > 0:
        names.append({"en": f"one of {more} others", "zh": f"另外 {more} 种之一"})
    either = either_text(names)
    return {
        "en": f"could do harm if this is {either['en']} ({', '.join(found)}). Enter a result only "
        "if you know it already.",
        "zh": f"如果是{either['zh']}，可能有害（{'、'.join(r['zh'] for r in found.values())}）。"
        "仅在已知结果时填写。",
    }


def left_out_text(tests: Sequence[Text], taxa: Sequence[Taxon], is_last: bool) -> Text:
    """Return a sentence on the tests that were left out.

    Args:
        tests: Names of the tests, at least one.
        taxa: The minerals and groups that make them dangerous, at least one.
        is_last: Whether no other test is left to recommend.
    """
    names = either_text([taxon.phrase for taxon in taxa])
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
