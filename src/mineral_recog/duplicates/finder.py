"""Find photos that are duplicates: the same bytes, or the same picture with small changes."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from typing import Literal

import numpy as np
from numpy.typing import NDArray
from threadpoolctl import threadpool_limits

from mineral_recog.cores import thread_count
from mineral_recog.duplicates.agreement import agreement, colour_distance
from mineral_recog.duplicates.candidates import CandidateIndex, Candidates
from mineral_recog.duplicates.crops import CROPS, TURNS, turned
from mineral_recog.duplicates.fingerprints import SIDE, Array, Fingerprint
from mineral_recog.duplicates.subject_agreement import (
    Pairs,
    Subjects,
    collect_subjects,
    subject_agreement,
)

Kind = Literal["exact", "near", "mirrored", "rotated"]
MIN_AGREEMENT = 0.76  # of duplicates; set on half of the near-copies benchmark
MAX_COLOUR_DISTANCE = 0.35  # of duplicates; set on the same half
MIN_CONTRAST = (
    3.0  # standard deviation of grey levels; flatter thumbnails have no detail to compare
)
KINDS: tuple[Kind, ...] = tuple(
    "near" if not any(turn) else "mirrored" if sum(turn) % 2 else "rotated" for turn in TURNS
)
SEARCH_BATCH_SIZE = 256  # thumbnails searched for at a time, per thread
PAIR_BATCH_SIZE = 512  # pairs compared at a time; they take about 50 MB


@dataclass(frozen=True)
class DuplicatePair:
    """Two photos that show the same picture.

    Attributes:
        first: The lower index of the two photos.
        second: The higher index.
        kind: `exact` (the same bytes), `near` (resized, re-encoded, slightly cropped, or with a
            border, a watermark or another brightness), `mirrored` or `rotated` (by 90, 180 or 270
            degrees); the last two may also be changed as in `near`.
        similarity: 1 for the same bytes, otherwise the agreement after alignment, at most 1; if
            both photos have a plain ground, at most that of what is on it.
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
    """Find every photo that is a duplicate of another.

    Photos with the same bytes are each reported once, paired with the first of them; only that
    first photo is compared with other pictures.

    Args:
        fingerprints: Fingerprints of the photos, N.
        digests: Digests of the photos' bytes, N.
        on_compared: Called with the number of photos compared so far.

    Returns:
        Pairs in ascending order of (first, second), each pair once.
    """
    duplicates = exact_duplicates(digests)
    copies = {pair.second for pair in duplicates}
    distinct = [index for index in range(len(digests)) if index not in copies]
    duplicates += [
        replace(pair, first=distinct[pair.first], second=distinct[pair.second])
        for pair in _near_duplicates([fingerprints[index] for index in distinct], on_compared)
    ]
    on_compared(len(digests))
    return sorted(duplicates, key=lambda pair: (pair.first, pair.second))


def exact_duplicates(digests: Sequence[str]) -> list[DuplicatePair]:
    """Pair each photo that has the same bytes as an earlier one with the first of them.

    Args:
        digests: Digests of the photos' bytes.
    """
    first_index: dict[str, int] = {}
    for index, digest in enumerate(digests):
        first_index.setdefault(digest, index)
    return [
        DuplicatePair(first_index[digest], index, "exact", 1.0)
        for index, digest in enumerate(digests)
        if first_index[digest] != index
    ]


