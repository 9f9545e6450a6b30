"""Which photos are copies of each other: the same bytes, or the same picture changed a little."""

from __future__ import annotations

import os
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import coo_matrix
from scipy.sparse.csgraph import connected_components
from threadpoolctl import threadpool_limits

from mineral_recog.duplicates.agreement import agreement, colour_distance
from mineral_recog.duplicates.candidates import CandidateIndex, Candidates
from mineral_recog.duplicates.crops import CROPS, TURNS, turned
from mineral_recog.duplicates.fingerprints import SIDE, Fingerprint

Kind = Literal["exact", "near", "mirrored", "rotated"]
LIKE = 0.76  # agreement from which two pictures are one; set on half of the near-copies benchmark
UNLIKE_COLOUR = 0.35  # colour distance from which they are two; likewise
FLAT = 3.0  # standard deviation of grey levels below which a picture has nothing to compare
KINDS: tuple[Kind, ...] = tuple(
    "near" if not any(turn) else "mirrored" if sum(turn) % 2 else "rotated" for turn in TURNS
)
LOOKED_UP = 256  # pictures at a time, in each thread
TOGETHER = 512  # pairs that are compared at a time; they take some 50 MB


@dataclass(frozen=True)
class DuplicatePair:
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


def find_duplicates(
    fingerprints: Sequence[Fingerprint],
    digests: Sequence[str],
    on_compared: Callable[[int], None] = lambda count: None,
) -> list[DuplicatePair]:
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
            copies.append(DuplicatePair(first, number, "exact", 1.0))
    near = [fingerprints[number] for number in distinct]
    for copy in _near(near, on_compared):
        copies.append(
            DuplicatePair(distinct[copy.first], distinct[copy.second], copy.kind, copy.similarity)
        )
    on_compared(len(digests))
    return sorted(copies, key=lambda copy: (copy.first, copy.second))


def _near(
    fingerprints: Sequence[Fingerprint], on_compared: Callable[[int], None]
) -> list[DuplicatePair]:
    """Pairs of photos that show the same picture, each once."""
    pictures = _pictures(fingerprints)
    if len(pictures) == 0:
        return []
    index = CandidateIndex(pictures.grey, pictures.photo)
    best: dict[tuple[int, int], DuplicatePair] = {}

    def found(start: int) -> list[DuplicatePair]:
        candidates = index.look_up(start, start + LOOKED_UP)
        slices = (candidates[k : k + TOGETHER] for k in range(0, len(candidates), TOGETHER))
        return [copy for some in slices for copy in _compared(pictures, some)]

    starts = range(0, len(pictures), LOOKED_UP)
    pool = ThreadPoolExecutor(os.cpu_count())
    # The threads are here, one a core; those of matrix products would only get into their way.
    with threadpool_limits(1, "blas"):
        try:
            for start, copies in zip(starts, pool.map(found, starts), strict=True):
                for copy in copies:
                    pair = copy.first, copy.second
                    if pair not in best or best[pair].similarity < copy.similarity:
                        best[pair] = copy
                last = min(start + LOOKED_UP, len(pictures)) - 1
                on_compared(int(pictures.photo[last]) + 1)
        finally:
            pool.shutdown(cancel_futures=True)
    return list(best.values())


@dataclass(frozen=True)
class _Pictures:
    """What is compared: photos with structure, whole and once more without a plain border."""

    grey: NDArray[np.uint8]
    colour: NDArray[np.int8]
    photo: NDArray[np.int64]

    def __len__(self) -> int:
        return len(self.grey)


def _pictures(fingerprints: Sequence[Fingerprint]) -> _Pictures:
    shown = [
        (one.grey[k], one.colour[k], number)
        for number, one in enumerate(fingerprints)
        for k in range(1 + one.bordered)
    ]
    if not shown:
        return _Pictures(
            np.empty((0, SIDE, SIDE), np.uint8), np.empty(0, np.int8), np.empty(0, int)
        )
    grey, colour, photo = (np.array(column) for column in zip(*shown, strict=True))
    # As floats all at once they would take several times the memory of the fingerprints.
    chunks = np.array_split(grey, 1 + len(grey) // 1024)
    spread = [chunk.std((1, 2), dtype=np.float32) for chunk in chunks]
    kept = np.concatenate(spread) >= FLAT
    return _Pictures(grey[kept], colour[kept], photo[kept])


def _compared(pictures: _Pictures, found: Candidates) -> list[DuplicatePair]:
    """Those candidates that are copies."""
    boxes = CROPS[found.crop]
    colour, other_colour = (
        pictures.colour[some].astype(np.float32) for some in (found.first, found.second)
    )
    other_colour = turned(other_colour, found.turn)
    # Most candidates are of another colour; aligning can mend a little of that.
    kept = np.flatnonzero(colour_distance(colour, other_colour, boxes) < 1.5 * UNLIKE_COLOUR)
    if len(kept) == 0:
        return []
    found, boxes = found[kept], boxes[kept]
    grey, other = (pictures.grey[some].astype(np.float32) for some in (found.first, found.second))
    like, boxes = agreement(grey, turned(other, found.turn), boxes)
    distance = colour_distance(colour[kept], other_colour[kept], boxes)
    copies = []
    for k in np.flatnonzero((like >= LIKE) & (distance <= UNLIKE_COLOUR)):
        first, second = sorted(pictures.photo[[found.first[k], found.second[k]]].tolist())
        copies.append(DuplicatePair(first, second, KINDS[found.turn[k]], float(like[k])))
    return copies


def groups(count: int, copies: Sequence[DuplicatePair]) -> list[tuple[int, ...]]:
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
