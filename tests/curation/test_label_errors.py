"""What a model doubts, and how that is told."""

from __future__ import annotations

import json
import shutil
from dataclasses import replace
from io import BytesIO
from pathlib import Path
from typing import BinaryIO

import numpy as np
import pytest
import torch
from PIL import Image
from torch import Tensor

from mineral_recog.calibration.calibration import Calibration
from mineral_recog.calibration.conformal import ConformalScores
from mineral_recog.cli.main import main
from mineral_recog.curation.label_errors import (
    Doubts,
    beliefs,
    find_doubts,
    same_classes,
    self_confidence,
)
from mineral_recog.identify.answer import Sighting
from mineral_recog.identify.identifier import Identifier, Seen, load
from mineral_recog.minerals.facts import read_minerals
from mineral_recog.models.bundle import read_bundle


def test_the_mean_of_a_class_is_that_of_its_validation_photos() -> None:
    scores = ConformalScores(
        np.array([0.1, 0.3, 1.0], np.float32), (2, 1, 0), ("head", "medium", "tail")
    )
    usual = self_confidence(scores)
    assert usual[0] == pytest.approx(0.8)
    assert 0 < usual[1] < 1e-300  # never given any: no photo of it can fall below a share of that
    assert usual[2] == pytest.approx(1.6 / 3)


def test_a_belief_is_measured_by_what_its_class_usually_gets() -> None:
    probabilities = np.array([[0.99, 0.004, 0.006], [0.99, 0.004, 0.006], [0.4, 0.3, 0.3]])
    found = beliefs(probabilities, np.array([1, 2, 0]), np.array([0.9, 0.8, 0.1]))
    # the last is the likeliest, and believed even if its class usually gets more
    assert found.tolist() == pytest.approx([0.005, 0.06, 1.0])


def test_classes_are_known_under_other_names() -> None:
    minerals = read_minerals()
    own = ("Albite", "thing 1", "钠长石", "granite")
    known = ("thing-1", "albite", "Granite", "granite")
    assert same_classes(own, known, minerals) == {
        "Albite": 1, "thing 1": 0, "钠长石": 1, "granite": 3
    }  # fmt: skip
    assert same_classes(("?", "basalt"), ("!", "gabbro"), minerals) == {}


# What the model below gives agate, beryl and copper, and how strange it finds a photo, by its red.
SAID = {
    10: ((0.996, 0.003, 0.001), 0.1),
    20: ((0.980, 0.015, 0.005), 0.2),
    30: ((0.001, 0.989, 0.010), 0.3),
    40: ((0.996, 0.003, 0.001), 1.5),
    50: ((0.200, 0.500, 0.300), 2.5),
    60: ((0.99998, 0.00001, 0.00001), 0.1),
}


class Told(Identifier):
    """A model that says what SAID has."""

    def see(self, views: Tensor) -> list[Seen]:
        said = [SAID[int(view[0, 0, 0])] for view in views]
        return [
            Seen(Sighting(np.log(np.array(p, np.float32)), strange), np.zeros(1, np.float32), view)
            for (p, strange), view in zip(said, views, strict=True)
        ]


@pytest.fixture(scope="module")
def told(trained: Path) -> Told:
    """Validation photos got 0.8 of agate, 0.5 of beryl and 0.2 of copper; strange is above 1."""
    bundle = read_bundle(trained)
    assert bundle.classes == ("agate", "beryl", "copper")
    scores = ConformalScores(np.array([0.2, 0.5, 0.8], np.float32), (1, 1, 1), bundle.groups)
    calibration = Calibration(1.0, scores, replace(bundle.calibration.ood, threshold=1.0))
    return Told(
        replace(bundle, calibration=calibration), read_minerals(), None, torch.device("cpu")
    )


def photo(red: int) -> BinaryIO:
    file = BytesIO()
    Image.new("RGB", (40, 40), (red, 0, 0)).save(file, "PNG")
    file.seek(0)
    return file


def ask(told: Told, photos: dict[str, int], classes: tuple[str, ...]) -> Doubts:
    return find_doubts(
        told, lambda name: photo(photos[name]), list(photos), classes, read_minerals()
    )


