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
from mineral_recog.curation.preparation import prepare
from mineral_recog.data.dataset import read_split
from mineral_recog.data.readers.folder_reader import FolderSource
from mineral_recog.data.readers.list_reader import ListSource
from mineral_recog.duplicates.survey import Copies
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
    with pytest.raises(UserError, match=r"gold \(2\); opal \(1\)"):
        prepare(FolderSource(source), tmp_path / "data")
    assert not (tmp_path / "data").exists()


@pytest.mark.parametrize(
    ("name", "content", "reason"),
    [
        ("a.jpg", b"<html>", "HTML"),
        ("a.nef", b"raw", "NEF; convert such files to JPEG"),
        ("a.jpg", b"version https://git-lfs.github.com/spec/v1", "git lfs pull"),
    ],
)
def test_unreadable_photos_are_named_before_small_classes(
    source: Path, tmp_path: Path, name: str, content: bytes, reason: str
) -> None:
    (source / "opal").mkdir()
    (source / "opal" / name).write_bytes(content)
    message = rf"^1 photos cannot be read, the first is .*opal/{name} \(.*{reason}\)\. .*opal"
    with pytest.raises(UserError, match=message):
        prepare(FolderSource(source), tmp_path / "data")


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
    mine = data / "train" / "agate" / "mine.png"
    shutil.copyfile(source / "agate" / "0.png", mine)
    with pytest.raises(UserError, match=r"1 file .* \(train/agate/mine\.png\)"):
        prepare(FolderSource(source), data, seed=2, force=True)
    assert mine.exists()
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


@pytest.mark.parametrize(
    ("scenes", "message"),
    [(1, "opal: 9 photos, all counted as one copy"), (2, "9 photos, counted as 2 different pict")],
)
def test_class_of_duplicates_is_too_small(
    source: Path, tmp_path: Path, scenes: int, message: str
) -> None:
    (source / "opal").mkdir()
    for number in range(9):
        scene(number % scenes).save(source / "opal" / f"{number}.png")
    with pytest.raises(UserError, match=f"{message}.*--copies exact.*--decisions"):
        prepare(FolderSource(source), tmp_path / "data")


def test_class_that_is_set_aside_is_too_small(source: Path, tmp_path: Path) -> None:
    for name in ("opal", "gold"):
        (source / name).mkdir()
        for number in range(9):
            scene(number).save(source / name / f"{number}.png")
    with pytest.raises(UserError, match="gold: 9 photos, 9 set aside as copies under two classes"):
        prepare(FolderSource(source), tmp_path / "data")


@pytest.mark.parametrize(
    ("copies", "set_aside", "groups"),
    [
        ("near", ["gold/opal.png", "opal/3 small.jpg", "opal/3.png"], 19),
        ("exact", ["gold/opal.png", "opal/3.png"], 0),
        ("off", [], 0),
    ],
)
def test_copies_that_are_looked_for_can_be_chosen(
    duplicated: Path, tmp_path: Path, copies: Copies, set_aside: list[str], groups: int
) -> None:
    prepared = prepare(FolderSource(duplicated), tmp_path / "data", copies=copies)
    assert prepared.copies.set_aside == set_aside
    assert prepared.copies.groups == groups
    assert json.loads((tmp_path / "data" / "prepared.json").read_text("utf-8"))["copies"] == copies


def test_photos_marked_as_no_copies_are_used_and_split_freely(
    duplicated: Path, tmp_path: Path
) -> None:
    group = ("gold/opal.png", "opal/3 small.jpg", "opal/3.png")
    decisions = Decisions(not_copies=(group, ("opal/1.png", "opal/1 small.jpg")))
    prepared = prepare(FolderSource(duplicated), tmp_path / "data", decisions=decisions)
    assert prepared.copies.set_aside == []
    assert prepared.copies.groups == 18
    assert sum(prepared.counts["opal"].values()) == 40


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


