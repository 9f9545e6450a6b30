"""Help and usage errors in Chinese; in English they are those of typer."""

from __future__ import annotations

import pytest

from mineral_recog.cli.main import main


@pytest.mark.parametrize(
    ("arguments", "chinese", "english"),
    [
        ("train", "缺少 DATA", "Missing argument"),
        ("train a --bogus", "没有选项 --bogus（是否指 --out？）", "No such option: --bogus"),
        ("train a --xyzzyx", "没有选项 --xyzzyx", "No such option: --xyzzyx"),
        ("trian", "没有命令 'trian'（是否指 'train'？）", "No such command 'trian'"),
        ("xyzzyx", "没有命令 'xyzzyx'", "No such command 'xyzzyx'"),
        ("prepare a b c", "多余的参数：c", "unexpected extra argument"),
        ("prepare a b --seed x", "--seed 的值无效：须为整数", "valid integer"),
        ("prepare a b --imbalance", "需要一个值", "requires an argument"),
        ("prepare a b --imbalance x", "--imbalance 的值无效：须为数", "valid number"),
        ("prepare a b --place y", "--place 的值无效：须为 'hardlink'、'copy'", "not one of"),
        (
            "identify x --model y --level z",
            "--level 的值无效：须为 'species'",
            "'--level': 'z' is not",
        ),
        ("identify x --model y --top 0", "--top 的值无效：须不小于 1", "greater than or equal"),
    ],
)
def test_usage_errors_are_in_both_languages(
    arguments: str,
    chinese: str,
    english: str,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    for language, expected in (("zh", chinese), ("en", english)):
        monkeypatch.setenv("MINERAL_RECOG_LANG", language)
        assert main(arguments.split()) == 2
        error = capsys.readouterr().err
        assert expected in error
        assert "--help" in error
        assert error.count("\n") == 1


@pytest.mark.parametrize("command", ["", "prepare", "serve"])
def test_help_has_no_english_of_typer(
    command: str, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("MINERAL_RECOG_LANG", "zh")
    assert main([*command.split(), "--help"]) == 0
    text = capsys.readouterr().out
    assert "用法：" in text
    for word in (
        "Usage",
        "Options ─",
        "Arguments ─",
        "Commands ─",
        "[default",
        "[required",
        "Show",
    ):
        assert word not in text
