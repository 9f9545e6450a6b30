"""Runs of the benchmarks are stored once, and docs/results.md is built from the stored runs."""

from __future__ import annotations

import gzip
import importlib
import json
import shutil
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from mineral_recog.comparison.plan import PlannedRun
from mineral_recog.comparison.summary import read_trial
from mineral_recog.csv_files import write_rows
from mineral_recog.data.dataset import read_split
from mineral_recog.errors import DataError, OutputExistsError
from mineral_recog.evaluation.metrics import metrics_of_answers
from mineral_recog.evaluation.results import Answers
from mineral_recog.recipes.recipe_file import read_recipe
from tests.conftest import TINY

ROOT = Path(__file__).parent.parent
CLASSES = ("Agate", "Beryl, red", "Copper")  # a name with a comma needs quotes in CSV
GROUPS = ("head", "medium", "tail")
LABELS = np.repeat(np.arange(3), (4, 2, 2))
HALF, MOST = (1, 1, 0, 0, 1, 0, 0, 0), (1, 1, 1, 0, 1, 1, 1, 0)  # mean accuracy 1/3 and 3/4
TEMPLATE = "[table made test: a, b]\n\nGain: [change made test: b - a: mean_accuracy].\n"


class Benchmarks:
    """The scripts, which import each other by their plain names."""

    def __init__(self) -> None:
        self.stored_runs: Any = importlib.import_module("stored_runs")
        self.train_results: Any = importlib.import_module("train_results")
        self.results: Any = importlib.import_module("results")


@pytest.fixture
def scripts(monkeypatch: pytest.MonkeyPatch) -> Benchmarks:
    monkeypatch.syspath_prepend(ROOT / "benchmarks")
    return Benchmarks()


def store_by_hand(runs: Path, recipe: str, right: Sequence[int], seed: int = 0) -> Path:
    """Write a stored run of the set `made`, whose answers are correct where `right` is 1."""
    folder = runs / "made" / recipe / f"data-seed{seed}"
    (folder / "test").mkdir(parents=True)
    ranks = np.where(np.array(right), 1, 2)
    paths = tuple(f"{i}.png" for i in range(len(LABELS)))
    answers = Answers(paths, LABELS, ranks, np.full(len(LABELS), 0.75))
    figures = metrics_of_answers(answers, GROUPS)
    (folder / "test" / "metrics.json").write_text(json.dumps({**figures, "intervals": {}}))
    accuracies = [float(np.mean(ranks[c == LABELS] == 1)) for c in range(3)]
    columns = CLASSES, (9, 5, 2), np.bincount(LABELS), accuracies, GROUPS
    header = ["class", "n_train", "n_test", "accuracy", "group"]
    write_rows(folder / "test" / "per_class.csv", [header, *zip(*columns, strict=True)])
    predictions = folder / "predictions.csv"
    rows = zip(paths, [CLASSES[c] for c in LABELS], ["0.75"] * len(LABELS), ranks, strict=True)
    write_rows(predictions, [["photo", "class", "probability", "rank"], *rows])
    packed = gzip.compress(predictions.read_bytes(), mtime=0)
    (folder / "test" / "predictions.csv.gz").write_bytes(packed)
    predictions.unlink()
    (folder / "log.jsonl").write_text('{"seconds": 60, "memory": 1000000000}\n')
    (folder / "recipe.yaml").write_text("a key of an older version: 1\n")
    (folder / "about.json").write_text(json.dumps({"recipe": recipe, "data": "data", "seed": seed}))
    return folder


@pytest.fixture
def made(tmp_path: Path) -> Path:
    """Return stored runs of two recipes; `a` has one seed more."""
    runs = tmp_path / "runs"
    for seed in (0, 1, 2):
        store_by_hand(runs, "a", HALF, seed)
    for seed in (0, 1):
        store_by_hand(runs, "b", MOST, seed)
    return runs


def test_stored_run_is_read_as_a_trial(scripts: Benchmarks, made: Path) -> None:
    runs = scripts.stored_runs.stored_runs("made", made)
    assert {recipe: [run.key for run in found] for recipe, found in runs.items()} == {
        "a": [("data", 0), ("data", 1), ("data", 2)],
        "b": [("data", 0), ("data", 1)],
    }
    trial = runs["b"][1].trial("test")
    assert (trial.recipe, trial.data, trial.seed, trial.seconds) == ("b", "data", 1, 60)
    assert trial.evaluation.classes == CLASSES
    assert trial.metrics["mean_accuracy"] == pytest.approx(3 / 4)
    assert (trial.answers.ranks == 1).tolist() == list(map(bool, MOST))


