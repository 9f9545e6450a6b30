"""The right level of an answer: the most specific name that is as probable as was asked.

Where no class is probable enough, the answer goes up to the lowest node of the taxonomy that is: a
garnet, or one of the silicates. A node is as probable as its classes together.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

from mineral_recog.calibration.temperature import Floats
from mineral_recog.identify.class_tree import LEVELS, ClassTree, Level, Name
from mineral_recog.identify.fact_text import Text
from mineral_recog.minerals.taxonomy import Taxonomy

EVEN_ODDS = 0.5  # an answer below is more probably wrong than right, and says so
MIN_JOINED = 3  # classes of a set that the name of a node is shorter than


@dataclass(frozen=True)
class Part:
    """A name with its probability."""

    name: Name
    probability: float

    def to_dict(self) -> dict[str, Any]:
        """Return the part as JSON values."""
        return {
            "name": self.name.name,
            "names": self.name.names,
            "rank": self.name.rank,
            "probability": round(self.probability, 6),
        }


@dataclass(frozen=True)
class RolledUp:
    """The answer at the right level.

    Attributes:
        level: The finest level that was asked for; None if classes were.
        whole: The most specific name that reaches the asked probability; if none does, the most
            probable one of the level.
        reached: Whether it reaches that.
        first: The most probable name of the level within `whole`.
        parts: The names directly below `whole`, most probable first; none below a class.
    """

    level: Level | None
    whole: Part
    reached: bool
    first: Part
    parts: tuple[Part, ...]

    @property
    def text(self) -> Text:
        """The answer as a sentence."""
        whole = _with_share(self.whole)
        if self.whole.probability < EVEN_ODDS:
            return {
                "en": f"Not certain; most likely {whole['en']}.",
                "zh": f"不能确定，最可能是{whole['zh']}。",
            }
        if not self.reached or len(self.whole.name.labels) == 1:
            return {"en": f"Most likely {whole['en']}.", "zh": f"最可能是{whole['zh']}。"}
        english, chinese = f"{whole['en'][0].upper()}{whole['en'][1:]}", f"属于{whole['zh']}"
        if self.first.name.names != self.whole.name.names:
            first = _with_share(self.first)
            english += f"; most likely {first['en']}"
            chinese += f"；最可能是{first['zh']}"
        return {"en": f"{english}.", "zh": f"{chinese}。"}

    def to_dict(self, top: int | None = None) -> dict[str, Any]:
        """Return the answer as JSON values, with the first `top` parts, by default all."""
        return {
            "level": self.level,
            **self.whole.to_dict(),
            "reached": self.reached,
            "text": self.text,
            "parts": [part.to_dict() for part in self.parts[:top]],
        }


class RollUp:
    """Finds the right level for the answers of a model.

    Args:
        classes: Names of the C classes.
        taxonomy: The taxonomy.
    """

    def __init__(self, classes: Sequence[str], taxonomy: Taxonomy) -> None:
        self._trees = {level: ClassTree(classes, taxonomy, level) for level in (None, *LEVELS)}
        self._names = self._trees[None].names  # of the classes, in their order, then of nodes
        joining = [
            (number, frozenset(name.labels))
            for number, name in enumerate(self._names)
            if len(name.labels) >= MIN_JOINED
        ]
        self._joining = sorted(joining, key=lambda pair: -len(pair[1]))

    def answer(
        self, probabilities: Floats, threshold: float, level: Level | None = None
    ) -> RolledUp:
        """Return the answer at the right level.

        Args:
            probabilities: Probabilities of the classes, [C].
            threshold: The probability that a name must reach.
            level: The finest level of the answer; None for the classes.
        """
        tree = self._trees[level]
        sums = tree.sums(probabilities[None])
        chosen, reached = tree.choose(sums, threshold)
        number = int(chosen[0])

        def parts(numbers: Iterable[int]) -> list[Part]:
            return _sorted(Part(tree.names[n], float(sums[0, n])) for n in sorted(numbers))

        name = tree.names[number]
        first = parts(set(tree.leaf_of_class[list(name.labels)].tolist()))[0]
        below = parts(tree.children[number])
        if not below and len(name.labels) > 1:  # a leaf of a level that joins several classes
            below = _sorted(Part(self._names[c], float(probabilities[c])) for c in name.labels)
        whole = Part(name, float(sums[0, number]))
        return RolledUp(level, whole, bool(reached[0]), first, tuple(below))

    def shortest(self, labels: Sequence[int]) -> list[Name]:
        """Return names for a set of classes: one for all classes of a node if all are in the set.

        Args:
            labels: The classes, most likely first; the names are in the order of their first class.
        """
        rest, number_of = set(labels), {label: label for label in labels}
        for number, joined in self._joining:
            if joined <= rest:
                rest -= joined
                number_of.update(dict.fromkeys(joined, number))
        return [self._names[number] for number in dict.fromkeys(number_of.values())]


def _sorted(parts: Iterable[Part]) -> list[Part]:
    return sorted(parts, key=lambda part: -part.probability)


def _with_share(part: Part) -> Text:
    """Return a name with its probability: "a garnet, 93 %". Chinese has no space before %."""
    phrase, share = part.name.phrase, percent(part.probability)
    return {
        "en": f"{phrase['en']}, {share}",
        "zh": f"{phrase['zh']}，{share.replace(' ', '')}",
    }


def percent(probability: float) -> str:
    """Format a probability in per cent as the page does; never as 0 or 100."""
    if probability < 0.001:
        return "< 0.1 %"
    if probability > 0.995:
        return "> 99 %"
    return f"{100 * probability:.{1 if probability < 0.0995 else 0}f} %"
