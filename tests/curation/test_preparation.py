"""Photos into train, val and test: drawn, or as given."""

from __future__ import annotations

import json
import os
from io import BytesIO
from pathlib import Path
from typing import BinaryIO

import pytest
from PIL import Image

from mineral_recog.curation.decisions import Decisions
from mineral_recog.curation.preparation import parse_shares, prepare
from mineral_recog.data.dataset import read_split
from mineral_recog.data.readers.folder_reader import FolderPhotos
from mineral_recog.data.readers.list_reader import ManifestPhotos
from mineral_recog.errors import UserError
from tests.conftest import write_photos
from tests.duplicates.scenes import scene


def names_in(data: Path) -> dict[str, set[str]]:
    return {
        split: {f"{p.parent.name}/{p.name}" for p in (data / split).rglob("*.png")}
        for split in ("train", "val", "test")
    }


def test_photos_are_split_by_share_and_class(source: Path, tmp_path: Path) -> None:
    made = prepare(FolderPhotos(source), tmp_path / "data")
    assert made.counts == {
        "agate": {"train": 16, "val": 2, "test": 2},
        "copper": {"train": 3, "val": 1, "test": 1},
        "钠长石": {"train": 8, "val": 1, "test": 1},
    }
    assert made.imbalance == pytest.approx(16 / 3)
    splits = names_in(tmp_path / "data")
    assert len(set.union(*splits.values())) == sum(map(len, splits.values())) == 35
    assert read_split(tmp_path / "data", "train").classes == ("agate", "copper", "钠长石")


def test_the_split_depends_on_the_seed_alone(source: Path, tmp_path: Path) -> None:
    prepare(FolderPhotos(source), tmp_path / "a", seed=1)
    prepare(FolderPhotos(source), tmp_path / "b", seed=1)
    prepare(FolderPhotos(source), tmp_path / "c", seed=2)
    assert names_in(tmp_path / "a") == names_in(tmp_path / "b") != names_in(tmp_path / "c")


def test_another_class_does_not_move_the_photos_of_the_first(source: Path, tmp_path: Path) -> None:
    prepare(FolderPhotos(source), tmp_path / "a")
    write_photos(source / "aaa", 9, 7)
    prepare(FolderPhotos(source), tmp_path / "b")
    before, after = names_in(tmp_path / "a"), names_in(tmp_path / "b")
    assert all(before[split] <= after[split] for split in before)


@pytest.mark.parametrize("place", ["hardlink", "copy", "symlink"])
def test_photos_are_placed_as_asked(source: Path, tmp_path: Path, place: str) -> None:
    prepare(FolderPhotos(source), tmp_path / "data", place=place)
    photo = next((tmp_path / "data" / "train" / "agate").iterdir())
    original = source / "agate" / photo.name
    assert photo.read_bytes() == original.read_bytes()
    assert photo.is_symlink() == (place == "symlink")
    assert photo.samefile(original) == (place != "copy")