@pytest.fixture(scope="module")
def specimens(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return five opals with three photos each, and six of gold with one to three; read-only."""
    source = tmp_path_factory.mktemp("specimens") / "photos"
    seed = 0
    for name, sizes in (("opal", [3] * 5), ("gold", [1, 2, 3, 1, 2, 3])):
        (source / name).mkdir(parents=True)
        for number, size in enumerate(sizes):
            for view in range(size):
                scene(seed).save(source / name / f"s{number}-{view}.png")
                seed += 1
    return source


def specimens_by_split(data: Path) -> dict[str, set[str]]:
    return {
        split: {
            f"{path.relative_to(data / split).parts[0]}/{path.name.split('-')[0]}"
            for path in (data / split).rglob("*.png")
        }
        for split in ("train", "val", "test")
    }


@pytest.mark.parametrize("seed", [0, 1, 2])
def test_specimens_are_in_one_split(specimens: Path, tmp_path: Path, seed: int) -> None:
    pattern, data = "{specimen}-*", tmp_path / "data"
    prepared = prepare(FolderSource(specimens), data, group_by=pattern, seed=seed)
    splits = specimens_by_split(data)
    assert len(set.union(*splits.values())) == sum(map(len, splits.values())) == 11
    report = prepared.specimens
    assert report is not None
    assert (report.photos, report.specimens, report.others, report.left_out) == (27, 11, [], [])
    assert report.would_leak > 2
    record = json.loads((data / "prepared.json").read_text("utf-8"))
    assert record["group_by"] == pattern
    assert record["made"]["specimens"]["specimens"] == 11
    rows = (data / "specimens.csv").read_text("utf-8").splitlines()
    assert len(rows) == 28
    assert all((data / row.split(",")[0]).is_file() for row in rows[1:])
    assert {row.split(",")[1] for row in rows[1:]} == set.union(*splits.values())


def test_without_specimens_there_is_no_list_of_them(specimens: Path, tmp_path: Path) -> None:
    prepared = prepare(FolderSource(specimens), tmp_path / "data")
    assert prepared.specimens is None
    assert not (tmp_path / "data" / "specimens.csv").exists()


def test_listed_specimen_of_two_classes_is_in_one_split(specimens: Path, tmp_path: Path) -> None:
    source = FolderSource(specimens)
    source.specimens = {
        path: path.split("/")[1].split("-")[0] for path in source.paths if "s5" not in path
    }
    prepared = prepare(source, tmp_path / "data")
    splits = specimens_by_split(tmp_path / "data")
    places = [{name.split("/")[1] for name in names} - {"s5"} for names in splits.values()]
    assert len(set.union(*places)) == sum(map(len, places)) == 5
    assert prepared.specimens is not None
    assert prepared.specimens.group_by is None
    assert sorted(prepared.specimens.others) == [f"gold/s5-{view}.png" for view in range(3)]


def test_class_with_too_few_specimens_is_reported_or_left_out(
    specimens: Path, tmp_path: Path
) -> None:
    source = FolderSource(specimens)
    source.specimens = {path: path[:6] for path in source.paths if path.startswith("opal")}
    with pytest.raises(UserError, match=r"opal: 15 photos of 1 specimens\. Add photos of other"):
        prepare(source, tmp_path / "data")
    write_photos(tmp_path / "more" / "agate", 1, 9)
    shutil.copytree(specimens, tmp_path / "more", dirs_exist_ok=True)
    source = FolderSource(tmp_path / "more")
    source.specimens = {path: path[:6] for path in source.paths if path.startswith("opal")}
    prepared = prepare(source, tmp_path / "data", min_photos=3)
    assert list(prepared.counts) == ["agate", "gold"]
    assert list(prepared.small_classes) == ["opal"]
    assert prepared.specimens is None


def test_specimens_across_given_splits_stay_in_test_or_else_in_val(
    specimens: Path, tmp_path: Path
) -> None:
    photos = tmp_path / "photos"
    for path in specimens.rglob("*.png"):
        number, view = int(path.stem[1]), int(path.stem[3])
        split = "test" if number == 0 or (number, view) == (1, 0) else "train"
        target = photos / split / path.parent.name / path.name
        target.parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(path, target)
    prepared = prepare(FolderSource(photos), tmp_path / "data", group_by="{specimen}-*")
    report = prepared.specimens
    assert report is not None
    assert report.left_out == [
        "gold/train/s1-1.png", "opal/train/s1-1.png", "opal/train/s1-2.png",
    ]  # fmt: skip
    assert report.would_leak == 2
    assert prepared.copies.left_out == []
    splits = specimens_by_split(tmp_path / "data")
    assert splits["test"] == {"opal/s0", "opal/s1", "gold/s0", "gold/s1"}
    assert len(set.union(*splits.values())) == sum(map(len, splits.values())) == 11


def test_small_classes_are_left_out_and_named(source: Path, tmp_path: Path) -> None:
    write_photos(source / "gold", 5, 2)
    prepared = prepare(FolderSource(source), tmp_path / "data", min_photos=6)
    assert list(prepared.counts) == ["agate", "钠长石"]
    assert {name: size.photos for name, size in prepared.small_classes.items()} == {
        "copper": 5,
        "gold": 2,
    }
    assert prepared.tested_once == ["钠长石"]
    record = json.loads((tmp_path / "data" / "prepared.json").read_text("utf-8"))
    assert record["min_photos"] == 6
    assert record["made"]["small_classes"]["gold"]["photos"] == 2
