"""Photos to measure on that are copies of training photos."""

from __future__ import annotations

from pathlib import Path

import pytest

from mineral_recog.curation.preparation import prepare
from mineral_recog.data.dataset import read_split
from mineral_recog.data.readers.folder_reader import FolderPhotos
from mineral_recog.evaluation import leakage
from mineral_recog.evaluation.leakage import leaked
from tests.duplicates.scenes import scene


def write(data: Path, split: str, photos: dict[str, int]) -> None:
    for name, seed in photos.items():
        path = data / split / name
        path.parent.mkdir(parents=True, exist_ok=True)
        image = scene(seed)
        (image.resize((150, 120)) if "small" in name else image).save(path)


@pytest.fixture
def data(tmp_path: Path) -> Path:
    """Of four test photos, b is a near-copy, under another class; c and d are of each other."""
    write(tmp_path / "data", "train", {"opal/a.png": 1, "opal/b.png": 2, "gold/c.png": 3})
    test = {"gold/a.png": 11, "gold/b small.jpg": 2, "opal/c.png": 12, "opal/d small.jpg": 12}
    write(tmp_path / "data", "test", test)
    return tmp_path / "data"


def test_copies_are_found_in_a_folder_of_the_users(data: Path) -> None:
    train, test = read_split(data, "train"), read_split(data, "test")
    assert test.paths[1] == "gold/b small.jpg"
    assert leaked(data, train, test) == (1,)


def test_too_many_photos_are_not_looked_at(data: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(leakage, "MOST", 6)
    assert leaked(data, read_split(data, "train"), read_split(data, "test")) is None


def test_a_prepared_folder_is_believed_while_it_is_as_it_was(tmp_path: Path) -> None:
    source, data = tmp_path / "photos", tmp_path / "data"
    for name, first in (("opal", 0), ("gold", 20)):
        (source / name).mkdir(parents=True)
        for seed in range(first, first + 6):
            scene(seed).save(source / name / f"{seed}.png")
    prepare(FolderPhotos(source), data)
    train = read_split(data, "train")
    torn = data / "test" / "opal" / next((data / "test" / "opal").iterdir()).name
    torn.write_bytes((data / "train" / train.paths[0]).read_bytes())
    # As many photos as there were: nothing is read, so what was put in their place is not seen.
    assert leaked(data, train, read_split(data, "test")) == ()
    (data / "test" / "opal" / "one more.png").write_bytes(torn.read_bytes())
    test = read_split(data, "test")
    assert [test.paths[place] for place in leaked(data, train, test) or ()] == sorted(
        ["opal/one more.png", f"opal/{torn.name}"]
    )


def test_training_photos_from_elsewhere_are_compared(data: Path, tmp_path: Path) -> None:
    write(tmp_path / "other", "train", {"opal/x small.jpg": 12})
    train = read_split(tmp_path / "other", "train")
    assert leaked(data, train, read_split(data, "test")) == (2, 3)
