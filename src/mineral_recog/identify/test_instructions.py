"""Instructions for each physical test, with its expected result for the most likely minerals."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from mineral_recog.identify.fact_text import Text, fact_text, join_texts, name_text
from mineral_recog.identify.likelihood import SCALES
from mineral_recog.identify.likelihood_tables import LikelihoodTables
from mineral_recog.minerals.facts import Mineral

MAX_NAMED = 4  # minerals in the text of a test
CLEAR_PROBABILITY = 0.8  # of an outcome from which a scratch test counts as clear


@dataclass(frozen=True)
class _Result:
    """The expected result of a test: the words that follow the name of one or several minerals.

    Minerals with the same result are named together. Results of lower order come first.
    """

    singular: str
    plural: str
    zh: str
    order: int = 0


@dataclass(frozen=True, eq=False)
class Procedure:
    """How to do a physical test.

    Attributes:
        key: Field of Evidence that the test fills.
        label: What the test is called.
        instruction: What to do.
        results: Returns the expected result for each class, [C]; None if the fact is unknown.
        caution: What the test does to the specimen, and when not to do it; None if it is harmless.
        name: Returns the name of a mineral in the text.
    """

    key: str
    label: Text
    instruction: Text
    results: Callable[[LikelihoodTables], list[_Result | None]]
    caution: Text | None = None
    name: Callable[[Mineral], Text] = name_text


class Instructions:
    """The text of a physical test for any minerals of a model's classes.

    Args:
        procedure: The test.
        tables: Likelihoods of the model's classes.
    """

    def __init__(self, procedure: Procedure, tables: LikelihoodTables) -> None:
        self.key, self.label, self.caution = procedure.key, procedure.label, procedure.caution
        self._instruction = procedure.instruction
        results = procedure.results(tables)
        self._results = [*dict.fromkeys(result for result in results if result is not None)]
        # The position in self._results for each class, since hashing a result at each answer
        # would take longer.
        numbers = {result: number for number, result in enumerate(self._results)}
        self._numbers = [None if result is None else numbers[result] for result in results]
        self._names = [
            procedure.name(mineral) if mineral is not None and result is not None else None
            for mineral, result in zip(tables.minerals, results, strict=True)
        ]

    def text(self, likely: Sequence[int]) -> Text | None:
        """Return what to do and the results for the most likely minerals.

        None if all have the same result.

        Args:
            likely: A class of each of the most likely minerals, most likely first.
        """
        by_result: dict[int, list[int]] = {}
        for label in likely:
            if (number := self._numbers[label]) is not None:
                by_result.setdefault(number, []).append(label)
        if len(by_result) < 2:
            return None
        english, chinese = [], []
        parts = [(self._results[number], named) for number, named in _select(by_result).items()]
        for result, named in sorted(parts, key=lambda part: part[0].order):
            names = join_texts([name for label in named if (name := self._names[label])])
            english.append(f"{names['en']} {result.plural if named[1:] else result.singular}")
            chinese.append(names["zh"] + result.zh)
        separator = "; " if any("," in part for part in english) else ", "
        return {
            "en": f"{self._instruction['en']}: {separator.join(english)}",
            "zh": f"{self._instruction['zh']}：{'，'.join(chinese)}",
        }


def _select(by_result: Mapping[int, list[int]]) -> dict[int, list[int]]:
    """Select up to MAX_NAMED minerals: the first of each result, then the second, and so on.

    The results, and the minerals of each, come most likely first.
    """
    ranked = [
        (rank, result, mineral)
        for result, minerals in by_result.items()
        for rank, mineral in enumerate(minerals[:MAX_NAMED])
    ]
    selected: dict[int, list[int]] = {}
    for _, result, mineral in sorted(ranked, key=lambda item: item[0])[:MAX_NAMED]:
        selected.setdefault(result, []).append(mineral)
    return selected


def _name_and_hardness(mineral: Mineral) -> Text:
    name, hardness = name_text(mineral), fact_text("hardness", mineral)
    assert hardness is not None  # a mineral without it has no result
    return {"en": f"{name['en']} ({hardness['en']})", "zh": f"{name['zh']}（{hardness['zh']}）"}


def _scratch(
    limit: float, instruction: Text, results: tuple[_Result, _Result, _Result], caution: Text
) -> Procedure:
    """Return a scratch test with the results for harder, overlapping and softer minerals."""

    def expected(tables: LikelihoodTables) -> list[_Result | None]:
        p_harder = tables.row("hardness", (limit, SCALES["hardness"][1]))
        return [None if np.isnan(p) else results[_clear_outcome(p)] for p in p_harder.tolist()]

    label = {"en": "scratching", "zh": "刻划"}
    return Procedure("hardness", label, instruction, expected, caution, _name_and_hardness)


def _clear_outcome(p_harder: float) -> int:
    """Return 0 for a mineral that is clearly harder, 2 for a softer one, 1 for others."""
    if p_harder > CLEAR_PROBABILITY:
        return 0
    return 1 if p_harder > 1 - CLEAR_PROBABILITY else 2


_SCRATCHED = (  # by a fingernail or coin
    _Result("is not", "are not", "划不动", 2),
    _Result("may be scratched", "may be scratched", "不一定划得动", 1),
    _Result("is scratched", "are scratched", "划得动", 0),
)
_SCRATCHES = (  # glass or a streak plate
    _Result("scratches it", "scratch it", "能划动", 0),
    _Result("may scratch it", "may scratch it", "不一定能划动", 1),
    _Result("does not", "do not", "划不动", 2),
)
_LEAVES_SCRATCH: Text = {
    "en": "It leaves a scratch: choose a hidden spot, never a polished stone or a gem.",
    "zh": "会留下划痕：请选不显眼处，切勿用于抛光的石头或宝石。",
}
_CHIPS: Text = {
    "en": "It can chip the specimen: use a rough edge, never a polished stone or a gem.",
    "zh": "可能损伤标本：请用粗糙的棱角，切勿用于抛光的石头或宝石。",
}
SCRATCH_TESTS: Mapping[float, Procedure] = {
    limit: _scratch(limit, {"en": english, "zh": chinese}, results, caution)
    for limit, english, chinese, results, caution in (
        (2.5, "scratch it with a fingernail", "用指甲划它", _SCRATCHED, _LEAVES_SCRATCH),
        (3.5, "scratch it with a copper coin", "用铜币划它", _SCRATCHED, _LEAVES_SCRATCH),
        (5.5, "scratch glass with it", "用它划玻璃", _SCRATCHES, _CHIPS),
        (6.5, "scratch a streak plate with it", "用它划条痕板", _SCRATCHES, _CHIPS),
    )
}


def _each(
    result: Callable[[Mineral], _Result | None],
) -> Callable[[LikelihoodTables], list[_Result | None]]:
    """Return a function that gives the result for each class from that for a mineral."""
    return lambda tables: [
        None if mineral is None else result(mineral) for mineral in tables.minerals
    ]


def _fact_result(
    key: str, singular: str, plural: str, zh: str, after: str = ""
) -> Callable[[LikelihoodTables], list[_Result | None]]:
    """Return a function that gives a verb and a fact of the table as the result."""

    def result(mineral: Mineral) -> _Result | None:
        fact = fact_text(key, mineral)
        if fact is None:
            return None
        english = fact["en"] + after
        return _Result(f"{singular} {english}", f"{plural} {english}", zh + fact["zh"])

    return _each(result)


def _glow(key: str) -> Callable[[LikelihoodTables], list[_Result | None]]:
    """Return a function that gives the glow under a lamp as the result."""

    def result(mineral: Mineral) -> _Result | None:
        fact = fact_text(key, mineral)
        if fact is None:
            return None
        if "none" in getattr(mineral, key):
            return _Result(f"shows {fact['en']}", f"show {fact['en']}", fact["zh"], 1)
        return _Result(fact["en"], fact["en"].replace("glows", "glow", 1), fact["zh"])

    return _each(result)


_CLEAVAGES = {
    word: _Result(f"has {english}", f"have {english}", chinese, order)
    for order, (word, english, chinese) in enumerate(
        (
            ("perfect", "perfect cleavage", "有完全解理"),
            ("good", "good cleavage", "有中等解理"),
            ("poor", "poor cleavage", "有不完全解理"),
            ("none", "no cleavage", "无解理"),
        )
    )
}


_ATTRACTED = {
    "strong": _Result("is attracted", "are attracted", "被吸住", 0),
    "weak": _Result("is attracted only by a strong magnet", "are attracted only by a strong magnet",
                    "只被强磁铁吸引", 1),
    "none": _Result("is not attracted", "are not attracted", "不被吸引", 2),
}  # fmt: skip
_FIZZES = {
    "fizzes": _Result("fizzes", "fizz", "起泡", 0),
    "fizzes when powdered": _Result("fizzes when powdered", "fizz when powdered",
                                    "研成粉末才起泡", 1),
    "none": _Result("does not fizz", "do not fizz", "不起泡", 2),
}  # fmt: skip
OTHER_TESTS = (
    Procedure(
        "streak",
        {"en": "streak", "zh": "擦条痕"},
        {"en": "rub it on unglazed porcelain", "zh": "在素瓷板上擦出条痕"},
        _fact_result("streak", "leaves", "leave", "为"),
        {
            "en": "It wears the specimen: use a rough edge, never a polished stone or a gem.",
            "zh": "会磨损标本：请用粗糙的棱角，切勿用于抛光的石头或宝石。",
        },
    ),
    Procedure(
        "lustre",
        {"en": "lustre", "zh": "看光泽"},
        {"en": "look at its lustre", "zh": "看光泽"},
        _fact_result("lustre", "is", "are", "为"),
    ),
    Procedure(
        "density",
        {"en": "weighing in water", "zh": "水中称重"},
        {"en": "weigh it in air and in water", "zh": "在空气中和水中称重求密度"},
        _fact_result("density", "has", "have", "为 "),
        {
            "en": "Water dissolves salts such as halite and harms porous stones.",
            "zh": "水会溶解石盐等盐类，也会损伤多孔的石头。",
        },
    ),
    Procedure(
        "magnetic",
        {"en": "magnet", "zh": "磁铁"},
        {
            "en": "hold a magnet to it, first any one, then a strong one (neodymium)",
            "zh": "先用普通磁铁、再用强磁铁（钕磁铁）吸它",
        },
        _each(lambda mineral: _ATTRACTED.get(mineral.magnetism or "")),
    ),
    Procedure(
        "acid",
        {"en": "acid", "zh": "滴酸"},
        {"en": "put a drop of dilute acid on it", "zh": "滴一滴稀盐酸"},
        _each(lambda mineral: _FIZZES.get(mineral.acid or "")),
        {
            "en": "Acid etches: choose a hidden spot, never a polished stone or a gem. Protect "
            "your eyes, and rinse afterwards.",
            "zh": "酸会腐蚀标本：请选不显眼处，切勿用于抛光的石头或宝石。注意护眼，之后冲洗干净。",
        },
    ),
    Procedure(
        "colours",
        {"en": "colour", "zh": "看颜色"},
        {
            "en": "look at its colours in daylight, where it is fresh and not coated",
            "zh": "在日光下看新鲜、无覆盖层处的颜色",
        },
        _fact_result("colours", "is", "are", "为"),
    ),
    Procedure(
        "transparency",
        {"en": "transparency", "zh": "看透明度"},
        {"en": "shine a lamp through a thin edge", "zh": "用灯照它的薄边"},
        _fact_result("transparency", "is", "are", "为"),
    ),
    Procedure(
        "habit",
        {"en": "habit", "zh": "看形态"},
        {"en": "look at the form of its crystals or grains", "zh": "看晶体或颗粒的形态"},
        _fact_result("habit", "is", "are", "为"),
    ),
    Procedure(
        "cleavage",
        {"en": "cleavage", "zh": "看解理"},
        {
            "en": "turn it under a lamp and look for flat faces that flash together on surfaces "
            "that are broken already (do not break it)",
            "zh": "在灯下转动，看已有的破裂面上有无同时闪光的平面（不要敲碎）",
        },
        _each(lambda mineral: _CLEAVAGES.get(mineral.cleavage or "")),
    ),
    Procedure(
        "cleavage_directions",
        {"en": "directions of cleavage", "zh": "数解理组数"},
        {
            "en": "count in how many directions such flat broken faces lie (do not break it)",
            "zh": "数已有破裂面上的平整面有几个方向（不要敲碎）",
        },
        _fact_result("cleavage_directions", "has", "have", "有 "),
    ),
    Procedure(
        "fracture",
        {"en": "fracture", "zh": "看断口"},
        {
            "en": "look at a surface that is broken already and not flat (do not break it)",
            "zh": "看已有的不平整破裂面（不要敲碎）",
        },
        _fact_result("fracture", "has", "have", "为", " fracture"),
    ),
    Procedure(
        "tenacity",
        {"en": "bending and cutting", "zh": "弯折或切割"},
        {
            "en": "bend a loose flake, or cut a loose grain with a knife",
            "zh": "弯折一小片，或用刀切一小粒",
        },
        _fact_result("tenacity", "is", "are", "为"),
        {
            "en": "It destroys the piece and makes dust: use one that came off by itself, never a "
            "polished stone or a gem. Protect your eyes, and do not breathe in the dust.",
            "zh": "会毁坏所用的小块并产生粉尘：请用自然脱落的小块，切勿用于抛光的石头或宝石。"
            "注意护眼，不要吸入粉尘。",
        },
    ),
    Procedure(
        "fluorescence_long",
        {"en": "long-wave UV lamp", "zh": "长波紫外灯"},
        {
            "en": "shine long-wave UV (365 nm) on it in the dark",
            "zh": "在暗处用长波紫外灯（365 nm）照它",
        },
        _glow("fluorescence_long"),
        {
            "en": "Do not look into the lamp. A violet shine is often the lamp's own light.",
            "zh": "不要直视灯光。紫色的反光往往来自灯本身。",
        },
    ),
    Procedure(
        "fluorescence_short",
        {"en": "short-wave UV lamp", "zh": "短波紫外灯"},
        {
            "en": "shine short-wave UV (254 nm) on it in the dark",
            "zh": "在暗处用短波紫外灯（254 nm）照它",
        },
        _glow("fluorescence_short"),
        {
            "en": "Short-wave light burns eyes and skin: never look into the lamp or point it at "
            "anyone, and wear UV glasses and gloves.",
            "zh": "短波紫外线会灼伤眼睛和皮肤：切勿直视或照人，请戴防紫外线眼镜和手套。",
        },
    ),
)
