"""Splits that cannot leak: groups of copies go whole into one."""

from __future__ import annotations

import zlib

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from mineral_recog.data.splits import can_be_drawn, draw, expected_leaks, leaks

SHARES = (0.8, 0.1, 0.1)


def photos_in_groups(sizes: list[int]) -> tuple[list[str], dict[str, int]]:
    """Photos of groups of these sizes; those that are alone have none."""
    photos, group_of = [], {}
    for group, size in enumerate(sizes):
        for number in range(size):
            photos.append(f"agate/{group}-{number}")
            if size > 1:
                group_of[photos[-1]] = group
    return photos, group_of


def test_without_copies_it_is_a_plain_draw() -> None:
    photos = [f"agate/{number}" for number in range(30)]
    order = np.random.default_rng([5, zlib.crc32(b"agate")]).permutation(30)
    shuffled = [photos[place] for place in order]
    drawn = draw("agate", photos, (0.7, 0.2, 0.1), 5)
    assert drawn == {"val": shuffled[:6], "test": shuffled[6:9], "train": shuffled[9:]}


@given(
    sizes=st.lists(st.integers(1, 6), min_size=3, max_size=40),
    shares=st.tuples(*[st.floats(0.01, 1)] * 3),
    seed=st.integers(0, 99),
    to_train=st.sets(st.integers(0, 39), max_size=3),
)
def test_no_group_is_in_two_splits_and_none_is_empty(
    sizes: list[int], shares: tuple[float, float, float], seed: int, to_train: set[int]
) -> None:
    photos, group_of = photos_in_groups(sizes)
    held = {group for group in to_train if group < len(sizes) and sizes[group] > 1}
    train, val, test = (share / sum(shares) for share in shares)
    drawn = draw("agate", photos, (train, val, test), seed, group_of, held)
    assert sorted(photo for of in drawn.values() for photo in of) == sorted(photos)
    assert leaks([drawn], group_of) == 0
    in_val = {group_of.get(photo, photo) for photo in drawn["val"]}
    assert not in_val & {group_of.get(photo, photo) for photo in drawn["test"]}
    assert not held & {group_of.get(photo) for split in ("val", "test") for photo in drawn[split]}
    if can_be_drawn(photos, group_of, held):
        assert all(drawn.values())


def test_groups_that_must_all_be_trained_on_leave_the_others_empty() -> None:
    photos, group_of = photos_in_groups([2, 3, 2])
    assert not can_be_drawn(photos, group_of, {0, 1, 2})
    drawn = draw("agate", photos, SHARES, 0, group_of, {0, 1, 2})
    assert {split: len(of) for split, of in drawn.items()} == {"train": 7, "val": 0, "test": 0}


def test_groups_keep_to_the_shares_where_they_fit() -> None:
    photos, group_of = photos_in_groups([2] * 50)
    drawn = draw("agate", photos, SHARES, 0, group_of)
    assert {split: len(of) for split, of in drawn.items()} == {"train": 80, "val": 10, "test": 10}


def test_three_large_groups_are_one_a_split() -> None:
    photos, group_of = photos_in_groups([4, 2, 3])
    drawn = draw("agate", photos, SHARES, 0, group_of)
    # One photo each would do for val and test, so they get the smallest groups.
    assert sorted(len(drawn[split]) for split in ("val", "test")) == [2, 3]
    assert len(drawn["train"]) == 4


def test_what_cannot_be_drawn() -> None:
    assert not can_be_drawn(*photos_in_groups([5, 5]))
    assert can_be_drawn(*photos_in_groups([5, 1, 1]))
    assert not can_be_drawn(*photos_in_groups([5, 5, 1]), {0, 1})


def test_leaks_by_hand() -> None:
    group_of = {"a": 0, "b": 0, "c": 0, "d": 1, "e": 1, "f": 2, "g": 2}
    splits = [{"train": ["a", "x", "d"], "val": ["b"], "test": ["c", "f", "g"]}]
    assert leaks(splits, group_of) == 2  # b and c; f and g are both in test


def test_a_random_split_leaks() -> None:
    photos, group_of = photos_in_groups([2] * 100)
    # 40 of 200 photos are held out, and 160 / 199 of their twins are in train.
    assert expected_leaks({"agate": photos}, group_of, SHARES) == pytest.approx(32.2, abs=1.5)
    assert expected_leaks({"agate": photos}, {}, SHARES) == 0
