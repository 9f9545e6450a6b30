"""Prediction sets that contain the right mineral with a chosen probability, for each class.

Class-conditional split conformal prediction (Vovk, "Conditional validity of inductive conformal
predictors", ACML 2012) with the score 1 - probability of the class (Sadinle et al., "Least
ambiguous set-valued classifiers with bounded error levels", JASA 2019).

The guarantee: for photos like those of validation, the set of a photo contains its class with at
least the chosen probability, on average over draws of the photo and of the validation photos. A
class needs coverage / (1 - coverage) validation photos for that, 9 for 90 %; with fewer, n, it
can be guaranteed only n / (n + 1). Such a class shares the photos of the other classes of its
group that have too few. Ding et al., "Class-conditional conformal prediction with many classes",
NeurIPS 2023, do the same with clusters of classes, but to find clusters takes more photos than
there are. Sharing guarantees the coverage on average over those classes. The threshold of a class
is never below its own largest score, so that each class keeps its guarantee of n / (n + 1). The
price is larger sets: a class that is recognised badly, or has few validation photos, is in many
of them.

The temperature, and in some recipes more, is fitted on the same validation photos. The guarantee
does not account for that: on other photos the coverage may be a little lower.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from itertools import accumulate
from typing import Literal

import numpy as np
import numpy.typing as npt

from mineral_recog.calibration.temperature import Floats, Ints

Basis = Literal["own", "group", "all"]


@dataclass(frozen=True, eq=False)
class ConformalScores:
    """The conformal score of the right class in each validation photo, by class.

    All scores are stored, so that the coverage can be chosen when the model is used.

    Attributes:
        scores: 1 - probability of the right class, [M] float32, class by class, sorted within
            each class.
        counts: Number of validation photos of each class, [C].
        groups: Class group (`head`, `medium` or `tail`) of each class, [C]; "" without groups.
    """

    scores: npt.NDArray[np.float32]
    counts: tuple[int, ...]
    groups: tuple[str, ...]

    def threshold_basis(self, coverage: float = 0.9) -> tuple[Basis, ...]:
        """Return which validation photos the threshold of each class is based on, [C].

        `own`: those of the class, which are enough. `group`: those of the classes of its group
        that have too few. `all`: those of the classes of all groups that have too few, or, where
        these are still too few, of all classes.
        """
        result: list[Basis] = ["own"] * len(self.counts)
        for basis, labels, _ in self._shared_pools(coverage):
            for label in labels:
                result[label] = basis
        return tuple(result)

    def thresholds(self, coverage: float = 0.9) -> Floats:
        """Return the largest score that a set admits, for each class: float [C] in [0, 1].

        It is 1 where all photos together are too few: the class is then in every set.

        Raises:
            ValueError: The coverage is outside (0, 1).
        """
        pools = self._shared_pools(coverage)
        counts = np.array(self.counts)
        ranks, ends = _rank(counts, coverage), np.array(self._ends)
        result = np.empty(len(counts))
        own = ranks <= counts
        result[own] = self.scores[(ends - counts + ranks - 1)[own]]
        for _, labels, pool in pools:
            largest = [self._scores_of(label).max(initial=0) for label in labels]
            result[labels] = np.maximum(largest, _conformal_quantile(pool, coverage))
        return result

    def prediction_set(self, probabilities: Floats, coverage: float = 0.9) -> npt.NDArray[np.bool_]:
        """Return which classes are in the set of each photo, bool [M, C].

        No set is empty: the most likely class is always in it.

        Args:
            probabilities: Probabilities [M, C], calibrated as those that the scores came from.
            coverage: Probability with which a set contains the right class, in (0, 1).
        """
        # float32 as in `scores`: otherwise a score would not be admitted by itself as threshold
        scores = (1 - probabilities).astype(np.float32)
        in_set: npt.NDArray[np.bool_] = scores <= self.thresholds(coverage)
        in_set[np.arange(len(in_set)), probabilities.argmax(axis=1)] = True
        return in_set

    @cached_property
    def _ends(self) -> list[int]:
        """The end of each class in `scores`, [C]."""
        return list(accumulate(self.counts))

    def _scores_of(self, label: int) -> npt.NDArray[np.float32]:
        """Return the scores of a class."""
        return self.scores[self._ends[label] - self.counts[label] : self._ends[label]]

    def _shared_pools(
        self, coverage: float
    ) -> list[tuple[Basis, list[int], npt.NDArray[np.float32]]]:
        """Return the labels of the classes with too few photos, by the photos that they share.

        Returns:
            Basis of the thresholds, labels, and scores of the shared photos.
        """
        if not 0 < coverage < 1:
            raise ValueError(f"coverage must be between 0 and 1, not {coverage}")
        short = np.flatnonzero(~_is_enough(np.array(self.counts), coverage)).tolist()
        by_group: dict[str, list[int]] = {}
        for label in short:
            by_group.setdefault(self.groups[label], []).append(label)
        pools: list[tuple[Basis, list[int], npt.NDArray[np.float32]]] = []
        rest: list[int] = []
        for group, labels in by_group.items():
            group_scores = np.concatenate([self._scores_of(label) for label in labels])
            if group and _is_enough(len(group_scores), coverage):
                pools.append(("group", labels, group_scores))
            else:
                rest += labels
        if rest:
            short_scores = np.concatenate([self._scores_of(label) for label in short])
            is_enough = _is_enough(len(short_scores), coverage)
            pools.append(("all", rest, short_scores if is_enough else self.scores))
        return pools


def fit_conformal(probabilities: Floats, labels: Ints, groups: Sequence[str]) -> ConformalScores:
    """Return the conformal scores of the validation photos.

    Args:
        probabilities: Calibrated probabilities, [M, C].
        labels: Labels, [M].
        groups: Class group of each class, [C].
    """
    scores = (1 - probabilities[np.arange(len(labels)), labels]).astype(np.float32)
    order = np.lexsort((scores, labels))
    counts = np.bincount(labels, minlength=len(groups))
    return ConformalScores(scores[order], tuple(counts.tolist()), tuple(groups))


def _rank(photo_count: int | Ints, coverage: float) -> Ints:
    """Return the rank of the threshold among the sorted scores, from 1."""
    # Rounded, so that rounding errors add no rank.
    rank = np.ceil(np.round((np.asarray(photo_count) + 1) * coverage, 9))
    return np.maximum(rank, 1).astype(np.int64)


def _is_enough(photo_count: int | Ints, coverage: float) -> npt.NDArray[np.bool_]:
    """Return whether n photos can guarantee a coverage, which is n / (n + 1) at most."""
    return _rank(photo_count, coverage) <= photo_count


def _conformal_quantile(scores: npt.NDArray[np.float32], coverage: float) -> float:
    if not _is_enough(len(scores), coverage):
        return 1.0
    index = int(_rank(len(scores), coverage)) - 1
    return float(np.partition(scores, index)[index])