@pytest.mark.parametrize(
    "content", [b"", b"no gzip", gzip.compress(b"photo,class\n", mtime=0), None]
)
def test_damaged_stored_run_is_named(
    scripts: Benchmarks, made: Path, content: bytes | None
) -> None:
    file = made / "made" / "b" / "data-seed1" / "test" / "predictions.csv.gz"
    if content is None:
        file.unlink()
    else:
        file.write_bytes(content)
    with pytest.raises(DataError, match=r"stored run .*made/b/data-seed1 is damaged"):
        scripts.results.build_page(TEMPLATE, made)


def test_page_is_built_from_common_runs(scripts: Benchmarks, made: Path) -> None:
    page = scripts.results.build_page(TEMPLATE, made)
    assert "    python benchmarks/train_results.py made OUT PHOTOS --rows a,b\n" in page
    assert "1 prepared folder, 2 seeds: 2 runs per recipe" in page
    assert "| b | **75.0 ± 0.0** |" in page
    assert "Left out, since not all rows have these runs: 1 of a." in page
    assert "Gain: +41.7 (" in page
    assert "[" not in page


def test_page_names_what_is_missing(scripts: Benchmarks, made: Path) -> None:
    page = scripts.results.build_page("[table made test: a, c]", made)
    assert page.endswith("\n\nNot run yet: c.")
    for placeholder in ("change made test: c - a: accuracy", "value made val: a: accuracy"):
        assert scripts.results.build_page(f"[{placeholder}]", made) == "not run yet"
    for seed in (0, 1):
        shutil.rmtree(made / "made" / "a" / f"data-seed{seed}")
    scripts.results.comparison_of.cache_clear()
    page = scripts.results.build_page("[table made test: a, b]", made)
    assert page == "Not run yet.\n\nLeft out, since not all rows have these runs: 1 of a, 2 of b."


def test_brackets_of_other_kinds_stay(scripts: Benchmarks, made: Path) -> None:
    text = "[value of it](page.md), [1, 2], [Kang et al.](x)"
    assert scripts.results.build_page(text, made) == text


@pytest.mark.parametrize(
    ("placeholder", "message"),
    [
        ("[table made test a, b]", "write it as in the description"),
        ("[table made test: a, b: accuracy]", "write it as in the description"),
        ("[change made test: b - a]", "write it as in the description"),
        ("[change made test: b: accuracy]", "a change has two rows"),
        ("[value made test: a - b: accuracy]", None),  # a row of this name does not exist
        ("[value made test: a: precision]", "the metric must be one of mean_accuracy"),
        ("[change made test: b - a: seconds]", "no change of seconds is known"),
    ],
)
def test_wrong_placeholder(
    scripts: Benchmarks, made: Path, placeholder: str, message: str | None
) -> None:
    if message is None:
        assert scripts.results.build_page(placeholder, made) == "not run yet"
        return
    with pytest.raises(DataError, match=message):
        scripts.results.build_page(placeholder, made)


