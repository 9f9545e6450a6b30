"""The commands as a user types them: their output, files and exit status."""

from __future__ import annotations

import contextlib
import csv
import errno
import io
import json
import os
import re
import shlex
import shutil
import signal
import stat
import subprocess
import sys
import time
from functools import partial
from pathlib import Path

import pytest

from mineral_recog import __version__
from mineral_recog.cli import demo
from mineral_recog.cli import main as cli
from mineral_recog.cli.main import main
from mineral_recog.errors import UserError
from mineral_recog.models.run_files import refuse_replacing_run
from mineral_recog.recipes.recipe_file import read_recipe
from mineral_recog.synthetic import drawn_set
from tests.conftest import TINY, write_photos

SMALL = [part for setting in TINY for part in ("--set", setting)]
BASELINE = ["--recipe", "baseline", "--set", "stages.ce.epochs=1", "--workers", "0", *SMALL]


@pytest.fixture
def data(prepared: Path, tmp_path: Path) -> Path:
    return Path(shutil.copytree(prepared, tmp_path / "data"))


@pytest.fixture(scope="module")
def run(prepared: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A finished run; do not change it."""
    folder = tmp_path_factory.mktemp("runs") / "first"
    assert main(["train", str(prepared), "--out", str(folder), *BASELINE]) == 0
    return folder


def error_line(capsys: pytest.CaptureFixture[str]) -> str:
    """Return the line of an error, which must be the only one."""
    lines = [line for line in capsys.readouterr().err.splitlines() if line.startswith("Error: ")]
    assert len(lines) == 1
    return lines[0]


def test_help_names_the_commands_and_loads_nothing_heavy() -> None:
    code = (
        "import sys; from mineral_recog.cli.main import main; main(['--help']);"
        "assert not {'torch', 'timm', 'matplotlib', 'sklearn'} & set(sys.modules)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    for command in ("demo", "draw", "audit", "prepare", "train", "evaluate", "compare"):
        assert command in done.stdout


def test_version_and_help_without_a_command(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["--version"]) == 0
    assert capsys.readouterr().out == f"mineral-recog {__version__}\n"
    assert main([]) == 0
    bare = capsys.readouterr().out
    assert main(["--help"]) == 0
    assert bare.split() == capsys.readouterr().out.split()
    with contextlib.redirect_stdout(io.StringIO()) as caught:  # not a file
        assert main(["--version"]) == 0
    assert caught.getvalue() == f"mineral-recog {__version__}\n"


def test_help_is_in_the_readers_language() -> None:
    environment = {**os.environ, "MINERAL_RECOG_LANG": "zh"}
    done = subprocess.run(
        [sys.executable, "-m", "mineral_recog", "train", "--help"],
        capture_output=True,
        env=environment,
        check=True,
    )
    assert "按配方" in done.stdout.decode("utf-8")


def test_from_photos_to_report(
    source: Path,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.chdir(tmp_path)
    assert main(["prepare", str(source), "data", "--imbalance", "4"]) == 0
    out = capsys.readouterr().out
    assert "钠长石" in out
    assert "Imbalance factor of the training photos: 4.0" in out
    assert Path("data/distribution.png").stat().st_size > 5000
    assert main(["train", "data", *BASELINE]) == 0
    assert main(["evaluate", "runs/baseline", "--workers", "0"]) == 0
    shown = capsys.readouterr().out
    folder = Path("runs/baseline/evaluation/test")
    metrics = json.loads((folder / "metrics.json").read_text("utf-8"))
    assert f"{100 * metrics['mean_accuracy']:.2f}%" in shown
    low, high = metrics["intervals"]["mean_accuracy"]
    assert low <= metrics["mean_accuracy"] <= high
    with (folder / "per_class.csv").open(encoding="utf-8", newline="") as file:
        rows = list(csv.DictReader(file))
    assert [row["class"] for row in rows] == ["agate", "copper", "钠长石"]
    columns = ["class", "n_train", "n_test", "accuracy", "group", "precision", "f1"]
    assert list(rows[0]) == columns
    mean = sum(float(row["accuracy"]) for row in rows) / 3
    assert mean == pytest.approx(metrics["mean_accuracy"], abs=1e-3)
    with (folder / "predictions.csv").open(encoding="utf-8", newline="") as file:
        predictions = list(csv.DictReader(file))
    right = sum(row["class"] == row["predicted"] for row in predictions) / len(predictions)
    assert right == pytest.approx(metrics["accuracy"])
    for name in ("confusion_matrix", "feature_distribution", "per_class_accuracy"):
        assert (folder / f"{name}.png").stat().st_size > 5000
    assert "钠长石" in (folder / "report.html").read_text("utf-8")


def test_two_runs_are_compared(
    run: Path, prepared: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    first = Path(shutil.copytree(run, tmp_path / "first"))
    second = tmp_path / "second"
    assert main(["train", str(prepared), "--out", str(second), *BASELINE, "--set", "seed=1"]) == 0
    against = ["--against", str(first), "--workers", "0"]
    assert main(["evaluate", str(second), *against]) == 2
    assert "has no evaluation of test" in error_line(capsys)
    assert main(["evaluate", str(first), "--workers", "0", "--groups", "10,5"]) == 0
    assert main(["evaluate", str(second), *against, "--groups", "100,100"]) == 2
    assert "with different groups" in error_line(capsys)
    assert not (second / "evaluation").exists() or not any((second / "evaluation").iterdir())
    assert main(["evaluate", str(first), "--workers", "0", "--force"]) == 0
    capsys.readouterr()
    assert main(["evaluate", str(second), *against]) == 0
    table = capsys.readouterr().out
    rows = ("Mean accuracy, all classes", "tail classes", "(CwASD)", "(CwARange)")
    assert all(row in table for row in rows)
    assert [row in table for row in ("first", "second", "change")] == [True] * 3
    # The table has the metrics of the other run, read from its files.
    metrics = json.loads((first / "evaluation/test/metrics.json").read_text("utf-8"))
    assert f"{100 * metrics['mean_accuracy']:.2f}%" in table


def test_other_pictures_are_evaluated_as_none_of_these(
    run: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    copy = Path(shutil.copytree(run, tmp_path / "run"))
    others = tmp_path / "others"
    command = ["evaluate", str(copy), "--workers", "0", "--others", str(others)]
    assert main(command) == 2
    assert "is not a folder" in error_line(capsys)
    write_photos(others / "leaves", 4, 3)
    write_photos(others / "noise" / "grey", 5, 2)
    (others / "noise" / "torn.png").touch()
    assert main(command) == 0
    shown = capsys.readouterr()
    assert "torn.png" in shown.err.replace("\n", "")
    folder = copy / "evaluation" / "test"
    calibration = json.loads((folder / "trust.json").read_text("utf-8"))
    assert [(kind["name"], kind["pictures"]) for kind in calibration["others"]] == [
        ("", 5), ("leaves", 3), ("noise", 2),
    ]  # fmt: skip
    assert f"{calibration['others'][0]['figures']['auroc']:.3f}" in shown.out
    assert f"{calibration['figures']['ece_after_tail']:.3f}" in shown.out
    metrics = json.loads((folder / "metrics.json").read_text("utf-8"))
    # metrics.json has the ECE of plain softmax, for tools that read it.
    assert metrics["ece"] == pytest.approx(calibration["figures"]["ece_before"])
    assert not {"ece_after", "coverage", "others"} & set(metrics)
    assert "other pictures (sha256" in (folder / "report.html").read_text("utf-8")


def test_copies_of_training_photos_are_reported(
    run: Path, data: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    copy = Path(shutil.copytree(run, tmp_path / "run"))
    command = ["evaluate", str(copy), "--workers", "0"]
    assert main(command) == 0
    assert "copies of training photos" not in capsys.readouterr().out
    for number in (1, 2):
        shutil.copy(data / "train" / "agate" / f"{number}.png", data / "test" / "beryl")
    assert main([*command, "--data", str(data), "--force"]) == 0
    shown = capsys.readouterr().out
    assert "2 of these photos are copies of training photos" in shown
    folder = copy / "evaluation" / "test"
    written = json.loads((folder / "copies.json").read_text("utf-8"))
    assert written["copies_of_training_photos"] == ["beryl/1.png", "beryl/2.png"]
    with (folder / "predictions.csv").open(encoding="utf-8", newline="") as file:
        right = {row["photo"]: row["rank"] == "1" for row in csv.DictReader(file)}
    others = [ok for photo, ok in right.items() if photo not in ("beryl/1.png", "beryl/2.png")]
    assert written["figures_without"]["accuracy"] == pytest.approx(sum(others) / len(others))
    figure = f"{100 * written['figures_without']['mean_accuracy']:.2f}% without"
    assert figure in shown
    assert "Copies of training photos" in (folder / "report.html").read_text("utf-8")


def test_evaluation_is_not_overwritten(
    run: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    copy = Path(shutil.copytree(run, tmp_path / "run"))
    command = ["evaluate", str(copy), "--split", "val", "--workers", "0"]
    assert main(command) == 0
    assert main(command) == 2
    report = copy / "evaluation" / "val" / "report.html"
    assert f"evaluated on val already: see {report}, or" in error_line(capsys)
    assert main([*command, "--force"]) == 0
    (report.parent / "notes.txt").write_text("mine")
    assert main([*command, "--force"]) == 2
    assert "1 file that this program did not write (notes.txt)" in error_line(capsys)
    with pytest.raises(UserError, match="notes"):
        refuse_replacing_run(copy)
    (report.parent / "notes.txt").unlink()
    refuse_replacing_run(copy)  # everything else was written by the program


def test_damaged_evaluation_is_not_called_missing(
    run: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    copy = Path(shutil.copytree(run, tmp_path / "run"))
    assert main(["evaluate", str(run), "--against", str(copy), "--workers", "0"]) == 2
    assert "no evaluation of test to compare with" in error_line(capsys)
    (copy / "evaluation" / "test").mkdir(parents=True)
    (copy / "evaluation" / "test" / "metrics.json").write_text("{}")
    assert main(["evaluate", str(run), "--against", str(copy), "--workers", "0"]) == 2
    assert "damaged or of another version" in error_line(capsys)


def test_missing_photos_of_a_run_are_requested(
    run: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    copy = Path(shutil.copytree(run, tmp_path / "run"))
    (copy / "run.json").unlink()
    assert main(["evaluate", str(copy)]) == 2
    assert "moved or deleted: give their folder" in error_line(capsys)


@pytest.mark.parametrize("how", [signal.SIGINT, signal.SIGTERM])
def test_stopped_run_can_be_resumed(prepared: Path, tmp_path: Path, how: signal.Signals) -> None:
    folder = tmp_path / "run"
    command = [sys.executable, "-m", "mineral_recog", "train", str(prepared), "--out", str(folder)]
    long = ["--recipe", "baseline", "--set", "stages.ce.epochs=400", "--workers", "1", *SMALL]
    # Tests in the background of a shell inherit an ignored SIGINT.
    restore_sigint = partial(signal.signal, signal.SIGINT, signal.SIG_DFL)
    process = subprocess.Popen(
        [*command, *long],
        stderr=subprocess.DEVNULL,
        preexec_fn=restore_sigint,
        start_new_session=True,
    )
    checkpoint = folder / "checkpoint" / "last.safetensors"
    until = time.monotonic() + 120
    while not checkpoint.exists() and time.monotonic() < until:
        time.sleep(0.05)
    os.killpg(process.pid, how)  # as a terminal and Slurm do: its loader process gets it too
    assert process.wait(timeout=60) == 128 + how
    assert not (folder / "model").exists()
    files = {"last.safetensors", "before.last.safetensors", "photos.json"}
    assert {path.name for path in checkpoint.parent.iterdir()} <= files
    done = len((folder / "log.jsonl").read_text().splitlines())
    assert 0 < done < 400
    # Cut the recipe in the folder to two epochs more than are done.
    recipe = (folder / "recipe.yaml").read_text("utf-8")
    (folder / "recipe.yaml").write_text(recipe.replace("400", str(done + 2)), encoding="utf-8")
    assert main(["train", str(prepared), "--out", str(folder), "--resume", "--workers", "0"]) == 0
    epochs = [json.loads(line)["epoch"] for line in (folder / "log.jsonl").read_text().splitlines()]
    assert epochs == list(range(1, done + 3))


def test_resume_refuses_other_settings(
    prepared: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    command = ["train", str(prepared), "--out", str(tmp_path / "run"), "--resume"]
    assert main([*command, "--set", "seed=1"]) == 2
    assert "leave out --recipe, --set, --from, --minutes, --cache and --force" in error_line(capsys)


def test_tensorboard_is_written_on_request(prepared: Path, tmp_path: Path) -> None:
    folder = tmp_path / "run"
    code = (
        "import warnings; warnings.simplefilter('ignore'); from mineral_recog.cli.main import main;"
    )
    arguments = ["train", str(prepared), "--out", str(folder), "--tensorboard", *BASELINE]
    subprocess.run(
        [sys.executable, "-c", f"{code} raise SystemExit(main({arguments!r}))"], check=True
    )
    assert any((folder / "tensorboard").glob("events.*"))
    refuse_replacing_run(folder)


def test_demo_prints_the_table_of_the_paper(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    shrunk = drawn_set.DrawnSet(size=32, largest=4, imbalance=2.0, val=1, test=1)
    monkeypatch.setattr(drawn_set, "DEMO_SET", shrunk)
    tiny_settings = {
        "baseline": (*TINY, "stages.ce.epochs=1"),
        "multi_stage": (*TINY, *(f"stages.{s}.epochs=1" for s in ("fea", "cfl", "crt"))),
    }
    monkeypatch.setattr(demo, "DEMO_SETTINGS", tiny_settings)
    out = tmp_path / "demo"
    assert main(["demo", "--out", str(out), "--workers", "0"]) == 0
    printed = capsys.readouterr().out
    for row in ("all classes", "tail classes", "(CwASD)", "(CwARange)"):
        assert row in printed
    report = out / "runs" / "multi_stage" / "evaluation" / "test" / "report.html"
    assert str(report) in printed.replace("\n", "")
    assert report.is_file()
    assert (out / "minerals" / "contact_sheet.png").is_file()
    assert main(["demo", "--out", str(out)]) == 2
    assert "--force" in error_line(capsys)
    for mine in (out / "minerals" / "test" / "mine.png", out / "runs" / "multi_stage" / "mine.txt"):
        mine.touch()
        before = (out / "runs" / "baseline" / "run.json").stat().st_mtime_ns
        assert main(["demo", "--out", str(out), "--force"]) == 2
        assert "did not write" in error_line(capsys)
        assert (out / "runs" / "baseline" / "run.json").stat().st_mtime_ns == before
        mine.unlink()


@pytest.mark.parametrize(
    ("arguments", "reason"),
    [
        (["train", "nowhere"], "nowhere has no folder train"),
        (["train", "."], "has no folder train"),
        (["train", ".", "--recipe", "none"], "No recipe none"),
        (["train", ".", "--set", "epochs"], "key=value"),
        (["train", ".", "--set", "backbone=2024-99-99"], "has no folder"),
        (["train", ".", "--recipe", "baseline", "--set", "stages.fea.lr=1"], "stages are ce"),
        (["draw", "."], "is the current folder"),
        (["train", ".", "--workers", "-1"], "--workers"),
        (["train"], "DATA"),
        (["trian"], "trian"),
        (["prepare", "photos", "data", "--place", "teleport"], "teleport"),
        (["prepare", "photos", "data", "--split", "1/2"], "80/10/10"),
        (["evaluate", "nowhere"], "no trained model"),
        (["evaluate", "nowhere", "--split", "exam"], "exam"),
        (["draw", "data", "--size", "1"], "--size"),
        (["compare"], "DATA"),
        (["compare", "nowhere"], "nowhere has no folder train"),
        (["compare", ".", "--recipes", "baseline,none"], "No recipe none"),
        (["compare", ".", "--set", "colour=red"], "colour: unknown key"),
        (["compare", "a", "b/a"], "DATA has a twice"),
        (["compare", ".", "--seeds", "one"], "whole numbers"),
        (["compare", ".", "--split", "train"], "train"),
        (["train", ".", "--cache", "maybe"], "maybe"),
        (["train", ".", "--set", "cache=maybe"], "cache"),
    ],
)
def test_mistakes_are_reported_in_one_line(
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
    arguments: list[str],
    reason: str,
) -> None:
    monkeypatch.chdir(tmp_path)
    assert main(arguments) == 2
    assert re.search(reason, error_line(capsys))
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("command", ["train", "compare"])
def test_wrong_settings_are_reported_before_torch_is_loaded(prepared: Path, command: str) -> None:
    code = (
        "import sys; from mineral_recog.cli.main import main;"
        f"assert main([{command!r}, {str(prepared)!r}, '--set', 'colour=red']) == 2;"
        "assert 'torch' not in sys.modules"
    )
    subprocess.run([sys.executable, "-c", code], check=True)


@pytest.mark.skipif(os.name == "nt" or os.geteuid() == 0, reason="root may write everywhere")
def test_read_only_folder_is_reported(
    source: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    locked = tmp_path / "locked"
    locked.mkdir()
    locked.chmod(stat.S_IRUSR | stat.S_IXUSR)
    assert main(["prepare", str(source), str(locked / "data")]) == 2
    assert "No permission" in error_line(capsys)


def test_output_below_a_file_is_reported(
    source: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "file").touch()
    assert main(["prepare", str(source), str(tmp_path / "file" / "data")]) == 2
    assert "choose another place" in error_line(capsys)


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="/dev/full does not exist")
def test_full_disk_leaves_no_partial_output(
    source: Path,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def to_full_disk(source: Path, target: Path) -> None:
        with Path("/dev/full").open("wb", buffering=0) as full:
            full.write(b"photo")

    monkeypatch.setattr("mineral_recog.curation.placement.shutil.copyfile", to_full_disk)
    assert main(["prepare", str(source), str(tmp_path / "data"), "--place", "copy"]) == 2
    assert "disk is full" in error_line(capsys)
    assert [path.name for path in tmp_path.iterdir()] == ["photos"]


@pytest.mark.parametrize("error", [ZeroDivisionError("a bug"), OSError(errno.EBADF, "a bug")])
def test_bugs_are_reported_with_a_traceback(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, error: Exception
) -> None:
    def fail(*_: object, **__: object) -> None:
        raise error

    monkeypatch.setattr(cli, "app", fail)
    assert main(["train"]) == 1
    shown = capsys.readouterr().err
    assert f"{type(error).__name__}: {error}" in shown
    assert "bug in mineral-recog" in shown


def test_entry_points_of_the_paper(prepared: Path, tmp_path: Path) -> None:
    # Under spawn, as on macOS and Windows, loader processes import the script again.
    (tmp_path / "sitecustomize.py").write_text(
        "import multiprocessing; multiprocessing.set_start_method('spawn', force=True)"
    )
    root = Path(__file__).parents[2]
    environment = {
        **os.environ,
        "PYTHONPATH": f"{tmp_path}{os.pathsep}{os.environ.get('PYTHONPATH', '')}",
    }
    command = [str(prepared), "--out", str(tmp_path / "run"), *BASELINE, "--workers", "1"]
    subprocess.run([sys.executable, str(root / "train.py"), *command], env=environment, check=True)
    assert (tmp_path / "run" / "model").is_dir()
    for script in ("train.py", "evaluate.py"):
        done = subprocess.run(
            [sys.executable, str(root / script), "--help"],
            capture_output=True,
            text=True,
            check=True,
        )
        assert f"mineral-recog {script.removesuffix('.py')}" in done.stdout


def test_names_that_cannot_be_encoded_are_escaped(source: Path, tmp_path: Path) -> None:
    command = [sys.executable, "-m", "mineral_recog", "prepare", str(source), str(tmp_path / "d")]
    environment = {**os.environ, "PYTHONIOENCODING": "ascii"}
    done = subprocess.run(command, capture_output=True, text=True, env=environment, check=True)
    assert r"\u94a0\u957f\u77f3" in done.stdout


def test_audit_and_prepare_with_its_decisions(
    source: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    shutil.copy(source / "agate" / "1.png", source / "agate" / "again.png")
    shutil.copy(source / "agate" / "2.png", source / "copper" / "wrong.png")
    (source / "copper" / "torn.png").write_bytes((source / "agate" / "1.png").read_bytes()[:500])
    (source / "stray.jpg").touch()
    before = {path: path.read_bytes() for path in source.rglob("*.*")}
    out = tmp_path / "found"
    assert main(["audit", str(source), "--out", str(out)]) == 0
    shown = capsys.readouterr().out
    assert [word in shown for word in ("two classes", "Exact copies", "Cut short")] == [True] * 3
    with (out / "findings.csv").open(encoding="utf-8-sig", newline="") as file:
        photos = {(row["kind"], row["photo"]) for row in csv.DictReader(file)}
    assert {photo for kind, photo in photos if kind != "small"} == {
        "agate/1.png", "agate/again.png", "agate/2.png", "copper/wrong.png", "copper/torn.png",
        "stray.jpg",
    }  # fmt: skip
    assert {kind for kind, _ in photos} == {
        "two_classes", "exact", "cut_short", "small", "no_class",
    }  # fmt: skip
    assert "review.html" in shown
    (out / "decisions.json").write_text('{"drop": ["copper/wrong.png"]}')
    assert main(["audit", str(source), "--out", str(out)]) == 2
    assert "--force" in error_line(capsys)
    assert main(["audit", str(source), "--out", str(out), "--force"]) == 0
    decide = ["--decisions", str(out / "decisions.json")]
    capsys.readouterr()
    assert main(["prepare", str(source), str(tmp_path / "plain")]) == 0
    assert "Set aside, copies under two classes: 2 photos" in capsys.readouterr().out
    assert main(["prepare", str(source), str(tmp_path / "data"), *decide]) == 0
    shown = capsys.readouterr().out
    assert "Copies and near-copies: 2 photos in 1 groups" in shown
    assert "By your decisions: 1 photos dropped, 0 moved to another class" in shown
    assert "Set aside" not in shown
    assert {path: path.read_bytes() for path in source.rglob("*.*")} == before


def test_list_of_photos_with_aliases(
    source: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    write_photos(source / "Albite", 7, 4)
    rows = [f"{path.relative_to(tmp_path)},{path.parent.name}" for path in source.rglob("*.png")]
    listed = tmp_path / "list.csv"
    listed.write_text("\n".join(("file_name,mineral", *rows)), encoding="utf-8")
    assert main(["prepare", str(listed), str(tmp_path / "plain")]) == 0
    shown = capsys.readouterr().out
    assert "the same mineral: Albite, 钠长石. To merge them: --aliases minerals" in shown
    aliases = ["--aliases", "minerals"]
    assert main(["audit", str(listed), "--out", str(tmp_path / "found"), *aliases]) == 0
    shown = capsys.readouterr().out
    assert "replaced by those of the aliases: 3 (agate → Agate, copper → Copper, 钠长石" in shown
    words = ["mineral-recog", "prepare", str(listed), "DATA", *aliases]
    assert f"{shlex.join(words)} --decisions decisions.json`" in shown
    findings = json.loads((tmp_path / "found" / "findings.json").read_text("utf-8"))["findings"]
    named = [path for finding in findings for path in finding["paths"] if path.endswith("/0.png")]
    (photo,) = (path for path in named if "钠长石" in path)
    assert photo == "Albite/from 钠长石/photos/钠长石/0.png"
    (tmp_path / "decided.json").write_text(json.dumps({"drop": [photo]}), encoding="utf-8")
    decide = ["--decisions", str(tmp_path / "decided.json")]
    assert main(["prepare", str(listed), str(tmp_path / "data"), *aliases, *decide]) == 0
    shown = capsys.readouterr().out
    assert "1 photos dropped" in shown
    assert "the same mineral" not in shown
    counts = json.loads((tmp_path / "data" / "prepared.json").read_text("utf-8"))["made"]["counts"]
    assert {name: sum(splits.values()) for name, splits in counts.items()} == {
        "Agate": 20,
        "Albite": 4 + 10 - 1,
        "Copper": 5,
    }
    assert main(["prepare", str(listed), str(tmp_path / "other"), *decide, "--split", "1"]) == 2


def test_splits_of_the_source_are_used(
    prepared: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["prepare", str(prepared), str(tmp_path / "data")]) == 0
    assert "Splits of the source: train, val, test" in capsys.readouterr().out
    assert len(list((tmp_path / "data" / "train").rglob("*.png"))) == 21
    assert main(["prepare", str(prepared), str(tmp_path / "b"), "--split", "80/10/10"]) == 2
    assert "omit --split" in error_line(capsys)


@pytest.mark.skipif(sys.platform != "linux", reason="elsewhere file names are UTF-8")
@pytest.mark.parametrize("command", ["prepare", "audit", "train", "list"])
def test_locale_that_is_not_utf8_is_named(source: Path, tmp_path: Path, command: str) -> None:
    """`source` has a class with a Chinese name."""
    photos = sorted(source.rglob("*.png"))
    rows = [f"{photo.relative_to(source.parent)},石英{len(photo.parent.name)}" for photo in photos]
    plain = source.rename(tmp_path / "plain") if command == "list" else source
    if command == "list":
        (plain / "钠长石").rename(plain / "albite")
        rows = [row.replace("photos/", "plain/").replace("钠长石/", "albite/") for row in rows]
    (tmp_path / "list.csv").write_text("\n".join(["path,label", *rows]), encoding="utf-8")
    shutil.copytree(plain, tmp_path / "split" / "train")
    arguments = {
        "prepare": ["prepare", str(source), str(tmp_path / "data")],
        "audit": ["audit", str(source), "--out", str(tmp_path / "found")],
        "train": ["train", str(tmp_path / "split")],
        "list": ["prepare", str(tmp_path / "list.csv"), str(tmp_path / "data")],
    }[command]
    environment = {"LC_ALL": "C", "PYTHONUTF8": "0", "PYTHONCOERCECLOCALE": "0"}
    done = subprocess.run(
        [sys.executable, "-m", "mineral_recog", *arguments],
        env={**os.environ, **environment},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 2
    assert "LC_ALL=C.UTF-8 or PYTHONUTF8=1" in done.stderr
    assert "rename" not in done.stderr


def test_audit_does_not_write_among_the_photos(
    source: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["audit", str(source), "--out", str(source / "found")]) == 2
    assert "lies inside" in error_line(capsys)
    mine = tmp_path / "mine"
    write_photos(mine, 1, 1)
    assert main(["audit", str(source), "--out", str(mine), "--force"]) == 2
    assert "not made by this command" in error_line(capsys)


def test_folders_of_the_user_are_never_replaced(
    prepared: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    mine = tmp_path / "mine"
    mine.mkdir()
    (mine / "recipe.yaml").write_text("my own recipe")
    assert main(["train", str(prepared), "--out", str(mine), "--force", *BASELINE]) == 2
    assert "not made by this command" in error_line(capsys)
    assert (mine / "recipe.yaml").read_text() == "my own recipe"


def test_class_in_val_that_train_lacks_is_reported(
    data: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    write_photos(data / "val" / "gold", 7, 2)
    assert main(["train", str(data), "--out", str(tmp_path / "run"), *BASELINE]) == 2
    assert "has gold, which training did not" in error_line(capsys)
    assert not (tmp_path / "run").exists()


@pytest.mark.parametrize(
    "function",
    ["mineral_recog.curation.placement._place", "mineral_recog.rendering.plot_style.save"],
)
def test_ctrl_c_in_prepare_leaves_no_output(
    source: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, function: str
) -> None:
    def interrupt(*_: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(function, interrupt)
    assert main(["prepare", str(source), str(tmp_path / "data")]) == 130
    assert [path.name for path in tmp_path.iterdir()] == ["photos"]


def test_cache_option_is_applied(prepared: Path, tmp_path: Path) -> None:
    data, run = shutil.copytree(prepared, tmp_path / "data"), tmp_path / "run"
    command = ["train", str(data), "--out", str(run), *BASELINE]
    assert main([*command, "--cache", "off"]) == 0
    assert not (data / ".cache").exists()
    assert main([*command, "--cache", "on", "--force"]) == 0
    assert (data / ".cache" / "val-37").is_dir()
    assert read_recipe(str(run / "recipe.yaml")).cache is True
    command = ["compare", str(data), "--recipes", "baseline", "--seeds", "0", *BASELINE[2:]]
    assert main([*command, "--out", str(tmp_path / "out"), "--cache", "off"]) == 0
    made = tmp_path / "out" / "runs" / "baseline" / "data-seed0" / "recipe.yaml"
    assert read_recipe(str(made)).cache is False
    assert main([*command, "--out", str(tmp_path / "out"), "--cache", "on"]) == 2