def _near_duplicates(
    fingerprints: Sequence[Fingerprint], on_compared: Callable[[int], None]
) -> list[DuplicatePair]:
    """Return the pairs of photos that show the same picture, each once."""
    thumbnails = _thumbnails(fingerprints)
    if len(thumbnails) == 0:
        return []
    subjects = collect_subjects(fingerprints)
    index = CandidateIndex(thumbnails.grey, thumbnails.photo_indices)
    best: dict[tuple[int, int], DuplicatePair] = {}

    def search(start: int) -> list[DuplicatePair]:
        candidates = index.search(start, start + SEARCH_BATCH_SIZE)
        batches = (
            candidates[k : k + PAIR_BATCH_SIZE] for k in range(0, len(candidates), PAIR_BATCH_SIZE)
        )
        return [pair for batch in batches for pair in _verified(thumbnails, subjects, batch)]

    starts = range(0, len(thumbnails), SEARCH_BATCH_SIZE)
    pool = ThreadPoolExecutor(thread_count())
    # The pool already uses every core; BLAS threads would only compete with it.
    with threadpool_limits(1, "blas"):
        try:
            for start, pairs in zip(starts, pool.map(search, starts), strict=True):
                for pair in pairs:
                    key = pair.first, pair.second
                    if key not in best or best[key].similarity < pair.similarity:
                        best[key] = pair
                last = min(start + SEARCH_BATCH_SIZE, len(thumbnails)) - 1
                on_compared(int(thumbnails.photo_indices[last]) + 1)
        finally:
            pool.shutdown(cancel_futures=True)
    return list(best.values())


@dataclass(frozen=True)
class _Thumbnails:
    """Views to compare, without flat ones, with their numbers as by `Fingerprint.views`."""

    grey: NDArray[np.uint8]
    colour: NDArray[np.int8]
    photo_indices: NDArray[np.int64]
    views: NDArray[np.int64]

    def __len__(self) -> int:
        return len(self.grey)


def _thumbnails(fingerprints: Sequence[Fingerprint]) -> _Thumbnails:
    rows = [
        (*view, index)
        for index, fingerprint in enumerate(fingerprints)
        for view in fingerprint.views()
    ]
    if not rows:
        empty = np.empty(0, int)
        return _Thumbnails(np.empty((0, SIDE, SIDE), np.uint8), np.empty(0, np.int8), empty, empty)
    grey, colour, views, photo_indices = (np.array(column) for column in zip(*rows, strict=True))
    # In chunks: as floats, all at once would take several times the memory of the fingerprints.
    chunks = np.array_split(grey, 1 + len(grey) // 1024)
    spread = [chunk.std((1, 2), dtype=np.float32) for chunk in chunks]
    kept = np.concatenate(spread) >= MIN_CONTRAST
    return _Thumbnails(grey[kept], colour[kept], photo_indices[kept], views[kept])


def _verified(
    thumbnails: _Thumbnails, subjects: Subjects, candidates: Candidates
) -> list[DuplicatePair]:
    """Return the candidates that are duplicates."""
    boxes = CROPS[candidates.crop]
    colour, other_colour = _views(thumbnails.colour, candidates)
    # Most candidates differ in colour; alignment can reduce the distance only a little.
    kept = np.flatnonzero(colour_distance(colour, other_colour, boxes) < 1.5 * MAX_COLOUR_DISTANCE)
    if len(kept) == 0:
        return []
    candidates = candidates[kept]
    agree, boxes = agreement(*_views(thumbnails.grey, candidates), boxes[kept])
    distance = colour_distance(colour[kept], other_colour[kept], boxes)
    kept = np.flatnonzero((agree >= MIN_AGREEMENT) & (distance <= MAX_COLOUR_DISTANCE))
    candidates, agree = candidates[kept], agree[kept]
    sides = np.stack([candidates.first, candidates.second])
    photos = thumbnails.photo_indices[sides]
    pairs = Pairs(photos, thumbnails.views[sides], candidates.turn, boxes[kept])
    of_subject = subject_agreement(subjects, pairs, MAX_COLOUR_DISTANCE)
    return [
        DuplicatePair(
            int(photos[:, k].min()),
            int(photos[:, k].max()),
            KINDS[candidates.turn[k]],
            float(min(agree[k], of_subject[k])),
        )
        for k in np.flatnonzero(of_subject > 0)
    ]


def _views(
    pixels: NDArray[np.uint8] | NDArray[np.int8], candidates: Candidates
) -> tuple[Array, Array]:
    """Return the pixels of both thumbnails of each pair, the second ones turned."""
    first, second = (
        pixels[indices].astype(np.float32) for indices in (candidates.first, candidates.second)
    )
    return first, turned(second, candidates.turn)