def test_a_copy_is_made_where_links_are_impossible(
    source: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(*_: object, **__: object) -> None:
        raise OSError("Invalid cross-device link")

    monkeypatch.setattr(os, "link", refuse)
    prepare(FolderPhotos(source), tmp_path / "data")
    assert sum(map(len, names_in(tmp_path / "data").values())) == 35


def test_nested_folders_odd_suffixes_and_scripts(tmp_path: Path) -> None:
    source = tmp_path / "photos"
    write_photos(source / "石英", 1, 3)
    write_photos(source / "石英" / "trip" / "day 2", 2, 3)
    write_photos(source / "opale", 3, 3)
    Image.new("RGB", (9, 9)).save(source / "opale" / "UPPER.JPG", format="JPEG")
    Image.new("RGB", (9, 9)).save(source / "opale" / "none", format="PNG")
    (source / "opale" / "notes.txt").write_text("not a photo")
    (source / "opale" / ".hidden.png").write_text("not a photo")
    (source / ".git").mkdir()
    made = prepare(FolderPhotos(source), tmp_path / "data")
    assert {name: sum(of.values()) for name, of in made.counts.items()} == {"opale": 5, "石英": 6}
    assert made.skipped == []
    assert made.not_photos == {".txt": 1}
    assert any((tmp_path / "data").rglob("trip/day 2/*.png"))


def test_photos_that_cannot_be_read_are_named_and_skipped(source: Path, tmp_path: Path) -> None:
    whole = (source / "agate" / "0.png").read_bytes()
    (source / "agate" / "cut.png").write_bytes(whole[: len(whole) // 2])
    (source / "agate" / "text.jpg").write_text("no photo")
    made = prepare(FolderPhotos(source), tmp_path / "data")
    assert sorted(Path(path).name for path, _ in made.skipped) == ["cut.png", "text.jpg"]
    assert all(reason for _, reason in made.skipped)
    assert sum(made.counts["agate"].values()) == 20
    written = json.loads((tmp_path / "data" / "prepared.json").read_text("utf-8"))
    assert len(written["made"]["skipped"]) == 2


def test_a_class_too_small_to_split_is_told(source: Path, tmp_path: Path) -> None:
    write_photos(source / "gold", 5, 2)
    write_photos(source / "opal", 6, 1)
    with pytest.raises(UserError, match=r"gold \(2\), opal \(1\)"):
        prepare(FolderPhotos(source), tmp_path / "data")
    assert not (tmp_path / "data").exists()


@pytest.mark.parametrize("text", ["80/10", "80/10/0", "a/b/c", "80/10/-10", "inf/1/1", ""])
def test_shares_that_are_none(text: str) -> None:
    with pytest.raises(UserError, match="80/10/10"):
        parse_shares(text)


def test_shares_are_scaled_to_one() -> None:
    assert parse_shares("6/1/1") == (0.75, 0.125, 0.125)


def test_large_shares_leave_a_photo_to_train_on(source: Path, tmp_path: Path) -> None:
    made = prepare(FolderPhotos(source), tmp_path / "data", shares=(0.01, 0.01, 0.98))
    assert all(min(of.values()) >= 1 for of in made.counts.values())


def test_imbalance_cuts_the_training_photos_alone(source: Path, tmp_path: Path) -> None:
    full = prepare(FolderPhotos(source), tmp_path / "full")
    cut = prepare(FolderPhotos(source), tmp_path / "cut", imbalance=8)
    assert {name: of["train"] for name, of in cut.counts.items()} == {
        "agate": 16,
        "钠长石": 6,
        "copper": 2,
    }
    assert cut.left_out == 16 + 8 + 3 - (16 + 6 + 2)
    for split in ("val", "test"):
        assert names_in(tmp_path / "full")[split] == names_in(tmp_path / "cut")[split]
    assert full.left_out == 0


def test_an_output_that_exists_is_kept(source: Path, tmp_path: Path) -> None:
    data = tmp_path / "data"
    prepare(FolderPhotos(source), data, seed=1)
    before = names_in(data)
    with pytest.raises(UserError, match="--force"):
        prepare(FolderPhotos(source), data, seed=2)
    assert names_in(data) == before
    prepare(FolderPhotos(source), data, seed=2, force=True)
    assert names_in(data) != before
    foreign = tmp_path / "mine"
    write_photos(foreign, 1, 1)
    with pytest.raises(UserError, match="not made by this command"):
        prepare(FolderPhotos(source), foreign, force=True)
    assert (foreign / "0.png").exists()


def test_an_output_inside_the_photos_is_refused(source: Path) -> None:
    with pytest.raises(UserError, match="inside"):
        prepare(FolderPhotos(source), source / "data")


def test_a_class_name_that_is_no_text_is_told(source: Path, tmp_path: Path) -> None:
    (source / "Z\udce9ro").mkdir()
    with pytest.raises(UserError, match=r"Z\\udce9ro.*rename"):
        prepare(FolderPhotos(source), tmp_path / "data")


def test_a_source_of_one_class_is_told(tmp_path: Path) -> None:
    write_photos(tmp_path / "photos" / "agate", 1, 5)
    with pytest.raises(UserError, match="1 class: it needs at least two"):
        prepare(FolderPhotos(tmp_path / "photos"), tmp_path / "data")


def test_nothing_half_made_is_left_when_it_fails(
    source: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(*_: object, **__: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("mineral_recog.curation.preparation.shutil.copyfile", full)
    with pytest.raises(OSError, match="No space"):
        prepare(FolderPhotos(source), tmp_path / "data", place="copy")
    assert [path.name for path in tmp_path.iterdir()] == ["photos"]


def with_copies(source: Path) -> None:
    """Sharp pictures: opal with every second one saved anew, gold with one of the opals."""
    for name in ("opal", "gold"):
        (source / name).mkdir()
    for seed in range(20):
        scene(seed).save(source / "opal" / f"{seed}.png")
        scene(seed).resize((150, 120)).save(source / "opal" / f"{seed} small.jpg")
    for seed in range(30, 36):
        scene(seed).save(source / "gold" / f"{seed}.png")
    scene(3).save(source / "gold" / "opal.png")


def stems(data: Path, split: str, name: str) -> set[str]:
    return {path.stem.split(" ")[0] for path in (data / split / name).rglob("*.*")}


def test_copies_stay_together_and_those_of_two_classes_are_set_aside(
    source: Path, tmp_path: Path
) -> None:
    with_copies(source)
    made = prepare(FolderPhotos(source), tmp_path / "data")
    splits = [stems(tmp_path / "data", split, "opal") for split in ("train", "val", "test")]
    assert len(set.union(*splits)) == sum(map(len, splits)) == 19
    assert made.counts["opal"] == {"train": 30, "val": 4, "test": 4}
    assert made.copies.set_aside == ["gold/opal.png", "opal/3 small.jpg", "opal/3.png"]
    assert (made.copies.photos, made.copies.groups) == (38, 19)
    # Some 8 of 40 are held out, and nearly all of their twins are in train; gold's opal at times.
    assert 4 < made.copies.would_leak < 9
    assert made.findings["near"] == 38
    assert made.findings["two_classes"] == 3
    assert sum(made.counts["gold"].values()) == 6
    written = json.loads((tmp_path / "data" / "prepared.json").read_text("utf-8"))
    assert written["made"]["copies"]["set_aside"] == made.copies.set_aside


def test_decisions_settle_what_is_in_doubt(source: Path, tmp_path: Path) -> None:
    with_copies(source)
    decisions = Decisions(
        keep=("opal/3.png",),
        drop=("gold/opal.png", "agate/0.png", "agate/none.png"),
        move={"gold/30.png": "opal"},
    )
    made = prepare(FolderPhotos(source), tmp_path / "data", decisions=decisions)
    assert made.copies.set_aside == []
    assert (made.dropped, made.moved, made.not_there) == (2, 1, ["agate/none.png"])
    assert sum(made.counts["opal"].values()) == 41
    assert sum(made.counts["gold"].values()) == 5
    assert sum(made.counts["agate"].values()) == 19
    assert len(list((tmp_path / "data").glob("*/opal/from gold/30.png"))) == 1
    assert (source / "gold" / "30.png").exists()
    assert (source / "gold" / "opal.png").exists()


def test_a_picture_that_the_user_wants_under_two_classes_is_trained_on(
    source: Path, tmp_path: Path
) -> None:
    with_copies(source)
    decisions = Decisions(keep=("gold/opal.png", "opal/3.png"))
    made = prepare(FolderPhotos(source), tmp_path / "data", decisions=decisions)
    assert made.copies.set_aside == ["opal/3 small.jpg"]
    train = tmp_path / "data" / "train"
    assert (train / "gold" / "opal.png").exists()
    assert (train / "opal" / "3.png").exists()


def test_a_move_to_the_class_of_the_copy_settles_it(source: Path, tmp_path: Path) -> None:
    with_copies(source)
    made = prepare(
        FolderPhotos(source), tmp_path / "data", decisions=Decisions(move={"gold/opal.png": "opal"})
    )
    assert made.copies.set_aside == []
    assert (made.copies.photos, made.copies.groups) == (41, 20)


def test_classes_that_are_merged(source: Path, tmp_path: Path) -> None:
    write_photos(source / "Copper", 11, 4)
    decisions = Decisions(classes={"Copper": "copper"})
    made = prepare(FolderPhotos(source), tmp_path / "data", decisions=decisions)
    assert set(made.counts) == {"agate", "copper", "钠长石"}
    assert sum(made.counts["copper"].values()) == 9
    assert made.findings["class_names"] == 2
    with pytest.raises(UserError, match="the class gold"):
        prepare(
            FolderPhotos(source),
            tmp_path / "other",
            decisions=Decisions(classes={"Copper": "gold"}),
        )


def test_a_class_of_copies_is_too_small(source: Path, tmp_path: Path) -> None:
    (source / "opal").mkdir()
    for number in range(9):
        scene(number % 2).save(source / "opal" / f"{number}.png")
    with pytest.raises(UserError, match=r"copies of each other counting as one: opal \(9\)"):
        prepare(FolderPhotos(source), tmp_path / "data")


def given_splits(root: Path) -> None:
    """Train and test of two classes; of opal 0, a small one in train, and of gold 20 one in test.

    Opal has 10 photos in train and 4 in test, gold 6 and 2.
    """
    for name, first, train, test in (("opal", 0, 10, 4), ("gold", 20, 6, 2)):
        for number in range(train + test):
            split = "test" if number < test else "train"
            path = root / split / name / f"{first + number}.png"
            path.parent.mkdir(parents=True, exist_ok=True)
            scene(first + number).save(path)
    for seed, path in ((0, root / "train/opal/0 small.jpg"), (24, root / "test/gold/24 small.jpg")):
        scene(seed).resize((150, 120)).save(path)


def test_given_splits_are_kept_without_their_leaks(tmp_path: Path) -> None:
    given_splits(tmp_path / "photos")
    made = prepare(FolderPhotos(tmp_path / "photos"), tmp_path / "data")
    assert made.given == ["train", "test"]
    assert made.copies.left_out == ["gold/train/24.png", "opal/train/0 small.jpg"]
    assert made.copies.would_leak == 2
    # A tenth of what is left of each class goes from train to val: 14 and 8 photos.
    assert made.counts == {
        "gold": {"train": 4, "val": 1, "test": 3},
        "opal": {"train": 9, "val": 1, "test": 4},
    }
    assert stems(tmp_path / "data", "test", "opal") == {"0", "1", "2", "3"}
    assert stems(tmp_path / "data", "test", "gold") == {"20", "21", "24"}
    written = json.loads((tmp_path / "data" / "prepared.json").read_text("utf-8"))
    assert written["split"] is None
    assert written["made"]["copies"]["left_out"] == made.copies.left_out
    with pytest.raises(UserError, match="gives the splits itself: leave out --split"):
        prepare(FolderPhotos(tmp_path / "photos"), tmp_path / "other", shares=(0.8, 0.1, 0.1))


def test_copies_under_two_classes_are_set_aside_from_given_splits(tmp_path: Path) -> None:
    given_splits(tmp_path / "photos")
    scene(21).save(tmp_path / "photos/train/opal/gold.png")
    made = prepare(FolderPhotos(tmp_path / "photos"), tmp_path / "data")
    assert made.copies.set_aside == ["gold/test/21.png", "opal/train/gold.png"]
    assert made.copies.would_leak == 3
    assert stems(tmp_path / "data", "test", "gold") == {"20", "24"}
    kept = Decisions(keep=("gold/test/21.png",))
    made = prepare(FolderPhotos(tmp_path / "photos"), tmp_path / "other", decisions=kept)
    assert made.copies.set_aside == ["opal/train/gold.png"]
    assert stems(tmp_path / "other", "test", "gold") == {"20", "21", "24"}


def test_a_long_tail_of_given_splits_is_cut_from_train(tmp_path: Path) -> None:
    given_splits(tmp_path / "photos")
    made = prepare(FolderPhotos(tmp_path / "photos"), tmp_path / "data", imbalance=4)
    assert {name: list(of.values()) for name, of in made.counts.items()} == {
        "gold": [2, 1, 3],
        "opal": [9, 1, 4],
    }


def test_given_splits_that_are_too_small_or_not_to_train_on(tmp_path: Path) -> None:
    given_splits(tmp_path / "photos")
    for name in ("agate", "beryl"):
        (tmp_path / "photos" / "train" / name).mkdir()
    scene(50).save(tmp_path / "photos/train/agate/50.png")
    told = r"agate \(train 1, val 0, test 0\); beryl \(.*Each needs train 2, test 1"
    with pytest.raises(UserError, match=told):
        prepare(FolderPhotos(tmp_path / "photos"), tmp_path / "data")
    (tmp_path / "photos" / "train").rename(tmp_path / "photos" / "val")
    with pytest.raises(UserError, match="gives test and val and no train"):
        prepare(FolderPhotos(tmp_path / "photos"), tmp_path / "data")


def test_a_split_for_some_photos_alone_is_told(tmp_path: Path) -> None:
    rows = [f"{n}.png,{name},{'train' if n else ''}" for name in ("opal", "gold") for n in (0, 1)]
    (tmp_path / "a.csv").write_text("\n".join(("path,label,split", *rows)))
    with pytest.raises(UserError, match=r"none to 2, the first gold/0\.png"):
        prepare(ManifestPhotos(tmp_path / "a.csv"), tmp_path / "data")


class Packed(FolderPhotos):
    """Photos that are no files of their own."""

    def file(self, photo: str) -> None:  # type: ignore[override]
        return None

    def open(self, photo: str) -> BinaryIO:
        return BytesIO((self.root / photo).read_bytes())


def test_photos_inside_another_file_are_copied(source: Path, tmp_path: Path) -> None:
    (source / "agate" / "torn.png").write_bytes(b"torn")
    made = prepare(Packed(source), tmp_path / "packed", place="symlink")
    assert [path for path, _ in made.skipped] == [f"{source}: agate/torn.png"]
    prepare(FolderPhotos(source), tmp_path / "plain", place="copy")
    files = [path for path in (tmp_path / "packed").rglob("*/*.png")]
    assert len(files) == 35
    for path in files:
        twin = tmp_path / "plain" / path.relative_to(tmp_path / "packed")
        assert path.read_bytes() == twin.read_bytes()
        assert not path.is_symlink()


def test_a_link_to_the_parent_is_told_and_not_followed(source: Path, tmp_path: Path) -> None:
    (source / "loop").symlink_to(source, target_is_directory=True)
    made = prepare(FolderPhotos(source), tmp_path / "data")
    assert sum(sum(of.values()) for of in made.counts.values()) == 35
    assert made.findings["link"] == 1
