"""The decisions file: read strictly, and what follows from it."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from mineral_recog.curation import decisions
from mineral_recog.curation.decisions import Decisions, read_decisions
from mineral_recog.errors import UserError


def test_what_becomes_of_each_photo(tmp_path: Path) -> None:
    path = tmp_path / "decisions.json"
    written = {
        "keep": ["a/1.png"],
        "drop": ["a/2.png", "b/Z\\udce9ro.png"],
        "move": {"a/3.png": "b", "a/4.png": "B"},
        "classes": {"B": "b"},
    }
    path.write_text(json.dumps(written), encoding="utf-8-sig")
    read = read_decisions(path)
    assert [read.class_for(f"a/{number}.png") for number in range(1, 6)] == [
        "a",
        None,
        "b",
        "b",
        "a",
    ]
    assert read.class_for("B/1.png") == "b"
    assert read.class_for("b/Z\udce9ro.png") is None
    assert [read.settles(f"a/{number}.png") for number in range(1, 6)] == [
        True, False, True, True, False,
    ]  # fmt: skip
    assert read.unknown(["a/1.png", "a/2.png", "a/3.png", "b/Z\udce9ro.png"]) == ["a/4.png"]


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ('{"drop": ["a/1.png"], "keep": ["a/1.png"]}', "decided twice"),
        ('{"drop": ["a/1.png"], "move": {"a/1.png": "b"}}', "decided twice"),
        ('{"classes": {"a": "b", "b": "c"}}', "goes elsewhere"),
        ('{"classes": {"a": "a"}}', "goes elsewhere"),
        ('{"remove": []}', "remove"),
        ('{"drop": "a/1.png"}', "drop"),
        ('{"drop": [1]}', "drop"),
        ('{"move": {"a/1.png": null}}', "move"),
        ("[]", "Decisions"),
        ("keep: []", "Expecting"),
        ("[" * 100_000, "nested"),
        (b"\xff\xfe", "utf-8"),
    ],
)
def test_files_that_are_none(tmp_path: Path, text: str | bytes, told: str) -> None:
    path = tmp_path / "decisions.json"
    path.write_bytes(text if isinstance(text, bytes) else text.encode())
    with pytest.raises(UserError, match=told):
        read_decisions(path)


def test_a_file_too_large_is_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "decisions.json"
    path.write_text('{"drop": ["a/1.png"]}')
    monkeypatch.setattr(decisions, "LARGEST", path.stat().st_size)
    assert read_decisions(path).drop == ("a/1.png",)
    monkeypatch.setattr(decisions, "LARGEST", path.stat().st_size - 1)
    with pytest.raises(UserError, match="larger than"):
        read_decisions(path)


def test_a_file_that_is_not_there(tmp_path: Path) -> None:
    with pytest.raises(UserError, match="No such file"):
        read_decisions(tmp_path / "none.json")


def test_nothing_decided() -> None:
    assert Decisions().class_for("a/1.png") == "a"
    assert not Decisions().settles("a/1.png")
