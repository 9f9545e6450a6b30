"""How each physical test is done, what it does to the specimen, and what it shows of a mineral."""

from __future__ import annotations

from collections.abc import Callable, Mapping

import numpy as np

from mineral_recog.identify.fact_text import Text, fact_text, name_text
from mineral_recog.identify.likelihood import SCALES
from mineral_recog.identify.likelihood_tables import LikelihoodTables
from mineral_recog.identify.test_instructions import Procedure, Result
from mineral_recog.minerals.facts import Mineral

CLEAR_PROBABILITY = 0.8  # of an outcome from which a scratch test counts as clear


def _name_and_hardness(mineral: Mineral) -> Text:
    name, hardness = name_text(mineral), fact_text("hardness", mineral)
    assert hardness is not None  # a mineral without it has no result
    return {"en": f"{name['en']} ({hardness['en']})", "zh": f"{name['zh']}（{hardness['zh']}）"}


def _scratch(
    limit: float, instruction: Text, results: tuple[Result, Result, Result], caution: Text
) -> Procedure:
    """Return a scratch test with the results for harder, overlapping and softer minerals."""

    def expected(tables: LikelihoodTables) -> list[Result | None]:
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
    Result("is not", "are not", "划不动", 2),
    Result("may be scratched", "may be scratched", "不一定划得动", 1),
    Result("is scratched", "are scratched", "划得动", 0),
)
_SCRATCHES = (  # glass or a streak plate
    Result("scratches it", "scratch it", "能划动", 0),
    Result("may scratch it", "may scratch it", "不一定能划动", 1),
    Result("does not", "do not", "划不动", 2),
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
    result: Callable[[Mineral], Result | None],
) -> Callable[[LikelihoodTables], list[Result | None]]:
    """Return a function that gives the result for each class from that for a mineral."""
    return lambda tables: [
        None if mineral is None else result(mineral) for mineral in tables.minerals
    ]


def _fact_result(
    key: str, singular: str, plural: str, zh: str, after: str = ""
) -> Callable[[LikelihoodTables], list[Result | None]]:
    """Return a function that gives a verb and a fact of the table as the result."""

    def result(mineral: Mineral) -> Result | None:
        fact = fact_text(key, mineral)
        if fact is None:
            return None
        english = fact["en"] + after
        return Result(f"{singular} {english}", f"{plural} {english}", zh + fact["zh"])

    return _each(result)


def _glow(key: str) -> Callable[[LikelihoodTables], list[Result | None]]:
    """Return a function that gives the glow under a lamp as the result."""

    def result(mineral: Mineral) -> Result | None:
        fact = fact_text(key, mineral)
        if fact is None:
            return None
        if "none" in getattr(mineral, key):
            return Result(f"shows {fact['en']}", f"show {fact['en']}", fact["zh"], 1)
        return Result(fact["en"], fact["en"].replace("glows", "glow", 1), fact["zh"])

    return _each(result)


_CLEAVAGES = {
    word: Result(f"has {english}", f"have {english}", chinese, order)
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
    "strong": Result("is attracted", "are attracted", "被吸住", 0),
    "weak": Result("is attracted only by a strong magnet", "are attracted only by a strong magnet",
                    "只被强磁铁吸引", 1),
    "none": Result("is not attracted", "are not attracted", "不被吸引", 2),
}  # fmt: skip
_FIZZES = {
    "fizzes": Result("fizzes", "fizz", "起泡", 0),
    "fizzes when powdered": Result("fizzes when powdered", "fizz when powdered",
                                    "研成粉末才起泡", 1),
    "none": Result("does not fizz", "do not fizz", "不起泡", 2),
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
