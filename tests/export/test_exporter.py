"""An export answers as its run does, without torch."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from mineral_recog.cli.main import main
from mineral_recog.errors import DataError, OutputExistsError, UserError
from mineral_recog.evaluation.significance import Change
from mineral_recog.export import exporter
from mineral_recog.export.exporter import export_bundle, export_onnx
from mineral_recog.export.int8 import Int8Graph
from mineral_recog.export.int8_comparison import Figures, Int8Comparison
from mineral_recog.identify.evidence import read_evidence
from mineral_recog.identify.identifier import NO_EVIDENCE, load
from mineral_recog.recipes.recipe_file import read_recipe
from mineral_recog.training.run import train

from ..conftest import TINY


@pytest.fixture
def photos(prepared: Path) -> list[Path]:
    return sorted((prepared / "test").rglob("*.png"))


def test_answers_are_those_of_the_run(trained: Path, exported: Path, photos: list[Path]) -> None:
    run, export = load(trained, device="cpu"), load(exported)
    assert len(photos) == 12
    for evidence in (NO_EVIDENCE, read_evidence(hardness="3-5")):
        answers = [identifier.identify_many(photos, evidence) for identifier in (run, export)]
        pairs = zip(*answers, strict=True)
        for expected, actual in pairs:
            assert not isinstance(expected, UserError)
            assert not isinstance(actual, UserError)
            assert [c.name for c in actual.candidates] == [c.name for c in expected.candidates]
            for mine, theirs in zip(actual.candidates, expected.candidates, strict=True):
                assert mine.probability == pytest.approx(theirs.probability, abs=1e-4)
                assert mine.in_set == theirs.in_set
            assert actual.ood_score == pytest.approx(expected.ood_score, abs=1e-4)
            assert actual.none_of_these == expected.none_of_these
            assert actual.gate_score == pytest.approx(expected.gate_score, abs=1e-2)
            assert actual.gate_threshold == expected.gate_threshold
    views = [identifier.view(identifier.open(photos[0])) for identifier in (run, export)]
    maps = [
        identifier.heat_map(identifier.observe_batch([view])[0], "beryl")
        for identifier, view in zip((run, export), views, strict=True)
    ]
    np.testing.assert_allclose(maps[1], maps[0], atol=1e-3)
    assert run.model.fingerprint != export.model.fingerprint


def test_answer_of_an_export_imports_no_torch(exported: Path, photos: list[Path]) -> None:
    program = (
        "import sys; from mineral_recog.cli.main import main; "
        f"status = main(['identify', {str(photos[0])!r}, '--model', {str(exported)!r}, '--json']); "
        "heavy = {'torch', 'torchvision', 'timm', 'sklearn', 'onnx'} & set(sys.modules); "
        "sys.exit(f'{status} {heavy}' if status or heavy else 0)"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout)["candidates"]


@pytest.mark.parametrize(
    "extras",
    [
        ("test_views=2", "head=cosine", "head_scale=20"),
        ("test_views=5",),
        ("image_size=224",),
        ("backbone=test_vit", "image_size=160", "stages.ce.train=lora"),
    ],
)
def test_other_networks_have_their_outputs(
    prepared: Path, tmp_path: Path, extras: tuple[str, ...]
) -> None:
    recipe = read_recipe("baseline", [*TINY, "stages.ce.epochs=1", *extras])
    train(prepared, recipe, tmp_path / "run", device="cpu", workers=0)
    export_onnx(tmp_path / "run", tmp_path / "export")
    engines = [load(tmp_path / name).model.engine for name in ("run", "export")]
    size = recipe.image_size
    views = np.random.default_rng(0).integers(0, 256, (5, size, size, 3), dtype=np.uint8)
    for expected, actual in zip(*(engine.predict(views) for engine in engines), strict=True):
        np.testing.assert_allclose(actual, expected, rtol=1e-3, atol=1e-4)
    maps = [engine.class_map(views[0], 1) for engine in engines]
    assert (maps[0] is None) == (maps[1] is None) == (size < 224)
    if maps[0] is not None and maps[1] is not None:
        np.testing.assert_allclose(maps[1], maps[0], rtol=1e-3, atol=1e-4)


def test_int8_is_compared_with_float32(
    trained: Path, prepared: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    out = tmp_path / "int8"
    assert main(["export", str(trained), "--out", str(out), "--int8"]) == 0
    printed = capsys.readouterr().out
    assert "6 validation photos" in printed
    assert "mean accuracy, tail" in printed
    assert printed.endswith(f"{out}\n")
    config = json.loads((out / "model.json").read_text("utf-8"))
    assert (config["precision"], config["opset"], config["version"]) == ("int8", 20, 4)
    float32, int8 = (load(folder).model.engine for folder in (trained, out))
    views = np.random.default_rng(0).integers(0, 256, (8, 32, 32, 3), dtype=np.uint8)
    expected, actual = (engine.predict(views)[1] for engine in (float32, int8))
    assert 0 < np.abs(actual - expected).max() < np.ptp(expected)
    again = ["export", str(trained), "--out", str(out), "--int8", "--data", str(prepared)]
    assert main(again) == 2
    assert "exists" in capsys.readouterr().err
    assert main([*again, "--force"]) == 0


@pytest.mark.parametrize(
    ("change", "is_worse"),
    [
        (Change(-0.02, -0.03, -0.006, 0.01), True),
        (Change(-0.02, -0.05, -0.004, 0.01), False),  # perhaps less than half a point
        (Change(0.0, -0.05, 0.05, 1.0), False),
    ],
)
def test_int8_is_worse_only_if_a_loss_is_certain(change: Change, is_worse: bool) -> None:
    assert comparison(change).is_worse == is_worse


def test_worse_int8_is_refused_without_force(
    trained: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    made = comparison(Change(-0.02, -0.03, -0.006, 0.01))
    graph = (Int8Graph(b"", 9, ("first",)), made)
    monkeypatch.setattr(exporter, "_quantise", lambda *_: graph)
    with pytest.raises(UserError, match=r"int8 costs 2\.0 points .*-3\.0 to -0\.6.*--force"):
        export_onnx(trained, tmp_path / "export", int8=True)
    assert not (tmp_path / "export").exists()
    assert export_onnx(trained, tmp_path / "export", int8=True, force=True) == made
    assert (tmp_path / "export" / "model.onnx").is_file()


def comparison(change: Change) -> Int8Comparison:
    before = Figures({"mean_accuracy": 0.8}, 1000, 1.0)
    after = Figures({"mean_accuracy": 0.8 + change.change}, 1000, 1.0)
    changes = {"mean_accuracy": change}
    return Int8Comparison(before, after, changes, photos=116, layers=9, left_out=1)


def test_bundle_is_copied_without_the_gallery(trained: Path, tmp_path: Path) -> None:
    assert (trained / "gallery").is_dir()
    export_bundle(trained, tmp_path / "bundle")
    names = sorted(path.name for path in (tmp_path / "bundle").iterdir())
    assert names == ["config.json", "model.safetensors", "trust.safetensors"]
    identifier = load(tmp_path / "bundle", device="cpu")
    assert identifier.gallery is None
    assert identifier.model.fingerprint == load(trained, device="cpu").model.fingerprint


@pytest.mark.parametrize(
    ("arguments", "error"),
    [
        (["--to", "safetensors", "--int8"], "--int8 needs --to onnx"),
        (["--data", "nowhere"], "--data needs --int8"),
        (["--int8", "--data", "nowhere"], "nowhere"),
    ],
)
def test_wrong_arguments_are_refused_in_one_line(
    trained: Path,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
    arguments: list[str],
    error: str,
) -> None:
    assert main(["export", str(trained), "--out", str(tmp_path / "export"), *arguments]) == 2
    lines = capsys.readouterr().err.strip().splitlines()
    assert error in lines[-1]
    assert not (tmp_path / "export").exists()


@pytest.mark.parametrize("write", [export_bundle, export_onnx])
def test_model_and_files_are_not_replaced(
    trained: Path, exported: Path, tmp_path: Path, write: Callable[..., object]
) -> None:
    run = tmp_path / "run"
    shutil.copytree(trained, run)
    for folder in (run, run / "model"):
        with pytest.raises(OutputExistsError, match="holds the model to export"):
            write(run, folder, force=True)
    (tmp_path / "file").write_text("mine")
    with pytest.raises(OutputExistsError):
        write(run, tmp_path / "file", force=True)
    assert (tmp_path / "file").read_text() == "mine"
    with pytest.raises(DataError, match="is an export: give the run"):
        write(exported, tmp_path / "again")
    load(run, device="cpu")


def test_files_of_the_user_are_not_replaced(trained: Path, tmp_path: Path) -> None:
    (tmp_path / "export").mkdir()
    (tmp_path / "export" / "holiday.jpg").write_bytes(b"")
    for write in (export_bundle, export_onnx):
        with pytest.raises(OutputExistsError):
            write(trained, tmp_path / "export", force=True)
    assert (tmp_path / "export" / "holiday.jpg").exists()
