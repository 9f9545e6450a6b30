"""Tests of label errors that a model finds, and of their texts."""

from __future__ import annotations

import json
import shutil
from collections.abc import Sequence
from dataclasses import replace
from io import BytesIO
from pathlib import Path
from typing import BinaryIO

import numpy as np
import pytest
from PIL import Image

from mineral_recog.calibration.calibration import Calibration
from mineral_recog.calibration.conformal import ConformalScores
from mineral_recog.cli.main import main
from mineral_recog.curation.findings import LabelErrors
from mineral_recog.curation.label_errors import (
    find_label_errors,
    match_classes,
    relative_confidences,
    self_confidence,
)
from mineral_recog.identify.answer import PhotoOutputs
from mineral_recog.identify.identifier import Identifier, load
from mineral_recog.identify.observation import Observation, View
from mineral_recog.minerals.facts import read_minerals
from mineral_recog.models.torch_engine import read_torch_model
from mineral_recog.progress import Progress
from tests.curation.fake_source import FakeSource


def test_self_confidence_is_the_mean_over_validation_photos() -> None:
    scores = ConformalScores(
        np.array([0.1, 0.3, 1.0], np.float32), (2, 1, 0), ("head", "medium", "tail")
    )
    confidences = self_confidence(scores)
    assert confidences[0] == pytest.approx(0.8)
    assert 0 < confidences[1] < 1e-300  # its photo got 0, so no photo is below a share of it
    assert confidences[2] == pytest.approx(1.6 / 3)


def test_confidence_is_relative_to_self_confidence_of_the_label() -> None:
    probabilities = np.array([[0.99, 0.004, 0.006], [0.99, 0.004, 0.006], [0.4, 0.3, 0.3]])
    relative = relative_confidences(probabilities, np.array([1, 2, 0]), np.array([0.9, 0.8, 0.1]))
    # The last label is the most probable class, so its value is at least 1.
    assert relative.tolist() == pytest.approx([0.005, 0.06, 1.0])


def test_classes_are_matched_under_other_names() -> None:
    minerals = read_minerals()
    folders = ("Albite", "thing 1", "钠长石", "granite")
    model_classes = ("thing-1", "albite", "Granite", "granite")
    assert match_classes(folders, model_classes, minerals) == {
        "Albite": 1, "thing 1": 0, "钠长石": 1, "granite": 3
    }  # fmt: skip
    assert match_classes(("?", "basalt"), ("!", "gabbro"), minerals) == {}


# Probabilities of agate, beryl and copper, and OOD score, that the model below gives to a photo, by
# the red value of the photo.
OUTPUTS = {
    10: ((0.996, 0.003, 0.001), 0.1),
    20: ((0.980, 0.015, 0.005), 0.2),
    30: ((0.001, 0.989, 0.010), 0.3),
    40: ((0.996, 0.003, 0.001), 1.5),
    50: ((0.200, 0.500, 0.300), 2.5),
    60: ((0.99998, 0.00001, 0.00001), 0.1),
}


class FakeIdentifier(Identifier):
    """A model with the outputs of OUTPUTS."""

    def observe_batch(self, views: Sequence[View]) -> list[Observation]:
        outputs = [OUTPUTS[int(view.pixels[0, 0, 0])] for view in views]
        return [
            Observation(
                PhotoOutputs(np.log(np.array(p, np.float32)), ood_score),
                np.zeros(1, np.float32),
                view,
            )
            for (p, ood_score), view in zip(outputs, views, strict=True)
        ]


@pytest.fixture(scope="module")
def model(trained: Path) -> FakeIdentifier:
    """Return a model with self-confidences 0.8 (agate), 0.5 (beryl), 0.2 (copper), OOD limit 1."""
    model = read_torch_model(trained, None, "cpu")
    assert model.classes == ("agate", "beryl", "copper")
    groups = model.calibration.conformal.groups
    scores = ConformalScores(np.array([0.2, 0.5, 0.8], np.float32), (1, 1, 1), groups)
    calibration = Calibration(1.0, scores, replace(model.calibration.ood, threshold=1.0))
    return FakeIdentifier(replace(model, calibration=calibration), read_minerals(), None)


def photo(red: int) -> BinaryIO:
    file = BytesIO()
    Image.new("RGB", (40, 40), (red, 0, 0)).save(file, "PNG")
    file.seek(0)
    return file


def check(model: FakeIdentifier, photos: dict[str, int], classes: tuple[str, ...]) -> LabelErrors:
    source = FakeSource(classes, (), lambda path: photo(photos[path]))
    return find_label_errors(model, source, list(photos))