def test_photos_are_doubted_under_a_class_that_hardly_gets_its_share(told: Told) -> None:
    photos = {
        "AGATE/right.png": 10,
        "AGATE/wrong.png": 30,  # 0.001 of 0.8: an eight-hundredth
        "绿柱石/agate.png": 10,  # beryl; 0.003 of 0.5: a hundred-and-sixty-sixth
        "绿柱石/perhaps.png": 20,  # 0.015 of 0.5
        "copper/agate.png": 10,  # 0.001 of 0.2
        "copper/perhaps.png": 20,
        "granite/agate.png": 10,
    }
    found = ask(told, photos, ("AGATE", "copper", "granite", "绿柱石"))
    assert [(one.kind, one.paths, one.suggested) for one in found.findings] == [
        ("doubted", ("AGATE/wrong.png",), "绿柱石"),
        ("doubted", ("copper/agate.png",), "AGATE"),
        ("doubted", ("绿柱石/agate.png",), "AGATE"),
    ]
    assert found.findings[0].detail == {
        "en": "model says Beryl 99 %, Agate 0.1 %",
        "zh": "模型判为绿柱石 99%，玛瑙 0.1%",
    }
    assert found.findings[1].detail["en"] == "model says Agate > 99 %, Copper 0.1 %"
    assert found.unknown == ("granite",)
    # no folder for what the model names: nothing to move to
    alone = ask(told, {"copper/agate.png": 10}, ("copper",))
    assert [one.suggested for one in alone.findings] == [""]


def test_two_names_of_one_mineral_are_not_set_against_each_other(told: Told) -> None:
    both = Told(
        replace(told.bundle, classes=("beryl", "Beryl", "copper")),
        read_minerals(),
        None,
        told.device,
    )
    found = ask(both, {"Beryl/1.png": 10, "copper/1.png": 10}, ("Beryl", "copper"))
    assert [(one.paths[0], one.suggested) for one in found.findings] == [("copper/1.png", "Beryl")]


def test_a_class_that_is_no_mineral_keeps_its_name_and_nothing_is_impossible(told: Told) -> None:
    own = replace(told.bundle, classes=("agate", "thing 1", "copper"))
    known = Told(own, read_minerals(), None, told.device)
    (found,) = ask(known, {"thing-1/1.png": 60}, ("thing-1",)).findings
    assert found.detail == {
        "en": "model says Agate > 99 %, thing 1 < 0.01 %",
        "zh": "模型判为玛瑙 > 99%，thing 1 < 0.01%",
    }


def test_what_is_far_is_told_strangest_first_and_as_nothing_else(told: Told) -> None:
    photos = {"copper/a.png": 40, "copper/b.png": 50, "copper/c.png": 10, "granite/d.png": 50}
    found = ask(told, photos, ("copper", "granite"))
    assert [(one.kind, one.paths[0]) for one in found.findings] == [
        ("doubted", "copper/c.png"),
        ("far", "copper/b.png"),
        ("far", "granite/d.png"),
        ("far", "copper/a.png"),
    ]
    assert found.findings[-1].detail["en"] == "strangeness 1.500, limit 1.000"


def test_photos_that_are_gone_are_skipped_and_all_are_counted(told: Told) -> None:
    def open_file(name: str) -> BinaryIO:
        if "gone" in name:
            raise FileNotFoundError(name)
        return BytesIO(b"no photo") if "broken" in name else photo(10)

    names = [f"copper/gone {n}" for n in range(33)] + ["copper/broken", "copper/there"]
    counts: list[int] = []
    found = find_doubts(told, open_file, names, ["copper"], read_minerals(), counts.append)
    assert [one.paths for one in found.findings] == [("copper/there",)]
    assert counts == [32, 35]


def test_the_command_asks_the_model_as_identify_does(
    trained: Path, prepared: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    source, out = tmp_path / "photos", tmp_path / "out"
    shutil.copytree(prepared / "test", source)
    (source / "agate").rename(source / "basalt")
    arguments = ["audit", str(source), "--out", str(out), "--model"]
    assert main([*arguments, str(tmp_path)]) == 2
    told = capsys.readouterr().err.strip()
    assert "holds no trained model" in told
    assert len(told.splitlines()) == 1
    assert not out.exists()
    assert main([*arguments, str(trained)]) == 0
    assert "does not know, and cannot doubt: 1 (basalt)" in capsys.readouterr().out
    identifier = load(trained, device="cpu")
    photos = [path.relative_to(source).as_posix() for path in source.rglob("*.png")]
    strange = {name for name in photos if identifier.identify(source / name).none_of_these}
    assert 0 < len(strange) < len(photos)
    found = json.loads((out / "findings.json").read_text("utf-8"))["findings"]
    assert {one["paths"][0] for one in found if one["kind"] == "far"} == strange
