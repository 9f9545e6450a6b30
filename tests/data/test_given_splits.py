"""Splits that are given: kept, but for copies that would leak."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from mineral_recog.data.given_splits import heed_copies
from mineral_recog.data.splits import leaks


def by_split(text: str) -> tuple[list[str], dict[str, str]]:
    """Photos of one class from words such as `train:ab`."""
    splits = {
        f"agate/{photo}": part.split(":")[0]
        for part in text.split()
        for photo in part.split(":")[1]
    }
    return sorted(splits), splits


def test_of_copies_those_in_test_stay_then_those_in_val() -> None:
    photos, splits = by_split("train:abcdx val:efg test:hi")
    group_of = {"agate/a": 0, "agate/e": 0, "agate/h": 0, "agate/b": 1, "agate/f": 1,
                "agate/c": 2, "agate/d": 2}  # fmt: skip
    kept = heed_copies({"agate": photos}, splits, group_of)
    assert kept.left_out == ["agate/a", "agate/b", "agate/e"]
    parts = {split: "".join(one[-1] for one in of) for split, of in kept.parts("agate").items()}
    assert parts == {"train": "cdx", "val": "fg", "test": "hi"}
    assert kept.missing == ()
    assert kept.enough("agate")
    drawn = kept.drawn("agate", seed=0)
    assert {split: sorted(of) for split, of in drawn.items()} == kept.parts("agate")


def test_a_copy_in_another_class_counts_as_well() -> None:
    splits = {"agate/a": "train", "agate/b": "train", "opal/a": "test", "opal/b": "train"}
    kept = heed_copies(
        {"agate": ["agate/a", "agate/b"], "opal": ["opal/a", "opal/b"]},
        splits,
        {"agate/a": 0, "opal/a": 0},
    )
    assert kept.left_out == ["agate/a"]
    assert kept.missing == ("val",)
    assert not kept.enough("agate")  # no test photo, and val would take the last of train
    assert not kept.enough("opal")
    assert not kept.enough("gold")


def test_a_missing_val_is_a_tenth_of_the_class_out_of_train() -> None:
    photos = [f"agate/{number:02}" for number in range(50)]
    splits = {photo: "test" if photo < "agate/20" else "train" for photo in photos}
    group_of = {photo: int(photo[-2:]) // 2 for photo in photos}
    drawn = heed_copies({"agate": photos}, splits, group_of).drawn("agate", seed=3)
    assert {split: len(of) for split, of in drawn.items()} == {"train": 26, "val": 4, "test": 20}
    assert leaks([drawn], group_of) == 0
    other = heed_copies({"agate": photos}, splits, group_of).drawn("agate", seed=4)
    assert set(other["val"]) != set(drawn["val"])
    assert set(other["test"]) == set(drawn["test"])


@given(
    photos=st.lists(
        st.tuples(st.sampled_from(["train", "train", "val", "test"]), st.integers(0, 12)),
        min_size=1,
        max_size=40,
    ),
    without=st.sets(st.sampled_from(["val", "test"])),
    to_train=st.sets(st.integers(0, 12), max_size=3),
    seed=st.integers(0, 99),
)
def test_no_copy_is_across_and_nothing_moves_that_need_not(
    photos: list[tuple[str, int]], without: set[str], to_train: set[int], seed: int
) -> None:
    splits, group_of = {}, {}
    for number, (split, group) in enumerate(photos):
        splits[f"agate/{number}"] = "train" if split in without else split
        group_of[f"agate/{number}"] = group
    names = list(splits)
    kept = heed_copies({"agate": names}, splits, group_of, to_train)
    drawn = kept.drawn("agate", seed) if kept.enough("agate") else kept.parts("agate")
    of_groups = [{group_of[photo] for photo in drawn[split]} for split in drawn]
    assert len(set.union(*of_groups)) == sum(map(len, of_groups)) == len(set(group_of.values()))
    assert sorted([photo for of in drawn.values() for photo in of] + kept.left_out) == sorted(names)
    assert all(splits[photo] == "test" for photo in drawn["test"]) or "test" in kept.missing
    if kept.enough("agate"):
        assert all(drawn.values())
