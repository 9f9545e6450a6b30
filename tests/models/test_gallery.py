"""The gallery: what is written is read, nothing else is."""

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
from tests.conftest import dataset_of

Tensors = dict[str, NDArray[Any]]
COUNTS = (40, 3)
LABELS = np.repeat([0, 1], COUNTS)


@pytest.fixture(scope="module")
def features() -> NDArray[np.float32]:
    """Of 43 photos, in directions that differ, [43, 8]."""
    return np.random.default_rng(0).normal(size=(43, 8)).astype(np.float32)


@pytest.fixture(scope="module")
def photos(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """43 photos, each of a grey of its own; grey 5 n is that of photo n."""
    root = tmp_path_factory.mktemp("photos")
    for photo in range(43):
        Image.new("RGB", (24, 16), (5 * photo,) * 3).save(root / f"{photo}.png")
    return root


@pytest.fixture
def run(tmp_path: Path, photos: Path, features: NDArray[np.float32]) -> Path:
    of = dataset_of(photos, [f"{n}.png" for n in range(43)])
    write_gallery(tmp_path, features, LABELS, of, seed=0)
    return tmp_path


def read(run: Path) -> Gallery:
    gallery = read_gallery(run, classes=2, dimensions=8)
    assert gallery is not None
    return gallery


def test_at_most_30_photos_of_a_class(run: Path) -> None:
    gallery = read(run)
    assert gallery.labels == (0,) * 30 + (1,) * 3
    assert len(set(gallery.photos)) == 33
    assert gallery.photos[30:] == ("40.png", "41.png", "42.png")


def test_nearest_finds_the_photo_itself(run: Path, features: NDArray[np.float32]) -> None:
    gallery = read(run)
    for name, label in zip(gallery.photos, gallery.labels, strict=True):
        photo = int(name.removesuffix(".png"))
        first, second = gallery.nearest(3 * features[photo], 2)
        assert (first.photo, first.label) == (name, label)
        assert first.similarity == pytest.approx(1, abs=2e-3)  # kept in float16
        assert second.similarity < 0.99
        with Image.open(BytesIO(first.jpeg)) as thumbnail:
            assert thumbnail.size == (160, 160)
            assert thumbnail.convert("L").getpixel((80, 80)) == pytest.approx(5 * photo, abs=3)


def test_a_run_without_a_gallery_has_none(tmp_path: Path) -> None:
    assert read_gallery(tmp_path, 2, 8) is None


def test_names_that_are_no_utf8_can_be_written(tmp_path: Path, photos: Path) -> None:
    name = "\udc80.png"
    (tmp_path / "photos").mkdir()
    try:
        Image.open(photos / "0.png").save(tmp_path / "photos" / name)
    except OSError:
        pytest.skip("names are UTF-8 here")
    of = dataset_of(tmp_path / "photos", [name])
    write_gallery(tmp_path, np.ones((1, 8), np.float32), np.array([0]), of, 0)
    assert read(tmp_path).photos == (r"\udc80.png",)


def refused(run: Path, reason: str, classes: int = 2, dimensions: int = 8) -> None:
    with pytest.raises(UserError, match=rf"gallery is damaged.*{reason}.*remove it") as told:
        read_gallery(run, classes, dimensions)
    assert "\n" not in str(told.value)


def test_the_gallery_of_another_model_is_refused(run: Path) -> None:
    refused(run, "other shapes", dimensions=9)
    refused(run, "does not know", classes=1)


def break_nan(tensors: Tensors) -> None:
    tensors["features"][3, 2] = np.nan


def break_order(tensors: Tensors) -> None:
    tensors["ends"][:2] = tensors["ends"][1::-1]


@pytest.mark.parametrize(
    ("edit", "reason"),
    [
        (break_nan, "not finite"),
        (break_order, "cut short"),
        (lambda t: t.update(jpegs=t["jpegs"][:-1].copy()), "cut short"),
        (lambda t: t.update(features=t["features"][1:].copy()), "other shapes"),
        (lambda t: t.update(features=t["features"].astype(np.float32)), "other types"),
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
    refused(run, reason)


@pytest.mark.parametrize("name", ["gallery.safetensors", "gallery.json"])
def test_files_that_are_torn_or_gone_are_refused(run: Path, name: str) -> None:
    file = run / "gallery" / name
    file.write_bytes(file.read_bytes()[:50])
    refused(run, "")
    file.unlink()
    refused(run, "")


def test_a_gallery_too_large_is_refused(run: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    size = (run / "gallery" / "gallery.safetensors").stat().st_size
    monkeypatch.setattr(galleries, "LARGEST", size)
    read(run)
    monkeypatch.setattr(galleries, "LARGEST", size - 1)
    refused(run, "too large")


def test_names_of_another_schema_are_refused(run: Path) -> None:
    file = run / "gallery" / "gallery.json"
    names = json.loads(file.read_text("utf-8"))
    names["photos"][0]["code"] = "x"
    file.write_text(json.dumps(names), encoding="utf-8")
    refused(run, "code")
