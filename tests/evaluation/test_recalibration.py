"""A run and an export are calibrated on photos of another place, and answer by them."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import numpy as np
import pytest

from mineral_recog import load
from mineral_recog.cli.main import main
from mineral_recog.data.readers.source_options import SourceOptions
from mineral_recog.errors import DataError, OutputExistsError
from mineral_recog.evaluation.evaluator import evaluate
from mineral_recog.evaluation.recalibration import calibrate
from tests.conftest import write_photos


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a folder with 12 photos of agate and of beryl, of other colours than in training."""
    folder = tmp_path_factory.mktemp("place") / "photos"
    write_photos(folder / "agate", 1, 12)
    write_photos(folder / "beryl", 4, 12)
    return folder


def content(folder: Path) -> dict[str, bytes]:
    return {str(p.relative_to(folder)): p.read_bytes() for p in folder.rglob("*") if p.is_file()}


@pytest.mark.parametrize("kind", ["run", "bundle", "export"])
def test_model_is_calibrated_as_a_new_one(
    kind: str, trained: Path, exported: Path, place: Path, tmp_path: Path
) -> None:
    model = {"run": trained, "bundle": trained / "model", "export": exported}[kind]
    before = content(model)
    made = calibrate(model, place, tmp_path / "new", device="cpu")
    assert content(model) == before
    assert made.counts == (12, 12, 0)
    assert made.bases == ("own", "own", "all")
    old, new = load(model, device="cpu"), load(tmp_path / "new", device="cpu")
    assert new.model.fingerprint != old.model.fingerprint
    assert new.model.calibration.conformal.counts == (12, 12, 0)
    assert new.model.calibration.temperature == pytest.approx(made.temperatures[1])
    assert new.model.provenance["calibrated on"] == "24 photos of photos"
    assert (new.gallery is None) == (old.gallery is None)
    photo = next(place.rglob("*.png"))
    first, second = old.observe([old.open(photo)]), new.observe([new.open(photo)])
    np.testing.assert_array_equal(next(first).outputs.logits, next(second).outputs.logits)
    # Six validation photos are too few for sets: all classes are in them. These photos are enough.
    assert (made.before["set_size"], made.before["coverage"]) == (3, 1)
    assert made.after["set_size"] < 3
    assert 0.8 < made.after["coverage"] < 1
    assert made.helps


def test_calibrated_run_can_be_evaluated(trained: Path, place: Path, tmp_path: Path) -> None:
    new = tmp_path / "new"
    calibrate(trained, place, new, device="cpu")
    assert not (new / "checkpoint").exists()
    assert not (new / "evaluation").exists()
    shutil.copytree(place, tmp_path / "data" / "test")
    made = evaluate(new, data=tmp_path / "data", classes="common", device="cpu", workers=0)
    shift = made.evaluation.shift
    assert shift is not None
    assert shift.own is not None
    assert (shift.these.photos, shift.own.photos) == (24, 8)  # of the classes that both have
    document = json.loads((made.folder / "metrics.json").read_text("utf-8"))
    assert document["shift"]["sets_hold"] is shift.holds is True
    page = (made.folder / "report.html").read_text("utf-8")
    assert "Photos from another place" in page
    assert "calibrated on" in page
    # The folder of the run may be replaced, that of a user not.
    calibrate(trained, place, new, device="cpu", force=True)
    (new / "notes.txt").touch()
    with pytest.raises(OutputExistsError, match=r"notes\.txt"):
        calibrate(trained, place, new, device="cpu", force=True)


def test_own_photos_are_no_other_place(trained: Path, prepared: Path, tmp_path: Path) -> None:
    run = Path(shutil.copytree(trained, tmp_path / "run"))
    moved = Path(shutil.copytree(prepared, tmp_path / "moved"))
    for data in (None, prepared, moved):
        made = evaluate(run, data=data, device="cpu", workers=0, force=True)
        assert made.evaluation.shift is None
    shutil.rmtree(moved / "train")
    document = json.loads((run / "run.json").read_text("utf-8"))
    (run / "run.json").write_text(json.dumps({**document, "data": str(tmp_path / "gone")}))
    for _ in range(2):  # from the evaluation of the own photos, then from that of others
        made = evaluate(run, data=moved, device="cpu", workers=0, force=True)
        assert made.evaluation.shift is not None
        own = made.evaluation.shift.own
        assert own is not None
        assert own.photos == 12
        assert own.figures == pytest.approx(made.evaluation.shift.these.figures)


def test_command_says_what_it_did(
    trained: Path, place: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    photos = Path(shutil.copytree(place, tmp_path / "photos"))
    (photos / "beryl").rename(photos / "绿柱石")
    write_photos(photos / "gold", 6, 2)
    (photos / "agate" / "torn.png").write_bytes(b"\x89PNG\r\n\x1a\n")
    command = ["calibrate", str(trained), "--photos", str(photos), "--out", str(tmp_path / "new")]
    assert main([*command, "--aliases", "minerals"]) == 3
    shown = capsys.readouterr().out
    assert "on these 24 photos" in shown
    assert "Without photos: copper." in shown
    assert "no such class: gold (2)" in shown
    assert " ".join(shown.split()).count("torn.png cannot be read") == 1
    assert shown.splitlines()[-1] == str(tmp_path / "new")
    assert main(command) == 2
    assert "--force" in capsys.readouterr().err


def test_list_of_photos_with_specimens(trained: Path, place: Path, tmp_path: Path) -> None:
    rows = [
        f"{path},{path.parent.name},{path.parent.name}{index // 4}"
        for index, path in enumerate(sorted(place.rglob("*.png")))
    ]
    listing = tmp_path / "photos.csv"
    listing.write_text("\n".join(["path,label,specimen", *rows]))
    made = calibrate(trained, listing, tmp_path / "new", device="cpu", options=SourceOptions())
    assert made.counts == (12, 12, 0)


@pytest.mark.parametrize(
    ("case", "message"),
    [
        ("few", "has 8 photos of the classes of the model, and calibration needs 20: add 12 more"),
        ("unreadable", r"has 19 photos .* \(5 cannot be read\), and calibration needs 20: add 1"),
        ("unknown", "has no class of the model: it has gold, and the model agate, beryl, copper"),
        ("training", "21 of these photos are in .*train"),
        ("one", "add photos of another class"),
    ],
)
def test_unsuitable_photos_are_refused(
    case: str, message: str, trained: Path, prepared: Path, place: Path, tmp_path: Path
) -> None:
    photos = tmp_path / "photos"
    if case == "training":
        photos = prepared / "train"
    elif case == "unknown":
        write_photos(photos / "gold", 6, 30)
    elif case == "one":
        write_photos(photos / "agate", 6, 30)
    elif case == "few":
        write_photos(photos / "agate", 1, 4)
        write_photos(photos / "beryl", 4, 4)
    else:
        shutil.copytree(place, photos)
        for path in sorted((photos / "agate").iterdir())[:5]:
            path.write_bytes(b"no photo")
    with pytest.raises(DataError, match=message):
        calibrate(trained, photos, tmp_path / "new", device="cpu")
    assert not (tmp_path / "new").exists()


@pytest.mark.parametrize("name", ["", "model", "..", "photos"])
def test_model_and_photos_are_never_replaced(
    name: str, trained: Path, place: Path, tmp_path: Path
) -> None:
    run = Path(shutil.copytree(trained, tmp_path / "runs" / "run"))
    out = place / "new" if name == "photos" else run / name
    with pytest.raises(OutputExistsError):
        calibrate(run, place, out, device="cpu", force=True)
    assert content(run) == content(trained)
