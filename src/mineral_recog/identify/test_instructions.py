"""Instructions for each physical test, with its expected result for the most likely minerals."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

from mineral_recog.identify.fact_text import Text, fact_text, join_texts, name_text
from mineral_recog.identify.likelihood import SCALES, Floats, likelihood
from mineral_recog.minerals.facts import Mineral

MAX_NAMED = 4  # minerals in the text of a test
MAX_ODDS = 20  # a mineral is not named if the most likely one is more probable by this factor
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


@dataclass(frozen=True)
class Procedure:
    """How to do a physical test.

    Attributes:
        key: Field of Evidence that the test fills.
        instruction: What to do.
        result: Returns the expected result for a mineral, or None if the table lacks the fact.
        name: Returns the name of a mineral in the text.
    """

    key: str
    instruction: Text
    result: Callable[[Mineral], _Result | None]
    name: Callable[[Mineral], Text] = name_text

    def text(self, probabilities: Floats, minerals: Sequence[Mineral | None]) -> Text | None:
        """Return what to do and the results for the most likely minerals.

        None if all have the same result.
        """
        by_result: dict[_Result, list[Mineral]] = {}
        for mineral in _most_likely(probabilities, minerals):
            if (result := self.result(mineral)) is not None:
                by_result.setdefault(result, []).append(mineral)
        if len(by_result) < 2:
            return None
        english, chinese = [], []
        for result, named in sorted(_select(by_result).items(), key=lambda item: item[0].order):
            names = join_texts([self.name(mineral) for mineral in named])
            english.append(f"{names['en']} {result.plural if named[1:] else result.singular}")
            chinese.append(names["zh"] + result.zh)
        separator = "; " if any("," in part for part in english) else ", "
        return {
            "en": f"{self.instruction['en']}: {separator.join(english)}",
            "zh": f"{self.instruction['zh']}：{'，'.join(chinese)}",
        }


def _most_likely(probabilities: Floats, minerals: Sequence[Mineral | None]) -> list[Mineral]:
    """Return the minerals within MAX_ODDS of the most likely one, most likely first.

    The probabilities of classes of the same mineral are added.
    """
    total: dict[Mineral, float] = {}
    for mineral, probability in zip(minerals, probabilities, strict=True):
        if mineral is not None:
            total[mineral] = total.get(mineral, 0.0) + float(probability)
    highest = max(total.values(), default=0.0)
    kept = [mineral for mineral in total if total[mineral] * MAX_ODDS >= highest]
    return sorted(kept, key=lambda mineral: -total[mineral])


def _select(by_result: Mapping[_Result, list[Mineral]]) -> dict[_Result, list[Mineral]]:
    """Select up to MAX_NAMED minerals: the first of each result, then the second, and so on.

    The results, and the minerals of each, come most likely first.
    """
    ranked = [
        (rank, result, mineral)
        for result, minerals in by_result.items()
        for rank, mineral in enumerate(minerals)
    ]
    selected: dict[_Result, list[Mineral]] = {}
    for _, result, mineral in sorted(ranked, key=lambda item: item[0])[:MAX_NAMED]:
        selected.setdefault(result, []).append(mineral)
    return selected


def _name_and_hardness(mineral: Mineral) -> Text:
    name, hardness = name_text(mineral), fact_text("hardness", mineral)
    assert hardness is not None  # a mineral without it has no result
    return {"en": f"{name['en']} ({hardness['en']})", "zh": f"{name['zh']}（{hardness['zh']}）"}


def _scratch(
    limit: float, instruction: Text, results: tuple[_Result, _Result, _Result]
) -> Procedure:
    """Return a scratch test with the results for harder, overlapping and softer minerals."""

    def result(mineral: Mineral) -> _Result | None:
        p_harder = likelihood("hardness", (limit, SCALES["hardness"][1]), mineral)
        if p_harder is None:
            return None
        return results[
            0 if p_harder > CLEAR_PROBABILITY else 1 if p_harder > 1 - CLEAR_PROBABILITY else 2
        ]

    return Procedure("hardness", instruction, result, _name_and_hardness)


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
SCRATCH_TESTS: Mapping[float, Procedure] = {
    2.5: _scratch(2.5, {"en": "scratch it with a fingernail", "zh": "用指甲划它"}, _SCRATCHED),
    3.5: _scratch(3.5, {"en": "scratch it with a copper coin", "zh": "用铜币划它"}, _SCRATCHED),
    5.5: _scratch(5.5, {"en": "scratch glass with it", "zh": "用它划玻璃"}, _SCRATCHES),
    6.5: _scratch(6.5, {"en": "scratch a streak plate with it", "zh": "用它划条痕板"}, _SCRATCHES),
}


def _fact_result(
    key: str, singular: str, plural: str, zh: str
) -> Callable[[Mineral], _Result | None]:
    """Return a function that gives a verb and a fact of the table as the result."""

    def result(mineral: Mineral) -> _Result | None:
        fact = fact_text(key, mineral)
        if fact is None:
            return None
        return _Result(f"{singular} {fact['en']}", f"{plural} {fact['en']}", zh + fact["zh"])

    return result


_ATTRACTED = {
    "strong": _Result("is attracted", "are attracted", "被吸住", 0),
    "weak": _Result("is attracted weakly or not at all", "are attracted weakly or not at all",
                    "微弱吸引或不吸引", 1),
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
        {"en": "rub it on unglazed porcelain", "zh": "在素瓷板上擦出条痕"},
        _fact_result("streak", "leaves", "leave", "为"),
    ),
    Procedure(
        "lustre",
        {"en": "look at its lustre", "zh": "看光泽"},
        _fact_result("lustre", "is", "are", "为"),
    ),
    Procedure(
        "density",
        {"en": "weigh it in air and in water", "zh": "在空气中和水中称重求密度"},
        _fact_result("density", "has", "have", "为 "),
    ),
    Procedure(
        "magnetic",
        {"en": "hold a magnet to it", "zh": "用磁铁吸它"},
        lambda mineral: _ATTRACTED.get(mineral.magnetism or ""),
    ),
    Procedure(
        "acid",
        {"en": "put a drop of dilute acid on it", "zh": "滴一滴稀盐酸"},
        lambda mineral: _FIZZES.get(mineral.acid or ""),
    ),
)
