"""Reduces training photos to a long-tailed distribution: class counts on an exponential curve."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np

from mineral_recog.data.splits import SplitPaths
from mineral_recog.errors import DataError
from mineral_recog.i18n import tr


def exponential_counts(available: Sequence[int], imbalance: float) -> list[int]:
    """Return class counts on an exponential curve, as high as the classes allow.

    n_c = n_1 * imbalance^(-rank / (C - 1)), classes ranked by their number of photos; n_1 is the
    largest value for which every class has enough photos. After Cui et al., "Class-balanced loss",
    CVPR 2019.

    Args:
        available: Number of photos per class, C.
        imbalance: Ratio of the largest to the smallest class, at least 1.

    Raises:
        UserError: The imbalance is below 1, or too large for the number of photos.
    """
    if not imbalance >= 1:
        raise DataError(
            tr(
                f"--imbalance {imbalance:g}: give 1 or more.",
                f"--imbalance {imbalance:g}：请给出不小于 1 的数。",
            )
        )
    ranks = np.empty(len(available))
    ranks[np.argsort([-n for n in available], kind="stable")] = np.arange(len(available))
    curve = imbalance ** (-ranks / max(len(available) - 1, 1))
    largest = float(np.min(np.array(available) / curve))
    if largest / imbalance < 0.5:
        raise DataError(
            tr(
                f"--imbalance {imbalance:g} leaves less than one photo of the smallest class: "
                f"these photos allow at most {2 * largest:.0f}.",
                f"--imbalance {imbalance:g} 使最小的类别不足一张照片：用这些照片最多为 "
                f"{2 * largest:.0f}。",
            )
        )
    return [max(1, round(n)) for n in largest * curve]


def make_long_tail(classes: Mapping[str, SplitPaths], imbalance: float) -> None:
    """Truncate the training photos of each class, in place, to the count of an exponential curve.

    Raises:
        UserError: As for `exponential_counts`.
    """
    counts = exponential_counts([len(splits["train"]) for splits in classes.values()], imbalance)
    for splits, count in zip(classes.values(), counts, strict=True):
        splits["train"] = splits["train"][:count]
