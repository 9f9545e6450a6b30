"""Which photos are copies of each other: the same bytes, or the same picture changed a little."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np
from scipy.sparse import coo_matrix
from scipy.sparse.csgraph import connected_components

from mineral_recog.audit.fingerprint import Fingerprint

Kind = Literal["exact", "near", "mirrored", "rotated"]
LIKE = 0.95  # correlation of thumbnails
FLAT = 4.0  # standard deviation of grey levels below which a picture has nothing to compare


@dataclass(frozen=True)
class Copy:
    """Two photos that show the same picture.

    Attributes:
        first: the lower number of the two.
        second: the higher.
        kind: `exact` (the same bytes), `near` (resized, re-encoded, cropped a little, with a
            border, a watermark or another brightness), `mirrored` or `rotated` (by 90, 180 or 270
            degrees), the last two also changed as in `near`.
        similarity: 1 for the same bytes, else how well the two agree once aligned, up to 1.
    """

    first: int
    second: int
    kind: Kind
    similarity: float


def find_copies(
    fingerprints: Sequence[Fingerprint],
    digests: Sequence[str],
    on_compared: Callable[[int], None] = lambda count: None,
) -> list[Copy]:
    """Every photo that is a copy of another.

    Of photos with the same bytes each is named once, with the first of them; only that first one is
    compared with other pictures.

    Args:
        fingerprints: of the photos, N.
        digests: of their bytes, N.
        on_compared: called with the number of photos compared so far.

    Returns:
        Pairs in ascending order of (first, second), each pair once.
    """
    first_with: dict[str, int] = {}
    copies, distinct = [], []
    for number, digest in enumerate(digests):
        first = first_with.setdefault(digest, number)
        if first == number:
            distinct.append(number)
        else:
            copies.append(Copy(first, number, "exact", 1.0))
    copies += _near(fingerprints, distinct, on_compared)
    return sorted(copies, key=lambda copy: (copy.first, copy.second))


def _near(
    fingerprints: Sequence[Fingerprint], numbers: Sequence[int], on_compared: Callable[[int], None]
) -> list[Copy]:
    if not numbers:
        return []
    grey = np.stack([fingerprints[number].grey for number in numbers]).astype(np.float32)
    grey -= grey.mean((1, 2), keepdims=True)
    spread = grey.std((1, 2), keepdims=True)
    grey *= np.where(spread < FLAT, 0, 1 / np.maximum(spread, FLAT))
    turns: list[tuple[Kind, int, bool]] = [("near", 0, False)]
    turns += [("rotated", k, False) for k in (1, 2, 3)] + [("mirrored", k, True) for k in range(4)]
    flat = grey.reshape(len(grey), -1)
    copies = []
    for place, number in enumerate(numbers):
        for kind, quarter, mirror in turns:
            one = np.rot90(grey[place], quarter)
            one = one[:, ::-1] if mirror else one
            like = flat[place + 1 :] @ np.ascontiguousarray(one).ravel() / flat.shape[1]
            for other in np.flatnonzero(like > LIKE):
                copies.append(Copy(number, numbers[place + 1 + other], kind, float(like[other])))
        on_compared(place + 1)
    return list({(copy.first, copy.second): copy for copy in reversed(copies)}.values())


def groups(count: int, copies: Sequence[Copy]) -> list[tuple[int, ...]]:
    """Photos that are copies of each other, directly or through others.

    Args:
        count: of all photos, N.
        copies: pairs of numbers below N.

    Returns:
        The groups of two and more, each ascending, in the order of their first photos.
    """
    if not copies:
        return []
    pairs = np.array([(copy.first, copy.second) for copy in copies])
    graph = coo_matrix((np.ones(len(pairs), bool), (pairs[:, 0], pairs[:, 1])), (count, count))
    _, labels = connected_components(graph, directed=False)
    order = np.argsort(labels, kind="stable")
    parts = np.split(order, np.flatnonzero(np.diff(labels[order])) + 1)
    found = [tuple(part.tolist()) for part in parts if len(part) > 1]
    return sorted(found)
