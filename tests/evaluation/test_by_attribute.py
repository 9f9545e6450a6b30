"""Accuracy by attribute, which attributes are rare, and the optional split test_balanced."""

from __future__ import annotations

import csv
import json
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import get_args, get_type_hints

import numpy as np
import pytest

from mineral_recog.cli import compare as compare_command
from mineral_recog.cli import evaluate as evaluate_command
from mineral_recog.cli.main import main
from mineral_recog.comparison.plan import PlannedRun
from mineral_recog.comparison.summary import Trial, compare, read_trial
from mineral_recog.data.dataset import EVALUATED_SPLITS, read_split
from mineral_recog.errors import UserError
from mineral_recog.evaluation.by_attribute import count_attributes, measure_by_attribute
from mineral_recog.evaluation.evaluation_files import read_evaluation
from mineral_recog.evaluation.evaluator import evaluate
from mineral_recog.evaluation.results import AttributeResults, Predictions
from mineral_recog.models.run_files import refuse_replacing_run
from mineral_recog.recipes.recipe_file import read_recipe
from tests.conftest import Recorder, make_dataset

CLASSES = ("agate", "beryl", "copper")
HEADER = "photo,attribute\n"


def measure(
    rights: str, labels: str, names: str, train: dict[tuple[int, str], int] | None = None
) -> AttributeResults | None:
    """Measure photos given by a character each: 1 if right, class, attribute (. for none)."""
    true = np.array([int(label) for label in labels])
    guesses = np.where(np.array(list(rights)) == "1", true, 1 - true)
    logits = 4 * np.eye(2, dtype=np.float32)[guesses]
    photos = Predictions(true, logits, logits, make_dataset(Path("gone"), list(names)))
    return measure_by_attribute(photos, tuple(name.strip(".") for name in names), train)


def test_means_over_pairs_by_hand() -> None:
    # The attribute a of class 1 is not that of class 0; the photo without attribute is left out.
    train = {(0, "a"): 9, (0, "b"): 1, (1, "a"): 5}
    results = measure("11100100", "00000010", "aaaabba.", train)
    assert results is not None
    assert [pair[:4] for pair in results.pairs] == [
        (0, "a", 9, 4), (0, "b", 1, 2), (1, "a", 5, 1)
    ]  # fmt: skip
    assert [pair.accuracy for pair in results.pairs] == [3 / 4, 1 / 2, 0]
    assert [pair.rare for pair in results.pairs] == [False, True, False]
    assert results.figures == {
        "mean_accuracy": pytest.approx(5 / 12),
        "mean_accuracy_rare": pytest.approx(1 / 2),
    }
    assert (results.photo_count, results.rare_count, len(results.names)) == (7, 1, 8)
    for key, figure in results.figures.items():
        low, high = results.intervals[key]
        assert 0 <= low < figure < high <= 1


def test_each_attribute_counts_the_same_and_pairs_that_are_all_right_vary() -> None:
    results = measure("1111110", "0000000", "aaaaaab", {(0, "a"): 1, (0, "b"): 1})
    assert results is not None
    assert results.figures == {"mean_accuracy": 0.5}  # no rare ones
    everything = measure("11", "00", "ab", {(0, "a"): 1, (0, "b"): 1})
    assert everything is not None
    assert everything.intervals["mean_accuracy"][0] < 0.9


@pytest.mark.parametrize(
    ("train", "rare"),
    [
        ({(0, "a"): 4, (0, "b"): 1}, [False, False]),  # exactly a fifth
        ({(0, "a"): 12, (0, "b"): 3}, [False, False]),
        ({(0, "a"): 5, (0, "b"): 1}, [False, True]),
        ({(0, "a"): 5}, [False, True]),  # none of 5 training photos
        ({(0, "c"): 5}, [True, True]),
        ({(1, "b"): 5}, [False, False]),  # nothing is known about this class
        (None, [None, None]),
    ],
)
def test_rare_is_less_than_a_fifth_of_the_class(
    train: dict[tuple[int, str], int] | None, rare: list[bool | None]
) -> None:
    results = measure("10", "00", "ab", train)
    assert results is not None
    assert [pair.rare for pair in results.pairs] == rare
    assert ("mean_accuracy_rare" in results.figures) == (True in rare)


def test_without_any_attribute_there_are_no_results() -> None:
    assert measure("10", "00", "..") is None