def test_check_finds_a_page_that_is_out_of_date(
    scripts: Benchmarks, made: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    results, page, readme = scripts.results, made / "page.md", made / "readme.md"
    (made / "template.md").write_text(TEMPLATE)
    (made / "part.md").write_text("[value made test: b: mean_accuracy]\n")
    readme.write_text(f"# Made\n{results.BEGIN}nothing\n{results.END}The end.\n")
    monkeypatch.setattr(results, "PAGES", {"template.md": "page.md", "part.md": "readme.md"})
    monkeypatch.setattr(results, "ROOT", made)
    monkeypatch.setattr(results, "RUNS", made)
    monkeypatch.setattr("sys.argv", ["results.py"])
    scripts.results.main()
    value = results.value("made", "test", "b", "mean_accuracy", made)
    assert value.startswith("75.0")
    assert readme.read_text() == f"# Made\n{results.BEGIN}{value}\n{results.END}The end.\n"
    monkeypatch.setattr("sys.argv", ["results.py", "--check"])
    scripts.results.main()
    page.write_text(page.read_text().replace("75.0", "75.1"))
    with pytest.raises(SystemExit, match="out of date"):
        scripts.results.main()


def test_pages_are_what_the_stored_runs_give(scripts: Benchmarks) -> None:
    for page, text in scripts.results.build_pages(ROOT, scripts.results.RUNS).items():
        assert page.read_text("utf-8") == text, page


class Work:
    """A set `tiny` of two rows on a prepared folder with one seed, in the current folder."""

    def __init__(self, scripts: Benchmarks, runs: Path) -> None:
        self.scripts, self.runs, self.rates = scripts, runs, {"baseline": 1.0, "crt": 1.0}
        self.data_commands = 0

    def train(self, force: bool = False) -> None:
        store = self.scripts.stored_runs.Store("tiny", "0123abc", force, self.runs)
        self.scripts.train_results.train_split(store, None, 0, ["baseline", "crt"])

    def files(self) -> dict[str, bytes]:
        files = sorted(path for path in self.runs.rglob("*") if path.is_file())
        return {path.relative_to(self.runs).as_posix(): path.read_bytes() for path in files}


@pytest.fixture
def work(
    scripts: Benchmarks, prepared: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> Work:
    monkeypatch.chdir(tmp_path)
    shutil.copytree(prepared, "data")
    tiny = scripts.train_results.BenchmarkSet(
        "draw {data}",
        (*TINY[:-1], "epochs=2", "precision=float32"),
        {"baseline": (0,), "crt": (0,)},
        (1, 2, 3),
        "data",
    )
    monkeypatch.setitem(scripts.train_results.SETS, "tiny", tiny)
    work = Work(scripts, tmp_path / "stored")
    monkeypatch.setattr(scripts.train_results, "chosen_rates", lambda name: work.rates)
    return work


def test_runs_are_stored_and_not_repeated(work: Work, monkeypatch: pytest.MonkeyPatch) -> None:
    added: list[int] = []
    add = work.scripts.stored_runs.Store.add

    def count_and_add(store: Any, run: PlannedRun) -> Path:
        finished = list(Path("tiny/runs").glob("*/*/model"))
        added.append(len(finished))
        return Path(add(store, run))

    monkeypatch.setattr(work.scripts.stored_runs.Store, "add", count_and_add)
    work.train()
    assert added == [1, 2]  # the first run is stored before the second one is trained
    stored = work.files()
    names = ["about.json", "log.jsonl", "recipe.yaml", "test/metrics.json", "test/per_class.csv",
             "test/predictions.csv.gz"]  # fmt: skip
    folders = ["tiny/baseline/data-seed0", "tiny/crt/data-seed0"]
    assert list(stored) == [f"{folder}/{name}" for folder in folders for name in names]
    for name, content in stored.items():
        text = gzip.decompress(content) if name.endswith(".gz") else content
        assert str(Path.cwd()).encode() not in text
        assert len(content) < 3000
    about = json.loads(stored["tiny/crt/data-seed0/about.json"])
    assert about["commit"] == "0123abc"
    assert about["training_photos"] == read_split(Path("data"), "train").fingerprint()

    run = PlannedRun("crt", read_recipe("crt"), Path("data"), "data", 0,
                     Path("tiny/runs/crt/data-seed0"))  # fmt: skip
    expected = read_trial(run, "test", ("agate", "beryl", "copper"))
    trial = work.scripts.stored_runs.stored_runs("tiny", work.runs)["crt"][0].trial("test")
    assert trial.metrics == expected.metrics
    assert trial.answers.paths == expected.answers.paths
    assert trial.answers.ranks.tolist() == expected.answers.ranks.tolist()

    store = work.scripts.stored_runs.Store("tiny", "0123abc", runs=work.runs)
    store.add(run)
    assert work.files() == stored  # the same bytes

    shutil.rmtree("tiny")  # all that is not stored is lost
    monkeypatch.setattr(work.scripts.train_results, "run_comparison", pytest.fail)
    work.train()
    assert work.files() == stored

    work.rates["crt"] = 2.0
    with pytest.raises(OutputExistsError, match=r"crt.*holds another run, of other recipe"):
        work.train()
    assert work.files() == stored


def test_stored_run_is_replaced_as_a_whole(work: Work, monkeypatch: pytest.MonkeyPatch) -> None:
    work.train()
    stored = work.files()
    shutil.rmtree("tiny")
    work.rates["crt"] = 2.0

    def no_space(content: bytes, mtime: int) -> bytes:
        raise OSError("no space")

    with monkeypatch.context() as context:
        context.setattr(gzip, "compress", no_space)
        with pytest.raises(OSError, match="no space"):
            work.train(force=True)
    assert work.files() == stored
    work.train(force=True)
    changed = {name for name, content in work.files().items() if stored[name] != content}
    assert changed
    assert all(name.startswith("tiny/crt/") for name in changed)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["tiny", "out", "--rows", "baseline,bset"], "No row bset in this set: give some of"),
        (["tiny", "out", "--splits", "one"], "--splits"),
        (["photos", "out"], "give the folder of its photos"),
    ],
)
def test_wrong_arguments(
    work: Work,
    arguments: list[str],
    message: str,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    train_results = work.scripts.train_results
    needs_photos = train_results.BenchmarkSet(
        "prepare {photos} {data}", (), {"baseline": (0,)}, (1, 2, 3), "new-{seed}"
    )
    monkeypatch.setitem(train_results.SETS, "photos", needs_photos)
    monkeypatch.setattr(train_results, "repository_commit", lambda: "0123abc")
    monkeypatch.setattr("sys.argv", ["train_results.py", *arguments])
    with pytest.raises(SystemExit) as stopped:
        train_results.main()
    assert stopped.value.code == 2
    assert message in capsys.readouterr().err
