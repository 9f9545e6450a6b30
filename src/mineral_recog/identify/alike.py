"""Whether the photos of one specimen look alike, from their calibrated probabilities."""

from __future__ import annotations

from itertools import combinations

import numpy as np
from numpy.typing import NDArray

from mineral_recog.identify.fact_text import Text

MIN_AGREEMENT = 0.05  # how often it is undercut: docs/identify.md, benchmarks/specimen_pairs.py


def unlike_photos(probabilities: NDArray[np.floating]) -> tuple[int, int] | None:
    """Return the two photos that agree least, if they do not look alike; numbered from 0.

    Two photos agree by the sum over classes of the products of their probabilities: the probability
    that both show one class, if nothing but each photo is known. The more pairs there are, the
    less two have to agree, so that false alarms do not grow with the number of photos.

    Args:
        probabilities: Calibrated probabilities of each photo alone, [K, C].
    """
    agreement = probabilities @ probabilities.T
    pairs = list(combinations(range(len(probabilities)), 2))
    if not pairs:
        return None
    first, second = min(pairs, key=lambda pair: float(agreement[pair]))
    is_unlike = agreement[first, second] < MIN_AGREEMENT / len(pairs)
    return (first, second) if is_unlike else None


def unlike_warnings(probabilities: NDArray[np.floating]) -> list[Text]:
    """Return a warning if two photos of a specimen do not look alike, else none.

    Args:
        probabilities: As for `unlike_photos`.
    """
    unlike = unlike_photos(probabilities)
    if unlike is None:
        return []
    first, second = unlike[0] + 1, unlike[1] + 1
    return [
        {
            "en": f"Photos {first} and {second} do not look alike: if they show different "
            "specimens, identify each by itself.",
            "zh": f"照片 {first} 和照片 {second} 看上去不像同一种矿物：若是不同的标本，"
            "请分别识别。",
        }
    ]