@pytest.fixture
def data(prepared: Path, tmp_path: Path) -> Path:
    """Return a prepared folder with two attributes of each class, and a balanced split.

    The attribute "odd" has 1 of 12, 1 of 6 and 1 of 3 training photos, and 2 of 4 test photos of
    agate and beryl; the photos of copper in test have none.
    """
    data = Path(shutil.copytree(prepared, tmp_path / "data"))
    shutil.copytree(data / "test", data / "test_balanced")
    rows = [
        f"train/{name}/{n}.png,{'odd' if n == 0 else 'plain'}\n"
        for name, count in zip(CLASSES, (12, 6, 3), strict=True)
        for n in range(count)
    ]
    rows += [
        f"{split}/{name}/{n}.png,{'odd' if n < 2 else 'plain'}\n"
        for split, names in (("test", CLASSES[:2]), ("test_balanced", CLASSES))
        for name in names
        for n in range(4)
    ]
    (data / "attributes.csv").write_text(HEADER + "".join(rows), encoding="utf-8")
    return data


@pytest.fixture
def run(trained: Path, data: Path, tmp_path: Path) -> Path:
    """Return a run that was trained on `data`."""
    run = Path(shutil.copytree(trained, tmp_path / "run"))
    record = json.loads((run / "run.json").read_text())
    (run / "run.json").write_text(json.dumps({**record, "data": str(data)}))
    return run


COMMAND = ("--device", "cpu", "--workers", "0", "--force")


def test_evaluation_has_the_figures_in_every_place(
    run: Path, data: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    assert main(["evaluate", str(run), *COMMAND]) == 0
    output = capsys.readouterr().out
    assert "Mean accuracy, rare attributes" in output
    assert "Photos without a known attribute, left out here: 4." in output
    folder = run / "evaluation" / "test"
    document = json.loads((folder / "metrics.json").read_text())["by_attribute"]
    assert document["attributes"] == 4
    assert document["rare"] == 2
    assert (document["photos"], document["photos_without_attribute"]) == (8, 4)
    assert document["intervals"].keys() == {"mean_accuracy", "mean_accuracy_rare"}
    with (folder / "per_attribute.csv").open(newline="") as file:
        rows = list(csv.DictReader(file))
    assert [tuple(row.values())[:4] for row in rows[:2]] == [
        ("agate", "odd", "1", "2"), ("agate", "plain", "11", "2")
    ]  # fmt: skip
    assert [row["rare"] for row in rows] == ["true", "false"] * 2
    assert document["mean_accuracy"] == np.mean([float(row["accuracy"]) for row in rows])
    with (folder / "predictions.csv").open(newline="") as file:
        predictions = list(csv.DictReader(file))
    assert list(predictions[0])[-1] == "attribute"
    assert [row["attribute"] for row in predictions[-6:]] == ["plain"] * 2 + [""] * 4
    page = (folder / "report.html").read_text("utf-8")
    assert "4 of 4 attributes, the worst first" in page
    assert "4 种属性（共 4 种），由差到好" in page
    again = read_evaluation(run, "test", CLASSES).by_attribute
    assert again is not None
    assert again.figures == {key: document[key] for key in again.figures}
    monkeypatch.setenv("MINERAL_RECOG_LANG", "zh")
    assert main(["evaluate", str(run), *COMMAND]) == 0
    assert "平均准确率（少见属性）" in capsys.readouterr().out


def test_on_a_balanced_split_it_is_the_accuracy_over_photos(run: Path) -> None:
    made = evaluate(run, split="test_balanced", device="cpu", workers=0)
    results = made.evaluation.by_attribute
    assert results is not None
    assert results.figures["mean_accuracy"] == pytest.approx(made.evaluation.figures["accuracy"])
    assert made.folder == run / "evaluation" / "test_balanced"
    assert made.evaluation.leakage is not None
    refuse_replacing_run(run)  # knows all files


def test_other_photos_have_their_own_list_and_rarity_that_of_training(
    run: Path, data: Path, tmp_path: Path
) -> None:
    other = Path(shutil.copytree(data, tmp_path / "other"))
    (data / "attributes.csv").unlink()
    made = evaluate(run, data=other, device="cpu", workers=0)
    assert made.evaluation.by_attribute is not None
    assert {pair[2] for pair in made.evaluation.by_attribute.pairs} == {None}
    assert made.evaluation.by_attribute.figures.keys() == {"mean_accuracy"}
    page = (made.folder / "report.html").read_text("utf-8")
    assert "The attributes of the training photos are unknown" in page
    again = read_evaluation(run, "test", CLASSES).by_attribute
    assert again is not None
    assert {pair.rare for pair in again.pairs} == {None}


def test_training_photos_are_counted_by_class_and_attribute(data: Path, prepared: Path) -> None:
    assert count_attributes(read_split(data, "train")) == {
        (0, "odd"): 1, (0, "plain"): 11, (1, "odd"): 1, (1, "plain"): 5, (2, "odd"): 1,
        (2, "plain"): 2,
    }  # fmt: skip
    assert count_attributes(read_split(prepared, "train")) is None


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("photo,specimen\n", "line 1: column missing or twice, attribute"),
        (HEADER + "a,b\na,c\n", "line 3: a is listed twice"),
        (HEADER + "a\n", "line 2: not as many cells"),
    ],
)
def test_damaged_list_is_refused_before_measuring(
    run: Path, data: Path, text: str, message: str, capsys: pytest.CaptureFixture[str]
) -> None:
    (data / "attributes.csv").write_text(text, encoding="utf-8")
    assert main(["evaluate", str(run), *COMMAND]) == 2
    error = capsys.readouterr().err
    assert message in error
    assert "attributes.csv" in error
    assert not (run / "evaluation").exists()


