"""Tests of `prepare`: drawn and given splits, duplicates, decisions and files."""

from __future__ import annotations

import json
import os
import shutil
from io import BytesIO
from pathlib import Path
from typing import BinaryIO

import pytest
from PIL import Image

from mineral_recog.curation.decisions import Decisions
from mineral_recog.curation.preparation import parse_shares, prepare
from mineral_recog.data.dataset import read_split
from mineral_recog.data.readers.folder_reader import FolderSource
from mineral_recog.data.readers.list_reader import ListSource
from mineral_recog.errors import UserError
from tests.conftest import write_photos
from tests.duplicates.scenes import scene


def photos_by_split(data: Path) -> dict[str, set[str]]:
    return {
        split: {f"{p.parent.name}/{p.name}" for p in (data / split).rglob("*.png")}
        for split in ("train", "val", "test")
    }


def test_photos_of_each_class_are_split_by_shares(source: Path, tmp_path: Path) -> None:
    prepared = prepare(FolderSource(source), tmp_path / "data")
    assert prepared.counts == {
        "agate": {"train": 16, "val": 2, "test": 2},
        "copper": {"train": 3, "val": 1, "test": 1},
        "钠长石": {"train": 8, "val": 1, "test": 1},
    }
    assert prepared.imbalance == pytest.approx(16 / 3)
    splits = photos_by_split(tmp_path / "data")
    assert len(set.union(*splits.values())) == sum(map(len, splits.values())) == 35
    assert read_split(tmp_path / "data", "train").classes == ("agate", "copper", "钠长石")


def test_split_of_a_class_depends_only_on_its_photos_and_the_seed(
    source: Path, tmp_path: Path
) -> None:
    def splits(folder: str, seed: int) -> dict[str, set[str]]:
        prepare(FolderSource(source), tmp_path / folder, seed=seed)
        return photos_by_split(tmp_path / folder)

    first = splits("first", 1)
    assert splits("same", 1) == first
    write_photos(source / "aaa", 9, 7)
    more = splits("more", 1)
    assert all(first[split] < more[split] for split in first)


@pytest.mark.parametrize("place", ["hardlink", "copy", "symlink"])
def test_photos_are_linked_or_copied_as_requested(source: Path, tmp_path: Path, place: str) -> None:
    prepare(FolderSource(source), tmp_path / "data", place=place)
    photo = next((tmp_path / "data" / "train" / "agate").iterdir())
    original = source / "agate" / photo.name
    assert photo.read_bytes() == original.read_bytes()
    assert photo.is_symlink() == (place == "symlink")
    assert photo.samefile(original) == (place != "copy")


