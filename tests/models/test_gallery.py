"""The gallery: reading returns what was written, and refuses anything else."""

from __future__ import annotations

import json
from collections.abc import Callable
from io import BytesIO
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray
from PIL import Image
from safetensors.numpy import load_file, save_file

from mineral_recog.errors import UserError
from mineral_recog.models import gallery as galleries
from mineral_recog.models.gallery import Gallery, read_gallery, write_gallery
from tests.conftest import make_dataset

Tensors = dict[str, NDArray[Any]]
COUNTS = (40, 3)
LABELS = np.repeat([0, 1], COUNTS)


@pytest.fixture(scope="module")
def features() -> NDArray[np.float32]:
    """Return features of 43 photos with different directions, [43, 8]."""
    return np.random.default_rng(0).normal(size=(43, 8)).astype(np.float32)


@pytest.fixture(scope="module")
def photo_folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Write 43 photos; photo n has the grey level 5 n."""
    root = tmp_path_factory.mktemp("photos")
    for number in range(43):
        Image.new("RGB", (24, 16), (5 * number,) * 3).save(root / f"{number}.png")
    return root


@pytest.fixture
def run(tmp_path: Path, photo_folder: Path, features: NDArray[np.float32]) -> Path:
    dataset = make_dataset(photo_folder, [f"{n}.png" for n in range(43)])
    write_gallery(tmp_path, features, LABELS, dataset, seed=0)
    return tmp_path


def read_test_gallery(run: Path) -> Gallery:
    gallery = read_gallery(run, classes=2, dimensions=8)
    assert gallery is not None
    return gallery


def test_at_most_30_photos_per_class(run: Path) -> None:
    gallery = read_test_gallery(run)
    assert gallery.labels == (0,) * 30 + (1,) * 3
    assert len(set(gallery.paths)) == 33
    assert gallery.paths[30:] == ("40.png", "41.png", "42.png")


def test_nearest_returns_the_same_photo_first(run: Path, features: NDArray[np.float32]) -> None:
    gallery = read_test_gallery(run)
    for path, label in zip(gallery.paths, gallery.labels, strict=True):
        number = int(path.removesuffix(".png"))
        first, second = gallery.nearest(3 * features[number], 2)
        assert (first.path, first.label) == (path, label)
        assert first.similarity == pytest.approx(1, abs=2e-3)  # stored in float16
        assert second.similarity < 0.99
        with Image.open(BytesIO(first.jpeg)) as thumbnail:
            assert thumbnail.size == (160, 160)
            assert thumbnail.convert("L").getpixel((80, 80)) == pytest.approx(5 * number, abs=3)


def test_missing_gallery_is_none(tmp_path: Path) -> None:
    assert read_gallery(tmp_path, 2, 8) is None


def test_name_that_is_not_utf8_can_be_written(tmp_path: Path, photo_folder: Path) -> None:
    name = "\udc80.png"
    (tmp_path / "photos").mkdir()
    try:
        Image.open(photo_folder / "0.png").save(tmp_path / "photos" / name)
    except OSError:
        pytest.skip("the file system accepts only UTF-8 names")
    dataset = make_dataset(tmp_path / "photos", [name])
    write_gallery(tmp_path, np.ones((1, 8), np.float32), np.array([0]), dataset, 0)
    assert read_test_gallery(tmp_path).paths == (r"\udc80.png",)


def assert_refused(run: Path, reason: str, classes: int = 2, dimensions: int = 8) -> None:
    with pytest.raises(UserError, match=rf"gallery is damaged.*{reason}.*remove it") as error:
        read_gallery(run, classes, dimensions)
    assert "\n" not in str(error.value)


def test_gallery_of_another_model_is_refused(run: Path) -> None:
    assert_refused(run, "wrong shape", dimensions=9)
    assert_refused(run, "does not have", classes=1)


def insert_nan(tensors: Tensors) -> None:
    tensors["features"][3, 2] = np.nan


def swap_ends(tensors: Tensors) -> None:
    tensors["ends"][:2] = tensors["ends"][1::-1]


@pytest.mark.parametrize(
    ("edit", "reason"),
    [
        (insert_nan, "not finite"),
        (swap_ends, "truncated"),
        (lambda t: t.update(jpegs=t["jpegs"][:-1].copy()), "truncated"),
        (lambda t: t.update(features=t["features"][1:].copy()), "wrong shape"),
        (lambda t: t.update(features=t["features"].astype(np.float32)), "wrong type"),
        (lambda t: t.pop("ends"), "ends"),
    ],
)
def test_tensors_that_do_not_fit_are_refused(
    run: Path, edit: Callable[[Tensors], object], reason: str
) -> None:
    file = run / "gallery" / "gallery.safetensors"
    tensors = load_file(file)
    edit(tensors)
    save_file(tensors, file)
    assert_refused(run, reason)


@pytest.mark.parametrize("name", ["gallery.safetensors", "gallery.json"])
def test_truncated_or_missing_files_are_refused(run: Path, name: str) -> None:
    file = run / "gallery" / name
    file.write_bytes(file.read_bytes()[:50])
    assert_refused(run, "")
    file.unlink()
    assert_refused(run, "")


def test_too_large_gallery_is_refused(run: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    size = (run / "gallery" / "gallery.safetensors").stat().st_size
    monkeypatch.setattr(galleries, "MAX_BYTES", size)
    read_test_gallery(run)
    monkeypatch.setattr(galleries, "MAX_BYTES", size - 1)
    assert_refused(run, "too large")


def test_index_of_another_schema_is_refused(run: Path) -> None:
    file = run / "gallery" / "gallery.json"
    index = json.loads(file.read_text("utf-8"))
    index["photos"][0]["code"] = "x"
    file.write_text(json.dumps(index), encoding="utf-8")
    assert_refused(run, "code")
