"""Sets of minerals that hold the right one with a chosen probability, class by class.

Class-conditional split conformal prediction (Vovk, "Conditional validity of inductive conformal
predictors", ACML 2012) with the score 1 - probability of the class (Sadinle et al., "Least
ambiguous set-valued classifiers with bounded error levels", JASA 2019).

What is promised: for photos like those of validation, the set of a photo of a class holds that
class with at least the chosen probability, over the luck of the photo and of the validation
photos. A class needs coverage / (1 - coverage) validation photos of its own for that, 9 for 90 %;
with n fewer it can be promised n / (n + 1) only. Such a class borrows the photos of the others of
its group that have too few, as in Ding et al., "Class-conditional conformal prediction with many
classes", NeurIPS 2023, with the groups in place of clusters, which need more photos to be found
than there are. That holds the coverage on average over those classes. Its threshold is never
below its own largest score, so that n / (n + 1) stays promised to each. The price is larger sets:
a class that is recognised badly, or has few validation photos, is in many of them.

The temperature, and in some recipes more, is fitted on the same validation photos, which the
promise leaves out of account: on other photos coverage may come out a little lower.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np
import numpy.typing as npt

from mineral_recog.calibration.temperature import Floats, Ints

Basis = Literal["own", "group", "all"]


@dataclass(frozen=True, eq=False)
class ConformalScores:
    """How strange the right class looked in each validation photo, by class.

    Kept whole so that any coverage can be asked for when the model is used.

    Attributes:
        scores: 1 - probability of the right class, [M] float32, sorted within each class, the
            classes one after the other.
        counts: validation photos of each class, [C].
        groups: `head`, `medium` or `tail` for each class, C.
    """

    scores: npt.NDArray[np.float32]
    counts: tuple[int, ...]
    groups: tuple[str, ...]

    def rests_on(self, coverage: float = 0.9) -> tuple[Basis, ...]:
        """Whose validation photos the threshold of each class rests on, C.

        `own`: enough of its own. `group`: those of the classes of its group that have too few.
        `all`: those of the classes of any group that have too few, or, where these are too few
        still, of all classes.
        """
        return tuple(basis for basis, _ in self._pools(coverage))

    def thresholds(self, coverage: float = 0.9) -> Floats:
        """The largest score that is let into a set, for each class: float [C] in [0, 1].

        1 where all photos together are too few: the class is in every set.

        Raises:
            ValueError: a coverage outside (0, 1).
        """
        found = []
        for (basis, pool), own in zip(self._pools(coverage), self._own(), strict=True):
            floor = 0.0 if basis == "own" else float(own.max(initial=0))
            found.append(max(_quantile(pool, coverage), floor))
        return np.array(found)

    def prediction_set(self, probabilities: Floats, coverage: float = 0.9) -> npt.NDArray[np.bool_]:
        """Which classes a photo may well be: bool [M, C]; never none, the first guess is in.

        Args:
            probabilities: calibrated as those that the scores came from, [M, C].
            coverage: probability with which the right class is to be in, in (0, 1).
        """
        # in float32 as the scores are, or a score would not be let in by itself
        scores = (1 - probabilities).astype(np.float32)
        inside: npt.NDArray[np.bool_] = scores <= self.thresholds(coverage)
        inside[np.arange(len(inside)), probabilities.argmax(axis=1)] = True
        return inside

    def _own(self) -> list[npt.NDArray[np.float32]]:
        """The scores of each class, C."""
        return np.split(self.scores, np.cumsum(self.counts)[:-1])

    def _pools(self, coverage: float) -> list[tuple[Basis, npt.NDArray[np.float32]]]:
        """What the threshold of each class rests on: whose photos, and their scores."""
        if not 0 < coverage < 1:
            raise ValueError(f"a coverage lies between 0 and 1, not at {coverage}")
        own = self._own()
        short = [c for c, scores in enumerate(own) if not _enough(len(scores), coverage)]
        pools: list[tuple[Basis, npt.NDArray[np.float32]]] = [("own", scores) for scores in own]
        for c in short:
            group = np.concatenate([own[o] for o in short if self.groups[o] == self.groups[c]])
            every = np.concatenate([own[o] for o in short])
            if _enough(len(group), coverage):
                pools[c] = ("group", group)
            else:
                pools[c] = ("all", every if _enough(len(every), coverage) else self.scores)
        return pools


def fit_conformal(probabilities: Floats, labels: Ints, groups: Sequence[str]) -> ConformalScores:
    """The scores of the validation photos.

    Args:
        probabilities: calibrated, [M, C].
        labels: [M].
        groups: of each class, C.
    """
    scores = (1 - probabilities[np.arange(len(labels)), labels]).astype(np.float32)
    order = np.lexsort((scores, labels))
    counts = np.bincount(labels, minlength=len(groups))
    return ConformalScores(scores[order], tuple(counts.tolist()), tuple(groups))


def _place(photos: int, coverage: float) -> int:
    """Which of the sorted scores is the threshold, from 1; rounding errors do not add a place."""
    return int(np.ceil(np.round((photos + 1) * coverage, 9)))


def _enough(photos: int, coverage: float) -> bool:
    """Whether so many photos can hold a coverage: at most n / (n + 1)."""
    return _place(photos, coverage) <= photos


def _quantile(scores: npt.NDArray[np.float32], coverage: float) -> float:
    if not _enough(len(scores), coverage):
        return 1.0
    place = _place(len(scores), coverage) - 1
    return float(np.partition(scores, place)[place])
