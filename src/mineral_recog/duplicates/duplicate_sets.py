"""Join duplicates to sets: pictures that `prepare` keeps together."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np
from scipy.sparse import coo_matrix
from scipy.sparse.csgraph import connected_components

from mineral_recog.duplicates.finder import DuplicatePair

SURE_SIMILARITY = 0.95  # copies of one picture under two classes were seen from 0.97
MAX_CHAIN = 10  # photos; larger sets are joined by sure pairs only, so that no error joins a class

Sets = list[tuple[int, ...]]


def counted_duplicates(
    duplicates: Sequence[DuplicatePair],
    classes: Sequence[str],
    are_distinct: Callable[[int, int], bool] = lambda first, second: False,
) -> list[DuplicatePair]:
    """Return the pairs that count: of one class, or so similar that one class must be wrong.

    Args:
        duplicates: The pairs found.
        classes: Class of each photo.
        are_distinct: Whether the user says that two photos are no copies of each other.
    """
    return [
        pair
        for pair in duplicates
        if (pair.similarity >= SURE_SIMILARITY or classes[pair.first] == classes[pair.second])
        and not are_distinct(pair.first, pair.second)
    ]


def duplicate_sets(count: int, duplicates: Sequence[DuplicatePair]) -> Sets:
    """Return sets of photos that are duplicates of each other, directly or through others.

    Args:
        count: Number of all photos, N.
        duplicates: Pairs of indices below N.

    Returns:
        The sets of two or more photos, each ascending, in the order of their first photos.
    """
    sets = _connected(count, [(pair.first, pair.second) for pair in duplicates])
    in_chain = {photo for photos in sets if len(photos) > MAX_CHAIN for photo in photos}
    if not in_chain:
        return sets
    sure = [
        (pair.first, pair.second)
        for pair in duplicates
        if pair.first in in_chain and pair.similarity >= SURE_SIMILARITY
    ]
    return sorted([photos for photos in sets if len(photos) <= MAX_CHAIN] + _connected(count, sure))


def sets_across_classes(
    count: int, duplicates: Sequence[DuplicatePair], classes: Sequence[str]
) -> Sets:
    """Return sets of photos of which each has itself a duplicate in another class.

    Photos with the same bytes are paired with the first of them only; a duplicate of that one is
    one of all of them.

    Args:
        count: Number of all photos, N.
        duplicates: Pairs that count, see `counted_duplicates`.
        classes: Class of each photo, N.
    """
    same_bytes: dict[int, list[int]] = {}
    for pair in duplicates:
        if pair.kind == "exact":
            same_bytes.setdefault(pair.first, [pair.first]).append(pair.second)
    pairs = []
    for pair in duplicates:
        pictures = (pair.first,) if pair.kind == "exact" else (pair.first, pair.second)
        photos = [photo for picture in pictures for photo in same_bytes.get(picture, [picture])]
        if len({classes[photo] for photo in photos}) > 1:
            pairs += [(photos[0], photo) for photo in photos[1:]]
    return _connected(count, pairs)


def _connected(count: int, pairs: Sequence[tuple[int, int]]) -> Sets:
    """Return the connected components of two or more photos, in the order of first photos."""
    if not pairs:
        return []
    first, second = np.array(pairs).T
    graph = coo_matrix((np.ones(len(pairs), bool), (first, second)), (count, count))
    _, labels = connected_components(graph, directed=False)
    order = np.argsort(labels, kind="stable")
    parts = np.split(order, np.flatnonzero(np.diff(labels[order])) + 1)
    return sorted(tuple(part.tolist()) for part in parts if len(part) > 1)