def test_photos_are_copied_where_links_are_impossible(
    source: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(*_: object, **__: object) -> None:
        raise OSError("Invalid cross-device link")

    monkeypatch.setattr(os, "link", refuse)
    prepare(FolderSource(source), tmp_path / "data")
    assert sum(map(len, photos_by_split(tmp_path / "data").values())) == 35


def test_nested_folders_unusual_suffixes_and_scripts(tmp_path: Path) -> None:
    source = tmp_path / "photos"
    write_photos(source / "石英", 1, 3)
    write_photos(source / "石英" / "trip" / "day 2", 2, 3)
    write_photos(source / "opale", 3, 3)
    Image.new("RGB", (9, 9)).save(source / "opale" / "UPPER.JPG", format="JPEG")
    Image.new("RGB", (9, 9)).save(source / "opale" / "none", format="PNG")
    (source / "opale" / "notes.txt").write_text("not a photo")
    (source / "opale" / ".hidden.png").write_text("not a photo")
    (source / ".git").mkdir()
    prepared = prepare(FolderSource(source), tmp_path / "data")
    assert {name: sum(of.values()) for name, of in prepared.counts.items()} == {
        "opale": 5,
        "石英": 6,
    }
    assert prepared.skipped == []
    assert prepared.not_photos == {".txt": 1}
    assert any((tmp_path / "data").rglob("trip/day 2/*.png"))


def test_unreadable_photos_are_skipped_and_reported(source: Path, tmp_path: Path) -> None:
    content = (source / "agate" / "0.png").read_bytes()
    (source / "agate" / "cut.png").write_bytes(content[: len(content) // 2])
    (source / "agate" / "text.jpg").write_text("no photo")
    prepared = prepare(FolderSource(source), tmp_path / "data")
    assert sorted(Path(path).name for path, _ in prepared.skipped) == ["cut.png", "text.jpg"]
    assert all(reason for _, reason in prepared.skipped)
    assert sum(prepared.counts["agate"].values()) == 20
    record = json.loads((tmp_path / "data" / "prepared.json").read_text("utf-8"))
    assert len(record["made"]["skipped"]) == 2


def test_class_too_small_to_split_is_reported(source: Path, tmp_path: Path) -> None:
    write_photos(source / "gold", 5, 2)
    write_photos(source / "opal", 6, 1)
    with pytest.raises(UserError, match=r"gold \(2\), opal \(1\)"):
        prepare(FolderSource(source), tmp_path / "data")
    assert not (tmp_path / "data").exists()


@pytest.mark.parametrize(
    ("name", "content", "reason"),
    [
        ("a.jpg", b"<html>", "HTML, SVG or XML"),
        ("a.nef", b"raw", "NEF; convert such files to JPEG"),
        ("a.jpg", b"version https://git-lfs.github.com/spec/v1", "git lfs pull"),
    ],
)
def test_unreadable_photos_are_named_before_small_classes(
    source: Path, tmp_path: Path, name: str, content: bytes, reason: str
) -> None:
    (source / "opal").mkdir()
    (source / "opal" / name).write_bytes(content)
    message = rf"^1 photos cannot be read, the first is .*opal/{name} \(.*{reason}\)\. .*opal \(0\)"
    with pytest.raises(UserError, match=message):
        prepare(FolderSource(source), tmp_path / "data")


@pytest.mark.parametrize("text", ["80/10", "80/10/0", "a/b/c", "80/10/-10", "inf/1/1", ""])
def test_invalid_shares_are_reported(text: str) -> None:
    with pytest.raises(UserError, match="80/10/10"):
        parse_shares(text)


def test_shares_are_scaled_to_sum_to_one() -> None:
    assert parse_shares("6/1/1") == (0.75, 0.125, 0.125)


def test_large_shares_leave_a_training_photo(source: Path, tmp_path: Path) -> None:
    prepared = prepare(FolderSource(source), tmp_path / "data", shares=(0.01, 0.01, 0.98))
    assert all(min(of.values()) >= 1 for of in prepared.counts.values())


def test_imbalance_reduces_only_training_photos(source: Path, tmp_path: Path) -> None:
    full = prepare(FolderSource(source), tmp_path / "full")
    long_tailed = prepare(FolderSource(source), tmp_path / "cut", imbalance=8)
    assert {name: of["train"] for name, of in long_tailed.counts.items()} == {
        "agate": 16,
        "钠长石": 6,
        "copper": 2,
    }
    assert long_tailed.left_out == 16 + 8 + 3 - (16 + 6 + 2)
    for split in ("val", "test"):
        assert photos_by_split(tmp_path / "full")[split] == photos_by_split(tmp_path / "cut")[split]
    assert full.left_out == 0


def test_existing_output_is_kept(source: Path, tmp_path: Path) -> None:
    data = tmp_path / "data"
    prepare(FolderSource(source), data, seed=1)
    before = photos_by_split(data)
    with pytest.raises(UserError, match="--force"):
        prepare(FolderSource(source), data, seed=2)
    assert photos_by_split(data) == before
    prepare(FolderSource(source), data, seed=2, force=True)
    assert photos_by_split(data) != before
    foreign = tmp_path / "mine"
    write_photos(foreign, 1, 1)
    with pytest.raises(UserError, match="not made by this command"):
        prepare(FolderSource(source), foreign, force=True)
    assert (foreign / "0.png").exists()


def test_output_inside_the_photos_is_refused(source: Path) -> None:
    with pytest.raises(UserError, match="inside"):
        prepare(FolderSource(source), source / "data")


def test_class_name_that_is_not_text_is_reported(source: Path, tmp_path: Path) -> None:
    (source / "Z\udce9ro").mkdir()
    with pytest.raises(UserError, match=r"Z\\udce9ro.*rename"):
        prepare(FolderSource(source), tmp_path / "data")


def test_source_with_one_class_is_reported(tmp_path: Path) -> None:
    write_photos(tmp_path / "photos" / "agate", 1, 5)
    with pytest.raises(UserError, match="1 class: it needs at least two"):
        prepare(FolderSource(tmp_path / "photos"), tmp_path / "data")


@pytest.fixture(scope="module")
def duplicated(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return photos of agate, of opal with a resized duplicate each, and of gold; read-only.

    Gold has a copy of one opal.
    """
    source = tmp_path_factory.mktemp("duplicated") / "photos"
    write_photos(source / "agate", 0, 20)
    for name in ("opal", "gold"):
        (source / name).mkdir()
    for seed in range(20):
        scene(seed).save(source / "opal" / f"{seed}.png")
        scene(seed).resize((150, 120)).save(source / "opal" / f"{seed} small.jpg")
    for seed in range(30, 36):
        scene(seed).save(source / "gold" / f"{seed}.png")
    scene(3).save(source / "gold" / "opal.png")
    return source


def stems(data: Path, split: str, name: str) -> set[str]:
    return {path.stem.split(" ")[0] for path in (data / split / name).rglob("*.*")}


def test_duplicates_share_a_split_and_those_in_two_classes_are_set_aside(
    duplicated: Path, tmp_path: Path
) -> None:
    prepared = prepare(FolderSource(duplicated), tmp_path / "data")
    splits = [stems(tmp_path / "data", split, "opal") for split in ("train", "val", "test")]
    assert len(set.union(*splits)) == sum(map(len, splits)) == 19
    assert prepared.counts["opal"] == {"train": 30, "val": 4, "test": 4}
    assert prepared.copies.set_aside == ["gold/opal.png", "opal/3 small.jpg", "opal/3.png"]
    assert (prepared.copies.photos, prepared.copies.groups) == (38, 19)
    # About 8 of 40 are held out; nearly all of their duplicates are in train, sometimes also gold's
    # opal.
    assert 4 < prepared.copies.would_leak < 9
    assert prepared.findings["near"] == 38
    assert prepared.findings["two_classes"] == 3
    assert sum(prepared.counts["gold"].values()) == 6
    record = json.loads((tmp_path / "data" / "prepared.json").read_text("utf-8"))
    assert record["made"]["copies"]["set_aside"] == prepared.copies.set_aside


def test_decisions_resolve_duplicates_in_two_classes(duplicated: Path, tmp_path: Path) -> None:
    decisions = Decisions(
        keep=("opal/3.png",),
        drop=("gold/opal.png", "agate/0.png", "agate/none.png"),
        move={"gold/30.png": "opal"},
    )
    prepared = prepare(FolderSource(duplicated), tmp_path / "data", decisions=decisions)
    assert prepared.copies.set_aside == []
    assert (prepared.dropped, prepared.moved, prepared.not_there) == (2, 1, ["agate/none.png"])
    assert sum(prepared.counts["opal"].values()) == 41
    assert sum(prepared.counts["gold"].values()) == 5
    assert sum(prepared.counts["agate"].values()) == 19
    assert len(list((tmp_path / "data").glob("*/opal/from gold/30.png"))) == 1
    assert (duplicated / "gold" / "30.png").exists()
    assert (duplicated / "gold" / "opal.png").exists()


def test_picture_kept_under_two_classes_goes_to_train(duplicated: Path, tmp_path: Path) -> None:
    decisions = Decisions(keep=("gold/opal.png", "opal/3.png"))
    prepared = prepare(FolderSource(duplicated), tmp_path / "data", decisions=decisions)
    assert prepared.copies.set_aside == ["opal/3 small.jpg"]
    train = tmp_path / "data" / "train"
    assert (train / "gold" / "opal.png").exists()
    assert (train / "opal" / "3.png").exists()


def test_moving_a_photo_to_the_class_of_its_duplicate_resolves_it(
    duplicated: Path, tmp_path: Path
) -> None:
    prepared = prepare(
        FolderSource(duplicated),
        tmp_path / "data",
        decisions=Decisions(move={"gold/opal.png": "opal"}),
    )
    assert prepared.copies.set_aside == []
    assert (prepared.copies.photos, prepared.copies.groups) == (41, 20)


def test_merged_classes(source: Path, tmp_path: Path) -> None:
    write_photos(source / "Copper", 11, 4)
    decisions = Decisions(classes={"Copper": "copper"})
    prepared = prepare(FolderSource(source), tmp_path / "data", decisions=decisions)
    assert set(prepared.counts) == {"agate", "copper", "钠长石"}
    assert sum(prepared.counts["copper"].values()) == 9
    assert prepared.findings["class_names"] == 2
    with pytest.raises(UserError, match="the class gold"):
        prepare(
            FolderSource(source),
            tmp_path / "other",
            decisions=Decisions(classes={"Copper": "gold"}),
        )


def test_class_of_duplicates_is_too_small(source: Path, tmp_path: Path) -> None:
    (source / "opal").mkdir()
    for number in range(9):
        scene(number % 2).save(source / "opal" / f"{number}.png")
    with pytest.raises(UserError, match=r"copies of each other count as one\): opal \(9\)"):
        prepare(FolderSource(source), tmp_path / "data")


@pytest.fixture(scope="module")
def given(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return train and test of opal, 10 and 4 photos, and gold, 6 and 2; read-only.

    In addition, train has a resized copy of opal 0 (in test), and test one of gold 24 (in train).
    """
    root = tmp_path_factory.mktemp("given") / "photos"
    for name, first, train, test in (("opal", 0, 10, 4), ("gold", 20, 6, 2)):
        for number in range(train + test):
            split = "test" if number < test else "train"
            path = root / split / name / f"{first + number}.png"
            path.parent.mkdir(parents=True, exist_ok=True)
            scene(first + number).save(path)
    for seed, path in ((0, root / "train/opal/0 small.jpg"), (24, root / "test/gold/24 small.jpg")):
        scene(seed).resize((150, 120)).save(path)
    return root


@pytest.fixture
def given_copy(given: Path, tmp_path: Path) -> Path:
    """Return a copy of `given` to change."""
    return Path(shutil.copytree(given, tmp_path / "photos"))


def test_given_splits_are_kept_without_leaks(given: Path, tmp_path: Path) -> None:
    prepared = prepare(FolderSource(given), tmp_path / "data")
    assert prepared.given == ["train", "test"]
    assert prepared.copies.left_out == ["gold/train/24.png", "opal/train/0 small.jpg"]
    assert prepared.copies.would_leak == 2
    # A tenth of the remaining photos of each class (14 and 8) moves from train to val.
    assert prepared.counts == {
        "gold": {"train": 4, "val": 1, "test": 3},
        "opal": {"train": 9, "val": 1, "test": 4},
    }
    assert stems(tmp_path / "data", "test", "opal") == {"0", "1", "2", "3"}
    assert stems(tmp_path / "data", "test", "gold") == {"20", "21", "24"}
    record = json.loads((tmp_path / "data" / "prepared.json").read_text("utf-8"))
    assert record["split"] is None
    assert record["made"]["copies"]["left_out"] == prepared.copies.left_out
    with pytest.raises(UserError, match="already has splits: omit --split"):
        prepare(FolderSource(given), tmp_path / "other", shares=(0.8, 0.1, 0.1))


def test_duplicates_in_two_classes_are_set_aside_from_given_splits(
    given_copy: Path, tmp_path: Path
) -> None:
    scene(21).save(given_copy / "train/opal/gold.png")
    prepared = prepare(FolderSource(given_copy), tmp_path / "data")
    assert prepared.copies.set_aside == ["gold/test/21.png", "opal/train/gold.png"]
    assert prepared.copies.would_leak == 3
    assert stems(tmp_path / "data", "test", "gold") == {"20", "24"}
    decisions = Decisions(keep=("gold/test/21.png",))
    prepared = prepare(FolderSource(given_copy), tmp_path / "other", decisions=decisions)
    assert prepared.copies.set_aside == ["opal/train/gold.png"]
    assert stems(tmp_path / "other", "test", "gold") == {"20", "21", "24"}


def test_imbalance_reduces_train_of_given_splits(given: Path, tmp_path: Path) -> None:
    prepared = prepare(FolderSource(given), tmp_path / "data", imbalance=4)
    assert {name: list(of.values()) for name, of in prepared.counts.items()} == {
        "gold": [2, 1, 3],
        "opal": [9, 1, 4],
    }


def test_given_splits_that_are_too_small_or_without_train_are_reported(
    given_copy: Path, tmp_path: Path
) -> None:
    for name in ("agate", "beryl"):
        (given_copy / "train" / name).mkdir()
    scene(50).save(given_copy / "train/agate/50.png")
    message = r"agate \(train 1, val 0, test 0\); beryl \(.*Each needs train 2, test 1"
    with pytest.raises(UserError, match=message):
        prepare(FolderSource(given_copy), tmp_path / "data")
    (given_copy / "train").rename(given_copy / "val")
    with pytest.raises(UserError, match="has test and val but no train"):
        prepare(FolderSource(given_copy), tmp_path / "data")


def test_splits_for_only_some_photos_are_reported(tmp_path: Path) -> None:
    rows = [f"{n}.png,{name},{'train' if n else ''}" for name in ("opal", "gold") for n in (0, 1)]
    (tmp_path / "a.csv").write_text("\n".join(("path,label,split", *rows)))
    with pytest.raises(UserError, match=r"2 have none, the first is gold/0\.png"):
        prepare(ListSource(tmp_path / "a.csv"), tmp_path / "data")


class PackedSource(FolderSource):
    """Photos inside another file."""

    def file(self, path: str) -> None:  # type: ignore[override]
        return None

    def open(self, path: str) -> BinaryIO:
        return BytesIO((self.root / path).read_bytes())


def test_photos_inside_another_file_are_copied(source: Path, tmp_path: Path) -> None:
    (source / "agate" / "torn.png").write_bytes(b"torn")
    prepared = prepare(PackedSource(source), tmp_path / "packed", place="symlink")
    assert [path for path, _ in prepared.skipped] == [f"{source}: agate/torn.png"]
    prepare(FolderSource(source), tmp_path / "plain", place="copy")
    files = list((tmp_path / "packed").rglob("*/*.png"))
    assert len(files) == 35
    for path in files:
        original = tmp_path / "plain" / path.relative_to(tmp_path / "packed")
        assert path.read_bytes() == original.read_bytes()
        assert not path.is_symlink()


def test_link_to_the_parent_is_reported_and_not_followed(source: Path, tmp_path: Path) -> None:
    (source / "loop").symlink_to(source, target_is_directory=True)
    prepared = prepare(FolderSource(source), tmp_path / "data")
    assert sum(sum(of.values()) for of in prepared.counts.values()) == 35
    assert prepared.findings["link"] == 1
