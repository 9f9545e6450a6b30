"""Photos of one specimen give one answer; the list of specimens must cover the photos."""

from __future__ import annotations

import csv
import json
import shutil
from pathlib import Path

import numpy as np
import pytest

from mineral_recog.cli.main import main
from mineral_recog.comparison.plan import PlannedRun
from mineral_recog.comparison.summary import compare, read_trial
from mineral_recog.data.dataset import read_split
from mineral_recog.errors import DataError
from mineral_recog.evaluation.by_specimen import (
    measure_by_specimen,
    read_specimens,
    specimen_numbers,
)
from mineral_recog.evaluation.evaluation_files import read_evaluation
from mineral_recog.evaluation.evaluator import evaluate
from mineral_recog.evaluation.results import Predictions
from mineral_recog.identify.answer import PhotoOutputs
from mineral_recog.identify.identifier import load
from mineral_recog.recipes.recipe_file import read_recipe
from tests.conftest import make_dataset

HEADER = "photo,specimen\n"


@pytest.fixture
def data(prepared: Path, tmp_path: Path) -> Path:
    """Return a prepared folder with two specimens of two test photos in each class."""
    data = Path(shutil.copytree(prepared, tmp_path / "data"))
    write_specimens(data, "".join(
        f"test/{name}/{n}.png,{name} {n // 2}\n" for name in ("agate", "beryl", "copper")
        for n in range(4)
    ))  # fmt: skip
    return data


@pytest.fixture
def run(trained: Path, tmp_path: Path) -> Path:
    return Path(shutil.copytree(trained, tmp_path / "run"))


def write_specimens(data: Path, rows: str) -> None:
    (data / "specimens.csv").write_text(HEADER + rows, encoding="utf-8")


def test_metrics_of_specimens_by_hand() -> None:
    # The second photo of the first specimen outvotes the first one. The third specimen is called
    # like the second one, but is of another class.
    labels, names = np.array([0, 0, 0, 1, 1]), ("a", "b", "a", "b", "c")
    logits = np.array([[0, 1], [1, 0], [4, 0], [1, 0], [0, 2]], dtype=np.float32)
    photos = Predictions(labels, logits, logits, make_dataset(Path("gone"), names))
    assert specimen_numbers(labels, names).tolist() == [0, 1, 0, 2, 3]
    results = measure_by_specimen(photos, names, ("head", "tail"))
    assert (results.specimen_count, results.names) == (4, names)
    assert results.figures["accuracy"] == 3 / 4
    assert results.figures["mean_accuracy_head"] == 1
    assert results.figures["mean_accuracy_tail"] == 1 / 2
    low, high = results.intervals["mean_accuracy"]
    assert low < 3 / 4 < high


def test_specimens_are_answered_as_by_identify(run: Path, data: Path) -> None:
    made = evaluate(run, data=data, device="cpu", workers=0, force=True)
    predictions = made.evaluation.predictions
    assert predictions is not None
    identifier = load(run, device="cpu")
    right = []
    for start in range(0, 12, 2):
        outputs = [PhotoOutputs(logits, 0.0) for logits in predictions.logits[start : start + 2]]
        name = identifier.answer(outputs).candidates[0].name
        right.append(name == predictions.dataset.paths[start].partition("/")[0])
    document = json.loads((made.folder / "metrics.json").read_text())
    assert document["by_specimen"]["specimens"] == 6
    assert document["by_specimen"]["accuracy"] == np.mean(right)
    of_photos = document.keys() - {"by_specimen"}
    assert document["by_specimen"].keys() - {"specimens"} == of_photos
    assert document["by_specimen"]["intervals"].keys() == document["intervals"].keys()
    page = (made.folder / "report.html").read_text("utf-8")
    assert "The photos show 6 specimens" in page
    assert "这些照片共有 6 块标本" in page
    again = read_evaluation(run, "test", made.evaluation.classes)
    assert again.figures == made.evaluation.figures


def test_only_intervals_change_if_specimens_are_known(
    run: Path, data: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    command = ["evaluate", str(run), "--data", str(data), "--device", "cpu", "--workers", "0"]
    assert main([*command, "--force"]) == 0
    assert "by specimen (6 specimens)" in capsys.readouterr().out
    known = json.loads((run / "evaluation" / "test" / "metrics.json").read_text())
    (data / "specimens.csv").unlink()
    assert main([*command, "--force"]) == 0
    assert "specimen" not in capsys.readouterr().out
    unknown = json.loads((run / "evaluation" / "test" / "metrics.json").read_text())
    del known["by_specimen"]
    assert known.pop("intervals") != unknown.pop("intervals")
    assert known == unknown
    with (run / "evaluation" / "test" / "predictions.csv").open() as file:
        assert "specimen" not in (csv.DictReader(file).fieldnames or ())


def test_comparison_resamples_specimens(run: Path, data: Path) -> None:
    evaluate(run, data=data, device="cpu", workers=0, force=True)
    planned = PlannedRun("a", read_recipe("baseline"), data, "data", 0, run)
    trial = read_trial(planned, "test", ("agate", "beryl", "copper"))
    assert trial.answers.specimens is not None
    assert len(set(trial.answers.specimens.tolist())) == 6
    compare([trial], "made", "test")


def test_no_list_means_no_specimens(prepared: Path) -> None:
    assert read_specimens(read_split(prepared, "test")) is None


def test_photo_without_specimen_is_one_of_its_own(data: Path) -> None:
    text = (data / "specimens.csv").read_text().replace("beryl 1", "")
    (data / "specimens.csv").write_text("\ufeff" + text, encoding="utf-8")
    dataset = read_split(data, "test")
    names = read_specimens(dataset)
    assert names is not None
    assert len(set(names)) == 7
    assert names[:4] == ("agate 0",) * 2 + ("agate 1",) * 2


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", r"specimens\.csv, line 1: column missing or twice, photo, specimen"),
        ("photo,stone\n", r"specimens\.csv, line 1: column missing or twice, specimen"),
        (HEADER + "a.png\n", r"specimens\.csv, line 2: not as many cells"),
        (HEADER + '"a', r"specimens\.csv, line 2: not a line of CSV"),
        (HEADER + "a,b\na,c\n", r"specimens\.csv, line 3: a is listed twice"),
        (HEADER, r"lacks 12 of the 12 photos in .*test \(test/agate/0\.png, .*, \.\.\.\): add"),
        (HEADER + "train/agate/0.png,a\n", "lacks 12 of the 12 photos"),
        (HEADER.encode("utf-16").decode("latin-1"), "not UTF-8|column missing"),
    ],
)
def test_list_that_is_damaged_or_of_other_photos_is_refused_before_measuring(
    run: Path, data: Path, text: str, message: str, capsys: pytest.CaptureFixture[str]
) -> None:
    (data / "specimens.csv").write_text(text, encoding="utf-8")
    with pytest.raises(DataError, match=message):
        read_specimens(read_split(data, "test"))
    command = ["evaluate", str(run), "--data", str(data), "--split", "test", "--force"]
    assert main([*command, "--device", "cpu", "--workers", "0"]) == 2
    shown = capsys.readouterr().err
    assert len(shown.strip().splitlines()) == 1