@pytest.mark.parametrize("rows", ["", "test/agate/0.png, \n", "agate/0.png,odd\n"])
def test_list_of_no_photo_of_the_split_is_noticed(
    run: Path, data: Path, rows: str, recorder: Recorder
) -> None:
    (data / "attributes.csv").write_text(HEADER + rows, encoding="utf-8")
    made = evaluate(run, device="cpu", workers=0, progress=recorder)
    assert made.evaluation.by_attribute is None
    (notice,) = (line for line in recorder.notices if "attribute" in line)
    assert notice.endswith("list the photos as paths in DATA, such as test/agate/0.png.")
    assert not (made.folder / "per_attribute.csv").exists()


def test_missing_balanced_split_is_one_line(
    trained: Path, prepared: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    run = shutil.copytree(trained, tmp_path / "run")
    for words in (
        ["evaluate", str(run), *COMMAND],
        ["compare", str(prepared), "--out", str(tmp_path / "comparison")],
    ):
        assert main([*words, "--split", "test_balanced"]) == 2
        error = capsys.readouterr().err
        assert "has no folder test_balanced: choose another split" in error
        assert error.count("\n") == 1


def test_commands_offer_the_splits_that_can_be_evaluated() -> None:
    assert get_args(get_type_hints(evaluate_command.evaluate)["split"]) == EVALUATED_SPLITS
    assert get_args(get_type_hints(compare_command.compare)["split"]) == EVALUATED_SPLITS[1:]


@pytest.fixture
def trial(run: Path) -> Callable[[str], Trial]:
    """Return a function that reads the trial of an evaluated run under the name of a recipe."""
    evaluate(run, device="cpu", workers=0)

    def read(recipe: str) -> Trial:
        planned = PlannedRun(recipe, read_recipe("baseline"), Path("data"), "data", 0, run)
        return read_trial(planned, "test", CLASSES)

    return read


def test_comparison_has_means_and_changes_by_attribute(trial: Callable[[str], Trial]) -> None:
    first, second = trial("a"), trial("b")
    results = first.evaluation.by_attribute
    assert results is not None
    comparison = compare([first, second], "made", "test")
    for key, figure in results.figures.items():
        assert comparison.first.mean[f"attribute_{key}"] == figure
        change = comparison.scores[1].changes[f"attribute_{key}"]
        assert change.change == 0
        assert change.low <= 0 <= change.high


def test_trials_with_other_attributes_are_refused(
    run: Path, data: Path, trial: Callable[[str], Trial]
) -> None:
    first = trial("a")
    (data / "attributes.csv").unlink()
    evaluate(run, device="cpu", workers=0, force=True)
    comparison = compare([first, trial("b")], "made", "test")
    assert not any("attribute" in key for key in comparison.scores[1].changes)
    rows = "".join(f"test/{name}/{n}.png,odd\n" for name in CLASSES for n in range(4))
    (data / "attributes.csv").write_text(HEADER + rows, encoding="utf-8")
    evaluate(run, device="cpu", workers=0, force=True)
    with pytest.raises(UserError, match="have different photos"):
        compare([first, trial("b")], "made", "test")


@pytest.mark.parametrize(
    ("name", "before", "after"),
    [
        ("per_attribute.csv", "odd", "even"),
        ("per_attribute.csv", "true", "yes"),
        ("per_attribute.csv", "true", "false"),
        ("predictions.csv", ",plain", ",odd"),
        ("predictions.csv", "attribute", "what"),
    ],
)
def test_files_that_do_not_agree_are_reported(
    run: Path, trial: Callable[[str], Trial], name: str, before: str, after: str
) -> None:
    path = run / "evaluation" / "test" / name
    path.write_text(path.read_text().replace(before, after))
    with pytest.raises(UserError, match=r"run `mineral-recog evaluate .*--force`"):
        trial("a")
