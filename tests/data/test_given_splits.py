"""Given splits are kept without duplicates that would leak, and missing ones are drawn."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from mineral_recog.data.given_splits import split_as_given
from mineral_recog.data.splits import count_leaks


def by_split(text: str) -> tuple[list[str], dict[str, str]]:
    """Return photos of one class, and their splits, from words such as `train:ab`."""
    splits = {
        f"agate/{letter}": word.split(":")[0]
        for word in text.split()
        for letter in word.split(":")[1]
    }
    return sorted(splits), splits


def test_duplicates_stay_in_test_or_else_in_val() -> None:
    paths, splits = by_split("train:abcdx val:efg test:hi")
    duplicate_set_of = {
        "agate/a": 0, "agate/e": 0, "agate/h": 0, "agate/b": 1, "agate/f": 1, "agate/c": 2,
        "agate/d": 2,
    }  # fmt: skip
    kept = split_as_given({"agate": paths}, splits, duplicate_set_of)
    assert kept.left_out == ["agate/a", "agate/b", "agate/e"]
    letters = {
        split: "".join(path[-1] for path in paths)
        for split, paths in kept.class_paths("agate").items()
    }
    assert letters == {"train": "cdx", "val": "fg", "test": "hi"}
    assert kept.missing == ()
    assert kept.can_split("agate")
    result = kept.split_classes(seed=0)["agate"]
    assert {split: sorted(paths) for split, paths in result.items()} == kept.class_paths("agate")


def test_duplicates_across_classes_count_as_well() -> None:
    splits = {"agate/a": "train", "agate/b": "train", "opal/a": "test", "opal/b": "train"}
    kept = split_as_given(
        {"agate": ["agate/a", "agate/b"], "opal": ["opal/a", "opal/b"]},
        splits,
        {"agate/a": 0, "opal/a": 0},
    )
    assert kept.left_out == ["agate/a"]
    assert kept.missing == ("val",)
    assert not kept.can_split("agate")  # no test photo, and val would take the last train photo
    assert not kept.can_split("opal")
    assert not kept.can_split("gold")


def test_missing_val_is_a_tenth_of_the_class_drawn_from_train() -> None:
    paths = [f"agate/{number:02}" for number in range(50)]
    splits = {path: "test" if path < "agate/20" else "train" for path in paths}
    duplicate_set_of = {path: int(path[-2:]) // 2 for path in paths}
    result = split_as_given({"agate": paths}, splits, duplicate_set_of).split_classes(seed=3)[
        "agate"
    ]
    assert {split: len(paths) for split, paths in result.items()} == {
        "train": 26, "val": 4, "test": 20,
    }  # fmt: skip
    assert count_leaks([result], duplicate_set_of) == 0
    other = split_as_given({"agate": paths}, splits, duplicate_set_of).split_classes(seed=4)[
        "agate"
    ]
    assert set(other["val"]) != set(result["val"])
    assert set(other["test"]) == set(result["test"])


@given(
    photos=st.lists(
        st.tuples(st.sampled_from(["train", "train", "val", "test"]), st.integers(0, 12)),
        min_size=1,
        max_size=40,
    ),
    without=st.sets(st.sampled_from(["val", "test"])),
    train_only=st.sets(st.integers(0, 12), max_size=3),
    seed=st.integers(0, 99),
)
def test_no_duplicates_across_splits_and_no_unnecessary_moves(
    photos: list[tuple[str, int]], without: set[str], train_only: set[int], seed: int
) -> None:
    splits, duplicate_set_of = {}, {}
    for number, (split, duplicate_set) in enumerate(photos):
        splits[f"agate/{number}"] = "train" if split in without else split
        duplicate_set_of[f"agate/{number}"] = duplicate_set
    paths = list(splits)
    given_splits = split_as_given({"agate": paths}, splits, duplicate_set_of, train_only)
    if given_splits.can_split("agate"):
        result = given_splits.split_classes(seed)["agate"]
        assert all(result.values())
    else:
        result = given_splits.class_paths("agate")
    set_lists = [{duplicate_set_of[path] for path in result[split]} for split in result]
    set_count = len(set(duplicate_set_of.values()))
    assert len(set.union(*set_lists)) == sum(map(len, set_lists)) == set_count
    in_splits = [path for split_paths in result.values() for path in split_paths]
    assert sorted(in_splits + given_splits.left_out) == sorted(paths)
    is_test = all(splits[path] == "test" for path in result["test"])
    assert is_test or "test" in given_splits.missing


def test_missing_val_keeps_specimens_of_several_classes_together() -> None:
    class_paths = {name: [f"{name}/{n}" for n in range(12)] for name in ("agate", "opal")}
    splits = {path: "train" for paths in class_paths.values() for path in paths}
    splits |= {path: "test" for path in splits if path.endswith(("/10", "/11"))}
    specimen_of = {path: int(path.split("/")[1]) // 2 for path in splits}
    result = split_as_given(class_paths, splits, specimen_of).split_classes(seed=1)
    in_val = [{specimen_of[path] for path in result[name]["val"]} for name in class_paths]
    assert in_val[0] == in_val[1]
    assert in_val[0]
    assert all(result[name]["test"] == class_paths[name][10:] for name in class_paths)
