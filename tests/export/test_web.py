"""The static page: its files, and its answers in JavaScript against those of the server."""

from __future__ import annotations

import json
import re
import subprocess
from collections.abc import Callable
from io import BytesIO
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image
from starlette.testclient import TestClient

from mineral_recog.data.images import convert_image
from mineral_recog.errors import DataError, OutputExistsError
from mineral_recog.export.web import export_web, site_files
from mineral_recog.identify.identifier import Identifier, load
from mineral_recog.models.export_config import CONFIG
from mineral_recog.serve.app import build_app
from tests.programs import NEEDS_NODE, NODE

NODE_SCRIPT = Path(__file__).with_name("offline_answers.mjs")
Answers = Callable[..., dict[str, Any]]


@pytest.fixture(scope="module")
def model(exported: Path) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in exported.iterdir()}


@pytest.fixture(scope="module")
def site(model: dict[str, bytes], tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_site(model, tmp_path_factory.mktemp("site"))


def write_site(model: dict[str, bytes], folder: Path) -> Path:
    for name, content in site_files(model).items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_bytes(content)
    return folder


@pytest.fixture(scope="module")
def identifier(site: Path) -> Identifier:
    return load(site / "model")


def answers(site: Path, folder: Path, photos: list[dict[str, Any]], **more: Any) -> dict[str, Any]:
    """Return the answers of the JavaScript; each photo has its `image`, in RGB."""
    for number, photo in enumerate(photos):
        image = photo.pop("image")
        path = folder / f"{number}.rgb"
        path.write_bytes(np.asarray(image).tobytes())
        photo.update(pixels=str(path), width=image.width, height=image.height)
    request = json.dumps({"site": str(site), "photos": photos, **more})
    assert NODE is not None
    done = subprocess.run([NODE, NODE_SCRIPT], input=request, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    found: dict[str, Any] = json.loads(done.stdout)
    return found


def assert_alike(actual: Any, expected: Any, where: str = "") -> None:
    """Compare JSON values; numbers within 1e-3, or 0.1 % of large ones."""
    if isinstance(expected, dict):
        assert actual.keys() == expected.keys(), where
        for key in expected:
            assert_alike(actual[key], expected[key], f"{where}.{key}")
    elif isinstance(expected, list):
        assert len(actual) == len(expected), where
        for number, value in enumerate(expected):
            assert_alike(actual[number], value, f"{where}[{number}]")
    elif isinstance(expected, int | float) and not isinstance(expected, bool):
        assert actual == pytest.approx(expected, abs=1e-3, rel=1e-3), where
    else:
        assert actual == expected, where


def made_photos() -> list[Image.Image]:
    """Return photos of many kinds: plain, wide, small specimens, blank, dark, blurred, tiny.

    The last one is a wall in uneven light, which is blank too.
    """
    rng = np.random.default_rng(0)
    noise = rng.integers(0, 256, (90, 121, 3), dtype=np.uint8)
    ground = np.full((300, 401, 3), 200, np.uint8) + rng.integers(0, 5, (300, 401, 3), np.uint8)
    ground[40:100, 260:330] = rng.integers(0, 120, (60, 70, 3), dtype=np.uint8)
    smooth = Image.fromarray(noise[:8, :8]).resize((300, 280), Image.Resampling.BICUBIC)
    arrays = [noise, ground, np.full((64, 64, 3), 90, np.uint8), noise // 9, noise[:9, :7]]
    arrays.append(np.tile(noise, (1, 6, 1)))
    light = np.linspace(60, 140, 300)[:, None] + np.linspace(0, 60, 280)
    wall = Image.fromarray(np.repeat(light[..., None], 3, axis=2).astype(np.uint8))
    return [*map(Image.fromarray, arrays), smooth, wall]


@NEEDS_NODE
def test_answers_are_those_of_the_server(
    site: Path, identifier: Identifier, prepared: Path, tmp_path: Path
) -> None:
    paths = sorted((prepared / "test").rglob("*.png"))[::4]
    images = [*made_photos(), *(Image.open(path).convert("RGB") for path in paths)]
    with TestClient(build_app(identifier), "http://localhost") as client:
        expected = [client.post("/identify", content=_png(image)).json() for image in images]
        region = "0.6,0.1,0.3,0.3"
        expected.append(client.post(f"/identify?crop={region}", content=_png(images[1])).json())
        sightings = [answer["sightings"][0] for answer in expected]
        questions = [
            {"sightings": sightings[:2], "evidence": {"hardness": "6-7"}, "top": 2},
            {"sightings": sightings[1:5], "evidence": {}, "top": 5},
            {"sightings": sightings[2:3], "evidence": {"streak": "white"}, "top": 1},
            {"sightings": sightings[6:9], "evidence": {"density": "8.9"}, "top": 3},
        ]
        specimens = [client.post("/identify", json=question).json() for question in questions]
        minerals = client.get("/minerals").json()
    photos: list[dict[str, Any]] = [{"image": image, "withHeatMap": True} for image in images]
    photos.append(
        {
            "image": images[1],
            "withHeatMap": True,
            "crop": [float(part) for part in region.split(",")],
        }
    )
    found = answers(site, tmp_path, photos, questions=questions)
    kinds = {kind for answer in expected for kind in answer["sightings"][0]["problems"]}
    assert kinds == {"small", "dark", "blurred", "flat", "blank"} - {"flat"}
    assert list(sightings[len(made_photos()) - 1]["problems"]) == ["blank"]
    assert expected[1]["crops"] != [None]
    assert found["minerals"] | minerals == found["minerals"]
    for number, (actual, wanted) in enumerate(zip(found["answers"], expected, strict=True)):
        maps = [np.array(answer["heat_map"].pop("values")) for answer in (actual, wanted)]
        np.testing.assert_allclose(maps[0], maps[1], atol=0.02)
        assert_alike(actual, wanted, str(number))
    for actual, wanted in zip(found["specimens"], specimens, strict=True):
        assert_alike(actual, wanted)


@NEEDS_NODE
def test_photos_are_resized_as_the_model_asks(model: dict[str, bytes], tmp_path: Path) -> None:
    config = json.loads(model[CONFIG])
    config["preprocessing"]["interpolation"] = "bicubic"
    site = write_site(model | {CONFIG: json.dumps(config).encode()}, tmp_path)
    images = made_photos()[:2]
    with TestClient(build_app(load(site / "model")), "http://localhost") as client:
        expected = [client.post("/identify", content=_png(image)).json() for image in images]
    found = answers(site, tmp_path, [{"image": image} for image in images])
    for actual, wanted in zip(found["answers"], expected, strict=True):
        assert_alike(actual["candidates"], wanted["candidates"])


def test_model_of_an_earlier_score_is_refused(model: dict[str, bytes]) -> None:
    config = json.loads(model[CONFIG])
    config["calibration"] |= {"novelty_overall": None, "novelty_ordinary": 1.0}
    with pytest.raises(DataError, match=r"earlier version.*--to onnx"):
        site_files(model | {CONFIG: json.dumps(config).encode()})


@NEEDS_NODE
def test_large_jpeg_is_reduced_as_by_the_command(
    site: Path, identifier: Identifier, tmp_path: Path
) -> None:
    large = made_photos()[1].resize((1203, 901), Image.Resampling.BICUBIC)
    jpeg = BytesIO()
    large.save(jpeg, "JPEG", quality=95)
    image = Image.open(jpeg)
    expected = identifier.identify(image).to_dict()
    photo = {"image": convert_image(image).image, "isJpeg": True}
    (actual,) = answers(site, tmp_path, [photo])["answers"]
    for key in ("candidates", "none_of_these", "crops", "warnings"):
        assert_alike(actual[key], expected[key], key)


@NEEDS_NODE
def test_similar_photos_are_those_of_the_run(
    trained: Path, model: dict[str, bytes], prepared: Path, tmp_path: Path
) -> None:
    photos = {f"gallery/{path.name}": path.read_bytes() for path in (trained / "gallery").iterdir()}
    for name, content in site_files(model | photos).items():
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_bytes(content)
    identifier = load(tmp_path / "model")  # reads the gallery as well
    image = Image.open(next((prepared / "test").rglob("*.png"))).convert("RGB")
    with TestClient(build_app(identifier), "http://localhost") as client:
        expected = client.post("/identify", content=_png(image)).json()["similar"]
    (actual,) = answers(tmp_path, tmp_path, [{"image": image}])["answers"]
    assert len(expected) == 4
    assert_alike(actual["similar"], expected)


def test_gallery_that_is_missing_is_reported(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="no gallery"):
        export_web(tmp_path, tmp_path / "site", gallery=True)


def test_folder_needs_nothing_from_elsewhere(site: Path) -> None:
    index = (site / "index.html").read_text(encoding="utf-8")
    assert "Content-Security-Policy" in index
    assert "openapi" not in index
    for name in re.findall('(?:href|src)="([^"]+)"', index):
        assert (site / name).is_file()
    manifest = json.loads((site / "manifest.webmanifest").read_text(encoding="utf-8"))
    assert all((site / icon["src"]).is_file() for icon in manifest["icons"])
    imports = re.compile(r'(?:from|import) "([^"]+)"')
    for module in (site / "static").rglob("*.js"):
        for name in imports.findall(module.read_text(encoding="utf-8")):
            assert (module.parent / name).is_file(), (module, name)


def test_service_worker_keeps_all_files_under_a_version(
    site: Path, model: dict[str, bytes]
) -> None:
    source = (site / "service_worker.js").read_text(encoding="utf-8")
    (version,) = re.findall('^const VERSION = "([0-9a-f]{16})";', source)
    (names,) = re.findall(r"^const FILES = (\[.*\]);", source, re.M)
    kept = {site / name.replace("./", "index.html") for name in json.loads(names)}
    others = {path for path in site.rglob("*") if path.is_file()} - kept
    assert {path.name for path in others} == {
        "service_worker.js", "LICENSE", "ThirdPartyNotices.txt"
    }  # fmt: skip
    again = site_files(model)["service_worker.js"].decode()
    assert version in again
    other = site_files(model | {"model.onnx": b"another network"})["service_worker.js"].decode()
    assert version not in other


def test_folder_of_the_user_is_not_replaced(trained: Path, tmp_path: Path) -> None:
    (tmp_path / "site").mkdir()
    (tmp_path / "site" / "notes.txt").write_text("mine")
    with pytest.raises(OutputExistsError, match=r"notes\.txt"):
        export_web(trained, tmp_path / "site", force=True)


def _png(image: Image.Image) -> bytes:
    target = BytesIO()
    image.save(target, "PNG")
    return target.getvalue()
