"""Random splits keep duplicate sets together, so that they cannot leak."""

from __future__ import annotations

import zlib
from collections.abc import Collection

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from mineral_recog.data.splits import (
    Shares,
    SplitPaths,
    can_be_split,
    count_leaks,
    expected_leak_count,
    parse_shares,
    split_classes,
)
from mineral_recog.errors import UserError

SHARES = (0.8, 0.1, 0.1)


def split_agate(
    paths: list[str],
    shares: Shares,
    seed: int,
    group_of: dict[str, int] | None = None,
    train_only: Collection[int] = (),
) -> SplitPaths:
    return split_classes({"agate": paths}, shares, seed, group_of, train_only)["agate"]


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


@pytest.mark.parametrize("text", ["80/10", "80/10/0", "a/b/c", "80/10/-10", "inf/1/1", ""])
def test_invalid_shares_are_reported(text: str) -> None:
    with pytest.raises(UserError, match="80/10/10"):
        parse_shares(text)


def test_shares_are_scaled_to_sum_to_one() -> None:
    assert parse_shares("6/1/1") == (0.75, 0.125, 0.125)


def test_without_duplicates_it_is_a_plain_random_split() -> None:
    paths = [f"agate/{number}" for number in range(30)]
    order = np.random.default_rng([5, zlib.crc32(b"agate")]).permutation(30)
    shuffled = [paths[place] for place in order]
    splits = split_agate(paths, (0.7, 0.2, 0.1), 5)
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
    splits = split_agate(paths, (train, val, test), seed, duplicate_set_of, existing)
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
    splits = split_agate(paths, SHARES, 0, duplicate_set_of, {0, 1, 2})
    assert counts(splits) == {"train": 7, "val": 0, "test": 0}


def test_duplicate_sets_follow_the_shares_where_they_fit() -> None:
    paths, duplicate_set_of = photos_in_duplicate_sets([2] * 50)
    splits = split_agate(paths, SHARES, 0, duplicate_set_of)
    assert counts(splits) == {"train": 80, "val": 10, "test": 10}


def test_large_duplicate_sets_may_exceed_the_shares_a_little() -> None:
    paths, duplicate_set_of = photos_in_duplicate_sets([10] * 7)
    splits = split_agate(paths, SHARES, 0, duplicate_set_of)
    assert counts(splits) == {"train": 50, "val": 10, "test": 10}  # 7 and 7 are wanted


def test_three_large_duplicate_sets_give_one_per_split() -> None:
    paths, duplicate_set_of = photos_in_duplicate_sets([4, 2, 3])
    splits = split_agate(paths, SHARES, 0, duplicate_set_of)
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


def specimens_across(groups: str) -> tuple[dict[str, list[str]], dict[str, str]]:
    """Return photos of classes, and their specimens, from words such as `agate:aab`."""
    class_paths: dict[str, list[str]] = {}
    specimen_of: dict[str, str] = {}
    for word in groups.split():
        name, specimens = word.split(":")
        class_paths[name] = [f"{name}/{n}" for n in range(len(specimens))]
        specimen_of |= dict(zip(class_paths[name], specimens, strict=True))
    return class_paths, specimen_of


@given(
    specimens=st.lists(
        st.lists(st.integers(0, 30), min_size=1, max_size=30), min_size=1, max_size=5
    ),
    seed=st.integers(0, 99),
    train_only=st.sets(st.integers(0, 30), max_size=3),
)
def test_specimens_of_several_classes_stay_in_one_split(
    specimens: list[list[int]], seed: int, train_only: set[int]
) -> None:
    class_paths: dict[str, list[str]] = {}
    group_of: dict[str, int] = {}
    for number, groups in enumerate(specimens):
        class_paths[str(number)] = [f"{number}/{n}" for n in range(len(groups))]
        group_of |= dict(zip(class_paths[str(number)], groups, strict=True))
    result = split_classes(class_paths, SHARES, seed, group_of, train_only)
    places: dict[int, set[str]] = {}
    for name, splits in result.items():
        assert sorted(path for part in splits.values() for path in part) == sorted(
            class_paths[name]
        )
        for split, part in splits.items():
            for path in part:
                places.setdefault(group_of[path], set()).add(split)
    assert all(len(splits) == 1 for splits in places.values())
    assert all(places[group] == {"train"} for group in train_only & set(places))


def test_specimens_of_several_classes_fill_all_splits() -> None:
    class_paths, specimen_of = specimens_across("agate:aabbccdd opal:abcd gold:xyz")
    for seed in range(20):
        result = split_classes(class_paths, SHARES, seed, specimen_of)
        assert all(all(splits.values()) for splits in result.values())
        assert {split: len(paths) // 2 for split, paths in result["agate"].items()} == counts(
            result["opal"]
        )


def test_split_of_a_class_that_shares_no_specimen_does_not_depend_on_the_others() -> None:
    class_paths, specimen_of = specimens_across("agate:aabbccdd opal:abcd gold:wxyz")
    alone = split_classes({"gold": class_paths["gold"]}, SHARES, 3, specimen_of)
    assert split_classes(class_paths, SHARES, 3, specimen_of)["gold"] == alone["gold"]
