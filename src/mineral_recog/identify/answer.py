"""What the program says of a specimen, and how it is told to other programs."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from mineral_recog.calibration.calibration import Calibration
from mineral_recog.identify.evidence import Evidence, posterior
from mineral_recog.identify.next_test import Test, next_test, tells_apart
from mineral_recog.minerals.facts import Mineral

LOOKALIKES = 3  # told beside the first answer
WORTH_TELLING = 0.02  # probability of a lookalike outside the set


@dataclass(frozen=True, eq=False)
class Sighting:
    """What the model saw in one photo: logits float32 [C], and how strange the photo is to it."""

    logits: NDArray[np.float32]
    strangeness: float


@dataclass(frozen=True)
class Candidate:
    """A class and how likely it is: by photo and evidence, and by the photo alone.

    `in_set`: whether it is one of those that hold the right one with the coverage asked for.
    `mineral`: what the table knows of it, if it does.
    """

    name: str
    probability: float
    by_photo: float
    in_set: bool
    mineral: Mineral | None

    @property
    def names(self) -> dict[str, str]:
        """In both languages, as far as they are known."""
        if self.mineral is None:
            return {"en": self.name, "zh": self.name}
        return {"en": self.mineral.name, "zh": self.mineral.chinese or self.mineral.name}


@dataclass(frozen=True)
class Lookalike:
    """A class that could be taken for the answer, and what tells the two apart, if it is known."""

    name: str
    names: dict[str, str]
    text: dict[str, str] | None


@dataclass(frozen=True)
class Answer:
    """An answer about one specimen.

    Attributes:
        photos: how many it rests on.
        candidates: all C classes, the likeliest first.
        coverage: with this probability the set holds the right class, if it is one of the C.
        strangeness: mean of the photos; above `limit` it is none of the classes.
        evidence: what the hand told.
        unknown: classes that the table does not know, which evidence says nothing of.
        tests: what to test next, the most telling first.
        lookalikes: of the first candidate.
    """

    photos: int
    candidates: tuple[Candidate, ...]
    coverage: float
    strangeness: float
    limit: float
    evidence: Evidence
    unknown: tuple[str, ...]
    tests: tuple[Test, ...]
    lookalikes: tuple[Lookalike, ...]

    @property
    def none_of_these(self) -> bool:
        """Whether the specimen is taken for something that the model was not trained on."""
        return self.strangeness > self.limit

    @property
    def likely(self) -> tuple[Candidate, ...]:
        """The set that holds the right class with probability `coverage`."""
        return tuple(one for one in self.candidates if one.in_set)

    def to_json(self, top: int | None = None) -> dict[str, Any]:
        """Plain values; of the candidates the first `top`, by default all."""
        return {
            "photos": self.photos,
            "none_of_these": {
                "is": self.none_of_these,
                "strangeness": round(self.strangeness, 6),
                "limit": round(self.limit, 6),
            },
            "candidates": [_candidate(one) for one in self.candidates[:top]],
            "set": {"coverage": self.coverage, "classes": [one.name for one in self.likely]},
            "evidence": asdict(self.evidence),
            "unknown_to_table": list(self.unknown),
            "tests": [
                {"key": test.key, "bits": round(test.bits, 3), "text": test.text}
                for test in self.tests
            ],
            "lookalikes": [
                {"class": one.name, "names": one.names, "text": one.text} for one in self.lookalikes
            ],
        }


def _candidate(one: Candidate) -> dict[str, Any]:
    return {
        "class": one.name,
        "names": one.names,
        "probability": round(one.probability, 6),
        "by_photo": round(one.by_photo, 6),
        "in_set": one.in_set,
        "mineral": None if one.mineral is None else one.mineral.facts(),
    }


def answer(
    sightings: list[Sighting],
    classes: tuple[str, ...],
    minerals: tuple[Mineral | None, ...],
    calibration: Calibration,
    evidence: Evidence,
    coverage: float,
) -> Answer:
    """Put together what the model saw in the photos of one specimen and what the hand told.

    Photos of one specimen share its ground and its light and are no independent witnesses, so
    their logits are averaged and not summed: many photos make the answer steadier, not surer.

    Args:
        sightings: one a photo, at least one.
        classes: C names.
        minerals: what the table knows of each.
        calibration: the model's calibration.
        evidence: from the hand.
        coverage: probability with which the set holds the right class, 0 < coverage < 1.
    """
    logits = np.stack([one.logits for one in sightings]).mean(axis=0, dtype=np.float64)
    by_photo = calibration.probabilities(logits[None])[0]
    probabilities = by_photo if evidence.empty else posterior(by_photo, minerals, evidence)
    in_set = calibration.conformal.prediction_set(probabilities[None], coverage)[0]
    order = np.argsort(-probabilities, kind="stable").tolist()
    candidates = tuple(
        Candidate(
            classes[c], float(probabilities[c]), float(by_photo[c]), bool(in_set[c]), minerals[c]
        )
        for c in order
    )
    return Answer(
        photos=len(sightings),
        candidates=candidates,
        coverage=coverage,
        strangeness=float(np.mean([one.strangeness for one in sightings])),
        limit=calibration.ood.threshold,
        evidence=evidence,
        unknown=tuple(c for c, known in zip(classes, minerals, strict=True) if known is None),
        tests=tuple(next_test(probabilities, minerals, evidence)),
        lookalikes=_lookalikes(candidates),
    )


def _lookalikes(candidates: tuple[Candidate, ...]) -> tuple[Lookalike, ...]:
    """The classes that come next, as far as they are likely at all."""
    first, *others = candidates
    near = [one for one in others if one.in_set or one.probability >= WORTH_TELLING][:LOOKALIKES]
    return tuple(
        Lookalike(
            one.name,
            one.names,
            tells_apart(one.mineral, first.mineral) if one.mineral and first.mineral else None,
        )
        for one in near
    )