def test_photos_with_improbable_labels_are_doubted(model: FakeIdentifier) -> None:
    photos = {
        "AGATE/right.png": 10,
        "AGATE/wrong.png": 30,  # 0.001 of 0.8: an eight-hundredth
        "绿柱石/agate.png": 10,  # beryl; 0.003 of 0.5: a hundred-and-sixty-sixth
        "绿柱石/perhaps.png": 20,  # 0.015 of 0.5
        "copper/agate.png": 10,  # 0.001 of 0.2
        "copper/perhaps.png": 20,
        "granite/agate.png": 10,
    }
    label_errors = check(model, photos, ("AGATE", "copper", "granite", "绿柱石"))
    assert [
        (finding.kind, finding.paths, finding.suggested) for finding in label_errors.findings
    ] == [
        ("doubted", ("AGATE/wrong.png",), "绿柱石"),
        ("doubted", ("copper/agate.png",), "AGATE"),
        ("doubted", ("绿柱石/agate.png",), "AGATE"),
    ]
    assert label_errors.findings[0].detail == {
        "en": "model says Beryl 99 %, Agate 0.1 %",
        "zh": "模型判为绿柱石 99%，玛瑙 0.1%",
    }
    assert label_errors.findings[1].detail["en"] == "model says Agate > 99 %, Copper 0.1 %"
    assert label_errors.unknown_classes == ("granite",)
    # Without a folder for the predicted class, no move is suggested.
    one_class = check(model, {"copper/agate.png": 10}, ("copper",))
    assert [finding.suggested for finding in one_class.findings] == [""]


def test_two_names_of_one_mineral_do_not_contradict_each_other(model: FakeIdentifier) -> None:
    synonyms = FakeIdentifier(
        replace(model.model, classes=("beryl", "Beryl", "copper")), read_minerals(), None
    )
    label_errors = check(synonyms, {"Beryl/1.png": 10, "copper/1.png": 10}, ("Beryl", "copper"))
    assert [(finding.paths[0], finding.suggested) for finding in label_errors.findings] == [
        ("copper/1.png", "Beryl")
    ]


def test_detail_names_classes_outside_the_table_and_never_shows_zero(model: FakeIdentifier) -> None:
    other = replace(model.model, classes=("agate", "thing 1", "copper"))
    identifier = FakeIdentifier(other, read_minerals(), None)
    (finding,) = check(identifier, {"thing-1/1.png": 60}, ("thing-1",)).findings
    assert finding.detail == {
        "en": "model says Agate > 99 %, thing 1 < 0.01 %",
        "zh": "模型判为玛瑙 > 99%，thing 1 < 0.01%",
    }


def test_far_photos_have_one_finding_ordered_by_ood_score(model: FakeIdentifier) -> None:
    photos = {"copper/a.png": 40, "copper/b.png": 50, "copper/c.png": 10, "granite/d.png": 50}
    label_errors = check(model, photos, ("copper", "granite"))
    assert [(finding.kind, finding.paths[0]) for finding in label_errors.findings] == [
        ("doubted", "copper/c.png"),
        ("far", "copper/b.png"),
        ("far", "granite/d.png"),
        ("far", "copper/a.png"),
    ]
    assert label_errors.findings[-1].detail["en"] == (
        "Probably none of the 3 minerals that this model knows."
    )


def test_missing_photos_are_skipped_but_counted(model: FakeIdentifier) -> None:
    def open_photo(path: str) -> BinaryIO:
        if "gone" in path:
            raise FileNotFoundError(path)
        return BytesIO(b"no photo") if "broken" in path else photo(10)

    counts = []

    class Counter(Progress):
        def update(self, task: str, done: int, total: int, detail: str = "") -> None:
            counts.append((done, total))

    paths = [f"copper/gone {n}" for n in range(33)] + ["copper/broken", "copper/readable"]
    source = FakeSource(["copper"], (), open_photo)
    label_errors = find_label_errors(model, source, paths, Counter())
    assert [finding.paths for finding in label_errors.findings] == [("copper/readable",)]
    assert counts == [(done, 35) for done in range(36)]


def test_audit_finds_the_photos_that_identify_rejects(
    trained: Path, prepared: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    source, out = tmp_path / "photos", tmp_path / "out"
    shutil.copytree(prepared / "test", source)
    (source / "agate").rename(source / "basalt")
    noise = np.random.default_rng(0).integers(0, 256, (48, 48, 3), dtype=np.uint8)
    Image.fromarray(noise).save(source / "beryl" / "noise.png")
    arguments = ["audit", str(source), "--out", str(out), "--model"]
    assert main([*arguments, str(tmp_path)]) == 2
    message = capsys.readouterr().err.strip()
    assert "holds no trained model" in message
    assert len(message.splitlines()) == 1
    assert not out.exists()
    assert main([*arguments, str(trained)]) == 0
    assert "does not know and cannot check: 1 (basalt)" in capsys.readouterr().out
    identifier = load(trained, device="cpu")
    photos = [path.relative_to(source).as_posix() for path in source.rglob("*.png")]
    rejected = {name for name in photos if identifier.identify(source / name).none_of_these}
    assert 0 < len(rejected) < len(photos)
    findings = json.loads((out / "findings.json").read_text("utf-8"))["findings"]
    assert {finding["paths"][0] for finding in findings if finding["kind"] == "far"} == rejected
