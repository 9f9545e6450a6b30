"""Photos to evaluate on that are copies of training photos."""

from __future__ import annotations

from pathlib import Path

import pytest

from mineral_recog.curation.preparation import prepare
from mineral_recog.data.dataset import read_split
from mineral_recog.data.readers.folder_reader import FolderSource
from mineral_recog.evaluation import leakage
from mineral_recog.evaluation.leakage import find_leakage
from tests.duplicates.scenes import scene


def write(data: Path, split: str, photos: dict[str, int]) -> None:
    for name, seed in photos.items():
        path = data / split / name
        path.parent.mkdir(parents=True, exist_ok=True)
        image = scene(seed)
        (image.resize((150, 120)) if "small" in name else image).save(path)


@pytest.fixture
def data(tmp_path: Path) -> Path:
    """Make four test photos: b copies a training photo of another class; d copies c."""
    write(tmp_path / "data", "train", {"opal/a.png": 1, "opal/b.png": 2, "gold/c.png": 3})
    test = {"gold/a.png": 11, "gold/b small.jpg": 2, "opal/c.png": 12, "opal/d small.jpg": 12}
    write(tmp_path / "data", "test", test)
    return tmp_path / "data"


def test_copies_are_found_in_a_folder_made_by_hand(data: Path) -> None:
    train, test = read_split(data, "train"), read_split(data, "test")
    assert test.paths[1] == "gold/b small.jpg"
    assert find_leakage(data, train, test) == (1,)


def test_too_many_photos_are_not_checked(data: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(leakage, "MAX_PHOTOS", 6)
    assert find_leakage(data, read_split(data, "train"), read_split(data, "test")) is None


def test_prepared_folder_is_not_checked_while_its_counts_are_unchanged(tmp_path: Path) -> None:
    source, data = tmp_path / "photos", tmp_path / "data"
    for name, first in (("opal", 0), ("gold", 20)):
        (source / name).mkdir(parents=True)
        for seed in range(first, first + 6):
            scene(seed).save(source / name / f"{seed}.png")
    prepare(FolderSource(source), data)
    train = read_split(data, "train")
    replaced = data / "test" / "opal" / next((data / "test" / "opal").iterdir()).name
    replaced.write_bytes((data / "train" / train.paths[0]).read_bytes())
    # The counts are unchanged: no photo is read, so the replaced photo is not found.
    assert find_leakage(data, train, read_split(data, "test")) == ()
    (data / "test" / "opal" / "one more.png").write_bytes(replaced.read_bytes())
    test = read_split(data, "test")
    assert [test.paths[index] for index in find_leakage(data, train, test) or ()] == sorted(
        ["opal/one more.png", f"opal/{replaced.name}"]
    )


def test_training_photos_of_another_folder_are_compared(data: Path, tmp_path: Path) -> None:
    write(tmp_path / "other", "train", {"opal/x small.jpg": 12})
    train = read_split(tmp_path / "other", "train")
    assert find_leakage(data, train, read_split(data, "test")) == (2, 3)
