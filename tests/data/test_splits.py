"""Random splits keep duplicate sets together, so that they cannot leak."""

from __future__ import annotations

import zlib

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from mineral_recog.data.splits import (
    SplitPaths,
    can_be_split,
    count_leaks,
    expected_leak_count,
    split_class,
)

SHARES = (0.8, 0.1, 0.1)


def photos_in_duplicate_sets(sizes: list[int]) -> tuple[list[str], dict[str, int]]:
    """Return photos in duplicate sets of these sizes; sizes of 1 give photos without duplicates."""
    paths, duplicate_set_of = [], {}
    for duplicate_set, size in enumerate(sizes):
        for number in range(size):
            paths.append(f"agate/{duplicate_set}-{number}")
            if size > 1:
                duplicate_set_of[paths[-1]] = duplicate_set
    return paths, duplicate_set_of


def counts(splits: SplitPaths) -> dict[str, int]:
    return {split: len(paths) for split, paths in splits.items()}


def test_without_duplicates_it_is_a_plain_random_split() -> None:
    paths = [f"agate/{number}" for number in range(30)]
    order = np.random.default_rng([5, zlib.crc32(b"agate")]).permutation(30)
    shuffled = [paths[place] for place in order]
    splits = split_class("agate", paths, (0.7, 0.2, 0.1), 5)
    assert splits == {"val": shuffled[:6], "test": shuffled[6:9], "train": shuffled[9:]}


@given(
    sizes=st.lists(st.integers(1, 6), min_size=3, max_size=40),
    shares=st.tuples(*[st.floats(0.01, 1)] * 3),
    seed=st.integers(0, 99),
    train_only=st.sets(st.integers(0, 39), max_size=3),
)
def test_no_duplicate_set_is_in_two_splits_and_no_split_is_empty(
    sizes: list[int], shares: tuple[float, float, float], seed: int, train_only: set[int]
) -> None:
    paths, duplicate_set_of = photos_in_duplicate_sets(sizes)
    existing = {one for one in train_only if one < len(sizes) and sizes[one] > 1}
    train, val, test = (share / sum(shares) for share in shares)
    splits = split_class("agate", paths, (train, val, test), seed, duplicate_set_of, existing)
    assert sorted(path for split_paths in splits.values() for path in split_paths) == sorted(paths)
    assert count_leaks([splits], duplicate_set_of) == 0
    in_val = {duplicate_set_of.get(path, path) for path in splits["val"]}
    assert not in_val & {duplicate_set_of.get(path, path) for path in splits["test"]}
    held_out = [*splits["val"], *splits["test"]]
    assert not existing & {duplicate_set_of.get(path) for path in held_out}
    if can_be_split(paths, duplicate_set_of, existing):
        assert all(splits.values())


def test_val_and_test_are_empty_if_all_duplicate_sets_must_be_in_train() -> None:
    paths, duplicate_set_of = photos_in_duplicate_sets([2, 3, 2])
    assert not can_be_split(paths, duplicate_set_of, {0, 1, 2})
    splits = split_class("agate", paths, SHARES, 0, duplicate_set_of, {0, 1, 2})
    assert counts(splits) == {"train": 7, "val": 0, "test": 0}


def test_duplicate_sets_follow_the_shares_where_they_fit() -> None:
    paths, duplicate_set_of = photos_in_duplicate_sets([2] * 50)
    splits = split_class("agate", paths, SHARES, 0, duplicate_set_of)
    assert counts(splits) == {"train": 80, "val": 10, "test": 10}


def test_three_large_duplicate_sets_give_one_per_split() -> None:
    paths, duplicate_set_of = photos_in_duplicate_sets([4, 2, 3])
    splits = split_class("agate", paths, SHARES, 0, duplicate_set_of)
    # val and test need one photo each, so they get the smallest sets.
    assert sorted(len(splits[split]) for split in ("val", "test")) == [2, 3]
    assert len(splits["train"]) == 4


def test_classes_that_cannot_be_split() -> None:
    assert not can_be_split(*photos_in_duplicate_sets([5, 5]))
    assert can_be_split(*photos_in_duplicate_sets([5, 1, 1]))
    assert not can_be_split(*photos_in_duplicate_sets([5, 5, 1]), {0, 1})


def test_count_leaks_computed_by_hand() -> None:
    duplicate_set_of = {"a": 0, "b": 0, "c": 0, "d": 1, "e": 1, "f": 2, "g": 2}
    splits = [{"train": ["a", "x", "d"], "val": ["b"], "test": ["c", "f", "g"]}]
    assert count_leaks(splits, duplicate_set_of) == 2  # b and c; f and g are both in test


def test_random_splits_leak() -> None:
    paths, duplicate_set_of = photos_in_duplicate_sets([2] * 100)
    # 40 of 200 photos are held out, and 160 / 199 of their duplicates are in train.
    leak_count = expected_leak_count({"agate": paths}, duplicate_set_of, SHARES)
    assert leak_count == pytest.approx(32.2, abs=1.5)
    assert expected_leak_count({"agate": paths}, {}, SHARES) == 0
