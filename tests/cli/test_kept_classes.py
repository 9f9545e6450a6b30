"""What `train --from` says before it trains."""

from __future__ import annotations

import re
import shutil
from pathlib import Path

import pytest

from mineral_recog.cli.main import main
from tests.conftest import write_photos


@pytest.fixture
def changed(prepared: Path, tmp_path: Path) -> Path:
    """Return photos without beryl, with a new class and with copper under another name."""
    data = tmp_path / "data"
    shutil.copytree(prepared / "train", data / "train")
    shutil.rmtree(data / "train" / "beryl")
    (data / "train" / "copper").rename(data / "train" / "自然铜")
    write_photos(data / "train" / "[red]", 5, 4)
    return data


@pytest.fixture
def started(monkeypatch: pytest.MonkeyPatch) -> list[dict[str, object]]:
    """Return the arguments of the trainings that a command starts."""
    calls: list[dict[str, object]] = []
    monkeypatch.setattr("mineral_recog.training.run.train", lambda *_, **named: calls.append(named))
    return calls


def test_table_says_what_becomes_of_each_class(
    changed: Path,
    trained: Path,
    started: list[dict[str, object]],
    capsys: pytest.CaptureFixture[str],
) -> None:
    command = ["train", str(changed), "--from", str(trained), "--aliases", "minerals"]
    assert main([*command, "--minutes", "30", "--workers", "0"]) == 0
    rows = [" ".join(line.split()) for line in capsys.readouterr().out.splitlines()]
    for row in ("[red] new 4", "agate kept 12", "自然铜 kept, was copper 3", "beryl left out 0"):
        assert row in rows
    assert started[0]["start_from"] == trained
    assert started[0]["aliases"] == ["minerals"]
    assert started[0]["minutes"] == 30


@pytest.mark.parametrize(
    ("options", "reason"),
    [
        (["--set", "image_size=64"], "image_size=64: the model in .* has 32"),
        (["--set", "backbone=resnet18"], "backbone=resnet18: the model in .* has test_resnet"),
        (["--set", "pretrained=false"], "pretrained: --from takes that of the model"),
        (["--set", "normalisation=half"], "normalisation: --from takes that of the model"),
        (["--resume"], "leave out --recipe, --set, --from"),
    ],
)
def test_options_that_contradict_the_model_are_refused(
    changed: Path,
    trained: Path,
    started: list[dict[str, object]],
    capsys: pytest.CaptureFixture[str],
    options: list[str],
    reason: str,
) -> None:
    assert main(["train", str(changed), "--from", str(trained), *options]) == 2
    assert re.search(reason, capsys.readouterr().err.replace("\n", " "))
    assert not started


def test_same_settings_as_those_of_the_model_are_accepted(
    changed: Path, trained: Path, started: list[dict[str, object]]
) -> None:
    command = ["train", str(changed), "--from", str(trained), "--set", "image_size=32"]
    assert main([*command, "--workers", "0"]) == 0
    assert len(started) == 1


@pytest.mark.parametrize(
    ("options", "reason"),
    [
        (["--aliases", "minerals"], "--aliases matches classes with those of --from"),
        (["--from", "nothing"], "nothing holds no trained model"),
    ],
)
def test_wrong_options_are_refused(
    changed: Path, capsys: pytest.CaptureFixture[str], options: list[str], reason: str
) -> None:
    assert main(["train", str(changed), *options]) == 2
    assert reason in capsys.readouterr().err
