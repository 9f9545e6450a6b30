"""Commands in messages, which users paste: every path and name in them is one word of the shell."""

from __future__ import annotations

import os
import re
import shlex
import shutil
from pathlib import Path

import pytest

from mineral_recog.cli.main import main
from mineral_recog.errors import UserError
from mineral_recog.evaluation.evaluation_files import read_evaluation
from mineral_recog.text import command_line
from mineral_recog.training.run_folder import refuse_existing_run
from tests.conftest import TINY, write_photos


@pytest.fixture
def place(tmp_path: Path) -> Path:
    """Return a folder with a blank, a quote and Chinese characters in its name."""
    folder = tmp_path / "it's 我的 data"
    folder.mkdir()
    return folder


def command_in(message: str) -> list[str]:
    """Return the words of the first command in a message, as a shell splits them."""
    (command,) = re.findall(r"(mineral-recog .+?)(?:`|$)", message, re.MULTILINE)[:1]
    return shlex.split(command)


@pytest.mark.parametrize(
    ("system", "words", "line"),
    [
        ("posix", ("a b", Path("它's"), 1, "plain"), """'a b' '它'"'"'s' 1 plain"""),
        ("nt", ("a b", "c:\\x y", "plain"), '"a b" "c:\\x y" plain'),
    ],
)
def test_words_are_quoted_for_the_shell(
    monkeypatch: pytest.MonkeyPatch, system: str, words: tuple[object, ...], line: str
) -> None:
    monkeypatch.setattr(os, "name", system)
    shown = command_line(*words)
    monkeypatch.undo()  # pytest needs the real name
    assert shown == line


@pytest.mark.parametrize("language", ["en", "zh"])
def test_audit_and_prepare_print_real_paths(
    place: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, language: str
) -> None:
    monkeypatch.setenv("MINERAL_RECOG_LANG", language)
    photos, data = place / "my photos", place / "data"
    for hue, name in enumerate(("agate", "beryl")):
        write_photos(photos / name, hue, 8)
    shutil.copy(photos / "agate" / "0.png", photos / "beryl" / "copy.png")
    options = ["--copies", "exact"]
    assert main(["audit", str(photos), "--out", str(place / "found"), *options]) == 0
    expected = ["prepare", str(photos), "DATA", *options, "--decisions", "decisions.json"]
    assert command_in(capsys.readouterr().out)[1:] == expected
    assert main(["prepare", str(photos), str(data), *options]) == 0
    *_, review, _, following = capsys.readouterr().out.splitlines()
    assert command_in(review)[1:] == ["audit", str(photos), *options, "--out", "DIR"]
    assert command_in(following)[1:] == ["train", str(data)]


def test_train_prints_the_next_command(
    place: Path, prepared: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    run = place / "run"
    settings = [word for setting in TINY for word in ("--set", setting)]
    train = ["train", str(prepared), "--out", str(run), "--workers", "0", "--device", "cpu"]

    def do_nothing(*_: object, **__: object) -> None:
        pass

    monkeypatch.setattr("mineral_recog.training.run.train", do_nothing)
    assert main([*train, *settings]) == 0
    assert command_in(capsys.readouterr().out)[1:] == ["evaluate", str(run)]

    def interrupt(*_: object, **__: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr("mineral_recog.training.run.train", interrupt)
    assert main([*train, *settings]) == 130
    words = ["train", str(prepared), "--out", str(run), "--resume"]
    assert command_in(capsys.readouterr().err)[1:] == words


@pytest.mark.parametrize("finished", [False, True])
def test_existing_run_is_named_in_the_advice(place: Path, finished: bool) -> None:
    run, data = place / "run", place / "data"
    (run / "model" if finished else run).mkdir(parents=True)
    (run / "recipe.yaml").touch()
    (run / "run.json").touch()
    with pytest.raises(UserError) as caught:
        refuse_existing_run(data, run, force=False)
    words = ["evaluate", str(run)]
    if not finished:
        words = ["train", str(data), "--out", str(run), "--resume"]
    assert command_in(str(caught.value))[1:] == words


@pytest.mark.parametrize("damaged", [False, True])
def test_missing_evaluation_is_advised(place: Path, damaged: bool) -> None:
    folder = place / "evaluation" / "val"
    folder.mkdir(parents=True)
    if damaged:
        (folder / "metrics.json").touch()
    with pytest.raises(UserError) as caught:
        read_evaluation(place, "val", ("agate", "beryl"))
    words = ["evaluate", str(place), "--split", "val", *["--force"] * damaged]
    assert command_in(str(caught.value))[1:] == words


def test_tar_files_are_to_be_prepared(place: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (place / "train").mkdir()
    (place / "train" / "0.tar").touch()
    assert main(["train", str(place), "--out", str(place / "run")]) == 2
    assert command_in(capsys.readouterr().err)[1:] == ["prepare", str(place), "NEW"]
