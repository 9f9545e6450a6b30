"""How each hand test is done and what it finds for the likeliest minerals, in words."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

from mineral_recog.identify.fact_text import Text, fact_of, listed, name_of
from mineral_recog.identify.likelihood import SCALES, Floats, likelihood
from mineral_recog.minerals.facts import Mineral

NAMED = 4  # minerals in the text of a test
RARE = 20  # a mineral so many times less likely than the likeliest is not named
SURE = 0.8  # P(outcome) from which a scratch test is said to go one way


@dataclass(frozen=True)
class _Finding:
    """What a test finds for a mineral: the words that follow its name, or several names.

    Minerals with the same finding are named together, those of lower order first.
    """

    singular: str
    plural: str
    zh: str
    order: int = 0


@dataclass(frozen=True)
class Procedure:
    """A hand test: the field of Evidence that it fills, and how it is told."""

    key: str
    how: Text
    finding: Callable[[Mineral], _Finding | None]
    name: Callable[[Mineral], Text] = name_of

    def text(self, probabilities: Floats, minerals: Sequence[Mineral | None]) -> Text | None:
        """What to do and what it finds for the likeliest minerals; None if it is all the same."""
        groups = self._groups(_likeliest(probabilities, minerals))
        if len(groups) < 2:
            return None
        english, chinese = [], []
        for finding, group in sorted(_most_telling(groups).items(), key=lambda one: one[0].order):
            names = listed([self.name(mineral) for mineral in group])
            english.append(f"{names['en']} {finding.plural if group[1:] else finding.singular}")
            chinese.append(names["zh"] + finding.zh)
        between = "; " if any("," in part for part in english) else ", "
        return {
            "en": f"{self.how['en']}: {between.join(english)}",
            "zh": f"{self.how['zh']}：{'，'.join(chinese)}",
        }

    def _groups(self, likeliest: Sequence[Mineral]) -> dict[_Finding, list[Mineral]]:
        groups: dict[_Finding, list[Mineral]] = {}
        for mineral in likeliest:
            if (finding := self.finding(mineral)) is not None:
                groups.setdefault(finding, []).append(mineral)
        return groups


def _likeliest(probabilities: Floats, minerals: Sequence[Mineral | None]) -> list[Mineral]:
    """The minerals that are not rare beside the likeliest; classes of one mineral add up."""
    total: dict[Mineral, float] = {}
    for mineral, probability in zip(minerals, probabilities, strict=True):
        if mineral is not None:
            total[mineral] = total.get(mineral, 0.0) + float(probability)
    highest = max(total.values(), default=0.0)
    kept = [mineral for mineral in total if total[mineral] * RARE >= highest]
    return sorted(kept, key=lambda mineral: -total[mineral])


def _most_telling(groups: Mapping[_Finding, list[Mineral]]) -> dict[_Finding, list[Mineral]]:
    """NAMED minerals at most: the likeliest of each finding, then the next of each, and so on.

    The groups, and the minerals in them, come from likely to unlikely.
    """
    ranked = [
        (place, finding, mineral)
        for finding, group in groups.items()
        for place, mineral in enumerate(group)
    ]
    kept: dict[_Finding, list[Mineral]] = {}
    for _, finding, mineral in sorted(ranked, key=lambda one: one[0])[:NAMED]:
        kept.setdefault(finding, []).append(mineral)
    return kept


def _name_and_hardness(mineral: Mineral) -> Text:
    name, hardness = name_of(mineral), fact_of("hardness", mineral)
    assert hardness is not None  # a mineral without it has no finding
    return {"en": f"{name['en']} ({hardness['en']})", "zh": f"{name['zh']}（{hardness['zh']}）"}


def _scratch(limit: float, how: Text, findings: tuple[_Finding, _Finding, _Finding]) -> Procedure:
    """A scratch test whose findings are of harder minerals, of those that overlap, of softer."""

    def finding(mineral: Mineral) -> _Finding | None:
        harder = likelihood("hardness", (limit, SCALES["hardness"][1]), mineral)
        if harder is None:
            return None
        return findings[0 if harder > SURE else 1 if harder > 1 - SURE else 2]

    return Procedure("hardness", how, finding, _name_and_hardness)


_SCRATCHED = (  # by a fingernail or coin
    _Finding("is not", "are not", "划不动", 2),
    _Finding("may be scratched", "may be scratched", "不一定划得动", 1),
    _Finding("is scratched", "are scratched", "划得动", 0),
)
_SCRATCHES = (  # glass or a streak plate
    _Finding("scratches it", "scratch it", "能划动", 0),
    _Finding("may scratch it", "may scratch it", "不一定能划动", 1),
    _Finding("does not", "do not", "划不动", 2),
)
SCRATCH_TESTS: Mapping[float, Procedure] = {
    2.5: _scratch(2.5, {"en": "scratch it with a fingernail", "zh": "用指甲划它"}, _SCRATCHED),
    3.5: _scratch(3.5, {"en": "scratch it with a copper coin", "zh": "用铜币划它"}, _SCRATCHED),
    5.5: _scratch(5.5, {"en": "scratch glass with it", "zh": "用它划玻璃"}, _SCRATCHES),
    6.5: _scratch(6.5, {"en": "scratch a streak plate with it", "zh": "用它划条痕板"}, _SCRATCHES),
}


def _of_fact(key: str, singular: str, plural: str, zh: str) -> Callable[[Mineral], _Finding | None]:
    """A finding that is a fact of the table after a verb."""

    def finding(mineral: Mineral) -> _Finding | None:
        fact = fact_of(key, mineral)
        if fact is None:
            return None
        return _Finding(f"{singular} {fact['en']}", f"{plural} {fact['en']}", zh + fact["zh"])

    return finding


_DRAWN = {
    "strong": _Finding("is drawn", "are drawn", "被吸住", 0),
    "weak": _Finding("is drawn weakly or not at all", "are drawn weakly or not at all",
                     "微弱吸引或不吸引", 1),
    "none": _Finding("is not drawn", "are not drawn", "不被吸引", 2),
}  # fmt: skip
_FIZZES = {
    "fizzes": _Finding("fizzes", "fizz", "起泡", 0),
    "fizzes when powdered": _Finding("fizzes when powdered", "fizz when powdered",
                                     "研成粉末才起泡", 1),
    "none": _Finding("does not fizz", "do not fizz", "不起泡", 2),
}  # fmt: skip
OTHER_TESTS = (
    Procedure(
        "streak",
        {"en": "rub it on unglazed porcelain", "zh": "在素瓷板上擦出条痕"},
        _of_fact("streak", "leaves", "leave", "为"),
    ),
    Procedure(
        "lustre",
        {"en": "look at its lustre", "zh": "看光泽"},
        _of_fact("lustre", "is", "are", "为"),
    ),
    Procedure(
        "density",
        {"en": "weigh it in air and in water", "zh": "在空气中和水中称重求密度"},
        _of_fact("density", "has", "have", "为 "),
    ),
    Procedure(
        "magnetic",
        {"en": "hold a magnet to it", "zh": "用磁铁吸它"},
        lambda mineral: _DRAWN.get(mineral.magnetism or ""),
    ),
    Procedure(
        "acid",
        {"en": "put a drop of dilute acid on it", "zh": "滴一滴稀盐酸"},
        lambda mineral: _FIZZES.get(mineral.acid or ""),
    ),
)
