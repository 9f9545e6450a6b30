"""Tests of the decisions file: strict checks, and the class of each photo."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from mineral_recog.curation import decisions
from mineral_recog.curation.decisions import Decisions, read_decisions
from mineral_recog.errors import UserError


def test_decisions_give_the_class_of_each_photo(tmp_path: Path) -> None:
    path = tmp_path / "decisions.json"
    content = {
        "keep": ["a/1.png"],
        "drop": ["a/2.png", "b/Z\\udce9ro.png"],
        "move": {"a/3.png": "b", "a/4.png": "B"},
        "classes": {"B": "b"},
    }
    path.write_text(json.dumps(content), encoding="utf-8-sig")
    user_decisions = read_decisions(path)
    assert [user_decisions.class_for(f"a/{number}.png") for number in range(1, 6)] == [
        "a",
        None,
        "b",
        "b",
        "a",
    ]
    assert user_decisions.class_for("B/1.png") == "b"
    assert user_decisions.class_for("b/Z\udce9ro.png") is None
    assert [user_decisions.confirms_class(f"a/{number}.png") for number in range(1, 6)] == [
        True, False, True, True, False,
    ]  # fmt: skip
    assert user_decisions.unknown_paths(["a/1.png", "a/2.png", "a/3.png", "b/Z\udce9ro.png"]) == [
        "a/4.png"
    ]


def test_photos_of_one_group_are_no_copies_of_each_other(tmp_path: Path) -> None:
    path = tmp_path / "decisions.json"
    groups = [["a/1.png", "a/Z\\udce9ro.png"], ["a/1.png", "b/3.png"]]
    path.write_text(json.dumps({"not_copies": groups, "keep": ["a/1.png"]}))
    decided = read_decisions(path)
    assert decided.are_distinct("a/1.png", "a/Z\udce9ro.png")
    assert decided.are_distinct("b/3.png", "a/1.png")
    assert not decided.are_distinct("b/3.png", "a/Z\udce9ro.png")
    assert not decided.are_distinct("a/8.png", "a/9.png")
    assert decided.unknown_paths(["a/1.png", "a/Z\udce9ro.png"]) == ["b/3.png"]


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ('{"drop": ["a/1.png"], "keep": ["a/1.png"]}', "decided twice"),
        ('{"drop": ["a/1.png"], "move": {"a/1.png": "b"}}', "decided twice"),
        ('{"classes": {"a": "b", "b": "c"}}', "is merged itself"),
        ('{"classes": {"a": "a"}}', "is merged itself"),
        ('{"remove": []}', "remove"),
        ('{"drop": "a/1.png"}', "drop"),
        ('{"drop": [1]}', "drop"),
        ('{"move": {"a/1.png": null}}', "move"),
        ('{"not_copies": ["a/1.png"]}', "not_copies.0"),
        ('{"not_copies": [[1]]}', "not_copies.0.0"),
        ("[]", "Decisions"),
        ("keep: []", "Expecting"),
        ("[" * 100_000, "nested"),
        (b"\xff\xfe", "utf-8"),
    ],
)
def test_invalid_file_is_reported(tmp_path: Path, text: str | bytes, message: str) -> None:
    path = tmp_path / "decisions.json"
    path.write_bytes(text if isinstance(text, bytes) else text.encode())
    with pytest.raises(UserError, match=message):
        read_decisions(path)


def test_file_that_is_too_large_is_reported(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "decisions.json"
    path.write_text('{"drop": ["a/1.png"]}')
    monkeypatch.setattr(decisions, "MAX_BYTES", path.stat().st_size)
    assert read_decisions(path).drop == ("a/1.png",)
    monkeypatch.setattr(decisions, "MAX_BYTES", path.stat().st_size - 1)
    with pytest.raises(UserError, match="larger than"):
        read_decisions(path)


def test_missing_file_is_reported(tmp_path: Path) -> None:
    with pytest.raises(UserError, match="No such file"):
        read_decisions(tmp_path / "none.json")


def test_photos_without_decisions_keep_their_class() -> None:
    assert Decisions().class_for("a/1.png") == "a"
    assert not Decisions().confirms_class("a/1.png")
