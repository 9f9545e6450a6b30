"""The text of a physical test: what to do, and its result for the most likely minerals."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

from mineral_recog.identify.fact_text import Text, join_texts, name_text
from mineral_recog.identify.likelihood_tables import LikelihoodTables
from mineral_recog.minerals.facts import Mineral

MAX_NAMED = 4  # minerals in the text of a test


@dataclass(frozen=True)
class Result:
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
    results: Callable[[LikelihoodTables], list[Result | None]]
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
