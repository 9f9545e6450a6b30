"""What a command says when it is stopped, and its exit status."""

from __future__ import annotations

import signal
import sys

import pytest

from mineral_recog.cli.main import COMMANDS, main
from mineral_recog.cli.stop_lines import stop_line


@pytest.mark.parametrize(
    ("command", "line"),
    [
        ("train DATA --out RUN", "--resume"),
        ("compare DATA", "same command"),
        ("identify a.jpg --csv a.csv --model RUN", "the same command continues it"),
        ("identify a.jpg --csv=a.csv --model RUN", "the same command continues it"),
        ("identify a.jpg --model RUN", "With --csv FILE"),
        ("audit SRC --out DIR", "Nothing was written"),
        ("prepare SRC DATA", "Nothing was written"),
        ("draw DATA", "Nothing was written"),
        ("evaluate RUN", "Nothing was written"),
        ("demo", "--force"),
        ("serve RUN", "Stopped."),
    ],
)
def test_each_command_says_what_holds_for_it(
    monkeypatch: pytest.MonkeyPatch, command: str, line: str
) -> None:
    arguments = command.split()
    english = stop_line(arguments)
    assert english.startswith("Stopped.")
    assert line in english
    assert ("--resume" in english) == (arguments[0] == "train")
    monkeypatch.setenv("MINERAL_RECOG_LANG", "zh")
    assert stop_line(arguments).startswith("已停止。")


def test_every_command_has_a_line() -> None:
    names = {command.__name__ for command in COMMANDS}
    assert {name for name in names if stop_line([name]) == "Stopped."} == {"serve"}


@pytest.mark.skipif(sys.platform == "win32", reason="no SIGTERM to catch")
@pytest.mark.parametrize(("how", "status"), [(signal.SIGINT, 130), (signal.SIGTERM, 143)])
def test_stopped_command_has_the_status_of_its_signal(
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    how: signal.Signals,
    status: int,
) -> None:
    def stopped(*_: object, **__: object) -> None:
        signal.raise_signal(how)

    monkeypatch.setattr("mineral_recog.data.splits.parse_shares", stopped)
    previous = signal.signal(signal.SIGINT, signal.default_int_handler)
    try:
        assert main(["prepare", "SRC", "DATA", "--split", "80/10/10"]) == status
    finally:
        signal.signal(signal.SIGINT, previous)
    assert capsys.readouterr().err == "Stopped. Nothing was written.\n"
