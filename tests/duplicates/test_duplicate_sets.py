"""Sets of duplicates: joined through others within a class, directly across classes."""

from __future__ import annotations

from mineral_recog.duplicates.duplicate_sets import (
    MAX_CHAIN,
    counted_duplicates,
    duplicate_sets,
    sets_across_classes,
)
from mineral_recog.duplicates.finder import DuplicatePair


def near(*pairs: tuple[int, int], similarity: float = 0.97) -> list[DuplicatePair]:
    return [DuplicatePair(first, second, "near", similarity) for first, second in pairs]


def test_duplicate_sets_join_pairs_that_share_a_photo() -> None:
    assert duplicate_sets(9, near((4, 7), (1, 4), (2, 3))) == [(1, 4, 7), (2, 3)]
    assert duplicate_sets(9, []) == []


def test_long_chains_need_sure_pairs() -> None:
    chain = [(k, k + 1) for k in range(MAX_CHAIN)]
    assert duplicate_sets(20, near(*chain)) == [tuple(range(MAX_CHAIN + 1))]
    weak = near(*chain[:-1], similarity=0.85)
    assert duplicate_sets(20, weak) == [tuple(range(MAX_CHAIN))]
    broken = [*near((15, 16), similarity=0.85), *near(chain[0]), *weak[1:]]
    broken += near(chain[-1], similarity=0.85)
    assert duplicate_sets(20, broken) == [(0, 1), (15, 16)]


def test_pairs_of_two_classes_count_if_they_are_sure() -> None:
    pairs = [*near((0, 1), (0, 2), similarity=0.93), *near((1, 2), (1, 3))]
    assert counted_duplicates(pairs, "aabb") == [pairs[0], *pairs[2:]]
    assert counted_duplicates(pairs, "aabb", lambda a, b: (a, b) == (1, 3)) == [pairs[0], pairs[2]]


def test_sets_across_classes_hold_direct_duplicates_and_their_same_bytes() -> None:
    pairs = near((0, 1), (1, 2), (4, 5))
    assert sets_across_classes(6, pairs, "aabbaa") == [(1, 2)]
    same_bytes = [DuplicatePair(1, 3, "exact", 1.0)]
    assert sets_across_classes(6, [*pairs, *same_bytes], "aabbaa") == [(0, 1, 2, 3)]
    assert sets_across_classes(6, near((0, 1)) + same_bytes, "aaabaa") == [(0, 1, 3)]
    assert sets_across_classes(6, [], "aaabaa") == []
