"""A long tail made of training photos: as many of each class as an exponential curve says."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np

from mineral_recog.data.splits import SplitPhotos
from mineral_recog.errors import DataError
from mineral_recog.i18n import tr


def exponential_counts(available: Sequence[int], imbalance: float) -> list[int]:
    """Photos of each class on an exponential curve, as many as the classes can give.

    n_c = n_1 * imbalance^(-rank / (C - 1)), classes ranked by their photos; n_1 is the largest
    for which every class has enough. After Cui et al., "Class-balanced loss", CVPR 2019.

    Args:
        available: photos of each class, C.
        imbalance: largest over smallest class; 1 or more.

    Raises:
        UserError: an imbalance below 1, or too large for the largest class.
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
                f"--imbalance {imbalance:g} leaves less than one photo of the smallest class: with "
                f"these photos it can be at most {2 * largest:.0f}.",
                f"--imbalance {imbalance:g} 使最小的类别不足一张照片：用这些照片最多为 "
                f"{2 * largest:.0f}。",
            )
        )
    return [max(1, round(n)) for n in largest * curve]


def cut(drawn: Mapping[str, SplitPhotos], imbalance: float) -> None:
    """Keep as many training photos of each class as an exponential curve says, the first of each.

    Raises:
        UserError: as for `exponential_counts`.
    """
    available = [len(splits["train"]) for splits in drawn.values()]
    for splits, keep in zip(drawn.values(), exponential_counts(available, imbalance), strict=True):
        splits["train"] = splits["train"][:keep]
