"""The answer about a specimen, and its JSON form for other programs."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field, fields
from typing import Any

import numpy as np
from numpy.typing import NDArray

from mineral_recog.calibration.calibration import Calibration, specimen_logits
from mineral_recog.data.bit_depth import FILE_BITS
from mineral_recog.identify.alike import unlike_warnings
from mineral_recog.identify.candidate import Candidate, Lookalike
from mineral_recog.identify.class_tree import Level, Name
from mineral_recog.identify.evidence import Evidence, posterior
from mineral_recog.identify.fact_text import Text
from mineral_recog.identify.hazards import Caution, Hazard, cautions, hazards_of
from mineral_recog.identify.next_test import MIN_DANGER, LeftOut, Test, TestAdvisor
from mineral_recog.identify.photo_quality import depth_warnings, quality_warnings
from mineral_recog.identify.refusal import Reason, refusal_text
from mineral_recog.identify.region import Region
from mineral_recog.identify.roll_up import RolledUp, RollUp

MAX_LOOKALIKES = 3  # of the first candidate
STRANGE_WEIGHT = 0.5  # of a photo that alone would be none of the classes: often a bad one
MIN_PROBABILITY = 0.02  # of a lookalike outside the set


@dataclass(frozen=True, eq=False)
class PhotoOutputs:
    """The model's outputs for one photo.

    Attributes:
        logits: float32 [C].
        ood_score: Score of being none of the classes.
        used_bits: See `Header`.
        region: Part of the photo that the model looked at closely; None for its middle.
        gate_score: Score of showing no mineral; None if the model has no gate.
        problems: What is wrong with the photo, see `find_problems`.
    """

    logits: NDArray[np.float32]
    ood_score: float
    used_bits: int = FILE_BITS
    region: Region | None = None
    gate_score: float | None = None
    problems: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class Answer:
    """An answer about one specimen.

    Attributes:
        photo_count: Number of photos that the answer is based on.
        candidates: All C classes, most likely first.
        coverage: Probability with which the set contains the right class, if it is one of the C.
        ood_score: Weighted mean OOD score of the photos; above `ood_threshold`, the specimen is
            none of the classes.
        ood_threshold: Threshold of the OOD score.
        evidence: Outcomes of physical tests.
        classes_without_facts: Classes that the table lacks; evidence does not affect them.
        tests: Tests to do next, most informative first.
        lookalikes: Classes that can be confused with the first candidate.
        rolled_up: The most specific name that is as probable as `coverage`.
        set_names: Names for the set, see `RollUp.shortest`.
        warnings: What is odd about the photos and may have changed the answer.
        regions: Part of each photo that the model looked at closely; None for its middle.
        gate_score: Mean score of the photos of showing no mineral; above `gate_threshold`, they
            show none. None if the model has no gate.
        gate_threshold: Threshold of the gate's score; None if the model has no gate.
        is_blank: Whether all photos are blank.
        tests_left_out: Tests that would help, but could do harm; None without any.
    """

    photo_count: int
    candidates: tuple[Candidate, ...]
    coverage: float
    ood_score: float
    ood_threshold: float
    evidence: Evidence
    classes_without_facts: tuple[str, ...]
    tests: tuple[Test, ...]
    lookalikes: tuple[Lookalike, ...]
    rolled_up: RolledUp
    set_names: tuple[Name, ...]
    warnings: tuple[Text, ...] = ()
    regions: tuple[Region | None, ...] = ()
    gate_score: float | None = None
    gate_threshold: float | None = None
    is_blank: bool = False
    tests_left_out: LeftOut | None = None

    @property
    def none_of_these(self) -> bool:
        """Whether the specimen seems to be something that the model was not trained on."""
        return self.none_reason is not None

    @property
    def none_reason(self) -> Reason | None:
        """Why the specimen is none of the classes; None if it seems to be one of them."""
        is_outside = (
            self.gate_score is not None
            and self.gate_threshold is not None
            and self.gate_score > self.gate_threshold
        )
        if self.is_blank or is_outside:
            return "no_mineral"
        return "unknown_mineral" if self.ood_score > self.ood_threshold else None

    @property
    def none_text(self) -> Text | None:
        """A sentence that says why the specimen is none of the classes; None if it seems one."""
        reason = self.none_reason
        return None if reason is None else refusal_text(reason, len(self.candidates))

    @property
    def likely(self) -> tuple[Candidate, ...]:
        """The set that contains the right class with probability `coverage`."""
        return tuple(candidate for candidate in self.candidates if candidate.in_set)

    @property
    def hazards(self) -> tuple[Hazard, ...]:
        """The hazards of the set, of the first candidate and of what `rolled_up` names.

        A group that it names stands for its minerals of at least MIN_DANGER. There are no hazards
        if the photos show no mineral.
        """
        if self.none_reason == "no_mineral":
            return ()
        parts = (self.rolled_up.whole, self.rolled_up.first, *self.rolled_up.parts)
        named = {part.name.name for part in parts if part.probability >= MIN_DANGER}
        return hazards_of(
            {
                candidate.name: candidate.taxon
                for rank, candidate in enumerate(self.candidates)
                if candidate.in_set or rank == 0 or candidate.name in named
            }
        )

    @property
    def cautions(self) -> tuple[Caution, ...]:
        """Why tests could do harm with a mineral of the set, or with one of at least MIN_DANGER.

        There are none if the photos show no mineral.
        """
        if self.none_reason == "no_mineral":
            return ()
        possible = [c for c in self.candidates if c.in_set or c.probability >= MIN_DANGER]
        return cautions((f.name for f in fields(Evidence)), (c.taxon for c in possible))

    def to_json(self, top: int | None = None) -> str:
        """Return the answer as JSON text, with the first `top` candidates, by default all."""
        return json.dumps(self.to_dict(top), ensure_ascii=False)

    def to_dict(self, top: int | None = None) -> dict[str, Any]:
        """Return the answer as JSON values, with the first `top` candidates, by default all."""
        return {
            "photos": self.photo_count,
            "rolled_up": self.rolled_up.to_dict(top),
            "none_of_these": {
                "is": self.none_of_these,
                "reason": self.none_reason,
                "text": self.none_text,
                "strangeness": round(self.ood_score, 6),
                "limit": round(self.ood_threshold, 6),
                "no_mineral": {
                    "blank": self.is_blank,
                    "score": _rounded(self.gate_score),
                    "limit": _rounded(self.gate_threshold),
                },
            },
            "candidates": [
                {
                    "class": candidate.name,
                    "names": candidate.names,
                    "probability": round(candidate.probability, 6),
                    "by_photo": round(candidate.photo_probability, 6),
                    "in_set": candidate.in_set,
                    "hazards": [hazard.to_dict() for hazard in candidate.hazards],
                    "mineral": None if candidate.mineral is None else candidate.mineral.facts(),
                }
                for candidate in self.candidates[:top]
            ],
            "set": {
                "coverage": self.coverage,
                "classes": [candidate.name for candidate in self.likely],
                "names": [name.names for name in self.set_names],
            },
            "hazards": [hazard.to_dict() for hazard in self.hazards],
            "evidence": asdict(self.evidence),
            "evidence_text": self.evidence.text(),
            "unknown_to_table": list(self.classes_without_facts),
            "tests": [asdict(test) | {"bits": round(test.bits, 3)} for test in self.tests],
            "tests_left_out": self.tests_left_out and asdict(self.tests_left_out),
            "cautions": [asdict(caution) for caution in self.cautions],
            "lookalikes": [
                {"class": lookalike.name, "names": lookalike.names, "text": lookalike.text}
                for lookalike in self.lookalikes
            ],
            "warnings": list(self.warnings),
            "crops": [region and region.rounded() for region in self.regions],
        }


def _rounded(value: float | None) -> float | None:
    return None if value is None else round(value, 6)


def answer_from_outputs(
    outputs: list[PhotoOutputs],
    classes: tuple[str, ...],
    advisor: TestAdvisor,
    roll_up: RollUp,
    calibration: Calibration,
    evidence: Evidence,
    coverage: float,
    level: Level | None = None,
) -> Answer:
    """Combine the outputs for the photos of one specimen with the evidence into an answer.

    Args:
        outputs: Outputs for each photo, at least one.
        classes: Names of the C classes.
        advisor: Made from the mineral of each class.
        roll_up: Made from the classes.
        calibration: Calibration of the model.
        evidence: Outcomes of physical tests.
        coverage: Probability with which the set contains the right class, 0 < coverage < 1.
        level: The finest level to roll up to; None for the classes.
    """
    minerals = advisor.tables.minerals
    # A blank photo says nothing beside others.
    seen = [photo for photo in outputs if "blank" not in photo.problems] or outputs
    weights = [STRANGE_WEIGHT if _is_strange(photo, calibration) else 1.0 for photo in seen]
    logits = specimen_logits(np.stack([photo.logits for photo in seen]), np.array(weights))
    photo_probabilities = calibration.probabilities(logits[None])[0]
    probabilities = (
        photo_probabilities
        if evidence.empty
        else posterior(photo_probabilities, advisor.tables, evidence)
    )
    in_set = calibration.conformal.prediction_set(probabilities[None], coverage)[0]
    next_tests = advisor.next_tests(probabilities, evidence, in_set)
    order = np.argsort(-probabilities, kind="stable").tolist()
    candidates = tuple(
        Candidate(
            classes[c],
            float(probabilities[c]),
            float(photo_probabilities[c]),
            bool(in_set[c]),
            advisor.taxa[c],
        )
        for c in order
    )
    return Answer(
        photo_count=len(outputs),
        candidates=candidates,
        coverage=coverage,
        ood_score=float(np.average([photo.ood_score for photo in seen], weights=weights)),
        ood_threshold=calibration.ood.threshold,
        gate_score=_mean_gate_score(seen, weights),
        gate_threshold=None if calibration.gate is None else calibration.gate.threshold,
        is_blank=all("blank" in photo.problems for photo in outputs),
        evidence=evidence,
        classes_without_facts=tuple(
            name for name, mineral in zip(classes, minerals, strict=True) if mineral is None
        ),
        tests=next_tests.tests,
        tests_left_out=next_tests.left_out,
        lookalikes=_lookalikes(candidates, order, advisor),
        rolled_up=roll_up.answer(probabilities, coverage, level),
        set_names=tuple(roll_up.shortest([c for c in order if in_set[c]])),
        warnings=(
            *quality_warnings([photo.problems for photo in outputs]),
            *depth_warnings(photo.used_bits for photo in outputs),
            *unlike_warnings(
                calibration.probabilities(np.stack([photo.logits for photo in outputs]))
            ),
        ),
        regions=tuple(photo.region for photo in outputs),
    )


def _mean_gate_score(outputs: Sequence[PhotoOutputs], weights: Sequence[float]) -> float | None:
    """Return the weighted mean score of the photos that have one; None if none has."""
    pairs = zip(outputs, weights, strict=True)
    scored = [(photo.gate_score, weight) for photo, weight in pairs if photo.gate_score is not None]
    if not scored:
        return None
    scores, its_weights = zip(*scored, strict=True)
    return float(np.average(scores, weights=its_weights))


def _is_strange(photo: PhotoOutputs, calibration: Calibration) -> bool:
    """Return whether a photo alone would be "none of these"."""
    gate = calibration.gate
    shows_no_mineral = (
        gate is not None and photo.gate_score is not None and photo.gate_score > gate.threshold
    )
    return shows_no_mineral or photo.ood_score > calibration.ood.threshold


def _lookalikes(
    candidates: tuple[Candidate, ...], order: list[int], advisor: TestAdvisor
) -> tuple[Lookalike, ...]:
    """Return the next candidates, of the classes in `order`, that are in the set or likely."""
    likely = [
        (candidate, label)
        for candidate, label in zip(candidates[1:], order[1:], strict=True)
        if candidate.in_set or candidate.probability >= MIN_PROBABILITY
    ]
    return tuple(
        Lookalike(other.name, other.names, advisor.distinguishing_facts(label, order[0]))
        for other, label in likely[:MAX_LOOKALIKES]
    )
