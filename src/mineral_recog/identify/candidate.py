"""The classes of an answer: the candidates, and those that can be confused with the first one."""

from __future__ import annotations

from dataclasses import dataclass

from mineral_recog.identify.fact_text import Text
from mineral_recog.identify.hazards import Hazard, hazards_of
from mineral_recog.identify.taxon import Taxon, class_names
from mineral_recog.minerals.facts import Mineral


@dataclass(frozen=True)
class Candidate:
    """A class with its probability.

    Attributes:
        name: Name of the class.
        probability: Probability by photo and evidence.
        photo_probability: Probability by the photo alone.
        in_set: Whether the class is in the set that contains the right one with the requested
            coverage.
        taxon: Mineral or group that the class is named after; None if it is none.
    """

    name: str
    probability: float
    photo_probability: float
    in_set: bool
    taxon: Taxon | None

    @property
    def mineral(self) -> Mineral | None:
        """Facts from the table, or None if the table lacks the class."""
        return None if self.taxon is None else self.taxon.mineral

    @property
    def names(self) -> Text:
        """The names in both languages, see `class_names`."""
        return class_names(self.name, self.taxon)

    @property
    def hazards(self) -> tuple[Hazard, ...]:
        """The hazards of the mineral, with what to do about them."""
        return hazards_of({self.name: self.taxon})


@dataclass(frozen=True)
class Lookalike:
    """A class that can be confused with the answer, and how they differ, if that is known."""

    name: str
    names: Text
    text: Text | None
